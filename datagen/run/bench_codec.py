"""Measuring codecs: how fast each way of running Mimi is beside bare rustymimi, and how many of its codes are the same."""

import contextlib
import importlib.util
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from datagen.config import EngineChoice, Recipe, read_options
from datagen.engines.codecs import mimi_random
from datagen.engines.codecs.device_memory import forget_peak, peak_mb
from datagen.engines.codecs.melrvq import MelRvqCodec, MelRvqOptions
from datagen.engines.codecs.mimi import MimiCodec, MimiOptions, backend_of
from datagen.engines.codecs.mimi_rust import threads
from datagen.engines.codecs.mimi_torch import BATCH, device_of, has_cuda
from datagen.engines.codecs.mimi_torch_model import missing as lacks_torch
from datagen.engines.codecs.mimi_weights import VARIABLE, find, inspect
from datagen.errors import EngineError
from datagen.records.rendered import Codes
from datagen.records.speech import FRAME_SAMPLES, SAMPLE_RATE_HZ, Audio
from datagen.run.bare_mimi import BareMimi
from datagen.run.bench_stitch import spoke

BATCHES = {"cpu": (1, 4, 16), "cuda": (1, 16, 64, 128, 256)}
PRECISIONS = {"cpu": ("fp32",), "cuda": ("fp32", "tf32", "bf16")}
REPEATS = 2
"""Each way is measured so often; the fastest counts, since all else is what other processes took."""
CHANNELS = 2
"""Of a dialogue."""

Encode = Callable[[Sequence[Audio]], list[Codes]]


@dataclass(frozen=True, slots=True)
class Way:
    """A way to encode: `start` loads it and gives what encodes clips; `batch` is how many clips it takes at once."""

    name: str
    start: Callable[[], Encode]
    device: str = "cpu"
    batch: int = 1
    rival: bool = False
    comparable: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """One row. Rates are seconds of audio a second: `times_real_time` of one channel by the clock, `dialog_times_real_time` of
    both channels of a dialogue, `times_real_time_a_core` by CPU seconds. `equal_share` is the share of codes equal to those of
    the first way, None where it has other ones; `ratio` to the fastest rival of this run, None without one."""

    name: str
    device: str
    batch: int
    audio_s: float
    wall_s: float
    cpu_s: float
    equal_share: float | None
    ratio: float | None
    device_peak_mb: float | None

    @property
    def times_real_time(self) -> float:
        return self.audio_s / self.wall_s

    def to_dict(self) -> dict[str, Any]:
        rate = self.times_real_time
        rates = {"dialog_times_real_time": rate / CHANNELS, "times_real_time_a_core": self.audio_s / self.cpu_s}
        return {**asdict(self), "times_real_time": rate, **rates}


@dataclass(frozen=True, slots=True)
class CodecSpeed:
    """The rows, and on what they were measured. `n_codes` is how many codes each share is of."""

    clips: int
    audio_s: float
    n_codes: int
    processors: int
    weights: str
    lines: tuple[Line, ...]
    lacking: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "lines": [line.to_dict() for line in self.lines]}


def measure_codec(recipe: Recipe, seconds: float) -> CodecSpeed:
    """Encodes the first `seconds` of both channels of the recipe's dialogues, every way that is installed here.

    With the weights that `codec.weights` names, else those that are found, else random ones of the same size, made for the
    run. The first way is bare rustymimi one frame a step in single precision: what all codes are compared with. Where the
    recipe says more of `codec` than weights and books, that is the one way that is measured beside the bare ones. Raises
    EngineError where neither rustymimi nor torch is installed, or where weights are named that are not there.
    """
    options = read_options(MimiOptions, recipe.codec.options(), "codec")
    with _weights(options) as (path, told):
        options = options.model_copy(update={"weights": str(path)})
        ways = [*bare_ways(options), *mimi_ways(options)]
        if not ways:
            raise EngineError('bench codec: neither rustymimi nor torch is here. pip install "datagen[mimi]"')
        clips = channels(recipe.model_copy(update={"codec": EngineChoice(engine=MelRvqCodec.name)}), seconds)
        lines, n_codes = measure([*ways, _melrvq()], clips)
    audio_s = sum(len(clip) for clip in clips) / SAMPLE_RATE_HZ
    return CodecSpeed(len(clips), round(audio_s, 2), n_codes, threads(), told, lines, tuple(_lacking()))


def channels(recipe: Recipe, seconds: float) -> list[Audio]:
    """The first `seconds` of every channel of the recipe's dialogues, as stitched, mono at 24 kHz."""
    with spoke(recipe) as shard:
        return [
            np.ascontiguousarray(channel[: round(seconds * SAMPLE_RATE_HZ)])
            for said in shard.dialogs()
            for channel in shard.stitched(said).channels
        ]


