"""The counts and time-line statistics of a build, from its manifests: what build.json, the card and the report say."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from datagen.records.build import Count, Counts
from datagen.stages.pack.schema import Table
from datagen.stages.pack.tables import read_batches

_GROUPS = ("split", "domain", "kind")
_DIALOG_COLUMNS = (
    *_GROUPS, "agent_voice", "user_voice", "duration_s", "n_barge_in", "n_backchannel", "n_turns",
    "agent_speech_s", "user_speech_s", "overlap_s", "silence_s",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Summary:
    """What a build's manifests come to. `voice_dialogs` counts the kept dialogues that each voice speaks in."""

    counts: Counts
    hours: float
    timing: Mapping[str, float]
    voice_dialogs: Mapping[str, int]


@dataclass(slots=True)
class _Totals:
    kept: Counter[tuple[str, str]]
    rejected: Counter[tuple[str, str]]
    seconds: defaultdict[tuple[str, str], list[float]]
    reasons: Counter[str]
    voices: Counter[str]
    numbers: defaultdict[str, list[float]]


def summarise(dialogs: Path, turns: Path, rejects: Path) -> Summary:
    """The summary of three manifests, read a row group at a time; DataError where one is not readable.

    Memory is flat but for some numbers a dialogue and one a turn. Sums are exact (fsum), so they do not depend on the
    order in which the shards came.
    """
    totals = _Totals(Counter(), Counter(), defaultdict(list), Counter(), Counter(), defaultdict(list))
    _read_dialogs(dialogs, totals)
    _read_rejects(rejects, totals)
    duration_s = math.fsum(totals.seconds["total", ""])
    timing = _timing(totals, _ftos(turns), duration_s)
    groups = {name: _counts(totals, name) for name in ("total", *_GROUPS)}
    counts = Counts(
        groups["total"].get("", Count()),
        groups["split"],
        groups["domain"],
        groups["kind"],
        dict(sorted(totals.reasons.items())),
    )
    return Summary(counts, round(duration_s / 3600, 6), timing, dict(sorted(totals.voices.items())))


def _read_dialogs(path: Path, totals: _Totals) -> None:
    for table in read_batches(path, Table.DIALOGS, _DIALOG_COLUMNS):
        columns = {
            name: table.column(name).to_pylist() for name in (*_GROUPS, "agent_voice", "user_voice", "duration_s")
        }
        for row in zip(*columns.values(), strict=True):
            *groups, agent, user, duration_s = row
            for key in (("total", ""), *zip(_GROUPS, groups, strict=True)):
                totals.kept[key] += 1
                totals.seconds[key].append(duration_s)
            totals.voices.update({agent, user})
        for name in _DIALOG_COLUMNS[6:]:
            totals.numbers[name] += table.column(name).to_pylist()


def _read_rejects(path: Path, totals: _Totals) -> None:
    for table in read_batches(path, Table.REJECTS, (*_GROUPS, "stage", "reason")):
        for row in table.to_pylist():
            totals.reasons[f"{row['stage']}/{row['reason']}"] += 1
            for key in (("total", ""), *((name, row[name]) for name in _GROUPS)):
                totals.rejected[key] += 1


def _counts(totals: _Totals, group: str) -> dict[str, Count]:
    names = sorted(value for name, value in {*totals.kept, *totals.rejected} if name == group)
    result = {}
    for name in names:
        kept, rejected = totals.kept[group, name], totals.rejected[group, name]
        result[name] = Count(kept + rejected, kept, rejected, round(math.fsum(totals.seconds[group, name]) / 3600, 6))
    return result


def _ftos(path: Path) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    parts = [
        pc.drop_null(t.column("fto_s")).to_numpy().astype(np.float64)
        for t in read_batches(path, Table.TURNS, ("fto_s",))
    ]
    return np.concatenate([np.empty(0), *parts])


def _timing(
    totals: _Totals, fto_s: "np.ndarray[tuple[int], np.dtype[np.float64]]", duration_s: float
) -> dict[str, float]:
    """Statistics of turn-taking. Shares are of the whole duration; an FTO below zero is an overlap, else a gap."""
    if not duration_s:
        return {}
    hours = duration_s / 3600
    sums = {name: math.fsum(values) for name, values in totals.numbers.items()}
    shares = {
        f"{name}_share": sums[f"{name}_s"] / duration_s
        for name in ("agent_speech", "user_speech", "overlap", "silence")
    }
    rates = {f"{name}_per_h": sums[f"n_{name}"] / hours for name in ("turns", "barge_in", "backchannel")}
    result = {"mean_duration_s": duration_s / totals.kept["total", ""], **shares, **rates}
    gaps, overlaps = fto_s[fto_s >= 0], fto_s[fto_s < 0]
    if len(fto_s):
        result |= {"fto_median_s": float(np.median(fto_s)), "fto_overlap_share": len(overlaps) / len(fto_s)}
    result |= {
        name: float(np.median(part))
        for name, part in (("gap_median_s", gaps), ("overlap_median_s", overlaps))
        if len(part)
    }
    return {name: round(value, 6) for name, value in sorted(result.items())}
