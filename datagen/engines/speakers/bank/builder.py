"""A bank's build: base clips, voices by many processes, places and cover over all of them, and one rename at the end."""

import os
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from datagen.audio.files import read_audio
from datagen.engines.speakers.bank import workshop
from datagen.engines.speakers.bank.bases import Source, held_out_people
from datagen.engines.speakers.bank.draw import Draw
from datagen.engines.speakers.bank.options import BankOptions
from datagen.engines.speakers.bank.page import page
from datagen.engines.speakers.bank.places import ACOUSTIC, acoustic_places, as_lists, embedded_places, tell
from datagen.engines.speakers.bank.schema import ABOUT, FORMAT, MEANINGS, PAGE, TABLE, clip_path, columns, prompt_path
from datagen.errors import DataError, EngineError, UserError
from datagen.protocols import Embedder
from datagen.store.files import disk, read_json, write_bytes, write_json
from datagen.store.ids import digest, file_digest
from datagen.store.lock import only_builder

VERSION = 2
"""Raised when the same inputs make another bank."""
EMBEDDED_AT_ONCE = 16


@dataclass(frozen=True)
class Plan:
    """What a bank is made of. `inputs` is everything that its base clips depend on (JSON types); `sources` makes them."""

    out: Path
    count: int
    seed: int
    options: BankOptions
    inputs: Mapping[str, Any]
    sources: Callable[[], Sequence[Source]] = field(repr=False)
    embedder: Embedder | None = None

    @property
    def key(self) -> str:
        """What every voice's bytes depend on beside its place."""
        import parselmouth

        return digest(
            "voice bank",
            VERSION,
            FORMAT,
            self.seed,
            self.options.output_options(),
            self.inputs,
            parselmouth.__version__,
        )

    @property
    def bank_key(self) -> str:
        return digest(self.key, self.count, self.distance["name"])

    @property
    def distance(self) -> dict[str, str]:
        if self.embedder is None:
            return {"name": ACOUSTIC, "unit": "the threshold of voices/distance.toml"}
        maker = self.embedder.maker
        name = f"{maker.engine} {maker.model} {maker.revision}".strip()
        return {"name": name, "unit": "the embedder's own threshold of one speaker, same_from"}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a build is: places done of all, voices made, draws rejected, and whether this was done by an earlier run."""

    done: int
    count: int
    made: int
    rejected: int
    kept: bool


def build(plan: Plan, jobs: int, progress: Callable[[Progress], None]) -> dict[str, Any]:
    """Makes the bank and gives what bank.json says of it; a bank of the same plan that is there already is left as it is.

    UserError: OUT holds something else; DataError: no voice came to anything; EngineError: a worker died.
    """
    out = plan.out.absolute()
    folder = workshop.folder_of(out)
    about = _there(out, plan)
    if about is not None:
        shutil.rmtree(folder, ignore_errors=True)
        return about
    with only_builder(folder):
        workshop.open_workshop(folder, plan.key)
        if not workshop.has_sources(folder):
            workshop.save_sources(folder, _named(plan.sources()))
        every = workshop.chunks(folder, plan.count, plan.seed, plan.options)
        draw = Draw(workshop.bases(folder), plan.options, plan.seed)
        _make_all(every, jobs, progress)
        about = _assemble(plan, folder, every, draw)
        with disk(out):
            os.rename(folder / "bank", out)
    shutil.rmtree(folder, ignore_errors=True)
    return about


def _there(out: Path, plan: Plan) -> dict[str, Any] | None:
    if (out / ABOUT).is_file():
        about: dict[str, Any] = read_json(out / ABOUT)
        if about.get("key") == plan.bank_key:
            return about
        raise UserError(
            f"{plan.out}: holds another bank ({about.get('counts', {}).get('voices', '?')} voices, seed {about.get('seed', '?')}). "
            "Choose another --out, or remove it."
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{plan.out}: is there and is no voice bank. Choose another --out.")
    return None


def _named(sources: Sequence[Source]) -> Sequence[Source]:
    twice = [name for name, n in Counter(s.name for s in sources).items() if n > 1]
    if twice:
        raise UserError(f"voices build: two base clips are called {twice[0]}. Rename the clip.")
    if not sources:
        raise DataError("voices build: no base clip is left to make voices of.")
    return sources


def _make_all(every: Sequence[workshop.Chunk], jobs: int, progress: Callable[[Progress], None]) -> None:
    done = made = rejected = 0
    todo = []
    for chunk in every:
        kept = workshop.read_chunk(chunk)
        if kept is None:
            todo.append(chunk)
            continue
        done, made, rejected = done + chunk.end - chunk.first, made + len(kept[0]), rejected + len(kept[1])
    count = every[-1].end if every else 0
    if done:
        progress(Progress(done, count, made, rejected, True))
    for chunk, (n_made, n_rejected) in _run(todo, jobs):
        done, made, rejected = done + chunk.end - chunk.first, made + n_made, rejected + n_rejected
        progress(Progress(done, count, made, rejected, False))


def _run(todo: Sequence[workshop.Chunk], jobs: int) -> Iterator[tuple[workshop.Chunk, tuple[int, int]]]:
    """The chunks as they get ready, at most three a process under way or waiting; with one job, or one chunk, in this process."""
    if jobs == 1 or len(todo) < 2:
        yield from ((chunk, workshop.make_chunk(chunk)) for chunk in todo)
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    pool = ProcessPoolExecutor(
        min(jobs, len(todo)), mp_context=get_context("spawn"), initializer=_begin, initargs=(os.getpid(),)
    )
    waiting = iter(todo)
    running: dict[Future[tuple[int, int]], workshop.Chunk] = {}
    try:
        while True:
            for chunk in waiting:
                running[pool.submit(workshop.make_chunk, chunk)] = chunk
                if len(running) >= 3 * jobs:
                    break
            if not running:
                return
            ready, _ = wait(running, timeout=0.3, return_when=FIRST_COMPLETED)
            for future in sorted(ready, key=lambda f: running[f].number):
                yield running.pop(future), future.result()
    except BrokenProcessPool:
        raise EngineError(
            "voices build: a worker process died (out of memory?). Run the same command again: it goes on. --jobs 1 needs least."
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin(parent: int) -> None:
    """A worker leaves Ctrl-C to its parent, and ends when that has ended, however it did."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _assemble(plan: Plan, folder: Path, every: Sequence[workshop.Chunk], draw: Draw) -> dict[str, Any]:
    """Writes the table, the page and, last, bank.json; files of voices that are in none of the chunks are removed."""
    bank = folder / "bank"
    found = [f for f in (workshop.read_chunk(c) for c in every) if f is not None]
    rows = sorted((r for made, _ in found for r in made), key=lambda r: str(r["id"]))
    rejects = [r for _, refused in found for r in refused]
    embeddings = _embeddings(plan, bank, rows, rejects)
    if not rows:
        reasons = Counter(r["reason"] for r in rejects).most_common()
        raise DataError(
            f"voices build: none of {plan.count} voices came to anything: {', '.join(f'{n} {k}' for k, n in reasons)}. "
            "Bring other base clips."
        )
    features = np.array([r["features"] for r in rows], dtype=np.float64)
    places = acoustic_places(features)
    if plan.embedder is not None and embeddings is not None:
        places = embedded_places(plan.embedder, embeddings)
    told = tell(np.array(as_lists(places, 5)))
    people = {str(r["person"]) for r in rows}
    held = held_out_people(sorted(people), plan.options.held_out_share)
    for i, (row, place) in enumerate(zip(rows, as_lists(places, 5), strict=True)):
        row.update(
            place=place,
            embedding=[round(float(x), 6) for x in embeddings[i]] if embeddings is not None else None,
            distance=plan.distance["name"],
            cover_rank=int(told.cover_rank[i]) if told.cover_rank[i] >= 0 else None,
            nearest=rows[told.nearest[i]]["id"] if len(rows) > 1 else "",
            nearest_distance=round(float(told.nearest_distance[i]), 4),
            held_out=row["person"] in held,
        )
    _only_these(bank, rows)
    _write_table(bank / TABLE, rows)
    sha = file_digest(bank / TABLE)
    about = {
        "format": FORMAT,
        "key": plan.bank_key,
        "id": digest("voice bank", FORMAT, sha),
        "seed": plan.seed,
        "options": plan.options.output_options(),
        "inputs": dict(plan.inputs),
        "distance": plan.distance,
        "voices_sha256": sha,
        "counts": {
            "asked": plan.count,
            "voices": len(rows),
            "empty": plan.count - len(rows),
            "distinct": told.n_distinct,
            "people": len(people),
            "held_out_people": len(held),
            "held_out_voices": sum(r["held_out"] for r in rows),
            "draws": len(rows) + len(rejects),
            "rejected": dict(sorted(Counter(r["reason"] for r in rejects).items())),
            "profiles": dict(sorted(Counter(f"{r['age']} {r['sex']}" for r in rows).items())),
        },
        "lacking": [f"{p.age} {p.sex}" for p in draw.lacking],
        "voiceless": sorted({s["person"] for s in workshop.source_rows(folder)} - people),
        "rejects": sorted(rejects, key=lambda r: (r["place"], r["attempt"])),
    }
    write_bytes(bank / PAGE, page(about, rows).encode())
    write_json(bank / ABOUT, about)
    return about


