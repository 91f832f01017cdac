"""The process that holds a Chatterbox model and speaks for whoever connects. Run as a file by the environment's own Python.

worker.py SETTINGS, a JSON object: datagen (the package's folder), socket, model (module of `Batched`), checkpoint or hub and revision,
kind, device, dtype, prompt_s, batch_rows, cache_voices, watermark. It listens on the socket once the model is there. Each connection sends
jobs (wire.py) and gets, a frame each: `begun`, a `row` with its sound or its `fault`, `told` (what happened, for a person), `error` where
the job as a whole failed, and `done`. Jobs of all connections wait in one line for the model; who waits hears `alive` when a row is
done.
"""

import importlib
import importlib.util
import json
import os
import queue
import socket
import struct
import sys
import threading
import traceback
import types
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HERE = "datagen.engines.speakers.chatterbox"
BAD_START = 3
"""Exit code where the model cannot be loaded; the last line of stderr says why."""
LOST = 1
CLIP_HZ = 24_000
_SEND_LIMIT = struct.pack("ll", 60, 0)
"""Seconds and microseconds after which one that does not read counts as gone: it must not stop all others."""


def only_datagen(folder: Path) -> None:
    """Makes `datagen` importable from its folder, and nothing beside it: this Python has packages of its own."""
    module = types.ModuleType("datagen")
    module.__path__ = [str(folder)]
    sys.modules["datagen"] = module


@dataclass
class Client:
    """A connection: frames go out one at a time, from any thread; one that is gone takes no more."""

    link: socket.socket
    wire: Any
    gone: bool = False
    waiting: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, header: dict[str, Any], *samples: NDArray[np.float32]) -> None:
        with self.lock:
            if not self.gone:
                try:
                    self.wire.send(self.link, header, *samples)
                except self.wire.Broken:
                    self.gone = True
                    with suppress(
                        OSError
                    ):  # it may be there yet, and only slow: it has to see that it is heard no more
                        self.link.shutdown(socket.SHUT_RDWR)


Job = tuple[Client, dict[str, Any], NDArray[np.float32]]


class Voices:
    """The conditioning of the voices that were spoken in last, at most `most` of them."""

    def __init__(self, engine: Any, most: int) -> None:
        self._engine, self._most = engine, most
        self._held: OrderedDict[tuple[str, float], Any] = OrderedDict()

    def of(self, clip: str, path: str, exaggeration: float) -> Any:
        """The model's conditionals of a clip, known by its digest."""
        key = (clip, exaggeration)
        if key not in self._held:
            self._held[key] = self._made(_samples(path), exaggeration)
            if len(self._held) > self._most:
                self._held.popitem(last=False)
        self._held.move_to_end(key)
        return self._held[key]

    def _made(self, clip: NDArray[np.float32], exaggeration: float) -> Any:
        try:
            return self._engine.conditionals(clip, exaggeration)
        except RuntimeError as error:
            if "out of memory" not in str(error) or not self._held:
                raise
        self._held.clear()  # the next of them are made anew
        return self._engine.conditionals(clip, exaggeration)


def _samples(path: str) -> NDArray[np.float32]:
    import soundfile

    try:
        samples, rate_hz = soundfile.read(path, dtype="float32")
    except (soundfile.LibsndfileError, OSError):  # its own words name folders of this machine
        raise ValueError(f"{Path(path).name}: cannot be read as audio") from None
    if rate_hz != CLIP_HZ or samples.ndim != 1:
        raise ValueError(f"{Path(path).name}: mono at {CLIP_HZ} Hz is needed")
    return np.asarray(samples, np.float32)


