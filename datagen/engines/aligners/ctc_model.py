"""A CTC model of a folder through transformers: 16 kHz audio in, log probabilities a frame and the symbols of words out."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.engines.speech_models import MODEL_RATE_HZ, WEIGHTS, by_length, need_weights, no_progress_bars
from datagen.errors import EngineError

CONFIG, PREPROCESSOR, VOCABULARY = "config.json", "preprocessor_config.json", "vocab.json"
FILES = (CONFIG, PREPROCESSOR, VOCABULARY, "tokenizer_config.json", WEIGHTS)
KEY = "aligner"


class CtcModel:
    """wav2vec 2.0, HuBERT, WavLM … with a CTC head. Symbols are places in its vocabulary; one more, `star`, is any sound at all.

    Padding is masked where the model can take a mask; where its first layer normalises over time (`feat_extract_norm` = group)
    clips run one by one, since padding would move its statistics. EngineError: no such file, no CTC model, another rate.
    """

    def __init__(self, folder: Path, device: str, half: bool) -> None:
        config, preprocessor = read_json(folder, CONFIG), read_json(folder, PREPROCESSOR)
        kind = str((config.get("architectures") or ["none"])[0])
        if not kind.endswith("ForCTC"):
            raise EngineError(f"{KEY}.model: {folder.name} is a {kind}; it has to be one that ends in ForCTC.")
        need_weights(folder, KEY)
        rate_hz = preprocessor.get("sampling_rate", MODEL_RATE_HZ)
        if rate_hz != MODEL_RATE_HZ:
            raise EngineError(f"{KEY}.model: {folder.name} wants audio at {rate_hz} Hz, and gets {MODEL_RATE_HZ}.")
        import torch
        from transformers import AutoModelForCTC

        no_progress_bars()
        self._torch, self._device = torch, device
        self._dtype = torch.float16 if half and device != "cpu" else torch.float32
        self._model: Any = AutoModelForCTC.from_pretrained(
            folder, dtype=self._dtype, local_files_only=True, use_safetensors=True, trust_remote_code=False
        ).to(device)
        self._model.eval()
        self._normalised = bool(preprocessor.get("do_normalize", True))
        self._alone = config.get("feat_extract_norm", "group") == "group"
        self.blank = int(self._model.config.pad_token_id)
        self.star = int(self._model.config.vocab_size)
        vocabulary = read_json(folder, VOCABULARY)
        nested = vocabulary.get("eng")
        self._symbols: dict[str, int] = nested if isinstance(nested, dict) else vocabulary
        self.separator = self._symbols.get("|")
        self._small = sum(s.islower() for s in self._symbols) >= sum(s.isupper() for s in self._symbols)
        self._hop = int(np.prod(self._model.config.conv_stride))

    @property
    def frame_s(self) -> float:
        """The time from one frame to the next."""
        return self._hop / MODEL_RATE_HZ

    def symbols_of(self, word: str) -> list[int]:
        """A symbol a letter of a word, in the vocabulary's case; the star for what it lacks."""
        return [self._symbols.get(c, self.star) for c in (word.lower() if self._small else word.upper())]

    def log_probs(self, clips: Sequence[NDArray[np.float32]], batch: int) -> list[NDArray[np.float32]]:
        """Of each 16 kHz clip [n_frames, n_symbols + 1]: the last column is the star's, as likely as the likeliest letter."""
        found: list[NDArray[np.float32]] = [np.zeros((0, self.star + 1), np.float32)] * len(clips)
        least = self._least_samples()
        long = [i for i, c in enumerate(clips) if len(c) >= least]
        for chosen in by_length([clips[i] for i in long], 1 if self._alone else batch):
            places = [long[i] for i in chosen]
            for place, frames in zip(places, self._run([clips[i] for i in places]), strict=True):
                letters = np.delete(frames, self.blank, axis=1).max(axis=1, keepdims=True)
                found[place] = np.concatenate([frames, letters], axis=1)
        return found

    def _least_samples(self) -> int:
        """The audio that gives one frame."""
        samples = 1
        for kernel, stride in reversed(
            list(zip(self._model.config.conv_kernel, self._model.config.conv_stride, strict=True))
        ):
            samples = (samples - 1) * stride + kernel
        return int(samples)

    def _run(self, clips: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        torch = self._torch
        lengths = [len(c) for c in clips]
        padded = np.zeros((len(clips), max(lengths)), dtype=np.float32)
        for row, clip in zip(padded, clips, strict=True):
            row[: len(clip)] = (clip - clip.mean()) / np.sqrt(clip.var() + 1e-7) if self._normalised else clip
        mask = np.arange(max(lengths))[None] < np.array(lengths)[:, None]
        with torch.inference_mode():
            values = torch.from_numpy(padded).to(self._device, self._dtype)
            told = None if self._alone else torch.from_numpy(mask.astype(np.int64)).to(self._device)
            logits = self._model(values, attention_mask=told).logits.float()
            rows = torch.log_softmax(logits, dim=-1).cpu().numpy()
            n_frames = self._model._get_feat_extract_output_lengths(torch.tensor(lengths)).tolist()
        return [row[:n] for row, n in zip(rows, n_frames, strict=True)]


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """A JSON file of a model's folder; EngineError where it cannot be read."""
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise EngineError(
            f"{KEY}.model: {folder.name} has no readable {name}. Name the folder of a CTC model."
        ) from None
    return found if isinstance(found, dict) else {}