def measure(ways: Sequence[Way], clips: Sequence[Audio], repeats: int = REPEATS) -> tuple[tuple[Line, ...], int]:
    """A row a way, and how many codes of the first way the shares are of. Each is loaded and has run before its clock starts."""
    truth: list[Codes] = []
    found: list[Line] = []
    for way in ways:
        forget_peak(way.device)
        heard = enough(clips, way.batch)
        encode = way.start()
        encode([clip[:FRAME_SAMPLES] for clip in heard])
        spent, codes = min((_timed(encode, heard) for _ in range(repeats)), key=lambda run: run[0])
        truth = truth or codes[: len(clips)]
        share = equal_share(codes, truth) if way.comparable else None
        audio_s = sum(len(clip) for clip in heard) / SAMPLE_RATE_HZ
        found.append(Line(way.name, way.device, way.batch, audio_s, *spent, share, None, peak_mb(way.device)))
    rival = max((line.times_real_time for way, line in zip(ways, found, strict=True) if way.rival), default=None)
    return tuple(_beside(line, rival) for line in found), sum(codes.size for codes in truth)


def equal_share(codes: Sequence[Codes], truth: Sequence[Codes]) -> float:
    """The share of the codes of `truth` that are the same in `codes`; those of a shape of its own count as none."""
    same = sum(int((a == b).sum()) for a, b in zip(codes, truth, strict=False) if a.shape == b.shape)
    return same / max(sum(b.size for b in truth), 1)


def enough(clips: Sequence[Audio], n: int) -> list[Audio]:
    """At least `n` clips: the given ones, then the same begun elsewhere, so that each place of a batch has its own."""
    rounds = range(1, -(-n // len(clips)))
    more = [np.roll(clip, -turn * FRAME_SAMPLES // 3) for turn in rounds for clip in clips]
    return [*clips, *more[: max(n - len(clips), 0)]]


def bare_ways(options: MimiOptions) -> Iterator[Way]:
    """Bare rustymimi, one frame a step and a whole file at once; none where it is not installed."""
    if _has_rustymimi():
        path, books = Path(options.weights), options.books
        yield Way("bare rustymimi, a frame a step", lambda: BareMimi(_moshi(path), books, 1).encode, rival=True)
        yield Way("bare rustymimi, whole files", lambda: BareMimi(_moshi(path), books, None).encode, rival=True)


def mimi_ways(options: MimiOptions) -> Iterator[Way]:
    """The one that `options` ask for, where they do, else every backend, device, precision and batch size that is here."""
    if options.model_fields_set - {"weights", "books"}:
        yield _mimi(options)
        return
    if _has_rustymimi():
        yield _mimi(options.model_copy(update={"backend": "rustymimi"}))
    for device in () if lacks_torch() else ("cpu", "cuda") if has_cuda() else ("cpu",):
        for precision in PRECISIONS[device]:
            for batch in BATCHES[device]:
                # rustymimi's window, so that what differs is the arithmetic; a build's own is moshi's.
                asked = {"device": device, "precision": precision, "batch": batch, "window": "rust"}
                yield _mimi(options.model_copy(update={"backend": "torch", **asked}))


def _mimi(options: MimiOptions) -> Way:
    if backend_of(options.backend) == "rustymimi":
        return Way("mimi, rustymimi", lambda: MimiCodec(options).encode)
    device = device_of(options.device)
    batch = options.batch or BATCH[device.partition(":")[0]]
    return Way(f"mimi, torch, {device}, {options.precision}", lambda: MimiCodec(options).encode, device, batch)


def _melrvq() -> Way:
    return Way("melrvq", lambda: MelRvqCodec(MelRvqOptions()).encode, comparable=False)


def _moshi(weights: Path) -> Path:
    return inspect(weights).moshi_path()


def _timed(encode: Encode, clips: Sequence[Audio]) -> tuple[tuple[float, float], list[Codes]]:
    wall, cpu = time.perf_counter(), time.process_time()
    codes = encode(clips)
    return (time.perf_counter() - wall, time.process_time() - cpu), codes


def _beside(line: Line, rival: float | None) -> Line:
    return replace(line, ratio=None if rival is None else line.times_real_time / rival)


@contextlib.contextmanager
def _weights(options: MimiOptions) -> Iterator[tuple[Path, str]]:
    """The file to measure with, and what to say of it."""
    named = options.weights or os.environ.get(VARIABLE, "")
    try:
        path = find(options.weights)
    except EngineError:
        if named:
            raise
        with tempfile.TemporaryDirectory(prefix="datagen-bench-") as folder:
            yield mimi_random.write(Path(folder) / "random.safetensors"), "random ones of full size, made for this run"
        return
    yield path, str(path)


def _has_rustymimi() -> bool:
    return importlib.util.find_spec("rustymimi") is not None


def _lacking() -> Iterator[str]:
    if not _has_rustymimi():
        yield 'rustymimi, so there is no comparison: pip install "datagen[mimi]"'
    if lacks_torch():
        yield 'torch with transformers: pip install "datagen[mimi-torch]"'