class Worker:
    """Jobs, one after the other, on one model."""

    def __init__(self, engine: Any, rows: Any, settings: dict[str, Any]) -> None:
        self._engine, self._rows = engine, rows
        self._voices = Voices(engine, settings["cache_voices"])
        self._limit = settings["batch_rows"]
        self._shrunk = False
        self.clients: list[Client] = []
        self.jobs: queue.Queue[Job] = queue.Queue()

    def serve(self) -> None:
        """Takes jobs from the line, for ever: what several ask for at once is spoken as one batch, but for what asks to be `alone`."""
        held: Job | None = None
        while True:
            jobs = [held or self.jobs.get()]
            held = None
            while _merges(jobs[0]) and held is None:
                try:
                    other = self.jobs.get_nowait()
                except queue.Empty:
                    break
                if _merges(other):
                    jobs.append(other)
                else:
                    held = other
            self._do([job for job in jobs if not job[0].gone])

    def _do(self, jobs: Sequence[Job]) -> None:
        before = dict(self._engine.seconds)
        for client, job, _ in jobs:
            client.tell({"begun": job["job"]})
        try:
            if jobs and jobs[0][1]["do"] == "mark":
                self._mark(*jobs[0])
            else:
                self._speak(jobs)
        except Exception as error:  # whatever it is, those who asked hear of it, and the next job is done
            if _is_fatal(error):
                raise
            for client, _, _ in jobs:
                client.tell({"error": _line(error)})
        n_rows = sum(len(job["rows"]) for _, job, _ in jobs)
        spent = {k: v - before.get(k, 0.0) for k, v in self._engine.seconds.items()}
        for client, job, _ in jobs:
            client.waiting -= 1
            share = len(job["rows"]) / max(1, n_rows)
            client.tell({"done": job["job"], "seconds": {k: v * share for k, v in spent.items()}})

    def _mark(self, client: Client, job: dict[str, Any], samples: NDArray[np.float32]) -> None:
        sounds = np.split(samples, np.cumsum([row["length"] for row in job["rows"]])[:-1])
        for row, sound in zip(job["rows"], sounds, strict=True):
            client.tell({"row": row["id"]}, self._engine.marked([np.array(sound)])[0])
            self._alive()

    def _speak(self, jobs: Sequence[Job]) -> None:
        whose: list[tuple[Client, int]] = []
        rows = []
        for client, job, _ in jobs:
            for asked in job["rows"]:
                try:
                    rows.append(self._row(asked, job["clips"]))
                    whose.append((client, asked["id"]))
                except (self._rows.ModelError, ValueError, OSError, RuntimeError) as error:
                    if _is_fatal(error):
                        raise
                    reason = "out_of_memory" if "out of memory" in str(error) else "clip"
                    client.tell({"row": asked["id"], "fault": reason, "detail": _line(error)})
        for place, spoken in self._spoken([client for client, _, _ in jobs], rows):
            client, row = whose[place]
            if hasattr(spoken, "reason"):
                client.tell({"row": row, "fault": spoken.reason, "detail": spoken.detail})
            else:
                client.tell({"row": row}, spoken)
            self._alive()
            if all(client.gone for client, _, _ in jobs):
                return

    def _row(self, asked: dict[str, Any], clips: dict[str, str]) -> Any:
        clip, exaggeration = asked["clip"], asked["exaggeration"]
        settings = {k: v for k, v in asked.items() if k not in ("id", "clip", "exaggeration")}
        return self._rows.Row(conditionals=self._voices.of(clip, clips[clip], exaggeration), **settings)

    def _spoken(self, clients: Sequence[Client], rows: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Each row once, by its place in `rows`. Where memory does not suffice, fewer rows are spoken at once from then on."""
        left = list(range(len(rows)))
        while left:
            part = left[: self._limit] if self._shrunk else left
            done = set()
            try:
                for place, spoken in self._engine.speak([rows[i] for i in part], mark=False):
                    done.add(part[place])
                    yield part[place], spoken
            except self._rows.OutOfMemory as error:
                undone = [i for i in part if i not in done]
                if len(undone) == 1:
                    yield (
                        undone[0],
                        self._rows.Fault("out_of_memory", f"its device has too little for it alone: {_line(error)}"),
                    )
                    done.add(undone[0])
                else:
                    self._fewer(clients, len(undone))
            left = [i for i in left if i not in done]

    def _fewer(self, clients: Sequence[Client], n_rows: int) -> None:
        self._limit = max(1, min(self._limit, n_rows) // 2)
        if not self._shrunk:
            clients[0].tell({"told": f"out of memory: {self._limit} texts at once from here on (speaker.batch_rows)."})
        self._shrunk = True

    def _alive(self) -> None:
        for client in self.clients:
            if client.waiting:  # others do not read
                client.tell({"alive": True})


def _merges(job: Job) -> bool:
    return job[1]["do"] == "speak" and not job[1].get("alone")


def _is_fatal(error: BaseException) -> bool:
    """Whether the device is lost to this process: after an illegal access or an assertion on it nothing works until a new process."""
    return "CUDA error" in str(error) or "cuBLAS" in str(error) or "CUDNN" in str(error)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:400] or type(error).__name__


def _listen(worker: Worker, wire: Any, path: str, hello: dict[str, Any]) -> None:
    """Takes connections in a thread of its own, a thread each to read what they send."""
    with suppress(FileNotFoundError):
        os.unlink(path)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(path)
    server.listen(64)

    def accept() -> None:
        while True:
            link = server.accept()[0]
            link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _SEND_LIMIT)
            client = Client(link, wire)
            client.tell({"hello": hello})
            worker.clients = [c for c in worker.clients if not c.gone] + [client]
            threading.Thread(target=read, args=(client,), daemon=True).start()

    def read(client: Client) -> None:
        try:
            while True:
                job, samples = wire.receive(client.link)
                client.waiting += 1
                worker.jobs.put((client, job, samples))
        except wire.Broken:
            client.gone = True
            client.link.close()

    threading.Thread(target=accept, daemon=True).start()


def _module(name: str) -> Any:
    """A module by its name, or by its file."""
    if not name.endswith(".py"):
        return importlib.import_module(name)
    spec = importlib.util.spec_from_file_location(Path(name).stem, name)
    if spec is None or spec.loader is None:
        raise ImportError(f"no module in {name}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _folder(settings: dict[str, Any]) -> Path:
    """The checkpoint's folder; a hub's model is fetched, or found where it was fetched before."""
    if settings["checkpoint"]:
        return Path(settings["checkpoint"])
    hub: Any = importlib.import_module("huggingface_hub")
    found = hub.snapshot_download(
        settings["hub"], revision=settings["revision"] or None, allow_patterns=settings["files"]
    )
    return Path(found)


def main(settings: dict[str, Any]) -> int:
    """Serves until it is ended, or its device fails (LOST). BAD_START, with one line on stderr, where the model cannot be loaded."""
    only_datagen(Path(settings["datagen"]))
    wire = importlib.import_module(f"{HERE}.wire")
    try:
        rows = importlib.import_module(f"{HERE}.model.rows")
        batched = _module(settings["model"]).Batched
        engine = batched.load(
            _folder(settings), settings["device"], settings["dtype"], settings["kind"],
            slots=settings["batch_rows"], prompt_s=settings["prompt_s"],
        )  # fmt: skip
        if settings["watermark"]:
            engine.marked([np.zeros(CLIP_HZ, np.float32)])
    except Exception as error:  # whatever the packages raise: the process that started this one reads the line
        sys.stderr.write(f"{_line(error)}\n")
        return BAD_START
    worker = Worker(engine, rows, settings)
    _listen(worker, wire, settings["socket"], {"pid": os.getpid()})
    try:
        worker.serve()
    except Exception as error:  # the device is lost to this process; torch's own words are many lines
        traceback.print_exc()
        sys.stderr.write(f"{_line(error)}\n")
    return LOST


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
