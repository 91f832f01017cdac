"""Lhotse Shar is read back by lhotse itself, and asked for what NeMo's duplex datasets take of a cut."""

import gzip
import json
import re
import tarfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile
from drawn import RATE, drawn, event, turn

from datagen.config import read_options
from datagen.export.base import Part
from datagen.export.lhotse_shar import LhotseShar
from datagen.export.runner import run_export

FRAME_S = 0.08


@pytest.fixture(scope="module")
def shar(built, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("shar") / "out"
    run_export(built, "lhotse-shar", out)
    return out


@pytest.fixture(scope="module")
def cuts(shar) -> dict[str, list]:
    lhotse = pytest.importorskip("lhotse")
    return {s: list(lhotse.CutSet.from_shar(in_dir=shar / s)) for s in ("train", "valid", "test")}


@pytest.fixture(scope="module")
def dialogs(built) -> dict[str, dict]:
    rows = pl.read_parquet(built / "manifests/dialogs.parquet").to_dicts()
    return {row["dialog_id"]: row for row in rows}


@pytest.fixture(scope="module")
def turns(built) -> pl.DataFrame:
    return pl.read_parquet(built / "manifests/turns.parquet")


def test_lhotse_reads_every_dialogue_of_every_split_once(cuts, dialogs):
    from lhotse.qa import validate

    for split, found in cuts.items():
        assert [c.id for c in found] == [i for i, row in dialogs.items() if row["split"] == split]
        for cut in found:
            validate(cut, read_data=True)
            assert cut.custom["system_prompt"] == dialogs[cut.id]["role_context"]
            assert cut.sampling_rate == RATE


def test_the_audio_is_the_builds_sample_for_sample(cuts, dialogs, built):
    voices = {r["id"]: r["prompt_path"] for r in pl.read_parquet(built / "manifests/voices.parquet").to_dicts()}
    for cut in (c for found in cuts.values() for c in found):
        row = dialogs[cut.id]
        agent, user = soundfile.read(built / row["audio_path"], dtype="float32")[0].T
        assert np.array_equal(cut.load_audio()[0], user)
        assert np.array_equal(cut.load_custom("target_audio")[0], agent)
        prompt = soundfile.read(built / voices[row["agent_voice"]], dtype="float32")[0]
        assert np.array_equal(cut.context_audio.load_audio()[0], prompt)
        assert cut.duration == pytest.approx(row["duration_s"], abs=1e-9)


def test_a_supervision_a_turn_with_the_heard_text_and_those_beside(cuts, turns):
    n_cut, n_beside = 0, 0
    for cut in (c for found in cuts.values() for c in found):
        rows = turns.filter(pl.col("dialog_id") == cut.id).sort("turn").to_dicts()
        own = sorted((s for s in cut.supervisions if s.alignment), key=lambda s: s.custom["turn"])
        assert [(s.speaker, s.text) for s in own] == [(r["speaker"], r["heard_text"]) for r in rows]
        for s, row in zip(own, rows, strict=True):
            assert (s.start, s.end) == pytest.approx((row["start_s"], row["end_s"]), abs=1e-6)
            assert " ".join(w.symbol for w in s.alignment["word"]) == row["heard_text"]
            n_cut += bool(row["unheard_text"])
        said = [e for r in rows for e in r["events"] if e["type"] in ("backchannel", "failed_barge_in")]
        beside = [s for s in cut.supervisions if not s.alignment]
        assert sorted(s.text for s in beside) == sorted(json.loads(e["attrs"])["text"] for e in said)
        n_beside += len(beside)
    assert n_cut >= 3
    assert n_beside >= 5


def test_what_nemo_takes_of_a_cut_is_there(cuts):
    """The ways of nemo/collections/speechlm2/data (s2s, duplex_stt, duplex_ear_tts) through a cut, in our own words."""
    from lhotse import compute_num_frames

    for cut in (c for found in cuts.values() for c in found):
        n_frames = compute_num_frames(cut.duration, FRAME_S, cut.sampling_rate)
        assert {s.speaker for s in cut.supervisions} == {"user", "agent"}
        assert all(a.start <= b.start for a, b in pairwise(cut.supervisions))
        assert len({s.id for s in cut.supervisions}) == len(cut.supervisions)
        for s in cut.supervisions:
            first = compute_num_frames(s.start, FRAME_S, cut.sampling_rate)
            last = compute_num_frames(s.end, FRAME_S, cut.sampling_rate)
            assert first < n_frames  # else NeMo calls the example ill-constructed, and leaves the turn out
            assert first < last <= n_frames
            assert s.text.strip() == s.text != ""
            assert "function" not in s.custom  # a fork asks; None would stop its data loader
            for word in (s.alignment or {}).get("word", []):
                assert s.start - 1e-6 <= word.start <= word.end <= s.end + 1e-6
        assert hasattr(cut, "context_audio")
        assert cut.target_audio.num_samples == cut.recording.num_samples
        turn = next(s for s in cut.supervisions if s.speaker == "agent")
        audio = cut.truncate(offset=max(0, turn.start), duration=turn.duration).load_custom("target_audio")
        assert audio.shape[1] == pytest.approx(turn.duration * RATE, abs=2)
        assert np.abs(audio).max() > 0.02  # the agent speaks there


def test_a_split_folder_holds_nothing_but_shards(shar):
    # lhotse takes every file of the folder for a field of the cuts.
    for split in ("train", "valid", "test"):
        names = sorted(p.name for p in (shar / split).iterdir())
        assert {n.partition(".")[0] for n in names} == {"cuts", "recording", "target_audio", "context_audio"}
        assert len(names) == 4 * len([n for n in names if n.startswith("cuts.")])


def test_the_same_build_gives_the_same_bytes(shar, built, tmp_path):
    run_export(built, "lhotse-shar", tmp_path / "again", splits=("test",))
    for path in sorted((tmp_path / "again/test").iterdir()):
        assert path.read_bytes() == (shar / "test" / path.name).read_bytes()


@pytest.mark.full
def test_decoded_tokens_stand_in_for_the_audio(built, tmp_path, dialogs):
    lhotse = pytest.importorskip("lhotse")
    run_export(built, "lhotse-shar", tmp_path / "out", splits=("valid",), from_tokens=True)
    (cut,) = lhotse.CutSet.from_shar(in_dir=tmp_path / "out/valid")
    agent, user = soundfile.read(built / dialogs[cut.id]["audio_path"], dtype="float32")[0].T
    for found, real in ((cut.load_audio()[0], user), (cut.load_custom("target_audio")[0], agent)):
        assert found.shape == real.shape
        assert not np.array_equal(found, real)
        assert np.corrcoef(_energy(found), _energy(real))[0, 1] > 0.5


def _energy(audio: np.ndarray) -> np.ndarray:
    n = len(audio) // 1_920
    return np.log10(np.square(audio[: n * 1_920]).reshape(n, 1_920).mean(1) + 1e-8)


def _written(dialog, tmp_path, **options) -> dict:
    form = LhotseShar(read_options(LhotseShar.Options, options, "lhotse-shar"))
    written = form.write(Part("test-00000", "test", 0, 1, ("test-00000",), 1), iter([dialog]), tmp_path)
    assert sorted(written.files) == sorted(
        p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()
    )
    cut = json.loads(gzip.decompress((tmp_path / written.files[-1]).read_bytes()))
    return {"cut": cut, "counts": written.counts, "files": written.files}


@pytest.fixture
def dialog():
    said = [
        event("backchannel", 0, 3.1, 3.5, 1, text="mm hm"),
        event("side_talk", 1, 3.6, 3.8, 1, text="not now"),
        event("pause", 1, 3.0, 3.2, 1, pause_s=0.2),
    ]
    turns = [
        turn(0, "agent", 0.5, ["Hello,", "who", "is"], heard=0),
        turn(1, "user", 1.0, ["It", "is", "me,", "Ann", "Lee.", "Hi."], events=said),
        turn(2, "agent", 4.2, ["Hi,", "Ann.", "Now", "then"], heard=2),
    ]
    return drawn(turns, 6.0)


def test_what_was_not_heard_has_no_text_and_is_counted(dialog, tmp_path):
    found = _written(dialog, tmp_path)
    texts = [(s["speaker"], s["text"]) for s in found["cut"]["supervisions"]]
    assert texts == [("user", "It is me, Ann Lee. Hi."), ("agent", "mm hm"), ("agent", "Hi, Ann.")]
    assert found["counts"] == {"supervisions": 3, "turns_unheard": 1, "side_talk_left_out": 1}
    assert found["cut"]["supervisions"][2]["custom"]["unheard_text"] == "Now then"


def test_user_words_bear_their_frames_where_asked(dialog, tmp_path):
    found = _written(dialog, tmp_path, user_word_frames=True, beside=False)
    user, agent = found["cut"]["supervisions"]
    assert agent["text"] == "Hi, Ann."
    marks = re.findall(r"<\|(\d+)\|> (\S+) <\|(\d+)\|>", user["text"])
    assert [w for _, w, _ in marks] == ["It", "is", "me,", "Ann", "Lee.", "Hi."]
    assert [(int(a), int(b)) for a, _, b in marks] == [(0, 6), (6, 12), (12, 18), (18, 25), (25, 31), (31, 37)]
    assert re.sub(r"\s+", " ", re.sub(r"<\|\d+\|>", "", user["text"])).strip() == "It is me, Ann Lee. Hi."


@pytest.mark.parametrize("start_s", [0.1, 0.3, 0.7, 1.1, 2.9])
def test_a_word_that_begins_with_a_frame_bears_that_frames_number(start_s, tmp_path):
    """Whatever the last digits of a time less the turn's own."""
    said = drawn([turn(0, "user", start_s, ["one"] * 40, word_s=0.08)], 8.0)
    text = _written(said, tmp_path, user_word_frames=True)["cut"]["supervisions"][0]["text"]
    assert re.findall(r"<\|(\d+)\|> one <\|(\d+)\|>", text) == [(str(k), str(k + 1)) for k in range(40)]


def test_without_the_voice_prompt_there_is_no_tar_of_it(dialog, tmp_path):
    found = _written(dialog, tmp_path, context_audio=False)
    assert not any("context_audio" in name for name in found["files"])
    assert "context_audio" not in found["cut"]["custom"]
    with tarfile.open(tmp_path / "test/recording.000000.tar") as tar:
        assert [(m.name, m.mtime, m.uid, m.uname) for m in tar] == [
            ("bank-000042.flac", 0, 0, ""),
            ("bank-000042.json", 0, 0, ""),
        ]
