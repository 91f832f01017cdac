"""`datagen bench codec`: rates, the ratio to bare rustymimi of the same run, and a share of equal codes that finds what differs."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from datagen.engines.codecs.mimi_weights import VARIABLE
from datagen.errors import UserError
from datagen.records.rendered import Codes
from datagen.records.speech import FRAME_SAMPLES, Audio
from datagen.run.bench_codec import Way, enough, equal_share, measure, mimi_ways
from tests.conftest import inside

CLIPS = [np.full(frames * FRAME_SAMPLES, level, np.float32) for frames, level in ((3, 0.1), (5, 0.2))]


def codes_of(clips: Sequence[Audio]) -> list[Codes]:
    """Two books that tell the clips and the frames apart."""
    return [
        np.array([np.arange(len(clip) // FRAME_SAMPLES), np.full(len(clip) // FRAME_SAMPLES, 100 * clip[0])], np.int16)
        for clip in clips
    ]


def wrong_in_the_last_frame(clips: Sequence[Audio]) -> list[Codes]:
    made = codes_of(clips)
    for codes in made:
        codes[1, -1] += 1
    return made


def with_seconds(encode: Callable[[Sequence[Audio]], list[Codes]], seconds: float) -> Callable[[], object]:
    def start() -> Callable[[Sequence[Audio]], list[Codes]]:
        import time

        def slow(clips: Sequence[Audio]) -> list[Codes]:
            time.sleep(seconds)
            return encode(clips)

        return slow

    return start


def test_what_differs_from_the_first_way_shows_and_the_ratio_is_to_the_faster_rival() -> None:
    ways = [
        Way("streamed", with_seconds(codes_of, 0.2), rival=True),
        Way("whole", with_seconds(codes_of, 0.1), rival=True),
        Way("same", with_seconds(codes_of, 0.02), batch=3),
        Way("wrong", with_seconds(wrong_in_the_last_frame, 0.02)),
        Way("another codec", with_seconds(codes_of, 0.02), comparable=False),
    ]
    lines, n_codes, lacking = measure(ways, CLIPS, repeats=1)
    assert n_codes == 2 * (3 + 5)
    assert lacking == ()
    streamed, whole, same, wrong, other = lines
    assert [line.equal_share for line in lines] == [1, 1, 1, 1 - 2 / 16, None]
    assert whole.ratio == 1
    assert streamed.ratio < 1
    assert streamed.ratio == pytest.approx(whole.wall_s / streamed.wall_s)
    assert same.audio_s == pytest.approx(0.08 * (3 + 5 + 3))  # three at once: the first clip again, begun elsewhere
    assert same.times_real_time == pytest.approx(same.audio_s / same.wall_s)
    assert same.ratio == pytest.approx(same.times_real_time / whole.times_real_time)
    assert wrong.ratio > 1
    assert other.to_dict()["dialog_times_real_time"] == other.times_real_time / 2
    assert {line.gpu_peak_mb for line in lines} == {None}


def test_without_a_rival_there_is_no_ratio() -> None:
    lines, _, _ = measure([Way("alone", lambda: codes_of)], CLIPS, repeats=2)
    assert lines[0].ratio is None
    assert lines[0].equal_share == 1


def test_codes_of_another_shape_are_none_of_them_equal() -> None:
    truth = codes_of(CLIPS)
    assert equal_share([truth[0][:1], truth[1]], truth) == 10 / 16
    assert equal_share([truth[0]], truth) == 6 / 16
    assert equal_share([], []) == 0


def test_a_batch_has_a_clip_of_its_own_in_every_place() -> None:
    clips = [np.arange(2 * FRAME_SAMPLES, dtype=np.float32) + i for i in range(3)]
    more = enough(clips, 8)
    assert [np.array_equal(a, b) for a, b in zip(more[:3], clips, strict=True)] == [True] * 3
    assert len({clip.tobytes() for clip in more}) == len(more) == 8
    assert len(enough(clips, 1)) == 3


def test_the_ways_are_all_there_are_or_the_one_that_is_asked_for() -> None:
    names = [(way.name, way.batch) for way in mimi_ways({"weights": "mimi.safetensors", "books": 4})]
    assert names[:4] == [("mimi, rustymimi", 1)] + [("mimi, torch, cpu, fp32", batch) for batch in (1, 4, 16)]
    assert {name for name, _ in names[4:]} == {f"mimi, torch, cuda, {p}" for p in ("fp32", "tf32", "bf16")}
    asked = list(mimi_ways({"backend": "torch", "device": "cpu", "batch": 7, "precision": "bf16"}))
    assert [(way.name, way.batch, way.tried) for way in asked] == [("mimi, torch, cpu, bf16", 7, False)]


def test_a_way_that_is_not_here_is_told_once_and_one_that_was_asked_for_stops_it() -> None:
    def lacks() -> Callable[[Sequence[Audio]], list[Codes]]:
        raise UserError("codec.device = cuda: torch finds no CUDA device here.")

    ways = [Way("streamed", lambda: codes_of), Way("gpu", lacks, tried=True), Way("gpu", lacks, batch=2, tried=True)]
    lines, _, lacking = measure(ways, CLIPS, repeats=1)
    assert [line.name for line in lines] == ["streamed"]
    assert lacking == ("codec.device = cuda: torch finds no CUDA device here.",)
    with pytest.raises(UserError, match="no CUDA device"):
        measure([Way("gpu", lacks)], CLIPS, repeats=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("bench", "plan", "--seconds", "3"), "--seconds 3: "),
        (("bench", "codec", "--seconds", "0"), "--seconds 0: "),
        (("bench", "codec", "--seconds", "nan"), "--seconds nan: "),
        (("bench", "codec", "--dialogs", "0"), "--dialogs 0"),
        (("bench", "codec", "--set", "codec.engine=melrvq"), "codec.engine = melrvq"),
        (("bench", "codec", "--set", "codec.bookz=3"), "codec.bookz"),
    ],
)
def test_what_cannot_be_measured_is_one_line(arguments: tuple[str, ...], message: str) -> None:
    ran = inside(*arguments)
    assert ran.code == 1
    assert message in ran.err
    assert ran.err.count("\n") == 1


def test_weights_that_are_named_and_not_there_are_no_reason_to_take_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    ran = inside("bench", "codec", "--set", "codec.weights=/nowhere/mimi.safetensors")
    assert ran.code == 2
    assert "/nowhere/mimi.safetensors" in ran.err


@pytest.mark.full
def test_random_weights_are_made_where_there_are_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("rustymimi")
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    ran = inside("bench", "codec", "--dialogs", "1", "--seconds", "0.2", "--set", "codec.backend=rustymimi", "--json")
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert "random" in found["weights"]
    assert (found["clips"], found["audio_s"], found["n_codes"]) == (2, 0.4, 2 * 8 * math.ceil(0.2 / 0.08))
    assert [line["name"] for line in found["lines"]] == [
        "bare rustymimi, a frame a step",
        "bare rustymimi, whole files",
        "mimi, rustymimi",
        "melrvq",
    ]
    assert [line["equal_share"] for line in found["lines"]] == [1, 1, 1, None]
    assert all(line["wall_s"] > 0 and line["ratio"] > 0 for line in found["lines"])
