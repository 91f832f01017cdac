"""The prepared layout, read by a reader that is as strict as the trainer's own (its rules, in words of our own)."""

import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from datagen.errors import DataError, UserError
from datagen.export.runner import run_export
from datagen.load.builds import open_build
from datagen.load.reading import ShardReader
from datagen.stages.pack.schema import Table, manifest_path
from datagen.stages.pack.tables import write_all
from tests.export.exported import copied, lines_of, sealed, without_audio

SPEAKERS = {"agent", "user"}


@pytest.fixture(scope="module")
def exported(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small build in the prepared layout. Read only."""
    folder = tmp_path_factory.mktemp("prepared") / "export"
    run_export(built, "prepared", folder)
    return folder


def pcm_of(path: Path, n_channels: int) -> np.ndarray[Any, Any]:
    """int16 [n_channels, n_samples] of a WAV that Python's own `wave` reads, at 24 kHz and not cut short."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (n_channels, 2, 24_000)
        data = file.readframes(file.getnframes())
        assert len(data) == file.getnframes() * n_channels * 2 > 0
    return np.frombuffer(data, "<i2").reshape(-1, n_channels).T


def read_strictly(manifest: Path) -> dict[str, dict[str, Any]]:
    """The samples of a manifest by id; an AssertionError for anything that the trainer refuses."""
    found: dict[str, dict[str, Any]] = {}
    for entry in lines_of(manifest):
        sample_id, relative = entry["sample_id"], Path(entry["sample_dir"])
        assert sample_id.strip()
        assert sample_id not in found
        assert not relative.is_absolute()
        root = (manifest.parent / relative).resolve()
        assert root.is_relative_to(manifest.parent.resolve())
        audio = pcm_of(root / "conversation.wav", 2)
        duration_s = audio.shape[1] / 24_000
        assert abs(entry["duration"] - duration_s) < 0.05
        metadata = json.loads((root / "metadata.json").read_text(encoding="utf-8"))
        assert metadata["text_prompt_left"].strip()
        assert (metadata["agent_channel"], metadata["user_channel"]) == ("left", "right")
        words = json.loads((root / "words.json").read_text(encoding="utf-8"))
        last = 0.0
        for word in words:
            assert word["speaker"] in SPEAKERS
            assert word["word"].strip()
            assert last <= word["start"] < word["end"] <= duration_s + 0.05
            last = word["start"]
        assert any(w["speaker"] == "agent" for w in words)
        prompts = [pcm_of(root / f"voice_prompt_{side}.wav", 1)[0] for side in ("left", "right")]
        found[sample_id] = {"audio": audio, "metadata": metadata, "words": words, "prompts": prompts}
    assert found
    return found


def test_each_split_is_read_back_whole(built: Path, exported: Path) -> None:
    build = open_build(built)
    assert {p.name for p in exported.glob("*.jsonl")} == {"train.jsonl", "val.jsonl", "test.jsonl"}
    rows = {row["dialog_id"]: row for table in build.tables("dialogs") for row in table.to_pylist()}
    for split, name in (("train", "train"), ("valid", "val"), ("test", "test")):
        samples = read_strictly(exported / f"{name}.jsonl")
        wanted = {d.dialog_id: d for shard in build.shards(split) for d in ShardReader(build).dialogs(shard)}
        assert list(samples) == list(wanted)
        for dialog_id, sample in samples.items():
            dialog, row = wanted[dialog_id], rows[dialog_id]
            flac, _ = soundfile.read(built / row["audio_path"], dtype="int16")
            np.testing.assert_array_equal(sample["audio"], flac.T)
            for prompt, voice in zip(sample["prompts"], (row["agent_voice"], row["user_voice"]), strict=True):
                np.testing.assert_array_equal(
                    prompt, soundfile.read(built / "voice_prompts" / f"{voice}.flac", dtype="int16")[0]
                )
            for speaker, words in (("agent", dialog.words), ("user", dialog.user_words)):
                said = [w for w in sample["words"] if w["speaker"] == speaker]
                assert [w["word"] for w in said] == list(words.texts)
                assert [w["start"] for w in said] == words.start_s.tolist()
            assert sample["metadata"]["text_prompt_left"] == dialog.role_context.strip()
            assert "<system>" not in sample["metadata"]["text_prompt_left"]  # the trainer puts it there
            assert sample["metadata"].get("text_prompt_right", "") == dialog.user_role_context.strip()


class Tell:
    """A codec that decodes to the number of its frames."""

    def decode(self, codes: list[np.ndarray[Any, Any]]) -> list[np.ndarray[Any, Any]]:
        return [np.full(c.shape[1] * 1920, c.shape[1] / 32_768, np.float32) for c in codes]


def test_from_tokens_brings_the_prompts_too(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datagen.export.sound.decoder", lambda where, summary: Tell())
    silent = without_audio(built, tmp_path / "silent")
    run_export(silent, "prepared", tmp_path / "export", from_tokens=True, splits=["train"])
    build = open_build(built)
    wanted = {d.dialog_id: d for shard in build.shards("train") for d in ShardReader(build).dialogs(shard)}
    for dialog_id, sample in read_strictly(tmp_path / "export" / "train.jsonl").items():
        dialog = wanted[dialog_id]
        assert set(sample["audio"].flat) == {dialog.n_frames}
        for prompt, codes in zip(
            sample["prompts"], (dialog.voice_prompt_codes, dialog.user_voice_prompt_codes), strict=True
        ):
            assert (len(prompt), prompt[0]) == (codes.shape[1] * 1920, codes.shape[1])


def test_a_voice_prompt_that_was_not_kept(built: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"keeps no audio.*--from-tokens"):
        run_export(without_audio(built, tmp_path / "silent"), "prepared", tmp_path / "a")
    nameless = copied(built, tmp_path / "nameless")
    path = nameless / manifest_path(Table.VOICES)
    voices = pq.read_table(path)
    path.unlink()
    nulls = pa.nulls(len(voices), pa.string())
    write_all([voices.set_column(voices.column_names.index("prompt_path"), "prompt_path", nulls)], path, Table.VOICES)
    sealed(nameless)
    with pytest.raises(UserError, match=r"keeps no voice prompt of .* as audio.*pack\.audio=true"):
        run_export(nameless, "prepared", tmp_path / "c")
    out = copied(built, tmp_path / "out")
    gone = sorted((out / "voice_prompts").iterdir())
    for path in gone:
        path.unlink()
    with pytest.raises(DataError, match=r"voice_prompts/.*there is no such file"):
        run_export(out, "prepared", tmp_path / "b")
