"""Speaker vectors of a WavLM, wav2vec 2.0 or similar x-vector model through transformers, batched, on a GPU or a CPU."""

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from datagen.config import knob
from datagen.engines.speech_models import (
    MODEL_RATE_HZ,
    WEIGHTS,
    OfFiles,
    SpeechModelOptions,
    at_16_khz,
    by_length,
    need_weights,
    no_progress_bars,
)
from datagen.errors import EngineError
from datagen.records.speech import SAMPLE_RATE_HZ, Audio

MODEL = "microsoft/wavlm-base-plus-sv"
REVISION = "feb593a6c23c1cc3d9510425c29b0a14d2b07b1e"
SAME_FROM = 0.86
"""What that model's card takes for one speaker, and says to depend on the data."""
LEAST_S = 0.5
"""Of sound; under it neither the model's training nor its statistics pooling means anything."""
SILENT = 1e-4
"""Peak under which a clip is nothing but rounding."""
_CONFIG, _PREPROCESSOR = "config.json", "preprocessor_config.json"
_KEY = "embedder"
VERSION = "1"
"""Raised when the same clip and model give another vector."""


class WavlmOptions(SpeechModelOptions):
    """The knobs of the x-vector embedder."""

    model: str = knob(
        MODEL,
        "folder of an x-vector model (WavLMForXVector, Wav2Vec2ForXVector …), or a hub's id",
        changes_output=False,  # the digest of the files is in the engine's revision
    )
    revision: str = knob(
        REVISION,
        "the hub's commit, 40 hex digits; a branch moves, and its content would be told by the digest alone",
        changes_output=False,
    )
    same_from: float = knob(
        SAME_FROM, "cosine from which two clips count as of one speaker; the default is its model card's", ge=-1, le=1
    )
    batch: int = knob(8, "clips at once", "clips", changes_output=False, ge=1, le=256)


