"""Speech tokens to mels to waves for many rows at once: S3Gen of Chatterbox, batched. Runs in Chatterbox's own environment."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray

from datagen.engines.speakers.chatterbox.model.encoder import TokenEncoder
from datagen.engines.speakers.chatterbox.model.estimator import Estimator
from datagen.engines.speakers.chatterbox.model.masks import Tails, groups
from datagen.engines.speakers.chatterbox.model.noise import flow_noise
from datagen.engines.speakers.chatterbox.model.reference import FRAMES_A_TOKEN, LONGEST_PROMPT_S, Reference
from datagen.engines.speakers.chatterbox.model.replay import Replayed
from datagen.engines.speakers.chatterbox.model.rows import ModelError
from datagen.engines.speakers.chatterbox.model.steps import cuda_capture
from datagen.engines.speakers.chatterbox.model.vocoder import Vocoder

#: Frames (rows x longest, prompts included) that a group of the flow holds, and mel frames that a group of the vocoder holds. On a CPU,
#: rows together are no faster than one by one, and the vocoder, whose activations then leave the cache, is slower by a quarter.
#: A frame costs the flow about 30 kB in single precision (the encoder more on long rows) and the vocoder about 160 kB, seen on a CPU.
FLOW_FRAMES = {"cuda": 48_000, "cpu": 2_000}
VOCODER_FRAMES = {"cuda": 16_000, "cpu": 200}


class FlowVocoder:
    """S3Gen's flow and vocoder over many rows. Merges and casts weights of `s3gen` in place; use it alone from then on.

    `dtype` is that of the flow's decoder ("float32", "bfloat16", "float16" or torch's); encoder and vocoder stay in single precision.
    `prompt_s` bounds the part of a clip that leads the flow. `seconds` counts what each part took: encoder, flow, vocoder.
    """

    def __init__(
        self,
        s3gen: Any,
        device: torch.device | str,
        dtype: torch.dtype | str = torch.float32,
        prompt_s: float = LONGEST_PROMPT_S,
        flow_frames: int | None = None,
        vocoder_frames: int | None = None,
    ) -> None:
        self.device = torch.device(device)
        self.seconds = {"encoder": 0.0, "flow": 0.0, "vocoder": 0.0}
        self.meanflow = bool(s3gen.meanflow)
        self.prompt_s = prompt_s
        kind = "cuda" if self.device.type == "cuda" else "cpu"
        self._flow_frames = flow_frames or FLOW_FRAMES[kind]
        self._vocoder_frames = vocoder_frames or VOCODER_FRAMES[kind]
        s3gen.to(self.device).eval()
        self._flow = s3gen.flow
        self._encode = TokenEncoder(s3gen.flow)
        self._velocity = Estimator(s3gen.flow.decoder.estimator, _dtype(dtype))
        self._step: Estimator | Replayed = self._velocity
        if kind == "cuda":
            self._step = Replayed(self._velocity, cuda_capture(self.device))
        self._vocode = Vocoder(s3gen.mel2wav, s3gen.trim_fade)

    def mels(
        self, tokens: Sequence[torch.Tensor], refs: Sequence[dict[str, Any]], seeds: Sequence[int], n_steps: int
    ) -> list[torch.Tensor]:
        """For each row the mel [80, 2 x tokens] of its speech alone, in the order asked for.

        `tokens` are speech tokens [n] (no special ones), `refs` what S3Gen.embed_ref gave, `seeds` choose each row's noise,
        `n_steps` are the Euler steps (10 in stock, 2 in Turbo). Raises ModelError for a row without tokens or with a special one.
        """
        _check(len(tokens), refs=len(refs), seeds=len(seeds))
        if n_steps < 1:
            raise ModelError(f"the flow was asked for {n_steps} steps; it takes one or more")
        for row, one in enumerate(tokens):
            _check_tokens(row, one, self._flow.vocab_size)
        references = [Reference.of(ref, self.prompt_s) for ref in refs]
        lengths = [FRAMES_A_TOKEN * (len(r.tokens) + len(t)) for r, t in zip(references, tokens, strict=True)]
        made: dict[int, torch.Tensor] = {}
        for group in groups(lengths, self._flow_frames):
            rows = group.rows
            with torch.inference_mode(), self._lent():
                some = self._group(
                    [tokens[r] for r in rows], [references[r] for r in rows], [seeds[r] for r in rows], n_steps
                )
            made.update(zip(rows, some, strict=True))
        return [made[row] for row in range(len(tokens))]

    def waves(self, mels: Sequence[torch.Tensor], seeds: Sequence[int]) -> list[NDArray[np.float32]]:
        """For each mel [80, frames] its wave at 24 kHz, 480 samples a frame, in the order asked for.

        `seeds` choose the phases and the noise of each row's source. Raises ModelError for a mel without frames.
        """
        _check(len(mels), seeds=len(seeds))
        lengths = [mel.shape[-1] for mel in mels]
        if 0 in lengths:
            raise ModelError(f"row {lengths.index(0)} has a mel without frames; there is nothing to make a wave of")
        made: dict[int, NDArray[np.float32]] = {}
        for group in groups(lengths, self._vocoder_frames):
            with torch.inference_mode(), self._timed("vocoder"):
                waves = self._vocode(
                    [mels[r].to(self.device).float() for r in group.rows], [seeds[r] for r in group.rows]
                )
                made.update(
                    (r, wave.cpu().numpy().astype(np.float32)) for r, wave in zip(group.rows, waves, strict=True)
                )
        return [made[row] for row in range(len(mels))]

    def _group(
        self, tokens: list[torch.Tensor], references: list[Reference], seeds: list[int], n_steps: int
    ) -> list[torch.Tensor]:
        with self._timed("encoder"):
            whole = [torch.cat([r.tokens.to(t.device), t.long()]) for r, t in zip(references, tokens, strict=True)]
            encoded = self._encode(whole)
        with self._timed("flow"):
            tails = Tails([len(e) for e in encoded], self.device)
            led_by, start = self._led_by(encoded, references, tails), self._start(references, tails, seeds)
            mel = self._integrated(start, led_by, n_steps, tails)
            return [
                mel[row, :, len(r.mel) : length] for row, (r, length) in enumerate(zip(references, tails.lengths, strict=True))
            ]  # fmt: skip

    def _led_by(self, encoded: list[torch.Tensor], references: list[Reference], tails: Tails) -> torch.Tensor:
        """[rows, 240, time]: the encoding, the speaker, and the prompt's mel where there is one."""
        led_by = torch.zeros(len(encoded), 240, tails.longest, device=self.device)
        speakers = torch.stack([r.embedding for r in references]).to(self.device)
        speakers = self._flow.spk_embed_affine_layer(F.normalize(speakers, dim=1))
        led_by[:, 80:160] = speakers[:, :, None]
        for row, (one, reference) in enumerate(zip(encoded, references, strict=True)):
            led_by[row, :80, : len(one)] = one.T
            led_by[row, 160:, : len(reference.mel)] = reference.mel.T.to(self.device)
        return led_by

    def _start(self, references: list[Reference], tails: Tails, seeds: list[int]) -> torch.Tensor:
        start = torch.zeros(len(seeds), 80, tails.longest)
        for row, (reference, length, seed) in enumerate(zip(references, tails.lengths, seeds, strict=True)):
            prompt = len(reference.mel)
            start[row, :, :length] = flow_noise(seed, prompt, length - prompt, self.meanflow)
        return start.to(self.device)

    def _integrated(self, x: torch.Tensor, led_by: torch.Tensor, n_steps: int, tails: Tails) -> torch.Tensor:
        """Euler's steps from noise to mels [rows, 80, time]; guided rows and their unguided twins in one call, Turbo without twins."""
        decoder = self._flow.decoder
        moments = torch.linspace(0, 1, n_steps + 1, device=self.device)
        guidance = 0.0 if self.meanflow else float(decoder.inference_cfg_rate)
        if not self.meanflow:
            if decoder.t_scheduler == "cosine":
                moments = 1 - torch.cos(moments * 0.5 * torch.pi)
            led_by = torch.cat([led_by, torch.zeros_like(led_by)])
            tails = Tails(tails.lengths * 2, self.device)
        led_by = led_by.to(self._velocity.dtype)
        for at, until in pairwise(moments):
            time_embedded = self._velocity.time(at[None], until[None])
            if self.meanflow:
                velocity = self._step(x, led_by, time_embedded, tails)
            else:
                guided, free = self._step(torch.cat([x, x]), led_by, time_embedded, tails).chunk(2)
                velocity = (1.0 + guidance) * guided - guidance * free
            x = x + (until - at) * velocity
        return x

    @contextmanager
    def _lent(self) -> Iterator[None]:
        """Where a GPU's memory does not suffice, what recordings hold is given back first."""
        try:
            yield
        except torch.OutOfMemoryError:
            if isinstance(self._step, Replayed):
                self._step.release()
            raise

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        self.seconds[part] += time.perf_counter() - began


def _dtype(named: torch.dtype | str) -> torch.dtype:
    if isinstance(named, torch.dtype):
        return named
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if named not in known:
        raise ModelError(f"dtype {named!r} is none of {', '.join(known)}")
    return known[named]


def _check(rows: int, **counts: int) -> None:
    unlike = {name: count for name, count in counts.items() if count != rows}
    if unlike:
        raise ModelError(f"{rows} rows came with " + ", ".join(f"{count} {name}" for name, count in unlike.items()))


def _check_tokens(row: int, tokens: torch.Tensor, vocabulary: int) -> None:
    if tokens.ndim != 1 or not len(tokens):
        raise ModelError(
            f"row {row} has speech tokens of shape {list(tokens.shape)}; a row is a list with at least one"
        )
    if int(tokens.min()) < 0 or int(tokens.max()) >= vocabulary:
        raise ModelError(
            f"row {row} has speech token {int(tokens.max())}; those from {vocabulary} on are special: drop them first"
        )