def _embeddings(
    plan: Plan, bank: Path, rows: list[dict[str, Any]], rejects: list[dict[str, Any]]
) -> "np.ndarray[Any, np.dtype[np.float32]] | None":
    """The embedder's features of the clips, in the rows' order; a row whose clip it cannot tell leaves the bank."""
    if plan.embedder is None or not rows:
        return None
    found = []
    for i in range(0, len(rows), EMBEDDED_AT_ONCE):
        audios = [read_audio(clip_path(bank, r["id"]))[0] for r in rows[i : i + EMBEDDED_AT_ONCE]]
        found.append(plan.embedder.embed(audios))
    features = np.concatenate(found)
    good = [bool(np.isfinite(f).all()) for f in features]
    for row in (r for r, g in zip(rows, good, strict=True) if not g):
        what = {k: row[k] for k in ("sex", "age", "base")}
        why = {"reason": "not_embedded", "detail": "the embedder cannot tell its clip"}
        rejects.append({"place": int(row["id"][-5:]), "attempt": 0, **why, **what})
    rows[:] = [r for r, g in zip(rows, good, strict=True) if g]
    return np.asarray(features[good], dtype=np.float32)


def _only_these(bank: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Removes files of chunks that an interrupted build of a larger count had made."""
    for place, named in ((clip_path, "clip_sha256"), (prompt_path, "prompt_sha256")):
        wanted = {place(bank, r["id"]) for r in rows if r[named] is not None}
        for path in sorted(set(place(bank, "x").parent.iterdir()) - wanted):
            path.unlink()


def _write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from datagen.store.files import atomic

    schema = columns()
    fields = [f.with_metadata({"meaning": MEANINGS[f.name]}) for f in schema]
    table = pa.Table.from_pylist([{f.name: r[f.name] for f in schema} for r in rows], schema=pa.schema(fields))
    with atomic(path) as beside:
        pq.write_table(table, beside, compression="zstd", version="2.6")


def maker_of(engine: Any) -> dict[str, Any]:
    """What an engine's maker says, as JSON types: what a bank names its base clips' maker by."""
    return asdict(engine.maker)