class WavlmEmbedder(OfFiles):
    """Speaker vectors of unit length, and their cosines. An Embedder (datagen/protocols.py).

    The same vector in any company to about 1e-5: batches are padded and masked, and where the model's first layer normalises over
    time (`feat_extract_norm` = group, as WavLM base) it runs clip by clip, since padding would move its statistics.
    Raises EngineError where the model's folder lacks a file or is of another kind.
    """

    kind: ClassVar[str] = "embedder"
    name: ClassVar[str] = "wavlm"
    Options: ClassVar[type[WavlmOptions]] = WavlmOptions
    version: ClassVar[str] = VERSION
    files: ClassVar[tuple[str, ...]] = (_CONFIG, _PREPROCESSOR, WEIGHTS)
    default: ClassVar[tuple[str, str]] = (MODEL, "CC-BY-SA-3.0")
    note: ClassVar[str] = "same_from is not calibrated on this data"

    def __init__(self, options: WavlmOptions) -> None:
        self.options: WavlmOptions = options

    @property
    def same_from(self) -> float:
        return self.options.same_from

    @cached_property
    def _model(self) -> "XVectors":
        return XVectors(self._folder, self._device)

    def embed(self, audios: Sequence[Audio]) -> NDArray[np.float32]:
        """Vectors [n, d] of length 1 of mono 24 kHz clips; a row of NaN for one under half a second or silent."""
        rows = np.full((len(audios), self._model.n_dims), np.nan, np.float32)
        told = [i for i, a in enumerate(audios) if len(a) >= LEAST_S * SAMPLE_RATE_HZ and np.abs(a).max() > SILENT]
        clips = [self._model.prepared(at_16_khz(audios[i])) for i in told]
        for batch in by_length(clips, self.options.batch):
            rows[[told[i] for i in batch]] = self._model([clips[i] for i in batch])
        return rows

    def similarity(self, one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cosines of every row of `one` and every row of `other`, [n_one, n_other]; NaN where a row is."""
        return np.asarray(np.minimum(one @ other.T, 1.0), dtype=np.float32)


class XVectors:
    """A model of a folder, on a device. Called with 16 kHz clips it gives vectors of unit length [n, d]."""

    def __init__(self, folder: Path, device: str) -> None:
        import torch
        from transformers import AutoModelForAudioXVector

        no_progress_bars()
        self._torch, self._device = torch, device
        config = _json(folder / _CONFIG)
        architecture = (config.get("architectures") or ["none"])[0]
        if not str(architecture).endswith("ForXVector"):
            raise EngineError(
                f"{_KEY}.model: {folder.name} is a {architecture}; it has to be one that ends in ForXVector."
            )
        need_weights(folder, _KEY)
        preprocessor = _json(folder / _PREPROCESSOR)
        if preprocessor.get("sampling_rate", MODEL_RATE_HZ) != MODEL_RATE_HZ:
            raise EngineError(
                f"{_KEY}.model: {folder.name} wants audio at {preprocessor['sampling_rate']} Hz, and gets {MODEL_RATE_HZ}."
            )
        self._normalised = bool(preprocessor.get("do_normalize", True))
        self._model: Any = AutoModelForAudioXVector.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True, use_safetensors=True, trust_remote_code=False
        )
        self._model = self._model.to(device).eval()
        self._alone: Any = None
        if self._model.config.feat_extract_norm == "group":
            base = self._model.base_model
            self._alone = base.feature_extractor = _each_alone(base.feature_extractor)

    @property
    def n_dims(self) -> int:
        return int(self._model.config.xvector_output_dim)

    def prepared(self, clip: NDArray[np.float32]) -> NDArray[np.float32]:
        """The clip as the model's own preprocessing has it: of zero mean and unit variance, where it normalises."""
        if not self._normalised:
            return clip
        return np.asarray((clip - clip.mean()) / np.sqrt(clip.var() + 1e-7), dtype=np.float32)

    def __call__(self, clips: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        torch = self._torch
        lengths = [len(c) for c in clips]
        padded = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(c) for c in clips], batch_first=True)
        mask = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
        if self._alone is not None:
            self._alone.lengths = lengths
        with torch.inference_mode():
            heard = self._heard(padded.to(self._device), mask.long().to(self._device))
            frames = self._model._get_feat_extract_output_lengths(torch.tensor(lengths)).tolist()
            found = torch.cat([self._vector(one[None, :n]) for one, n in zip(heard, frames, strict=True)])
            unit = torch.nn.functional.normalize(found.float(), dim=-1)
        vectors: NDArray[np.float32] = unit.cpu().numpy()
        return vectors

    def _heard(self, padded: Any, mask: Any) -> Any:
        """What the transformer makes of padded clips, [n, n_frames, d], as the head takes it."""
        model, torch = self._model, self._torch
        if not model.config.use_weighted_layer_sum:
            return model.projector(model.base_model(padded, attention_mask=mask).last_hidden_state)
        layers = model.base_model(padded, attention_mask=mask, output_hidden_states=True).hidden_states
        weights = torch.nn.functional.softmax(model.layer_weights, dim=-1)
        return model.projector(sum(weight * layer for weight, layer in zip(weights, layers, strict=True)))

    def _vector(self, frames: Any) -> Any:
        """The vector [1, d] of one clip's own frames.

        transformers' own head, given a mask, counts the frames that its layers leave without their dilation, six too many, and so
        pools padding with a clip that is not the longest of its batch (seen in 5.23).
        """
        for layer in self._model.tdnn:
            frames = layer(frames)
        pooled = self._torch.cat([frames.mean(dim=1), frames.std(dim=1)], dim=-1)
        return self._model.feature_extractor(pooled)


def _each_alone(extractor: Any) -> Any:
    """The convolutional front end, run on each clip without its padding, and its features padded instead."""
    import torch

    class EachAlone(torch.nn.Module):
        lengths: Sequence[int] = ()

        def __init__(self) -> None:
            super().__init__()
            self.inner = extractor

        def forward(self, padded: Any) -> Any:
            found = [self.inner(clip[None, :n])[0] for clip, n in zip(padded, self.lengths, strict=True)]
            longest = max(f.shape[-1] for f in found)
            return torch.stack([torch.nn.functional.pad(f, (0, longest - f.shape[-1])) for f in found])

    return EachAlone()


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise EngineError(
            f"{_KEY}.model: {path.parent.name} has no readable {path.name}. Name the folder of an x-vector model."
        ) from None
    return found if isinstance(found, dict) else {}
