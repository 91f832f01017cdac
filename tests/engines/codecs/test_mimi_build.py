"""The real command with Mimi: a corpus whose tokens are Mimi's, which `datagen check` accepts and whose card does not warn of melrvq."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from datagen.engines.codecs.mimi_weights import VARIABLE


@pytest.mark.full
def test_a_build_with_mimi_is_accepted_and_names_its_weights_and_not_their_place(
    mimi_file: Path, tmp_path: Path, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    built = run(
        *("build", "--domains", "qa", "--dialogs", "1", "--runner", "local", "--out", out, "--workers", "1"),
        *("--set", "plan.max_voices=40", "--set", "codec.engine=mimi", "--set", f"codec.weights={mimi_file}"),
    )
    assert built.code == 0, built.err
    assert "melrvq" not in built.out
    checked = run("check", out)
    assert checked.code == 0, checked.out + checked.err
    card = (out / "README.md").read_text()
    assert "NOT Mimi's" not in card
    assert "melrvq" not in card
    assert "not the released weights" in card
    build = json.loads((out / "build.json").read_text())
    assert build["engines"]["codec"]["engine"] == "mimi"
    assert build["codec"]["n_books"] == 8
    assert build["codec"]["silence"] != build["codec"]["sine"]
    assert str(mimi_file) not in (out / "build.json").read_text() + card
    (tokens,) = (pq.read_table(p).to_pylist() for p in sorted((out / "tokens").glob("*.parquet")))
    assert {len(tokens[0][f"{side}_codes"]) for side in ("agent", "user")} == {8}
    assert {len(book) for book in tokens[0]["agent_codes"]} == {tokens[0]["n_frames"]}
    # The path is not in build.json, so what decodes the tokens finds the weights as any command does.
    monkeypatch.setenv(VARIABLE, str(mimi_file))
    shown = run("show", out, tokens[0]["dialog_id"], "--decode", tmp_path / "decoded.wav")
    assert shown.code == 0, shown.err
    assert (tmp_path / "decoded.wav").stat().st_size > 24_000
