"""The knobs of the gates on a spoken text; where each default comes from stands in GATES.md."""

from pydantic import model_validator

from datagen.config import Options, knob


class GateOptions(Options):
    """Limits of what is measured; a measure that nobody made (no such engine, or the turn is not sampled) fails nothing."""

    max_wer: float = knob(
        0.2, "most word errors that the ASR may hear, over the words of the text", "share", ge=0, le=2
    )
    wer_slack_words: float = knob(
        0.8, "word errors that any text may have on top of max_wer: a short one has one soon", "words", ge=0, le=20
    )
    max_lost_edge_words: int = knob(
        1, "most words that may not be heard at the beginning or at the end of a text", "words", ge=0, le=50
    )
    max_repeated_words: int = knob(
        1,
        "longest phrase that may be heard more often than the text has it, where one follows the other",
        "words",
        ge=0,
        le=50,
    )
    min_similarity: float | None = knob(
        None, "least similarity to the voice's reference; unset: from where on the embedder says that it is one speaker",
        ge=-1, le=1,
    )  # fmt: skip
    similarity_from_s: float = knob(
        1.5, "of shorter speech nobody can tell the speaker: its similarity is not measured", "s", ge=0, le=30
    )
    min_mos: float = knob(2.5, "least mean opinion score that is predicted, 1 to 5", "MOS", ge=1, le=5)
    tail_pad_s: float = knob(
        0.12,
        "sound that may follow the last word's end, a plosive's release or a breath; more is cut off",
        "s",
        ge=0,
        le=2,
    )
    max_tail_s: float = knob(0.5, "longest sound after the last word; a longer one fails the turn", "s", ge=0, le=10)
    head_pad_s: float = knob(0.12, "the same before the first word; more is cut off", "s", ge=0, le=2)
    max_head_s: float = knob(0.5, "longest sound before the first word; a longer one fails the turn", "s", ge=0, le=10)
    max_vocal_s: float = knob(
        2.0,
        "longest laugh, sigh or other vocal sound that a text asks for: where it stands there may be so much more sound",
        "s",
        ge=0,
        le=10,
    )
    max_stray_s: float = knob(
        0.25,
        "most sound between two words that is in neither, such as a phrase that is said twice",
        "s",
        ge=0,
        le=10,
    )
    min_edge_s_per_letter: float = knob(
        0.026,
        "shortest first and last word: an aligner squeezes what was never said into an edge",
        "s/letter",
        ge=0,
        le=1,
    )
    max_inner_silence_s: float = knob(
        0.9, "longest silence inside; what is written as a pause comes in later, in stitch", "s", gt=0, le=30
    )
    inner_silence_db: float = knob(
        40.0, "so far below the text's loudest counts as silence inside it", "dB", gt=0, le=120
    )
    min_bandwidth_hz: float = knob(
        5_300.0,
        "least bandwidth: telephone speech ends at 3400 Hz, and a muffled voice below it",
        "Hz",
        ge=0,
        le=12_000,
    )
    bandwidth_from_s: float = knob(
        0.7,
        "a shorter text shows too little of its bandwidth: it is not measured, nor is one without an s, f or t",
        "s",
        ge=0,
        le=30,
    )
    max_noise_s: float = knob(
        0.08, "longest stretch of noise as loud as speech, flat over its whole band", "s", ge=0, le=10
    )
    min_level_db: float = knob(-40.0, "quietest text, RMS", "dB of full scale", ge=-120, le=0)
    max_level_db: float = knob(-9.0, "loudest text, RMS", "dB of full scale", ge=-120, le=0)
    keep_best: bool = knob(
        False,
        "where no attempt passes, keep the best one that only hearing and judgement speak against (WER, repetition, similarity, MOS), "
        "instead of rejecting the dialogue",
    )

    @model_validator(mode="after")
    def _ordered(self) -> "GateOptions":
        for low, high in (("min_level_db", "max_level_db"), ("tail_pad_s", "max_tail_s"), ("head_pad_s", "max_head_s")):
            if getattr(self, low) >= getattr(self, high):
                raise ValueError(f"{low} = {getattr(self, low):g} has to be below {high} = {getattr(self, high):g}.")
        return self
