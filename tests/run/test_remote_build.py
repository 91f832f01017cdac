"""A whole build with a remote writer: written here, spoken and rendered by the workers, published with its counts and replies."""

import gzip
import json
import os
from pathlib import Path

import pytest
import remote

from tests.conftest import datagen


@pytest.mark.slow
def test_a_whole_build_with_a_remote_writer(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(remote.SCRIPTED), str(Path.cwd())])}
    options = ("writer.delay_s=0.2", "writer.bad_share=0.5", "writer.keep_replies=true", "writer.descriptions=1")
    sets = [part for s in remote.sets(tmp_path / "log", *options) for part in ("--set", s)]
    out = tmp_path / "out"
    flags = [
        "build",
        "--domains",
        "bank",
        "--dialogs",
        "4",
        "--seed",
        "5",
        "--out",
        out,
        "--quiet",
        "--runner",
        "local",
    ]
    ran = datagen(*flags, *sets, "--set", "pack.audio=false", "--set", "run.shard_dialogs=2", env=env)
    assert (ran.code, ran.err) == (0, "")
    calls = remote.calls(tmp_path)
    assert len({c["pid"] for c in calls}) == 1
    build = json.loads((out / "build.json").read_bytes())
    assert build["attempts"] == len(calls)
    assert build["gates"]["not_json"]["failed"] >= 1
    replies = [
        json.loads(line) for p in (out / "replies").iterdir() for line in gzip.decompress(p.read_bytes()).splitlines()
    ]
    assert sorted((r["dialog_id"], r["attempt"]) for r in replies) == sorted((c["id"], c["attempt"]) for c in calls)
    assert {f"replies/{p.name}" for p in (out / "replies").iterdir()} <= set(build["files"])
    page = (out / "report" / "index.html").read_text(encoding="utf-8")
    assert "not_json" in page
    assert datagen(*flags, *sets, "--set", "pack.audio=false", "--set", "run.shard_dialogs=2", env=env).code == 0
    assert len(remote.calls(tmp_path)) == len(calls)
    assert datagen("check", out).code == 0
