"""`timing` and `timing_target` of build.json: what a build's turn-taking came to, and what its recipe asks, by one set of names.

Where a name has no target the recipe does not set it. Rates are of the kept dialogues; a target's minutes and hours are those
that the build should last. The names, with their units:

mean_duration_s, turns_per_h, agent_speech_share, user_speech_share: of the whole time.
silence_share, overlap_share: of the whole time nobody, or both, are heard saying words.
n_ftos: floor transfers whose offset the model draws, so all but those after a cut or a long silence, and before a tool's result.
Of them:
ks_fto: Kolmogorov-Smirnov distance of their FTOs to the recipe's distribution, each transfer with the shifts of its turn's type
and of its dialogue's latency; fto_max_error_s in its place where every FTO is to be a constant.
fto_p05_s … fto_p95_s, fto_overlap_share, gap_median_s, overlap_median_s, agent_fto_p50_s, user_fto_p50_s.
gap_per_min, gap_s_per_min: their silences. overlap_per_min, overlap_s_per_min: their overlaps and the cuts', from the start of
the later turn to the end of the earlier.
pause_per_min, pause_s_per_min: silences of 0.2 s or more between two words of one turn, and between two turns of one speaker.
hesitation_mean_s, own_pause_mean_s, long_silence_mean_s, yield_mean_s, tool_latency_mean_s: mean lengths of what stitch draws.
backchannel_SIDE_per_min, failed_barge_in_per_min: a minute of those of the other side's turns that have a place for one.
barge_in_per_h, agent_interruption_per_h, backchannel_per_h, long_silence_per_h, side_talk_per_h: an hour of dialogue.
side_talk_share: of the dialogues.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from datagen.records.build import FtoHistogram
from datagen.records.enums import EventType, Speaker
from datagen.stages.stitch.expected import Expected
from datagen.stages.stitch.measures import QUANTILES, Reals, TimingSums
from datagen.stages.stitch.target import FtoTarget

HISTOGRAM = (-2.0, 3.0, 0.1)
"""From, to and step of the FTO histogram, in seconds; what lies outside counts in the first or the last bin."""
_LENGTHS = (
    ("hesitation_mean_s", "hesitation", "hesitation_s"),
    ("own_pause_mean_s", "own_pause", "own_pause_s"),
    ("long_silence_mean_s", "user_long_silence", "long_silence_s"),
    ("yield_mean_s", "cut", "yield_s"),
    ("tool_latency_mean_s", "tool_latency", "tool_latency_s"),
)
"""Name, the sums' name, and the expectation's."""
_BY_SIDE = (
    (EventType.BACKCHANNEL, Speaker.AGENT),
    (EventType.BACKCHANNEL, Speaker.USER),
    (EventType.FAILED_BARGE_IN, Speaker.USER),
)
_PER_H = (EventType.BARGE_IN, EventType.AGENT_INTERRUPTION, EventType.LONG_SILENCE, EventType.SIDE_TALK)


@dataclass(frozen=True, slots=True)
class Timing:
    """A build's timing and its target, by name, and its FTOs as a histogram (None without any)."""

    output: Mapping[str, float]
    target: Mapping[str, float]
    ftos: FtoHistogram | None


def timing(sums: TimingSums) -> Timing:
    """Both sets of figures, rounded to a millionth. A build without a dialogue has none."""
    if not sums.length["n_samples"]:
        return Timing({}, {}, None)
    expected = Expected(sums)
    output, target = _time(sums, expected)
    for part in (_ftos, _transfers, _lengths, _asides):
        found, wanted = part(sums, expected)
        output |= found
        target |= wanted
    return Timing(
        _rounded(output), _rounded({k: v for k, v in target.items() if k in output}), _histogram(sums, expected)
    )


Figures = tuple[dict[str, float], dict[str, float]]


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(float(value), 6) + 0.0 for name, value in sorted(figures.items())}


def _time(sums: TimingSums, expected: Expected) -> Figures:
    """Shares of the whole time, and how much there is of everything."""
    total = sums.length["n_samples"]
    output = {
        f"{name}_share": sums.length[name] / total for name in ("agent_speech", "user_speech", "overlap", "silence")
    }
    output |= {"mean_duration_s": sums.seconds("n_samples") / sums.n["dialogs"]}
    output |= {"turns_per_h": sums.n["turns"] / sums.seconds("n_samples") * 3600}
    target = {
        "overlap_share": expected.overlap_s / expected.duration_s,
        "silence_share": expected.silence_s / expected.duration_s,
    }
    return output, target


def _ftos(sums: TimingSums, expected: Expected) -> Figures:
    """How the drawn FTOs are distributed."""
    found, wanted = sums.all_ftos(), expected.ftos
    output: dict[str, float] = {"n_ftos": len(found)}
    if wanted is None:
        return output, {}
    if sums.constant_s is None:
        output["ks_fto"] = wanted.distance(found)
    else:
        output["fto_max_error_s"] = sums.max_error_s
    names = [f"fto_p{round(100 * u):02d}_s" for u in QUANTILES]
    output |= dict(zip(names, np.quantile(found, QUANTILES), strict=True))
    target = {name: wanted.quantile(u) for name, u in zip(names, QUANTILES, strict=True)}
    for side in Speaker:
        own = expected.ftos_of(side)
        if own is not None:
            output[f"{side}_fto_p50_s"] = float(np.median(sums.of_side(side)))
            target[f"{side}_fto_p50_s"] = own.quantile(0.5)
    return _with_halves(found, wanted, output, target)


