"""The counts of a build, from its manifests: what build.json, the card and the report say."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from datagen.records.build import Count, Counts
from datagen.stages.pack.schema import Table
from datagen.stages.pack.tables import read_batches

_GROUPS = ("split", "domain", "kind")
_DIALOG_COLUMNS = (*_GROUPS, "agent_voice", "user_voice", "duration_s")


@dataclass(frozen=True, slots=True)
class Summary:
    """What a build's manifests come to. `voice_dialogs` counts the kept dialogues that each voice speaks in."""

    counts: Counts
    hours: float
    voice_dialogs: Mapping[str, int]


@dataclass(slots=True)
class _Totals:
    kept: Counter[tuple[str, str]]
    rejected: Counter[tuple[str, str]]
    seconds: defaultdict[tuple[str, str], list[float]]
    reasons: Counter[str]
    voices: Counter[str]


def summarise(dialogs: Path, rejects: Path) -> Summary:
    """The summary of two manifests, read a row group at a time; DataError where one is not readable.

    Memory is flat but for a number a dialogue. Sums are exact (fsum), so they do not depend on the
    order in which the shards came.
    """
    totals = _Totals(Counter(), Counter(), defaultdict(list), Counter(), Counter())
    _read_dialogs(dialogs, totals)
    _read_rejects(rejects, totals)
    duration_s = math.fsum(totals.seconds["total", ""])
    groups = {name: _counts(totals, name) for name in ("total", *_GROUPS)}
    counts = Counts(
        groups["total"].get("", Count()),
        groups["split"],
        groups["domain"],
        groups["kind"],
        dict(sorted(totals.reasons.items())),
    )
    return Summary(counts, round(duration_s / 3600, 6), dict(sorted(totals.voices.items())))


def _read_dialogs(path: Path, totals: _Totals) -> None:
    for table in read_batches(path, Table.DIALOGS, _DIALOG_COLUMNS):
        columns = {name: table.column(name).to_pylist() for name in _DIALOG_COLUMNS}
        for row in zip(*columns.values(), strict=True):
            *groups, agent, user, duration_s = row
            for key in (("total", ""), *zip(_GROUPS, groups, strict=True)):
                totals.kept[key] += 1
                totals.seconds[key].append(duration_s)
            totals.voices.update({agent, user})


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
