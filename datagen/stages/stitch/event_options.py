"""The knobs of what happens besides turns: cuts, backchannels, pauses."""

from datagen.config import Options, knob
from datagen.stages.stitch.ranges import SecondsRange


class BargeInOptions(Options):
    """How a speaker yields the floor to a barge-in."""

    yield_median_s: float = knob(0.4, "median time from the barge-in to the cut", "s", gt=0, le=5)
    yield_sigma: float = knob(0.4, "spread of its logarithm", ge=0, le=2)
    yield_s: SecondsRange = knob((0.12, 1.2), "shortest and longest", "s")
    finish_word_share: float = knob(
        0.5, "share of cuts that wait for the end of the word under way", "share", ge=0, le=1
    )
    sampled_share: float = knob(
        0.0,
        "share of turns with a safe_cut and no barge_in mark that are cut there",
        "share",
        ge=0,
        le=1,
    )


class BackchannelOptions(Options):
    """Where and how loud a backchannel is."""

    delay_s: SecondsRange = knob((0.04, 0.22), "from the end of the marked word to the backchannel", "s")
    level_db: float = knob(-6.0, "against the speech of the same speaker's turns", "dB", ge=-40, le=6)
    clear_s: float = knob(
        0.15, "silence kept between a backchannel and what its speaker says before and after", "s", ge=0, le=5
    )


class PauseOptions(Options):
    """How long marked hesitations, and the pause between two turns of one speaker, are."""

    median_s: float = knob(0.55, "median of a marked pause", "s", gt=0, le=10)
    sigma: float = knob(0.4, "spread of its logarithm", ge=0, le=2)
    length_s: SecondsRange = knob((0.3, 1.2), "shortest and longest", "s")
    between_turns_median_s: float = knob(0.6, "median pause between two turns of one speaker", "s", gt=0, le=10)
    between_turns_sigma: float = knob(0.4, "spread of its logarithm", ge=0, le=2)