def _with_halves(found: Reals, wanted: FtoTarget, output: dict[str, float], target: dict[str, float]) -> Figures:
    """Gaps and overlaps apart: their shares and medians."""
    gaps, overlaps = found[found >= 0], found[found < 0]
    share = wanted.share_below(0.0)
    output["fto_overlap_share"] = len(overlaps) / len(found)
    target["fto_overlap_share"] = share
    target |= {"gap_median_s": wanted.quantile(share + (1 - share) / 2), "overlap_median_s": wanted.quantile(share / 2)}
    for name, part in (("gap_median_s", gaps), ("overlap_median_s", overlaps)):
        if len(part):
            output[name] = float(np.median(part))
    return output, target


def _transfers(sums: TimingSums, expected: Expected) -> Figures:
    """Gaps, overlaps and pauses a minute: how many, and how many seconds."""
    found, wanted = sums.all_ftos(), expected.ftos
    output_min, target_min = sums.seconds("n_samples") / 60, expected.duration_s / 60
    pauses = sums.n["pause"] + sums.n["own_pause"]
    pause_s = sums.seconds("pause") + sums.seconds("own_pause")
    output = {
        "gap_per_min": np.count_nonzero(found >= 0) / output_min,
        "gap_s_per_min": float(np.sum(found[found >= 0])) / output_min,
        "overlap_per_min": (np.count_nonzero(found < 0) + sums.n["cut"]) / output_min,
        "overlap_s_per_min": (sums.seconds("cut") - float(np.sum(found[found < 0]))) / output_min,
        "pause_per_min": pauses / output_min,
        "pause_s_per_min": pause_s / output_min,
    }
    n, share = len(found), 0.0 if wanted is None else wanted.share_below(0.0)
    gap_s, overlap_s = (0.0, 0.0) if wanted is None else (wanted.mean_gap_s(), wanted.mean_overlap_s())
    drawn_s = sums.n["hesitation"] * expected.hesitation_s + sums.n["own_pause"] * expected.own_pause_s
    # The silences that the speaker engine makes are as measured: what is left of the pauses without the drawn ones.
    natural_s = pause_s - sums.seconds("hesitation") - sums.seconds("own_pause")
    target = {
        "gap_per_min": n * (1 - share) / target_min,
        "gap_s_per_min": n * gap_s / target_min,
        "overlap_per_min": (n * share + sums.n["cut"]) / target_min,
        "overlap_s_per_min": (n * overlap_s + sums.n["cut"] * expected.yield_s) / target_min,
        "pause_s_per_min": (natural_s + drawn_s) / target_min,
    }
    return output, target


def _lengths(sums: TimingSums, expected: Expected) -> Figures:
    """Mean lengths of what stitch draws, where there is any."""
    some = [(name, key, wish) for name, key, wish in _LENGTHS if sums.n[key]]
    output = {name: sums.seconds(key) / sums.n[key] for name, key, _ in some}
    return output, {name: getattr(expected, wish) for name, _, wish in some}


def _asides(sums: TimingSums, expected: Expected) -> Figures:
    """How often something is said beside the turns, and how often the floor is cut or left."""
    output, target = {}, {}
    for kind, side in _BY_SIDE:
        name = f"{kind}_per_min" if kind is EventType.FAILED_BARGE_IN else f"{kind}_{side}_per_min"
        room_min = sums.seconds(f"{side}_{kind}_room") / 60
        if room_min:
            output[name] = sums.n[f"{side}_{kind}"] / room_min
            target[name] = expected.aside_per_min(kind, side)
    hours = sums.seconds("n_samples") / 3600
    for kind in (*_PER_H, EventType.BACKCHANNEL):
        output[f"{kind}_per_h"] = sum(sums.n[f"{side}_{kind}"] for side in Speaker) / hours
    output["side_talk_share"] = sums.n["side_talk_dialogs"] / sums.n["dialogs"]
    target["side_talk_share"] = sums.options.side_talk.share
    return output, target


def _histogram(sums: TimingSums, expected: Expected) -> FtoHistogram | None:
    found, wanted = sums.all_ftos(), expected.ftos
    if wanted is None:
        return None
    low, high, step = HISTOGRAM
    edges = np.linspace(low, high, round((high - low) / step) + 1)
    counts, _ = np.histogram(np.clip(found, low, np.nextafter(high, low)), edges)
    below = wanted.shares_below(edges)
    below[0], below[-1] = 0.0, 1.0
    shares = np.diff(below).round(6) + 0.0
    return FtoHistogram(
        low, step, tuple(counts.tolist()), tuple(shares.tolist()), int((found < low).sum()), int((found >= high).sum())
    )
