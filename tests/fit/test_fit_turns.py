"""A build's turns.parquet: what its events say is left out, and the rest counts."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from datagen.errors import UserError
from datagen.fit.corpus import measure


def event(kind: str, start_s: float, end_s: float) -> dict[str, Any]:
    return {"type": kind, "channel": 0, "start_s": start_s, "end_s": end_s, "target_turn": 0, "attrs": "{}"}


def turn(
    n: int, who: str, start_s: float, end_s: float, fto_s: float | None, *events: Any, cuts: bool = False
) -> dict[str, Any]:
    return {
        "dialog_id": "bank-000000", "turn": n, "speaker": who, "start_s": start_s, "end_s": end_s, "fto_s": fto_s,
        "barge_in": cuts, "events": list(events),
    }  # fmt: skip


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    fields = dict.fromkeys(("type", "attrs"), pl.String) | dict.fromkeys(("start_s", "end_s"), pl.Float64)
    kind = pl.List(pl.Struct({**fields, "channel": pl.Int8, "target_turn": pl.Int32}))
    pl.DataFrame(rows, schema_overrides={"events": kind, "fto_s": pl.Float64}).write_parquet(path)
    return path


ROWS = [
    turn(0, "agent", 0.5, 4, None, event("backchannel", 1, 1.3), event("pause", 2, 2.7)),
    turn(1, "user", 4.3, 6, 0.3),
    turn(2, "agent", 5.8, 9, -0.2, event("barge_in", 8.5, 9)),
    turn(3, "user", 8.5, 11, -0.5, cuts=True),
    turn(4, "user", 11.6, 13, None),
    turn(5, "agent", 13.4, 15, 0.4),
    turn(6, "user", 27, 29, 12.0, event("long_silence", 15, 27)),
    turn(7, "agent", 29.1, 33, 0.1),
    turn(8, "agent", 60, 61, None, event("long_silence", 33, 60)),
]


def test_events_decide_what_counts(tmp_path: Path) -> None:
    found = measure([written(tmp_path / "turns.parquet", ROWS)], 1)
    assert [t.fto_s for t in found.transfers] == [0.3, -0.2, 0.4, 0.1]
    assert [t.speaker for t in found.transfers] == ["user", "agent", "agent", "agent"]
    assert found.n_excluded == 2
    assert found.n_backchannels == 1
    assert found.pauses_s == [pytest.approx(0.7)]
    assert found.between_s == [pytest.approx(0.6)]
    assert (found.n_turns, found.n_recordings) == (9, 1)


def test_the_folder_of_a_build_is_its_turns(tmp_path: Path) -> None:
    (tmp_path / "manifests").mkdir()
    path = written(tmp_path / "manifests" / "turns.parquet", ROWS)
    assert measure([tmp_path], 1) == measure([path], 1)


@pytest.mark.parametrize(
    "rows", [[*ROWS[::-1]], [*ROWS, {**ROWS[0], "dialog_id": "b"}, ROWS[0]]], ids=["turns", "dialogues"]
)
def test_rows_out_of_order_are_refused(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    with pytest.raises(UserError, match="bank-000000 is not sorted by turn. Sort the rows by dialog_id and turn"):
        measure([written(tmp_path / "turns.parquet", rows)], 1)
