"""Measuring codecs: how fast each way of running Mimi is beside bare rustymimi, and how many of its codes are the same."""

import contextlib
import gc
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from datagen.config import EngineChoice, Recipe
from datagen.engines import registry
from datagen.engines.codecs import mimi_random
from datagen.engines.codecs.mimi_rust import threads
from datagen.engines.codecs.mimi_weights import VARIABLE, find, inspect
from datagen.errors import EngineError, UserError
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
MIMI, MELRVQ = "mimi", "melrvq"

Encode = Callable[[Sequence[Audio]], list[Codes]]


@dataclass(frozen=True, slots=True)
class Way:
    """A way to encode: `start` loads it and gives what encodes clips; `batch` is how many clips it takes at once.

    A `rival` is what the others are compared with. The codes of one that is not `comparable` mean something else. One that
    is `tried` may lack what it needs here; the others have to be there.
    """

    name: str
    start: Callable[[], Encode]
    batch: int = 1
    rival: bool = False
    comparable: bool = True
    tried: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One row. `equal_share` is the share of codes equal to those of the first way, None where it has other ones; `ratio` is
    times the fastest rival of this run, None without one; `gpu_peak_mb` (2**20 bytes) is what torch held, None without a GPU."""

    name: str
    batch: int
    audio_s: float
    wall_s: float
    cpu_s: float
    equal_share: float | None
    ratio: float | None
    gpu_peak_mb: float | None

    @property
    def times_real_time(self) -> float:
        """Seconds of one channel's audio a second by the clock, with all that this process may use."""
        return self.audio_s / self.wall_s

    @property
    def dialog_times_real_time(self) -> float:
        """The same for both channels of a dialogue."""
        return self.times_real_time / CHANNELS

    @property
    def times_real_time_a_core(self) -> float:
        """Seconds of one channel's audio a CPU second, of all threads together."""
        return self.audio_s / max(self.cpu_s, 1e-9)

    def to_dict(self) -> dict[str, Any]:
        rates = ("times_real_time", "dialog_times_real_time", "times_real_time_a_core")
        return {**asdict(self), **{rate: getattr(self, rate) for rate in rates}}


@dataclass(frozen=True, slots=True)
class CodecSpeed:
    """The rows, and on what they were measured. `n_codes` is how many codes a share is of; `lacking` what could not be run."""

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
    asked = recipe.codec.options()
    options: Any = registry.options_of("codec", MIMI, asked)
    with _weights(options.weights) as (path, told):
        ways = [*bare_ways(path, options.books), *mimi_ways({**asked, "weights": str(path)}), _way(MELRVQ, {})]
        clips = channels(recipe.model_copy(update={"codec": EngineChoice(engine=MELRVQ)}), seconds)
        lines, n_codes, lacking = measure(ways, clips)
    audio_s = sum(len(clip) for clip in clips) / SAMPLE_RATE_HZ
    return CodecSpeed(len(clips), round(audio_s, 2), n_codes, threads(), told, lines, lacking)


def channels(recipe: Recipe, seconds: float) -> list[Audio]:
    """The first `seconds` of every channel of the recipe's dialogues, as stitched, mono at 24 kHz."""
    with spoke(recipe) as shard:
        return [
            np.ascontiguousarray(channel[: round(seconds * SAMPLE_RATE_HZ)])
            for said in shard.dialogs()
            for channel in shard.stitched(said).channels
        ]


def measure(
    ways: Sequence[Way], clips: Sequence[Audio], repeats: int = REPEATS
) -> tuple[tuple[Line, ...], int, tuple[str, ...]]:
    """A row a way, how many codes of the first way a share is of, and why ways that were tried are not among them."""
    truth: list[Codes] = []
    found: list[tuple[Way, Line]] = []
    lacking: dict[str, None] = {}
    for way in ways:
        try:
            line, codes = _measured(way, enough(clips, way.batch), repeats)
        except (EngineError, UserError) as error:
            if not way.tried:
                raise
            lacking[str(error)] = None
            continue
        truth = truth or codes[: len(clips)]
        found.append((way, replace(line, equal_share=equal_share(codes, truth) if way.comparable else None)))
    rates = [line.times_real_time for way, line in found if way.rival]
    lines = (replace(line, ratio=line.times_real_time / max(rates)) if rates else line for _, line in found)
    return tuple(lines), sum(codes.size for codes in truth), tuple(lacking)


