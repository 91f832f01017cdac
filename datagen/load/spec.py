"""What a model of the Moshi family expects of its input: every constant of the training contract, in one place."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """The constants of one model. Derive others with `dataclasses.replace`.

    A sequence has `n_rows` rows: text, then `n_books` of the agent, then `n_books` of the user. `codec` is the engine whose
    tokens the model understands ("" takes any). `audio_initial` and `text_initial` are what the model sees before the first
    column; a row with delay d shows its column t at t + d. `spacer_frames` stand after the voice and after the text of the
    prefix. Weights of the loss: 1 for text and semantic codes, `non_semantic_weight` for the other books, `pad_weight` for
    text PAD and `epad_weight` for EPAD; the user's rows bear a loss only where `predicts_user`. 0.02 and 0.3 are the PersonaPlex
    paper's (arXiv 2602.06053, section 3.1), which speaks of "padded text tokens": EPAD, one before a word, is not what there is
    too much of, so it keeps its full weight. moshi-finetune weighs PAD and EPAD alike: its example configuration is
    `replace(spec, non_semantic_weight=0.01, pad_weight=0.5, epad_weight=0.5)`.
    """

    name: str
    codec: str = "mimi"
    n_books: int = 8
    book_size: int = 2_048
    text_vocabulary: int = 32_000
    text_pad: int = 3
    text_epad: int = 0
    text_bos: int = 1
    text_eos: int = 2
    text_initial: int = 32_000
    audio_initial: int = 2_048
    acoustic_delay: int = 1
    max_columns: int = 2_048
    has_prefix: bool = True
    spacer_frames: int = 6
    predicts_user: bool = True
    non_semantic_weight: float = 0.02
    pad_weight: float = 0.3
    epad_weight: float = 1.0

    @property
    def n_rows(self) -> int:
        return 1 + 2 * self.n_books

    @property
    def delays(self) -> tuple[int, ...]:
        """The delay of each row, in columns: semantic codes (the first book) and text have none."""
        side = (0, *[self.acoustic_delay] * (self.n_books - 1))
        return (0, *side, *side)


PERSONAPLEX = ModelSpec("personaplex")
"""nvidia/personaplex-7b-v1: Moshi's streams with the hybrid system prompt, predicting the user's audio too (dep_q 16)."""

MOSHI = ModelSpec("moshi", has_prefix=False, predicts_user=False)
"""kyutai/moshiko and moshika: no prefix, the agent's audio alone is predicted (dep_q 8)."""
