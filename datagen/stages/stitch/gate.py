"""The gate on a build's timing: one line where the output is farther from its target than the recipe allows."""

from collections.abc import Mapping

from datagen.stages.stitch.gate_options import GateOptions

SHARES = ("fto_overlap_share", "overlap_share", "silence_share")


def missed(output: Mapping[str, float], target: Mapping[str, float], options: GateOptions) -> str | None:
    """The first limit that the timing passes, with the numbers and the knob; None where it keeps them all."""
    n = output.get("n_ftos", 0)
    if n < options.min_ftos:
        return None
    distance = output.get("ks_fto", 0.0)
    if distance > options.max_ks_fto:
        return (
            f"stitch: ks_fto is {distance:.3f} over {n:,.0f} floor transfers (limit {options.max_ks_fto:g}): {_medians(output, target)}. "
            "Ask for FTOs that the turns can bear (longer turns, shorter overlaps), or raise stitch.gate.max_ks_fto; nothing "
            "is made again for it."
        )
    if options.max_share_error is None:
        return None
    for name in SHARES:
        wanted = target.get(name, 0.0)
        error = abs(output[name] - wanted) / wanted if wanted and name in output else 0.0
        if error > options.max_share_error:
            return (
                f"stitch: {name} is {output[name]:.1%}, and its target {wanted:.1%}: {error:.0%} off (limit "
                f"{options.max_share_error:.0%}). Raise stitch.gate.max_share_error if that is intended; nothing is made again for it."
            )
    return None


def _medians(output: Mapping[str, float], target: Mapping[str, float]) -> str:
    """Where the two distributions lie, in words."""
    return (
        f"median {output['fto_p50_s']:+.2f} s against {target['fto_p50_s']:+.2f} s, overlaps {output['fto_overlap_share']:.1%} "
        f"against {target['fto_overlap_share']:.1%}"
    )