def equal_share(codes: Sequence[Codes], truth: Sequence[Codes]) -> float:
    """The share of the codes of `truth` that are the same in `codes`; those of a shape of its own count as none."""
    same = sum(int((a == b).sum()) for a, b in zip(codes, truth, strict=False) if a.shape == b.shape)
    return same / max(sum(b.size for b in truth), 1)


def enough(clips: Sequence[Audio], n: int) -> list[Audio]:
    """At least `n` clips: the given ones, then the same begun elsewhere, so that each place of a batch has its own."""
    rounds = range(1, -(-n // len(clips)))
    more = [np.roll(clip, -turn * FRAME_SAMPLES // 3) for turn in rounds for clip in clips]
    return [*clips, *more[: max(n - len(clips), 0)]]


def bare_ways(weights: Path, books: int) -> Iterator[Way]:
    """Bare rustymimi, one frame a step and a whole file at once; none where it is not installed."""
    if importlib.util.find_spec("rustymimi"):
        path = inspect(weights).moshi_path()
        yield Way("bare rustymimi, a frame a step", BareMimi(path, books, 1).start, rival=True)
        yield Way("bare rustymimi, whole files", BareMimi(path, books, None).start, rival=True)


def mimi_ways(asked: Mapping[str, Any]) -> Iterator[Way]:
    """The one that the options ask for, where they do, else every backend, device, precision and batch size."""
    if asked.keys() - {"weights", "books"}:
        yield _way(MIMI, asked)
        return
    yield _way(MIMI, {**asked, "backend": "rustymimi"}, tried=True)
    for device, precisions in PRECISIONS.items():
        for precision in precisions:
            for batch in BATCHES[device]:
                # rustymimi's window, so that what differs is the arithmetic; a build's own is moshi's.
                torch = {"backend": "torch", "device": device, "precision": precision, "batch": batch, "window": "rust"}
                yield _way(MIMI, {**asked, **torch}, tried=True)


def _way(engine: str, asked: Mapping[str, Any], tried: bool = False) -> Way:
    told = [str(asked[key]) for key in ("backend", "device", "precision") if key in asked]

    def start() -> Encode:
        codec = registry.make("codec", engine, registry.options_of("codec", engine, asked))
        encode: Encode = codec.encode
        return encode

    return Way(", ".join([engine, *told]), start, max(int(asked.get("batch", 1)), 1), False, engine == MIMI, tried)


def _measured(way: Way, clips: Sequence[Audio], repeats: int) -> tuple[Line, list[Codes]]:
    """The row without what other rows say to it. Everything is loaded and has run once before the clock starts."""
    gc.collect()
    if gpu := _gpu():
        gpu.empty_cache()
        gpu.reset_peak_memory_stats()
    encode = way.start()
    encode([clip[:FRAME_SAMPLES] for clip in clips])
    (wall_s, cpu_s), codes = min((_timed(encode, clips) for _ in range(repeats)), key=lambda run: run[0])
    gpu = _gpu()
    peak_mb = gpu.max_memory_allocated() / 2**20 if gpu else 0.0
    audio_s = sum(len(clip) for clip in clips) / SAMPLE_RATE_HZ
    return Line(way.name, way.batch, audio_s, wall_s, cpu_s, None, None, peak_mb or None), codes


def _timed(encode: Encode, clips: Sequence[Audio]) -> tuple[tuple[float, float], list[Codes]]:
    wall, cpu = time.perf_counter(), time.process_time()
    codes = encode(clips)
    return (time.perf_counter() - wall, time.process_time() - cpu), codes


def _gpu() -> Any:
    """torch.cuda, where an engine has loaded torch and runs on a GPU: nothing here loads it."""
    torch: Any = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_initialized() else None


@contextlib.contextmanager
def _weights(given: str) -> Iterator[tuple[Path, str]]:
    """The file to measure with, and what to say of it."""
    try:
        path = find(given)
    except EngineError:
        if given or os.environ.get(VARIABLE):
            raise
        with tempfile.TemporaryDirectory(prefix="datagen-bench-") as folder:
            yield mimi_random.write(Path(folder) / "random.safetensors"), "random ones of full size, made for this run"
        return
    yield path, str(path)
