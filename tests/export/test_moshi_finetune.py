"""moshi-finetune's files, read back by a reader of their own: its bisection, its frames, its text row."""

import json
import wave
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from datagen.errors import DataError
from datagen.export.runner import run_export
from datagen.load.builds import open_build
from datagen.load.dialog import Dialog
from datagen.load.reading import ShardReader
from datagen.load.spec import MOSHI
from datagen.load.text_row import text_row
from datagen.load.tokenizers import TRYING, for_trying, open_tokenizer
from tests.export.exported import copied, lines_of, sealed, without_audio


@pytest.fixture(scope="module")
def exported(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small build as moshi-finetune. Read only."""
    folder = tmp_path_factory.mktemp("moshi-finetune") / "export"
    run_export(built, "moshi-finetune", folder)
    return folder


def all_dialogs(built: Path) -> dict[str, Dialog]:
    build = open_build(built)
    return {
        d.dialog_id: d for shard in build.summary.shards if shard.n_dialogs for d in ShardReader(build).dialogs(shard)
    }


def read_strictly(jsonl: Path) -> dict[str, tuple[np.ndarray[Any, Any], dict[str, Any]]]:
    """Every sample of a jsonl by name: int16 [2, n_samples] and the transcript; an AssertionError for anything out of the format."""
    samples = {}
    for entry in lines_of(jsonl):
        assert set(entry) == {"path", "duration"}
        path = jsonl.parent / entry["path"]
        assert not Path(entry["path"]).is_absolute()
        with wave.open(str(path)) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 24_000)
            pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2).T
        assert entry["duration"] == pcm.shape[1] / 24_000
        transcript = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        starts = []
        for text, (start, end), speaker in transcript["alignments"]:
            assert isinstance(text, str)
            assert text.strip()
            assert 0 <= start < end <= entry["duration"]
            assert speaker == "SPEAKER_MAIN"
            starts.append(start)
        assert starts == sorted(starts)  # a window's words are found by bisection
        samples[path.stem] = pcm, transcript
    return samples


def text_stream(alignments: list[Any], n_frames: int, encode: Any) -> list[int]:
    """What the trainer's interleaver makes of a transcript by default (2025-07), in words of our own.

    Frame by frame, every word that begins before the frame's end takes the place of what waits; a waiting token goes out each
    frame, and where PAD (3) stands before one, it becomes EPAD (0).
    """
    row = [3] * n_frames
    words = deque(sorted(alignments, key=lambda a: a[1][0]))
    waiting: deque[int] = deque()
    for frame in range(n_frames):
        while words and words[0][1][0] * 12.5 < frame + 1:
            waiting = deque(encode(words.popleft()[0].strip()))
        if waiting:
            if frame and row[frame - 1] == 3:
                row[frame - 1] = 0
            row[frame] = waiting.popleft()
    return row


def test_each_split_is_read_back_whole(built: Path, exported: Path) -> None:
    wanted = all_dialogs(built)
    found = {}
    for split in open_build(built).splits:
        samples = read_strictly(exported / f"{split}.jsonl")
        assert set(samples) == {d.dialog_id for d in wanted.values() if d.split == split}
        found |= samples
    for dialog_id, (pcm, transcript) in found.items():
        flac, rate_hz = soundfile.read(built / "audio" / f"{dialog_id}.flac", dtype="int16")
        assert rate_hz == 24_000
        np.testing.assert_array_equal(pcm, flac.T)  # bit for bit: left the agent, right the user
        words = wanted[dialog_id].words
        assert [a[0] for a in transcript["alignments"]] == list(words.texts)
        assert [
            a[1][0] for a in transcript["alignments"]
        ] == words.start_s.tolist()  # not rounded: a frame may hang on it
        assert set(transcript) == {"alignments"}


def test_the_trainers_text_row_is_our_own(built: Path, exported: Path) -> None:
    tokenizer, spec = open_tokenizer(TRYING), for_trying(MOSHI)
    samples = read_strictly(exported / "train.jsonl")
    n_tokens = 0
    for dialog_id, dialog in all_dialogs(built).items():
        if dialog_id in samples:
            theirs = text_stream(samples[dialog_id][1]["alignments"], dialog.n_frames, tokenizer.encode)
            ours, counts = text_row(dialog.words, dialog.n_frames, tokenizer, spec, "drop")
            assert ours.tolist() == theirs
            n_tokens += counts.tokens
    assert n_tokens > 500


def test_the_trainers_own_audio_reader(exported: Path) -> None:
    sphn = pytest.importorskip("sphn", reason="moshi-finetune's audio reader")
    samples = read_strictly(exported / "train.jsonl")
    read = sphn.dataset_jsonl(
        str(exported / "train.jsonl"), duration_sec=30, num_threads=1, sample_rate=24_000, pad_last_segment=True
    )
    seen = set()
    for chunk in read.seq(skip=0, step_by=1):
        stem = Path(chunk["path"]).stem
        if chunk["start_time_sec"] == 0:
            seen.add(stem)
            wanted = samples[stem][0][:, : chunk["unpadded_len"]] / np.float32(32_768)
            np.testing.assert_array_equal(chunk["data"][:, : chunk["unpadded_len"]], wanted)
    assert seen == set(samples)


def test_the_role_context_goes_where_it_is_asked_for(built: Path, tmp_path: Path) -> None:
    run_export(built, "moshi-finetune", tmp_path, splits=["valid"], options={"text_conditions": "description"})
    wanted = all_dialogs(built)
    for dialog_id, (_, transcript) in read_strictly(tmp_path / "valid.jsonl").items():
        assert transcript["text_conditions"] == {"description": wanted[dialog_id].role_context}


class Loud:
    """A codec whose every frame is its first code, so that what was decoded can be told."""

    def decode(self, codes: list[np.ndarray[Any, Any]]) -> list[np.ndarray[Any, Any]]:
        return [np.repeat(c[0].astype(np.float32) / 2048, 1920) for c in codes]


def test_from_tokens_without_audio(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datagen.export.sound.decoder", lambda where, summary: Loud())
    silent = without_audio(built, tmp_path / "silent")
    run_export(silent, "moshi-finetune", tmp_path / "export", from_tokens=True)
    wanted = all_dialogs(built)
    for dialog_id, (pcm, _) in read_strictly(tmp_path / "export" / "train.jsonl").items():
        n_samples = soundfile.info(built / "audio" / f"{dialog_id}.flac").frames
        assert pcm.shape == (2, n_samples)  # the dialogue's own length, not whole frames
        firsts = pcm[:, ::1920] // 16
        np.testing.assert_array_equal(firsts[0], wanted[dialog_id].agent_codes[0])
        np.testing.assert_array_equal(firsts[1], wanted[dialog_id].user_codes[0])


@pytest.mark.full
def test_what_the_tokens_decode_to_is_near_the_audio(built: Path, exported: Path, tmp_path: Path) -> None:
    """The real codec: the loudness of each half second goes with the original's."""
    run_export(built, "moshi-finetune", tmp_path, splits=["valid"], from_tokens=True)
    originals = read_strictly(exported / "valid.jsonl")
    for dialog_id, (pcm, _) in read_strictly(tmp_path / "valid.jsonl").items():
        levels = [_levels(audio) for audio in (pcm, originals[dialog_id][0])]
        for side in range(2):
            assert np.corrcoef(levels[0][side], levels[1][side])[0, 1] > 0.9


def _levels(pcm: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    whole = pcm[:, : pcm.shape[1] // 12_000 * 12_000].astype(np.float64).reshape(2, -1, 12_000)
    return np.sqrt((whole**2).mean(axis=2))


def test_audio_of_another_length_than_the_manifest_says(built: Path, tmp_path: Path) -> None:
    out = copied(built, tmp_path / "out")
    short = sorted((out / "audio").iterdir())[0]
    samples, rate_hz = soundfile.read(short, dtype="int16")
    short.unlink()
    soundfile.write(short, samples[:-100], rate_hz)
    with pytest.raises(DataError, match=rf"{short}: its SHA-256 is "):
        run_export(out, "moshi-finetune", tmp_path / "export")
    with pytest.raises(DataError, match=rf"{short}: .*{len(samples) - 100}\] samples, and dialogs has {len(samples)}"):
        run_export(sealed(out), "moshi-finetune", tmp_path / "export")
