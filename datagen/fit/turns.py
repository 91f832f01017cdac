"""A build's turns.parquet: its turns and their events say all, nothing has to be guessed."""

import math
from collections.abc import Iterator
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from datagen.errors import UserError
from datagen.fit.measured import Measured, Transfer
from datagen.records.enums import EventType
from datagen.stages.stitch.options import LAPSE_S

COLUMNS = ("dialog_id", "turn", "speaker", "start_s", "end_s", "fto_s", "barge_in", "events")
CUTS = (EventType.BARGE_IN, EventType.AGENT_INTERRUPTION)
"""After these a turn begins when the other is cut into, not when it is its time."""


def measure(path: Path) -> list[Measured]:
    """The turn-taking of every dialogue; transfers after barge-ins and long silences are left out.

    Rows are sorted by dialogue and turn, as a build writes them. UserError where it is no such file.
    """
    found: dict[str, Measured] = {}
    try:
        for name, rows in groupby(_rows(path), key=lambda r: str(r["dialog_id"])):
            turns = list(rows)
            if name in found or any(a["turn"] >= b["turn"] for a, b in pairwise(turns)):
                raise UserError(f"{path}: {name} is not sorted by turn. Sort the rows by dialog_id and turn.")
            found[name] = _dialog(name, turns)
        return list(found.values())
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise UserError(f"{path}: a row is no turn ({error}). Give the manifests/turns.parquet of a build.") from None


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from datagen.store.parquet_limits import check_file

    try:
        with pq.ParquetFile(path) as file:
            missing = [c for c in COLUMNS if c not in file.schema_arrow.names]
            if missing:
                raise UserError(
                    f"{path}: has no column {', '.join(missing)}. Give the manifests/turns.parquet of a build; it has "
                    f"{', '.join(COLUMNS)}."
                )
            check_file(file.metadata)
            for batch in file.iter_batches(batch_size=8_192, columns=list(COLUMNS)):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        what = " ".join(str(error).split())[:160]
        raise UserError(f"{path}: not readable as parquet ({what}).") from None


def _check_times(name: str, turn: dict[str, Any]) -> None:
    """ValueError where a turn or an event of it is no stretch of time, or its FTO no number; TypeError where they are no numbers."""
    pauses = [e for e in turn["events"] or [] if e["type"] == EventType.PAUSE]
    for start_s, end_s in ((row["start_s"], row["end_s"]) for row in (turn, *pauses)):
        if not (math.isfinite(end_s - start_s) and end_s >= start_s):
            raise ValueError(f"{name} turn {turn['turn']}: {start_s:g} to {end_s:g} s is no stretch of time")
    if turn["fto_s"] is not None and not math.isfinite(turn["fto_s"]):
        raise ValueError(f"{name} turn {turn['turn']}: its fto_s is {turn['fto_s']:g}")


def _dialog(name: str, turns: list[dict[str, Any]]) -> Measured:
    for turn in turns:
        _check_times(name, turn)
    found = Measured(n_recordings=1, n_turns=len(turns))
    found.duration_s = max(t["end_s"] for t in turns) - min(t["start_s"] for t in turns)
    found.n_one_sided = int(len({t["speaker"] for t in turns}) == 1)
    before: dict[str, Any] | None = None
    for turn in turns:
        found.turn_s += turn["end_s"] - turn["start_s"]
        events = turn["events"] or []
        found.n_backchannels += sum(e["type"] == EventType.BACKCHANNEL for e in events)
        found.pauses_s += [e["end_s"] - e["start_s"] for e in events if e["type"] == EventType.PAUSE]
        _count_transfer(name, turn, before, events, found)
        before = turn
    return found


def _count_transfer(
    name: str, turn: dict[str, Any], before: dict[str, Any] | None, events: list[dict[str, Any]], found: Measured
) -> None:
    if before is None:
        return
    silent = any(e["type"] == EventType.LONG_SILENCE for e in events)
    cut = turn["barge_in"] or any(e["type"] in CUTS for e in before["events"] or [])
    if turn["speaker"] == before["speaker"]:
        if not silent:
            found.between_s.append(max(turn["start_s"] - before["end_s"], 0.0))
    elif turn["fto_s"] is None or cut or silent or abs(turn["fto_s"]) > LAPSE_S:
        found.n_excluded += 1
    else:
        found.transfers.append(Transfer(name, turn["speaker"], turn["fto_s"]))
