"""The knobs of when a turn starts."""

from pydantic import model_validator

from datagen.config import Options, knob


class FtoOptions(Options):
    """When a turn starts. What is None comes from the preset that `stitch.timing` names."""

    median_s: float | None = knob(
        None, "median of all FTOs; sets the gaps' median (the overlaps' if negative)", "s", ge=-5, le=10
    )
    overlap_share: float | None = knob(None, "share of floor transfers that overlap", "share", ge=0, lt=1)
    gap_share: float | None = knob(
        None, "share that leave a silence, the rest of them; one of both", "share", gt=0, le=1
    )
    gap_median_s: float | None = knob(None, "median of the gaps", "s", gt=0, le=10)
    gap_sigma: float | None = knob(None, "spread of the gaps' logarithm; 0 is a constant gap", ge=0, le=3)
    overlap_median_s: float | None = knob(None, "median length of the overlaps", "s", gt=0, le=5)
    overlap_sigma: float | None = knob(None, "spread of the overlaps' logarithm", ge=0, le=3)
    pair_share: float | None = knob(
        None, "share of the FTOs' latent variance that is the pair's own", "share", ge=0, lt=1
    )
    speaker_share: float | None = knob(None, "share of it that is each speaker's own", "share", ge=0, lt=1)
    max_gap_s: float = knob(4.0, "longest gap that is drawn, shifts aside", "s", gt=0, le=60)
    max_overlap_words: int = knob(
        6, "words of the other's turn that an overlap may cover at most", "words", ge=1, le=50
    )
    max_overlap_question_words: int = knob(
        4, "the same for a question: nobody answers what has not been asked", "words", ge=1, le=50
    )
    max_overlap_turn_share: float = knob(
        0.5, "an overlap takes at most this share of the other's turn", "share", gt=0, lt=1
    )
    max_overlap_number_share: float = knob(
        0.25, "an overlap covers at most this share of a word with digits", "share", ge=0, lt=1
    )
    max_overlap_name_share: float = knob(
        0.5, "the same of a name, which a greeting or a closing may go without", "share", ge=0, lt=1
    )
    max_overlap_question_share: float = knob(
        0.4, "the same for a question, whose key words come first", "share", gt=0, lt=1
    )

    @model_validator(mode="after")
    def _one_median(self) -> "FtoOptions":
        if self.median_s is not None and self.median_s > 0 and self.gap_median_s is not None:
            raise ValueError(
                f"median_s ({self.median_s:g}) and gap_median_s ({self.gap_median_s:g}) both set the gaps. Leave one out."
            )
        if self.median_s is not None and self.median_s < 0 and self.overlap_median_s is not None:
            raise ValueError(
                f"median_s ({self.median_s:g}) and overlap_median_s ({self.overlap_median_s:g}) both set the overlaps. Leave one out."
            )
        return self

    @model_validator(mode="after")
    def _shares(self) -> "FtoOptions":
        overlap, gap = self.overlap_share, self.gap_share
        if overlap is not None and gap is not None and abs(overlap + gap - 1) > 1e-9:
            raise ValueError(
                f"{overlap:.0%} overlap (overlap_share) and {gap:.0%} silence (gap_share) come to {overlap + gap:.0%}: a floor "
                "transfer either overlaps or leaves a silence, so both come to 100 %. Set one of them."
            )
        return self

    def asked_overlap_share(self) -> float | None:
        """The share of overlaps that either of the two knobs asks for; None leaves it to the preset."""
        if self.overlap_share is None and self.gap_share is not None:
            return 1 - self.gap_share
        return self.overlap_share

    def given(self) -> dict[str, float]:
        """The knobs of the distribution that were set, by name."""
        values = {name: getattr(self, name) for name in _OF_THE_DISTRIBUTION}
        return {name: value for name, value in values.items() if value is not None}


_OF_THE_DISTRIBUTION = (
    "median_s", "overlap_share", "gap_share", "gap_median_s", "gap_sigma", "overlap_median_s", "overlap_sigma",
)  # fmt: skip
