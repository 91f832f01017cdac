"""What the recipe asks of the timing beside what came out: the page's table, the FTOs' histogram, and the command's line."""

from typing import Any

import numpy as np

from datagen.records.build import BuildSummary
from datagen.report.measures import FTO
from datagen.report.measures import histogram as histogram_of

_ROWS = (
    ("fto_p05_s", "floor-transfer offset, 5th percentile", "s"),
    ("fto_p25_s", "25th percentile", "s"),
    ("fto_p50_s", "median", "s"),
    ("fto_p75_s", "75th percentile", "s"),
    ("fto_p95_s", "95th percentile", "s"),
    ("agent_fto_p50_s", "median where the agent answers", "s"),
    ("user_fto_p50_s", "median where the user answers", "s"),
    ("fto_overlap_share", "floor transfers that overlap", "share"),
    ("overlap_share", "time in which both speak", "share"),
    ("silence_share", "time in which nobody speaks", "share"),
    ("gap_per_min", "gaps", "a minute"),
    ("gap_s_per_min", "gaps, together", "s a minute"),
    ("overlap_per_min", "overlaps between turns, cuts with them", "a minute"),
    ("overlap_s_per_min", "overlaps between turns, together", "s a minute"),
    ("pause_per_min", "pauses of one speaker", "a minute"),
    ("pause_s_per_min", "pauses of one speaker, together", "s a minute"),
    ("hesitation_mean_s", "mean pause that is put into a turn", "length"),
    ("own_pause_mean_s", "mean pause between two turns of one speaker", "length"),
    ("long_silence_mean_s", "mean long silence", "length"),
    ("yield_mean_s", "mean time until an interrupted speaker stops", "length"),
    (
        "backchannel_agent_per_min",
        "the agent's backchannels, a minute of the user's turns with a place for one",
        "rate",
    ),
    ("backchannel_user_per_min", "the user's backchannels, a minute of the agent's turns with a place for one", "rate"),
    ("failed_barge_in_per_min", "failed barge-ins, a minute of the agent's turns with a place for one", "rate"),
    ("barge_in_per_h", "barge-ins", "an hour"),
    ("agent_interruption_per_h", "interruptions by the agent", "an hour"),
    ("long_silence_per_h", "long silences", "an hour"),
    ("side_talk_per_h", "side talk", "an hour"),
    ("side_talk_share", "dialogues with side talk", "share"),
)
"""Name in build.json, what it is, and how it is written."""


def rows(build: BuildSummary) -> list[list[str]]:
    """What it is, target, output and difference, as text; the target is empty where the recipe sets none."""
    return [_row(build, *row) for row in _ROWS if row[0] in build.timing]


def _row(build: BuildSummary, name: str, said: str, form: str) -> list[str]:
    output, target = build.timing[name], build.timing_target.get(name)
    if target is None:
        return [said, "", _text(output, form), ""]
    return [said, _text(target, form), _text(output, form), _difference(output, target, form)]


def _text(value: float, form: str) -> str:
    if form == "share":
        return f"{value:.1%}".replace("%", " %")
    if form == "s":
        return f"{_signed(value, 2)} s"
    return f"{value:.2f}" + {"length": " s", "rate": ""}.get(form, f" {form}")


def _difference(output: float, target: float, form: str) -> str:
    """In seconds where the value may lie on either side of zero, else in percent of the target."""
    if form == "s":
        return f"{_signed(output - target, 2)} s"
    return f"{_signed(100 * (output - target) / target, 1)} %" if target else ""


def _signed(value: float, digits: int) -> str:
    """With its sign, and a real minus; what rounds to zero has none."""
    text = f"{abs(value):.{digits}f}"
    return text if not float(text) else f"{'+' if value > 0 else '−'}{text}"


def distance(build: BuildSummary) -> str:
    """How far the FTOs are from their target, in a few words; empty where no transfer was drawn."""
    timing = build.timing
    n = timing.get("n_ftos", 0)
    if "ks_fto" in timing:
        return f"KS {timing['ks_fto']:.3f} over {n:,.0f} floor transfers"
    if "fto_max_error_s" in timing:
        return f"every offset within {1000 * timing['fto_max_error_s']:.1f} ms over {n:,.0f} floor transfers"
    return ""


def line(build: BuildSummary) -> str:
    """The timing in one line: distance, overlap share and median, each target in brackets; empty without transfers."""
    parts = [distance(build)]
    for name, said, form in (("fto_overlap_share", "overlap", "share"), ("fto_p50_s", "median", "s")):
        if name in build.timing_target:
            output, target = build.timing[name], build.timing_target[name]
            parts.append(f"{said} {_text(output, form)} (target {_text(target, form)})")
    return " · ".join(p for p in parts if p)


def histogram(build: BuildSummary) -> dict[str, Any]:
    """The FTOs of the whole build, with what the target gives each bin as `target`."""
    found = build.ftos
    if found is None:
        return histogram_of(FTO, np.empty(0))
    n = sum(found.counts)
    return {
        "title": FTO.title, "unit": FTO.unit, "note": FTO.note, "n": n,
        "from": found.low_s, "to": round(found.low_s + found.step_s * len(found.counts), 6), "step": found.step_s,
        "counts": list(found.counts), "target": [round(n * share, 2) for share in found.target],
        "quantiles": [round(build.timing[f"fto_p{p}_s"], 2) for p in ("05", "50", "95")],
        "beyond": [found.n_below, found.n_above],
    }  # fmt: skip
