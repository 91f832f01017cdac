"""How many columns the prefix takes, before any tokenizer has seen the role context."""

from datagen.records.speech import FRAME_SAMPLES

VOICE_PROMPT_COLUMNS = 125
"""10 s of voice prompt at 12.5 Hz (formats.md, section 2)."""
SPACER_COLUMNS = 12
"""Two spacers of 6 frames."""
TOKENS_PER_WORD = 1.6
"""An upper estimate for English under a 32k SentencePiece model, which splits names and rare words; numbers go digit by digit."""


def estimate_prefix_columns(role_context: str) -> int:
    """Columns of voice prompt, spacers and `<system> {role context} <system>`: 1.6 a word and 1 a digit."""
    words = f"<system> {role_context} <system>".split()
    n_digits = sum(c.isdigit() for c in role_context)
    return VOICE_PROMPT_COLUMNS + SPACER_COLUMNS + int(TOKENS_PER_WORD * len(words) + n_digits) + 1


def samples_left(max_columns: int, prefix_columns: int) -> int:
    """Samples of dialogue that the prefix leaves room for; 0 where it takes everything."""
    return max(0, max_columns - prefix_columns) * FRAME_SAMPLES
