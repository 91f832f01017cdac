"""The workers of all devices as one: a batch is dealt out, and each device's part is spoken at the same time."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from datagen.engines.llm.gpus import visible_gpus
from datagen.engines.own_env.environments import Environment
from datagen.engines.speakers.chatterbox.checkpoint import FETCHED, folder_of, identified
from datagen.engines.speakers.chatterbox.options import ChatterboxOptions
from datagen.engines.speakers.chatterbox.worker_client import Answers, Asked, WorkerClient
from datagen.errors import EngineError
from datagen.records.speech import Audio

MODEL = "datagen.engines.speakers.chatterbox.model.engine"
"""The module of `Batched` that a worker loads; tests have another."""

T = TypeVar("T")


class Crew:
    """A worker a device, each started when it is first needed."""

    def __init__(self, environment: Environment, options: ChatterboxOptions, model: str = MODEL) -> None:
        dtype = options.dtype_on(environment.flavour)
        self._clients = [
            WorkerClient(environment, settings(options, device, dtype, model), options.stall_s, options.start_timeout_s)
            for device in devices(environment, options)
        ]

    def speak(self, rows: Sequence[Asked], clips: Mapping[str, str]) -> Answers:
        """The sound of each row, or why there is none, by its id. EngineError: a device's worker cannot be had."""
        long_first = sorted(rows, key=lambda r: (-len(r.text), r.id))
        return self._dealt(long_first, lambda client, part: client.speak(part, clips))

    def mark(self, sounds: Mapping[int, Audio]) -> Answers:
        """The same sounds with the watermark in them, by id."""
        long_first = sorted(sounds, key=lambda i: (-len(sounds[i]), i))
        return self._dealt(long_first, lambda client, part: client.mark({i: sounds[i] for i in part}))

    def _dealt(self, items: Sequence[T], call: Callable[[WorkerClient, Sequence[T]], Answers]) -> Answers:
        n = len(self._clients)
        # There and back again, so that no device gets the longer one each time.
        order = [*range(n), *reversed(range(n))]
        parts: list[list[T]] = [[] for _ in range(n)]
        for place, item in enumerate(items):
            parts[order[place % (2 * n)]].append(item)
        busy = [(client, part) for client, part in zip(self._clients, parts, strict=True) if part]
        if len(busy) < 2:
            return call(*busy[0]) if busy else {}
        with ThreadPoolExecutor(len(busy)) as threads:
            found = list(threads.map(lambda both: call(*both), busy))
        return {i: answer for answers in found for i, answer in answers.items()}

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds that the models spent by part on what was asked here: conditioning, t3, flow, vocoder, watermark."""
        spent: Counter[str] = Counter()
        for client in self._clients:
            spent.update(client.seconds)
        return dict(spent)

    def close(self) -> None:
        for client in self._clients:
            client.close()


def devices(environment: Environment, options: ChatterboxOptions) -> list[str]:
    """The devices to speak on, as torch names them. An EngineError where there are none of the wanted."""
    gpus = visible_gpus() or []
    if options.devices == ("auto",):
        if environment.flavour == "cpu":
            return ["cpu"]
        if not gpus:
            raise EngineError(
                'speaker chatterbox: no GPU is seen here (nvidia-smi). Run it where one is, or set speaker.devices = ["cpu"] (slow).'
            )
        return [f"cuda:{n}" for n in range(len(gpus))]
    for device in options.devices:
        kind, _, number = device.partition(":")
        if kind not in ("cpu", "cuda") or (number and not number.isdigit()) or (kind == "cpu" and number):
            raise EngineError(f"speaker chatterbox: devices: {device!r} is none: auto, cpu, cuda:0, cuda:1, … are.")
        if kind == "cuda" and environment.flavour == "cpu":
            raise EngineError(
                f"speaker chatterbox: devices: {device}, and its environment is the build for processors. "
                "Run: datagen engines install chatterbox --gpu"
            )
        if kind == "cuda" and int(number or 0) >= len(gpus):
            raise EngineError(
                f"speaker chatterbox: devices: {device}, and {len(gpus)} GPUs are seen here (CUDA_VISIBLE_DEVICES counts)."
            )
    return list(options.devices)


def settings(options: ChatterboxOptions, device: str, dtype: str, model: str) -> dict[str, Any]:
    """What a worker of one device is told at its start. A worker of other settings, or of other files by the same name, is another."""
    folder = folder_of(options)
    return {
        "model": model, "checkpoint": str(folder) if folder else "", "hub": "" if folder else options.source,
        "revision": options.revision, "weights": identified(options)[1], "files": list(FETCHED[options.model]), "kind": options.model,
        "device": device, "dtype": dtype, "prompt_s": options.flow_prompt_s, "batch_rows": options.batch_rows,
        "cache_voices": options.cache_voices, "watermark": options.watermark,
    }  # fmt: skip
