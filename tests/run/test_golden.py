"""The small build against what it was: transcripts and rows to the letter, tokens code for code.

After a change that is meant to change data: `just golden`, look at the difference, and say in CHANGELOG what users will see.
"""

import platform
import re
from importlib.metadata import version
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from syrupy.assertion import SnapshotAssertion

CODES = Path(__file__).parent / "golden_codes.npz"
N = 3
ELSEWHERE = 0.97
"""On another processor, or with other packages, a sample may round otherwise in its last bit, and with it a code in a hundred."""


def first(built: Path) -> list[str]:
    """The first dialogues of the build, by id."""
    ids = pl.read_parquet(built / "manifests" / "dialogs.parquet", columns=["dialog_id"])["dialog_id"]
    return sorted(ids)[:N]


def test_transcripts(built: Path, snapshot: SnapshotAssertion) -> None:
    turns = pl.read_parquet(built / "manifests" / "turns.parquet").filter(pl.col("dialog_id").is_in(first(built)))
    dialogs = pl.read_parquet(built / "manifests" / "dialogs.parquet").filter(pl.col("dialog_id").is_in(first(built)))
    told = []
    for row in dialogs.sort("dialog_id").iter_rows(named=True):
        told += [f"# {row['dialog_id']} {row['scenario']} {row['split']}", row["role_context"]]
        mine = turns.filter(pl.col("dialog_id") == row["dialog_id"]).sort("turn")
        for t in mine.iter_rows(named=True):
            events = " ".join(e["type"] for e in t["events"] if e["type"] != "overlap")
            told.append(f"{t['speaker']}: {t['heard_text']} // {t['unheard_text']} [{events}]")
    assert "\n".join(told) == snapshot


def test_rows(built: Path, snapshot: SnapshotAssertion) -> None:
    dialogs = pl.read_parquet(built / "manifests" / "dialogs.parquet").filter(pl.col("dialog_id").is_in(first(built)))
    columns = [
        "dialog_id",
        "kind",
        "domain",
        "agent_voice",
        "user_voice",
        "seed",
        "first_speaker",
        "n_turns",
        "n_barge_in",
        "effects",
    ]
    effects = pl.col("effects").str.replace_all(r"(\d\.\d\d)\d+", "$1")
    assert dialogs.sort("dialog_id").select(columns).with_columns(effects).to_dicts() == snapshot


def machine() -> str:
    """What decides how a sample rounds: this processor, and who multiplies on it."""
    path = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", path.read_text()) if path.exists() else None
    name = found.group(1) if found else platform.processor()
    return ", ".join((name, *(f"{package} {version(package)}" for package in ("numpy", "scipy"))))


def codes(built: Path) -> dict[str, np.ndarray]:
    rows = pl.concat([pl.read_parquet(p) for p in sorted((built / "tokens").glob("*.parquet"))])
    wanted = rows.filter(pl.col("dialog_id").is_in(first(built)))
    return {
        f"{row['dialog_id']} {name}": np.asarray(row[name], np.int16)
        for row in wanted.iter_rows(named=True)
        for name in ("agent_codes", "user_codes", "voice_prompt_codes")
    }


def test_codes(built: Path, request: pytest.FixtureRequest) -> None:
    found = codes(built)
    if request.config.getoption("--snapshot-update"):
        np.savez_compressed(CODES, machine=np.array(machine()), **found)
    with np.load(CODES, allow_pickle=False) as golden:
        made_on = str(golden["machine"])
        assert set(golden.files) == {"machine", *found}
        shares = {}
        for name, now in found.items():
            before = golden[name]
            assert abs(before.shape[1] - now.shape[1]) <= 1, name
            n = min(before.shape[1], now.shape[1])
            shares[name] = float((before[:, :n] == now[:, :n]).mean())
    least = 1.0 if made_on == machine() else ELSEWHERE
    assert min(shares.values()) >= least, shares
