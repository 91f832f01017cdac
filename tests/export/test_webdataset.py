"""WebDataset tars are read back by the webdataset package, member by member, and held to the parquet files."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
import soundfile
from drawn import drawn, turn

from datagen.config import read_options
from datagen.errors import DataError, UserError
from datagen.export.base import Part
from datagen.export.runner import run_export
from datagen.export.webdataset import WebDataset

SPLITS = ("train", "valid", "test")


@pytest.fixture(scope="module")
def tars(built, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("wds") / "out"
    run_export(built, "webdataset", out)
    return out


@pytest.fixture(scope="module")
def samples(tars) -> dict[str, list[dict]]:
    wds = pytest.importorskip("webdataset")
    found = {}
    for split in SPLITS:
        n = len(list((tars / split).glob("*.tar")))
        urls = f"{tars}/{split}/{split}-{{000000..{n - 1:06d}}}.tar"
        found[split] = list(wds.WebDataset(urls, shardshuffle=False).decode())
    return found


@pytest.fixture(scope="module")
def tokens(built) -> dict[str, dict]:
    rows = (row for path in sorted((built / "tokens").glob("*.parquet")) for row in pq.read_table(path).to_pylist())
    return {row["dialog_id"]: row for row in rows}


def test_every_dialogue_of_every_split_is_one_sample(samples, tokens):
    for split in SPLITS:
        assert [s["__key__"] for s in samples[split]] == [i for i, row in tokens.items() if row["split"] == split]


def test_codes_and_audio_are_the_builds(samples, tokens, built):
    dialogs = {r["dialog_id"]: r for r in pl.read_parquet(built / "manifests/dialogs.parquet").to_dicts()}
    voices = {r["id"]: r["prompt_path"] for r in pl.read_parquet(built / "manifests/voices.parquet").to_dicts()}
    names = {"agent.npy": "agent_codes", "user.npy": "user_codes", "voice_prompt.npy": "voice_prompt_codes"}
    for sample in (s for found in samples.values() for s in found):
        row = tokens[sample["__key__"]]
        for extension, column in (names | {"user_voice_prompt.npy": "user_voice_prompt_codes"}).items():
            assert sample[extension].dtype == np.int16
            assert sample[extension].tolist() == row[column]
        audio, rate_hz = soundfile.read(io.BytesIO(sample["flac"]), dtype="int16")
        real = soundfile.read(built / dialogs[row["dialog_id"]]["audio_path"], dtype="int16")[0]
        assert rate_hz == 24_000
        assert np.array_equal(audio, real)
        prompt = soundfile.read(io.BytesIO(sample["voice_prompt.flac"]), dtype="int16")[0]
        path = built / voices[dialogs[row["dialog_id"]]["agent_voice"]]
        assert np.array_equal(prompt, soundfile.read(path, dtype="int16")[0])


def test_the_json_is_all_that_the_manifests_say(samples, tokens, built):
    dialogs = {r["dialog_id"]: r for r in pl.read_parquet(built / "manifests/dialogs.parquet").to_dicts()}
    turns = pl.read_parquet(built / "manifests/turns.parquet")
    summary = json.loads((built / "build.json").read_text())
    for sample in (s for found in samples.values() for s in found):
        record, row = sample["json"], tokens[sample["__key__"]]
        assert record["words"] == row["words"]
        assert record["user_words"] == row["user_words"]
        assert record["codec_frames"]["silence"] == summary["codec"]["silence"]
        left_out = {"audio_path", "stems", "stems_path"}
        for name, value in dialogs[row["dialog_id"]].items():
            if name in ("effects", "instance", "traits"):
                assert record[name] == json.loads(value)
            elif name not in left_out:
                assert record[name] == value, name
        own = turns.filter(pl.col("dialog_id") == row["dialog_id"]).sort("turn").to_dicts()
        assert [t["heard_text"] for t in record["turns"]] == [t["heard_text"] for t in own]
        assert [t["words"] for t in record["turns"]] == [t["words"] for t in own]
        events = [json.loads(e["attrs"]) for t in own for e in t["events"]]
        assert [e["attrs"] for t in record["turns"] for e in t["events"]] == events


def test_the_index_counts_the_samples_of_every_tar(tars, samples):
    for split in SPLITS:
        index = json.loads((tars / split / "index.json").read_text())
        assert index["__kind__"] == "wids-shard-index-v1"
        for shard in index["shardlist"]:
            assert (tars / split / shard["url"]).stat().st_size == shard["filesize"]
        assert [s["url"] for s in index["shardlist"]] == sorted(p.name for p in (tars / split).glob("*.tar"))
        assert sum(s["nsamples"] for s in index["shardlist"]) == len(samples[split])


def test_the_same_build_gives_the_same_bytes(tars, built, tmp_path):
    run_export(built, "webdataset", tmp_path / "again", splits=("test",))
    for path in sorted((tmp_path / "again/test").iterdir()):
        assert path.read_bytes() == (tars / "test" / path.name).read_bytes()


def test_a_key_with_a_dot_is_refused(tmp_path):
    dialog = drawn([turn(0, "user", 0.5, ["Hello."])], 2.0, name="v1.5-000001")
    form = WebDataset(read_options(WebDataset.Options, {}, "webdataset"))
    with pytest.raises(DataError, match="v1.5-000001 has a dot"):
        form.write(Part("test-00000", "test", 0, 1, ("test-00000",), 1), iter([dialog]), tmp_path)


def test_a_build_without_audio_gives_codes_alone(built, tmp_path):
    wds = pytest.importorskip("webdataset")
    bare = tmp_path / "bare"
    shutil.copytree(built, bare, ignore=shutil.ignore_patterns(".work", "audio", "voice_prompts"))
    summary = json.loads((bare / "build.json").read_text())
    summary["files"] = {n: f for n, f in summary["files"].items() if not n.startswith(("audio/", "voice_prompts/"))}
    (bare / "build.json").write_text(json.dumps(summary))
    with pytest.raises(UserError, match="keeps no audio"):
        run_export(bare, "webdataset", tmp_path / "with")
    run_export(bare, "webdataset", tmp_path / "out", splits=("test",), options={"audio": False})
    for sample in wds.WebDataset(str(tmp_path / "out/test/test-000000.tar"), shardshuffle=False).decode():
        extensions = {n for n in sample if not n.startswith("__")}
        assert extensions == {"json", "agent.npy", "user.npy", "voice_prompt.npy", "user_voice_prompt.npy"}
