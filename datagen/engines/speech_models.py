"""What engines that listen through a speech model share: audio at 16 kHz, a model's folder, and who its weights are."""

import hashlib
from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from datagen.config import Options, knob
from datagen.engines.devices import Device
from datagen.errors import EngineError, UserError
from datagen.records.maker import Maker
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.store.ids import digest

MODEL_RATE_HZ = 16_000
WEIGHTS = "model.safetensors"
"""The only weights that are read: numbers and nothing else. `pytorch_model.bin` is a pickle, which can run what it likes."""
_PICKLED = "pytorch_model.bin"
_TAPER_SHARE = 0.04
"""The top share of the kept band fades out over a cosine, so that no wall rings."""
_PAD_SAMPLES = 1_200


class SpeechModelOptions(Options):
    """What the options of these engines share; `model` and `revision` are each engine's own."""

    model: str
    revision: str
    device: Device = knob("auto", "auto (cuda where there is one) | cpu | cuda | cuda:N", changes_output=False)


class OfFiles:
    """What these engines are alike: one model, the files of a folder or of a hub's repository.

    The maker's revision is `version` and the digest of the files: the same model by path and by id is one engine. `default` is the
    model whose licence is known, with that licence.
    """

    kind: ClassVar[str]
    name: ClassVar[str]
    version: ClassVar[str]
    files: ClassVar[tuple[str, ...]]
    default: ClassVar[tuple[str, str]]
    note: ClassVar[str] = ""
    options: SpeechModelOptions

    @cached_property
    def maker(self) -> Maker:
        """The revision is the digest of the model's files."""
        model, licence = self.default
        return Maker(
            self.name,
            told_name(self.options.model),
            f"{self.version}+files-{digest_of(self._folder, self.files)[:16]}",
            licence if self.options.model == model else "not known: a model of your own",
            digest(self.options.output_options()),
            deterministic=False,
            note=self.note,
        )

    @cached_property
    def _folder(self) -> Path:
        return folder_of(self.options.model, self.options.revision, self.kind, self.files)

    @property
    def _device(self) -> str:
        """The torch device of `options.device`. Loads torch."""
        return torch_device(self.options.device, self.kind)


def at_16_khz(audio: Audio) -> NDArray[np.float32]:
    """Mono 24 kHz audio at 16 kHz, ceil(2 n / 3) samples, band-limited to 8 kHz; equal input gives equal output."""
    n = len(audio)
    size = (
        -(-(n + _PAD_SAMPLES) // 1_200) * 1_200
    )  # 2⁴ · 3 · 5² times a count: a fast transform, and three for two exactly
    spectrum = np.fft.rfft(audio.astype(np.float64), size)[: size // 3 + 1]
    n_taper = int(len(spectrum) * _TAPER_SHARE)
    spectrum[-n_taper:] *= 0.5 + 0.5 * np.cos(np.pi * (np.arange(n_taper) + 0.5) / n_taper)
    narrowed = np.fft.irfft(spectrum, size * 2 // 3) * (2 / 3)
    return np.asarray(narrowed[: -(-n * MODEL_RATE_HZ // SAMPLE_RATE_HZ)], dtype=np.float32)


def by_length(audios: Sequence[NDArray[np.float32]], batch: int) -> list[list[int]]:
    """The clips' places in batches of at most `batch`, longest first, so that little of a batch is padding."""
    order = sorted(range(len(audios)), key=lambda i: (-len(audios[i]), i))
    return [order[i : i + batch] for i in range(0, len(order), batch)]


def folder_of(model: str, revision: str, key: str, patterns: Sequence[str]) -> Path:
    """The folder of a model: `model` itself where it is one, else the hub's at `revision`, from the cache or fetched.

    Raises EngineError where neither is there; `key` is the recipe's table, to name in messages.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if model.startswith(("/", "./", "../", "~")) or model.count("/") != 1:
        raise EngineError(
            f"{key}.model: {model}: there is no such folder. Name a model's folder, or one of a hub (owner/name)."
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, revision=revision or None, allow_patterns=list(patterns)))
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        why = str(error).strip().splitlines()[0]
        raise EngineError(
            f"{key}.model: {model}@{revision or 'main'} is not in the Hugging Face cache and cannot be fetched ({why[:160]}). "
            f"Fetch it where there is a network (hf download {model}{f' --revision {revision}' if revision else ''}), "
            f"or set {key}.model to a folder that has it."
        ) from None


def need_weights(folder: Path, key: str) -> None:
    """EngineError unless the folder has its weights as safetensors; `key` is the recipe's table, to name in messages."""
    if (folder / WEIGHTS).is_file():
        return
    raise EngineError(
        f"{key}.model: {folder.name} has no weights ({WEIGHTS}). Fetch it again. If all there is of it is {_PICKLED}, a pickle, which "
        "can run code and is never read: fetch that, and python -m datagen.engines.to_safetensors FOLDER writes the other beside it."
    )


def no_progress_bars() -> None:
    """Keeps transformers from drawing bars while it loads a model: a build has a display of its own."""
    from transformers.utils import logging

    bars: Any = logging
    bars.disable_progress_bar()


@cache
def digest_of(folder: Path, names: tuple[str, ...]) -> str:
    """SHA-256 (64 hex digits) of the bytes of those of `names` that are in `folder`, each with its name."""
    hashed = hashlib.sha256()
    for name in names:
        path = folder / name
        if path.is_file():
            hashed.update(f"{name}\0{path.stat().st_size}\0".encode())
            with path.open("rb") as file:
                hashed.update(hashlib.file_digest(file, "sha256").digest())
    return hashed.hexdigest()


def told_name(model: str) -> str:
    """A model's name for rows and cards: a hub's id as it is, of a folder its last part (rows hold no paths)."""
    folder = Path(model).expanduser()
    return (folder.name or folder.resolve().name) if folder.is_dir() else model


def torch_device(wanted: str, key: str) -> str:
    """`cpu`, `cuda` or `cuda:N` of `auto` or one of them; a UserError where there is no such device. Loads torch."""
    import torch

    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted == "cpu" or (wanted == "auto" and not there):
        return "cpu"
    if int(wanted.partition(":")[2] or 0) >= there:
        raise UserError(f"{key}.device = {wanted}: torch finds {there} CUDA devices here. Take {key}.device = cpu.")
    return "cuda" if wanted == "auto" else wanted
