"""A voice bank: people made of base speakers by Praat, measured, told apart, and kept as reference clips and voice prompts."""
