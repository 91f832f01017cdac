"""A Whisper model of a folder through transformers: log-mel in; text by greedy decoding, or the attention on a known text, out."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.engines.speech_models import MODEL_RATE_HZ, WEIGHTS, need_weights, no_progress_bars
from datagen.errors import EngineError

MODEL = "openai/whisper-large-v3-turbo"
REVISION = "41f01f3fe87f28c78e2fbf8b568835947dd65ed9"
LICENCE = "MIT"
CONFIG, PREPROCESSOR, TOKENIZER, GENERATION = (
    "config.json",
    "preprocessor_config.json",
    "tokenizer.json",
    "generation_config.json",
)
FILES = (CONFIG, PREPROCESSOR, TOKENIZER, GENERATION, WEIGHTS)
MOST_S = 30.0
"""Whisper hears 30 s at once; what is longer is not for this engine."""
FRAME_S = 0.02
PROMPT = ("<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>")
"""An English-only model has the second and third in its vocabulary too, and was not trained with them: it gets the others."""
END = "<|endoftext|>"


class WhisperModel:
    """Whisper on a device. EngineError: a folder that lacks a file, or another model; `key` is the recipe's table, for messages."""

    def __init__(self, folder: Path, device: str, half: bool, key: str) -> None:
        config, generation = _json(folder, CONFIG, key), _json(folder, GENERATION, key)
        kind = str((config.get("architectures") or ["none"])[0])
        if kind != "WhisperForConditionalGeneration":
            raise EngineError(
                f"{key}.model: {folder.name} is a {kind}; it has to be a WhisperForConditionalGeneration."
            )
        _json(folder, PREPROCESSOR, key)
        _json(folder, TOKENIZER, key)
        need_weights(folder, key)
        import torch
        from tokenizers import Tokenizer
        from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration

        no_progress_bars()
        self._torch, self._device = torch, device
        self._dtype = torch.float16 if half and device != "cpu" else torch.float32
        # Only eager attention tells its weights.
        loaded: Any = WhisperForConditionalGeneration.from_pretrained(
            folder, dtype=self._dtype, local_files_only=True, use_safetensors=True, attn_implementation="eager"
        )
        self._model = loaded.to(device).eval()
        self._features = WhisperFeatureExtractor.from_pretrained(folder, local_files_only=True)
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        multilingual = bool(generation.get("is_multilingual", True))
        wanted = PROMPT if multilingual else (PROMPT[0], PROMPT[3])

        def id_of(token: str) -> int:
            found: int | None = self._tokenizer.token_to_id(token)
            if found is None:
                raise EngineError(f"{key}.model: the tokenizer of {folder.name} lacks {token}.")
            return found

        *self.prompt, self.end = map(id_of, (*wanted, END))
        n_layers, n_heads = int(config["decoder_layers"]), int(config["decoder_attention_heads"])
        every = [(layer, head) for layer in range(n_layers // 2, n_layers) for head in range(n_heads)]
        self._heads = [tuple(pair) for pair in generation.get("alignment_heads") or every]
        kept = {t for t in generation.get("suppress_tokens") or [] if 0 <= t < loaded.config.vocab_size}
        kept |= {i for i in range(loaded.config.vocab_size) if i > self.end}  # times, languages, tasks: no text
        self._barred = sorted(kept - {self.end})
        self.most_tokens = int(loaded.config.max_target_positions) - len(self.prompt) - 1

    def tokens_of(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def texts(self, clips: Sequence[NDArray[np.float32]]) -> list[str]:
        """What is heard in 16 kHz clips of at most 30 s: the likeliest token each time, until the text's end."""
        torch, model = self._torch, self._model
        with torch.inference_mode():
            encoded = model.model.encoder(self._mel(clips))
            given = torch.tensor([self.prompt] * len(clips), device=self._device)
            past, done = None, torch.zeros(len(clips), dtype=torch.bool, device=self._device)
            found: list[list[int]] = [[] for _ in clips]
            for _ in range(self.most_tokens):
                out = model(encoder_outputs=encoded, decoder_input_ids=given, past_key_values=past, use_cache=True)
                past, logits = out.past_key_values, out.logits[:, -1].float()
                logits[:, self._barred] = -torch.inf
                chosen = torch.where(done, self.end, logits.argmax(dim=-1))
                done |= chosen == self.end
                for row, token in zip(found, chosen.tolist(), strict=True):
                    row.append(token)
                if bool(done.all()):
                    break
                given = chosen[:, None]
        return [self._tokenizer.decode([t for t in row if t < self.end], skip_special_tokens=True) for row in found]

    def attention(self, clip: NDArray[np.float32], tokens: Sequence[int]) -> NDArray[np.float32]:
        """How much each token of a known text and the end behind it look at each 20 ms of a 16 kHz clip, [n_tokens + 1, n_frames],
        over the heads that follow time: standardised over the tokens and smoothed over seven frames."""
        torch = self._torch
        n_frames = max(1, round(len(clip) / MODEL_RATE_HZ / FRAME_S))
        with torch.inference_mode():
            given = torch.tensor([[*self.prompt, *tokens, self.end]], device=self._device)
            out = self._model(
                input_features=self._mel([clip]), decoder_input_ids=given, output_attentions=True, use_cache=False
            )
            layers = out.cross_attentions
            heads = torch.stack([layers[layer][0, head] for layer, head in self._heads]).float()
        # What predicts a token looks where it is: the row before its own.
        first = len(self.prompt) - 1
        weights: NDArray[np.float32] = heads[:, first:-1, :n_frames].cpu().numpy()
        standard = (weights - weights.mean(axis=1, keepdims=True)) / (weights.std(axis=1, keepdims=True) + 1e-6)
        padded = np.pad(standard, ((0, 0), (0, 0), (3, 3)), mode="reflect" if n_frames > 3 else "edge")
        smooth = np.median(np.lib.stride_tricks.sliding_window_view(padded, 7, axis=-1), axis=-1)
        return np.asarray(smooth.mean(axis=0), dtype=np.float32)

    def _mel(self, clips: Sequence[NDArray[np.float32]]) -> Any:
        found = self._features(list(clips), sampling_rate=MODEL_RATE_HZ, return_tensors="pt").input_features
        return found.to(self._device, self._dtype)


def _json(folder: Path, name: str, key: str) -> dict[str, Any]:
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise EngineError(
            f"{key}.model: {folder.name} has no readable {name}. Name the folder of a Whisper model."
        ) from None
    return found if isinstance(found, dict) else {}
