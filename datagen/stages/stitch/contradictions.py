"""Wishes of a recipe about timing that cannot be met together: each one clear line."""

from typing import TYPE_CHECKING

from datagen.stages.stitch.presets import EMPIRICAL, EmpiricalOptions

if TYPE_CHECKING:
    from datagen.stages.stitch.options import StitchOptions

SLOW_WORD_S = 0.6
"""Hardly anybody is slower: English is about 0.3 s a word. What cannot be reached at this pace cannot be reached."""


def refuse(options: "StitchOptions") -> None:
    """ValueError with the numbers and the fix for the first wish that another one rules out."""
    base = options.preset()
    if options.empirical is not None and options.timing != EMPIRICAL:
        raise ValueError(
            f"empirical is given, and timing is {options.timing}. Set stitch.timing=empirical, or take the quantiles out "
            "(stitch.empirical= with nothing after it)."
        )
    if isinstance(base, EmpiricalOptions):
        _refuse_beside_quantiles(options, base)
    else:
        _refuse_beside_halves(options)
    model = options.fto_model()
    pair, speaker = options.variance_shares()
    if pair + speaker >= 1:
        raise ValueError(
            f"fto.pair_share + fto.speaker_share is {pair + speaker:g}, and has to stay under 1: the rest is the turns'."
        )
    if model.overlap_share > 0:
        deep_s = -model.quantile(model.overlap_share / 2)
        reach_s = options.fto.max_overlap_words * SLOW_WORD_S
        if deep_s > reach_s:
            raise ValueError(
                f"half of the overlaps are above {deep_s:.2g} s, and fto.max_overlap_words = {options.fto.max_overlap_words} "
                f"lets them cover {reach_s:.2g} s of slow speech at most. Allow more words, or ask for shorter overlaps."
            )
    elif options.timing != EMPIRICAL:
        _refuse_overlap_by_shift(options, model.quantile(0.0))
    between = options.between_turns()
    if between.median > between.high:
        raise ValueError(
            f"the median pause between two turns of one speaker is {between.median:g} s, above fto.max_gap_s = {between.high:g} s. "
            "Raise fto.max_gap_s, or lower pause.between_turns_median_s."
        )


def _refuse_beside_quantiles(options: "StitchOptions", base: EmpiricalOptions) -> None:
    """What an empirical preset already says."""
    given = options.fto.given()
    if given:
        name, value = next(iter(given.items()))
        raise ValueError(
            f"fto.{name} = {value:g} does not apply to timing = empirical, whose quantiles (empirical.fto_s) are the whole "
            "distribution. Leave it out, or choose a named preset."
        )
    if "max_gap_s" in options.fto.model_fields_set and base.fto_s[-1] > options.fto.max_gap_s:
        raise ValueError(
            f"empirical.fto_s reaches {base.fto_s[-1]:g} s, above fto.max_gap_s = {options.fto.max_gap_s:g} s. "
            "Leave max_gap_s out, or shorten the quantiles."
        )
    measured = {"median_s", "sigma", "length_s"} if base.pause_s else set()
    measured |= {n for n in ("between_turns_median_s", "between_turns_sigma") if getattr(base, n) is not None}
    both = measured & options.pause.model_fields_set
    if both:
        raise ValueError(
            f"pause.{min(both)} and the pauses of stitch.empirical both set the same pauses. Leave one of them out."
        )


def _refuse_beside_halves(options: "StitchOptions") -> None:
    """Wishes about a half that is not there, and wishes that a constant cannot meet."""
    own = options.fto
    given = own.given()
    if options.timing == "fixed":
        varied = {n: v for n, v in given.items() if n not in ("median_s", "gap_median_s", "gap_share") and v > 0}
        varied |= {n: v for n in ("pair_share", "speaker_share") if (v := getattr(own, n))}
        if own.gap_share is not None and own.gap_share < 1:
            varied["gap_share"] = own.gap_share
        if varied:
            name, value = next(iter(varied.items()))
            raise ValueError(
                f"timing = fixed is one constant gap without overlap, and fto.{name} = {value:g} asks for more than that. "
                "Choose another preset, or leave it out."
            )
    overlap_share = own.asked_overlap_share()
    of_overlaps = [n for n in ("overlap_median_s", "overlap_sigma") if n in given]
    if overlap_share == 0 and of_overlaps:
        raise ValueError(
            f"no overlap at all is asked for (fto.overlap_share = 0), and fto.{of_overlaps[0]} = {given[of_overlaps[0]]:g} "
            "says how long they are. Leave one out."
        )


def _refuse_overlap_by_shift(options: "StitchOptions", shortest_s: float) -> None:
    """No overlap is wanted, and a shift or a latency that was set makes one."""
    shifts = {f"shift.{n}": v for n, v in options.shift.model_dump().items() if v is not None and v < 0}
    if options.agent_latency_s[0] < 0:
        shifts["agent_latency_s"] = options.agent_latency_s[0]
    for name, value in shifts.items():
        if shortest_s + value < 0:
            raise ValueError(
                f"no overlap is asked for, and {name} = {value:g} s makes one of every gap below {-value:g} s "
                f"(the shortest is {shortest_s:.2g} s). Raise the shift, or allow overlaps."
            )
