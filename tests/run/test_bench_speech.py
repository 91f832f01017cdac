"""`datagen bench speech`: every part of espeak's path is timed, and what Chatterbox's environment says is read or refused."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from datagen import recipes
from datagen.engines.own_env import environments
from datagen.engines.speakers.chatterbox import checkpoint
from datagen.errors import EngineError, UserError
from datagen.run import bench_speech
from datagen.run.bench_speech import FORCED_S, measure_chatterbox, measure_espeak, run_inside
from tests.engines.speakers.chatterbox.small_bank import own_environment

SAID = {"ratio": 2.0, "ours": {}, "stock": {}}


def python(folder: Path, body: str) -> Path:
    """What stands as an environment's Python: a script that gets the bench's path and its spec."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_the_parts_of_espeaks_path_are_timed() -> None:
    found = measure_espeak(recipes.compose(dialogs=2))
    assert found.dialogs == 2
    assert found.speech_s > 10
    assert {"synthesis", "word spans", "trim and gates", "align"} <= found.seconds.keys()
    assert {"Praat", "resampling"} & found.seconds.keys()
    assert all(s >= 0 for s in found.seconds.values())
    told = found.to_dict()
    assert told["times_real_time"] == pytest.approx(found.speech_s / sum(found.seconds.values()))
    assert all(x >= told["times_real_time"] for x in told["times_real_time_by_part"].values())


def test_another_speaker_is_refused() -> None:
    with pytest.raises(UserError, match=r"bench speech: speaker\.engine = chatterbox; --engine espeak measures espeak"):
        measure_espeak(recipes.compose(dialogs=1, sets=("speaker.engine=chatterbox",)))


def test_what_the_environment_says_is_read_from_its_last_line(tmp_path: Path) -> None:
    told = python(tmp_path, f"echo 'loaded PerthNet'; echo '{json.dumps(SAID)}'; echo \"$2\" > {tmp_path}/spec")
    # -u, the script, the spec: the script is the second and the spec the third of its arguments
    assert run_inside(told, {"texts": ["Yes."]}) == SAID
    assert (tmp_path / "spec").read_text().strip().endswith("model/bench.py")


def test_an_environment_that_fails_is_named_with_its_last_line(tmp_path: Path) -> None:
    broken = python(tmp_path, "echo 'Traceback' >&2; echo 'ValueError: no such thing' >&2; exit 3")
    with pytest.raises(EngineError, match=r"bench speech: Chatterbox ended with 3: ValueError: no such thing"):
        run_inside(broken, {})
    silent = python(tmp_path, "exit 0")
    with pytest.raises(EngineError, match=r"ended with 0: it said nothing"):
        run_inside(silent, {})


def test_the_bench_is_told_what_the_engine_would_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device and numbers as speaker.devices and dtype mean them, and a folder that has every file."""
    own_environment(tmp_path)
    monkeypatch.setenv(environments.VARIABLE, str(tmp_path))
    monkeypatch.setattr(bench_speech, "_texts", lambda recipe, n: ["Some words."])
    told: list[Any] = []
    monkeypatch.setattr(bench_speech, "run_inside", lambda python, spec: told.append(spec) or SAID)

    def measured(*sets: str) -> Any:
        measure_chatterbox(recipes.compose(dialogs=1, sets=("speaker.engine=chatterbox", *sets)))
        return told[-1]

    assert measured("speaker.dtype=auto") == {
        "texts": ["Some words."],
        "folder": "",
        "device": "cpu",
        "dtype": "float32",
        "forced_s": FORCED_S,
    }
    assert measured("speaker.dtype=bfloat16")["dtype"] == "bfloat16"
    with pytest.raises(EngineError, match="devices: cuda:1, and its environment is the build for processors"):
        measured('speaker.devices=["cuda:1"]')
    (tmp_path / "weights").mkdir()
    with pytest.raises(UserError, match=r"lacks ve\.safetensors, .* of Chatterbox's original model"):
        measured(f"speaker.checkpoint={tmp_path / 'weights'}")
    with pytest.raises(UserError, match="a/b: is not fetched yet"):
        measured("speaker.checkpoint=a/b")
    for name in checkpoint.FILES["original"]:
        (tmp_path / "weights" / name).touch()
    spec = measured(f"speaker.checkpoint={tmp_path / 'weights'}")
    assert (spec["folder"], spec["forced_s"]) == (str(tmp_path / "weights"), 0.0)


def test_without_the_environment_it_says_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "find", lambda name: None)
    with pytest.raises(EngineError, match=r"Run: datagen engines install chatterbox"):
        measure_chatterbox(recipes.compose(dialogs=1, sets=("speaker.engine=chatterbox",)))
    with pytest.raises(UserError, match=r"speaker\.temperature: it takes"):
        measure_chatterbox(recipes.compose(dialogs=1, sets=("speaker.engine=chatterbox", "speaker.temperature=1")))
