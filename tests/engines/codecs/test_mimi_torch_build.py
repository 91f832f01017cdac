"""The real command with Mimi through torch: the same corpus from any number of workers, and from rustymimi where both see one window."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import random_mimi

pytest.importorskip("torch")
pytest.importorskip("transformers")

CODES = ("agent_codes", "user_codes", "voice_prompt_codes", "user_voice_prompt_codes")


def build(run: Callable[..., Any], out: Path, dialogs: int, *sets: str, workers: int = 1) -> dict[str, Any]:
    """What build.json holds of a finished build whose tokens are Mimi's."""
    recipe = ("codec.engine=mimi", "plan.max_voices=40", "run.shard_dialogs=1", *sets)
    flags = [flag for item in recipe for flag in ("--set", item)]
    where = ("--out", out, "--workers", str(workers), "--runner", "local", "--seed", "7")
    ran = run("build", "--domains", "qa", "--dialogs", str(dialogs), *where, *flags, timeout_s=1200)
    assert ran.code == 0, ran.err
    found: dict[str, Any] = json.loads((out / "build.json").read_text())
    return found


def tokens(out: Path) -> dict[str, list[np.ndarray]]:
    """The codes of each dialogue, by id."""
    rows = [row for path in sorted((out / "tokens").glob("*.parquet")) for row in pq.read_table(path).to_pylist()]
    return {row["dialog_id"]: [np.array(row[column]) for column in CODES] for row in rows}


@pytest.mark.full
def test_a_build_is_the_same_from_any_number_of_workers_and_clips_at_once(
    tmp_path: Path, run: Callable[..., Any]
) -> None:
    path = random_mimi.write(tmp_path / "mimi.safetensors", books=8, size=random_mimi.SMALL)
    sets = (f"codec.weights={path}", "codec.backend=torch")
    one = build(run, tmp_path / "one", 2, *sets, "codec.device=cpu")
    two = build(run, tmp_path / "two", 2, *sets, "codec.batch=3", workers=2)
    assert one == two
    checked = run("check", tmp_path / "one")
    assert checked.code == 0, checked.out + checked.err
    assert "+cpu+fp32+step+" in one["engines"]["codec"]["revision"]
    assert "device" not in one["recipe"]["codec"]
    files = {p.relative_to(tmp_path / "one"): p.read_bytes() for p in (tmp_path / "one" / "tokens").glob("*.parquet")}
    assert files
    assert all((tmp_path / "two" / name).read_bytes() == data for name, data in files.items())


@pytest.mark.full
def test_torch_and_rustymimi_build_one_corpus(mimi_file: Path, tmp_path: Path, run: Callable[..., Any]) -> None:
    """Four dialogues; at most 1 in 500 codes differ, where two sums round to either side of a border between entries."""
    pytest.importorskip("rustymimi")
    sets = (f"codec.weights={mimi_file}",)
    build(run, tmp_path / "torch", 4, *sets, "codec.backend=torch", "codec.window=rust", "codec.device=cpu", workers=2)
    build(run, tmp_path / "rust", 4, *sets, "codec.backend=rustymimi", workers=2)
    ours, theirs = tokens(tmp_path / "torch"), tokens(tmp_path / "rust")
    assert ours.keys() == theirs.keys()
    assert len(ours) == 4
    pairs = [pair for key in ours for pair in zip(ours[key], theirs[key], strict=True)]
    assert all(a.shape == b.shape for a, b in pairs)
    different, codes = sum(int((a != b).sum()) for a, b in pairs), sum(a.size for a, _ in pairs)
    print(f"{different} of {codes} codes differ")
    assert codes > 20_000
    assert different <= codes / 500
