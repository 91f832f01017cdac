"""Measuring the loader on one core: dialogues read and made into training sequences, beside others that read the same files."""

import importlib.util
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from datagen.config import Recipe
from datagen.load import personaplex
from datagen.load.builds import OpenBuild, open_build
from datagen.load.iterating import iter_dialogs
from datagen.load.spec import PERSONAPLEX
from datagen.load.tokenizers import TRYING, open_tokenizer
from datagen.run.local import run_build
from datagen.run.request import prepare
from datagen.stages.pack.schema import token_file_name

LEAST_S = 1.0
"""Each way goes through the split, epoch after epoch, for so much of the processor's time at least, after one for nothing."""
RIVAL_LEAST_S = 0.3
REPEATS = 3
"""Each way is measured so often, in turn; the fastest counts, since all else is what other processes took."""
RIVALS = ("pyarrow", "datasets")
CODES = ("agent_codes", "user_codes", "voice_prompt_codes", "user_voice_prompt_codes")


@dataclass(frozen=True, slots=True)
class LoadSpeed:
    """Frames of dialogue a second of one core's time, by way; a dialogue has `frames_a_dialog` of them on average.

    `read` gives checked `Dialog`s, `sequence` the PersonaPlex sequence of each, prefix, text row and weights. `pyarrow` is
    to_pylist with the four columns of codes made numpy, `datasets` Hugging Face's with these in its numpy format, from Arrow
    tables that are decoded before the clock starts: both give the same rows in their order, all columns, and check nothing.
    `build` is the folder or URL, or the recipe of one that was made for it.
    """

    build: str
    dialogs: int
    frames_a_dialog: float
    frames_s: Mapping[str, float]

    def ratio(self, rival: str) -> float | None:
        """How many times the rival's throughput `read` has; None where `rival` was not measured, or is none."""
        return self.frames_s["read"] / self.frames_s[rival] if rival in self.frames_s and rival in RIVALS else None

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": {r: self.ratio(r) for r in RIVALS}}


def measure_load(recipe: Recipe, out: str | None, split: str = "train") -> LoadSpeed:
    """The loader's speed on the build at `out`, or on one of `recipe` that is made for it and removed again."""
    if out is not None:
        return measure_build_at(out, split)
    with tempfile.TemporaryDirectory(prefix="datagen-bench-") as folder:
        made = Path(folder) / "out"
        run_build(prepare(recipe, made), 1, lambda _: None)
        return replace(measure_build_at(str(made), split), build=recipe.name)


def measure_build_at(out: str, split: str, least_s: float = LEAST_S, repeats: int = REPEATS) -> LoadSpeed:
    """The loader's speed on a split of the build at `out`, folder or URL; the rivals' too, where it is a folder."""
    build = open_build(out)
    shards = build.need_shards(split)
    frames = [d.n_frames for d in iter_dialogs(build, split)]
    ways: dict[str, tuple[Callable[[int], Iterator[Any]], float]] = {
        "read": (lambda epoch: iter_dialogs(build, split, seed=0, epoch=epoch), least_s),
        "sequence": (_sequences(build, split), least_s),
    }
    if Path(out).is_dir():
        files = [Path(out) / token_file_name(s.split, s.number) for s in shards]
        ways["pyarrow"] = (lambda _: _by_pyarrow(files), min(least_s, RIVAL_LEAST_S))
        if importlib.util.find_spec("datasets"):
            ways["datasets"] = (_by_datasets(files), min(least_s, RIVAL_LEAST_S))
    dialogs_s: dict[str, float] = {}
    for _ in range(repeats):
        for name, (epoch, least) in ways.items():
            dialogs_s[name] = max(dialogs_s.get(name, 0.0), _dialogs_a_second(epoch, least))
    mean = sum(frames) / len(frames)
    return LoadSpeed(out, len(frames), round(mean, 1), {n: round(s * mean, 1) for n, s in dialogs_s.items()})


def _dialogs_a_second(epoch: Callable[[int], Iterator[Any]], least_s: float) -> float:
    for _ in epoch(0):  # reads the files into memory, and loads what is loaded once
        pass
    began, n_dialogs = time.process_time(), 0
    for number in itertools.count(1):
        n_dialogs += sum(1 for _ in epoch(number))
        if (took := time.process_time() - began) >= least_s:
            return n_dialogs / took
    raise AssertionError("count has no end")


def _sequences(build: OpenBuild, split: str) -> Callable[[int], Iterator[Any]]:
    tokenizer = open_tokenizer(TRYING)
    spec = replace(PERSONAPLEX, codec="", text_vocabulary=tokenizer.vocabulary_size, n_books=build.codec.n_books)

    def epoch(number: int) -> Iterator[Any]:
        for dialog in iter_dialogs(build, split, seed=0, epoch=number):
            yield personaplex.sequence(dialog, tokenizer, spec=spec)

    return epoch


def _by_pyarrow(files: list[Path]) -> Iterator[Any]:
    for file in files:
        for row in pq.read_table(file, use_threads=False).to_pylist():
            yield {**row, **{name: np.array(row[name], np.int16) for name in CODES}}


def _by_datasets(files: list[Path]) -> Callable[[int], Iterator[Any]]:
    datasets: Any = import_module("datasets")

    datasets.disable_progress_bars()
    cache = tempfile.TemporaryDirectory(prefix="datagen-bench-")
    table = datasets.load_dataset(
        "parquet", data_files=[str(f) for f in files], split="train", cache_dir=cache.name, keep_in_memory=True
    ).with_format("numpy", columns=list(CODES), output_all_columns=True)  # all in numpy takes ten times as long

    def epoch(_: int, held: Any = cache) -> Iterator[Any]:
        return iter(table)

    return epoch
