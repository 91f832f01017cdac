"""The knobs of a bank's build, `--set bank.NAME=VALUE`."""

from datagen.config import Options, knob


class BankOptions(Options):
    """Who is in a bank, and what a transformed voice has to hold."""

    child_share: float = knob(0.05, "share of voices that are children's", "share", ge=0, le=1)
    elderly_share: float = knob(0.15, "share of voices that are elderly people's", "share", ge=0, le=1)
    held_out_share: float = knob(
        0.1, "share of base speakers whose voices never occur in train; above 0, two of them at least (of two, one)", "share", ge=0, lt=1
    )  # fmt: skip
    sources: int = knob(
        4, "clips of one base speaker at different pitch that an engine speaks, the nearest of which is transformed", "clips", ge=1, le=16
    )  # fmt: skip
    f0_tolerance: float = knob(0.03, "how far the median F0 may lie from what was asked", "share", gt=0, le=0.5)
    formant_tolerance: float = knob(
        0.03, "how far the formants' factor may lie from what was asked", "share", gt=0, le=0.5
    )
    envelope_tolerance: float = knob(
        0.08, "how far the spectral envelope's factor may lie from what was asked: coarser, and told nothing of it", "share", gt=0, le=0.5
    )  # fmt: skip
    min_hnr_db: float = knob(5.0, "least harmonics-to-noise ratio of a voice", "dB", ge=-10, le=40)
    max_hnr_fall_db: float = knob(3.0, "by how much it may lie under its base clip's", "dB", ge=0, le=40)
    max_pitch_jumps: float = knob(
        0.04, "largest share of voiced frames an octave off the median: above 1.8 or under 0.55 times it", "share", ge=0, le=1
    )  # fmt: skip
    tries: int = knob(6, "how often a voice is drawn anew before its place stays empty", "tries", ge=1, le=100)
