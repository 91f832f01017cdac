"""The knobs of the gate on a build's timing: how far the output may be from what the recipe asks for."""

from datagen.config import Options, knob


class GateOptions(Options):
    """When a build whose timing misses its target is not published. Checked over the whole build, before anything changes.

    The Kolmogorov-Smirnov distance of a sample that follows its target exceeds 1.63 / sqrt(n) once in a hundred: 0.073 for 500
    transfers. So a build that fails the default did not fail by luck.
    """

    max_ks_fto: float = knob(
        0.1,
        "largest Kolmogorov-Smirnov distance of the FTOs to their target; 1 is no gate",
        gt=0,
        le=1,
        changes_output=False,
    )
    max_share_error: float | None = knob(
        None,
        "largest relative error of fto_overlap_share, overlap_share and silence_share; unset is no gate",
        "share",
        gt=0,
        le=10,
        changes_output=False,
    )
    min_ftos: int = knob(
        500,
        "floor transfers that a build needs before it is held to this: in fewer, chance decides",
        "transfers",
        ge=1,
        changes_output=False,
    )
