"""What the model knows of a voice, from its clip, as chatterbox 0.1.7's prepare_conditionals makes it, without a file."""

from importlib import import_module
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datagen.engines.speakers.chatterbox.model.rows import Conditionals, ModelError

CLIP_HZ = 24_000
TOKENIZER_HZ = 16_000
REFERENCE_S = 10
"""S3Gen hears this much of a clip."""
PROMPT_S = {False: 6, True: 15}
"""T3 hears this much of a clip: the original, and Turbo."""
LEAST_S = {False: 1.0, True: 5.0}
"""Turbo's stock asserts more than 5 s. The original has no bound; below a second there is hardly a mel frame to go by."""
TURBO_LUFS = -27.0


class Conditioning:
    """Makes conditionals of clips with the stock modules: voice encoder, S3 tokenizer, S3Gen's reference, T3's prefix."""

    def __init__(self, stock_t3: Any, s3gen: Any, voice_encoder: Any, device: str, turbo: bool) -> None:
        self._t3, self._s3gen, self._voice_encoder = stock_t3, s3gen, voice_encoder
        self._device, self._turbo = device, turbo
        self._librosa: Any = import_module("librosa")
        self._condition: Any = import_module("chatterbox.models.t3.modules.cond_enc").T3Cond

    def __call__(self, clip: NDArray[np.float32], exaggeration: float) -> Conditionals:
        """Conditionals of a clip [samples] at 24 kHz. Rejects one that is too short, silent, not mono or not finite."""
        self._check(clip)
        if self._turbo:
            clip = self._levelled(clip)
        heard = self._librosa.resample(clip, orig_sr=CLIP_HZ, target_sr=TOKENIZER_HZ)
        with torch.no_grad():  # not inference mode, whose tensors the flow could not use outside of it
            reference = self._s3gen.embed_ref(clip[: REFERENCE_S * CLIP_HZ], CLIP_HZ, device=self._device)
            return Conditionals(self._prefix(heard, exaggeration), reference)

    def _prefix(self, heard: NDArray[np.float32], exaggeration: float) -> Tensor:
        """[tokens, width]: the speaker, the prompt's tokens and, in the original, the exaggeration."""
        prompt = heard[: PROMPT_S[self._turbo] * TOKENIZER_HZ]
        tokens, _ = self._s3gen.tokenizer.forward([prompt], max_len=self._t3.hp.speech_cond_prompt_len)
        embedding = torch.from_numpy(self._voice_encoder.embeds_from_wavs([heard], sample_rate=TOKENIZER_HZ))
        condition = self._condition(
            speaker_emb=embedding.mean(0, keepdim=True).to(self._device),
            cond_prompt_speech_tokens=tokens.reshape(1, -1).to(self._device),
            emotion_adv=exaggeration * torch.ones(1, 1, 1, device=self._device),
        )
        prefix: Tensor = self._t3.prepare_conditioning(condition)[0]
        return prefix

    def _check(self, clip: NDArray[np.float32]) -> None:
        if clip.ndim != 1:
            raise ModelError(f"the reference clip has shape {clip.shape}; one channel of samples is needed")
        seconds = len(clip) / CLIP_HZ
        if seconds <= LEAST_S[self._turbo]:
            name = "Turbo" if self._turbo else "Chatterbox"
            raise ModelError(
                f"the reference clip lasts {seconds:.2f} s; {name} needs more than {LEAST_S[self._turbo]:g} s"
            )
        if not np.isfinite(clip).all():
            raise ModelError("the reference clip has samples that are not finite numbers")
        if not clip.any():
            raise ModelError("the reference clip is silent: all its samples are 0")

    def _levelled(self, clip: NDArray[np.float32]) -> NDArray[np.float32]:
        """The clip at -27 LUFS, as Turbo's stock has it; one too quiet to measure stays as it is, as there."""
        loudness = import_module("pyloudnorm").Meter(CLIP_HZ).integrated_loudness(clip)
        gain = 10.0 ** ((TURBO_LUFS - loudness) / 20.0)
        return (clip * gain).astype(np.float32) if np.isfinite(gain) and gain > 0 else clip
