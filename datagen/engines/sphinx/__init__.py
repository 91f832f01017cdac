"""What the recogniser and the aligner that run pocketsphinx share: sounds of words, language models, and the decoder itself."""
