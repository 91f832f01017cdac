"""The knobs of a voice's clips: how many, and what each has to pass."""

from pydantic import model_validator

from datagen.config import Options, knob
from datagen.records.enums import ClipKind


class ClipOptions(Options):
    """Short utterances that a voice says once, for all its dialogues."""

    backchannels: int = knob(4, "texts of a voice's own among the backchannels of a side", "texts", ge=1, le=50)
    failed_barge_ins: int = knob(3, "texts of a voice's own among the failed barge-ins", "texts", ge=1, le=50)
    side_talks: int = knob(3, "texts of a voice's own among the side talk", "texts", ge=1, le=50)
    off_talks: int = knob(3, "texts of a voice's own among the off-talk", "texts", ge=1, le=50)
    candidates: int = knob(
        3, "how often a voice says each text, with a seed of its own each time", "clips", ge=1, le=20
    )
    keep: int = knob(
        2, "of those that pass, so many of a text are kept: the ones closest to the voice", "clips", ge=1, le=20
    )
    min_s: float = knob(0.12, "shortest clip", "s", gt=0, le=2)
    max_backchannel_s: float = knob(1.0, "longest backchannel", "s", gt=0, le=5)
    max_failed_barge_in_s: float = knob(2.0, "longest failed barge-in", "s", gt=0, le=10)
    max_talk_s: float = knob(5.0, "longest side talk and off-talk", "s", gt=0, le=30)
    level_db: float = knob(
        6.0,
        "how far a clip's level may lie from the same voice's in a whole sentence, before stitch levels it",
        "dB",
        gt=0,
        le=40,
    )
    f0_ratio: float = knob(
        1.35, "how far a clip's median F0 may lie from the voice's, as a ratio either way", gt=1, le=4
    )
    min_voiced_s: float = knob(
        0.05, "less than this voiced is no speech that a pitch could be measured of", "s", gt=0, le=1
    )
    bystanders: int = knob(
        12,
        "voices of a split that are heard in the background, so that not every voice has to say off-talk",
        "voices",
        ge=1,
        le=10_000,
        changes_output=False,  # of no clip: who they are is in the render key by itself
    )

    @model_validator(mode="after")
    def _enough(self) -> "ClipOptions":
        if self.keep > self.candidates:
            raise ValueError(
                f"keep = {self.keep} of candidates = {self.candidates}: no more can be kept than are said."
            )
        return self

    def n_texts(self, kind: ClipKind) -> int:
        """How many texts of a kind are a voice's own."""
        return int(getattr(self, f"{kind.value}s"))

    def max_s(self, kind: ClipKind) -> float:
        """How long a clip of a kind may be, in seconds."""
        if kind is ClipKind.BACKCHANNEL:
            return self.max_backchannel_s
        return self.max_failed_barge_in_s if kind is ClipKind.FAILED_BARGE_IN else self.max_talk_s
