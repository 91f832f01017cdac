"""Chatterbox for many turns at once: T3, S3Gen's flow, the vocoder and the watermark, each on a batch.

A row's sound follows from its text, voice, settings and seed; not from the rows beside it, nor from their order.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datagen.engines.speakers.chatterbox.model.conditioning import Conditioning
from datagen.engines.speakers.chatterbox.model.flow import FlowVocoder
from datagen.engines.speakers.chatterbox.model.loading import DTYPES, Kind, Parts, load
from datagen.engines.speakers.chatterbox.model.reference import LONGEST_PROMPT_S
from datagen.engines.speakers.chatterbox.model.rows import (
    SPEECH_CODES,
    Conditionals,
    Fault,
    ModelError,
    OutOfMemory,
    Row,
    Tokens,
)
from datagen.engines.speakers.chatterbox.model.t3 import T3
from datagen.engines.speakers.chatterbox.model.watermark import Watermark

Wave = NDArray[np.float32]
SLOTS = 32
"""Rows that T3 decodes at once, where the caller does not say."""
GROUP = {"cuda": 32, "cpu": 8}
"""Rows of similar length that the flow and the vocoder are given together."""


class Batched:
    """A loaded model. One thread at a time."""

    def __init__(
        self, parts: Parts, device: str, dtype: torch.dtype, slots: int = SLOTS, prompt_s: float = LONGEST_PROMPT_S
    ) -> None:
        self._tokenizer = parts.tokenizer
        self.turbo = bool(parts.t3.is_gpt)
        self._conditioning = Conditioning(parts.t3, parts.s3gen, parts.voice_encoder, device, self.turbo)
        self.t3 = T3(parts.t3, device, dtype, slots)
        self._flow = FlowVocoder(parts.s3gen, device, dtype, prompt_s)
        self._watermark = Watermark()
        self._group = GROUP["cuda" if device.startswith("cuda") else "cpu"]
        self._normalised: Any = import_module("chatterbox.tts_turbo" if self.turbo else "chatterbox.tts").punc_norm
        self._silence: int = import_module("chatterbox.models.s3gen.const").S3GEN_SIL
        self._seconds = {"conditioning": 0.0, "t3": 0.0, "watermark": 0.0}

    @classmethod
    def load(
        cls, folder: Path, device: str, dtype: str, kind: Kind, slots: int = SLOTS, prompt_s: float = LONGEST_PROMPT_S
    ) -> "Batched":
        """The model in a folder of safetensors files. Rejects, in one line, a folder that lacks a file or a tensor.

        device: "cpu", "cuda" or "cuda:N". dtype: precision of T3 and of the flow's decoder, "float32", "bfloat16" or "float16".
        slots: rows that T3 decodes at once; more wait until one has ended. prompt_s: how much of a clip leads the flow, 10 at most.
        """
        if dtype not in DTYPES:
            raise ModelError(f"dtype = {dtype!r}: choose one of {', '.join(DTYPES)}")
        return cls(load(folder, device, kind), device, DTYPES[dtype], slots, prompt_s)

    @property
    def seconds(self) -> dict[str, float]:
        """Wall-clock seconds by part since loading: conditioning, t3, encoder, flow, vocoder, watermark."""
        return {**self._seconds, **self._flow.seconds}

    def conditionals(self, clip: Wave, exaggeration: float) -> Conditionals:
        """What the model needs of a voice, from its clip [samples] at 24 kHz. Rejects a clip that it cannot use."""
        with self._counted("conditioning"):
            return self._conditioning(clip, exaggeration)

    def speak(self, rows: Sequence[Row], mark: bool = True) -> Iterator[tuple[int, Wave | Fault]]:
        """(row's number, its sound [samples] at 24 kHz or why there is none), each row once, in the order of finishing.

        mark: with the watermark; without, the caller puts it on (`marked`) where the sound is whole.
        Raises OutOfMemory where the device cannot hold this many rows; those given out before are good.
        """
        ready: dict[int, list[tuple[int, Tensor]]] = defaultdict(list)
        for number, spoken in self._tokens(rows):
            if isinstance(spoken, Fault):
                yield number, spoken
                continue
            pool = ready[rows[number].flow_steps]
            pool.append((number, spoken))
            if len(pool) >= 2 * self._group:  # of twice as many, those that are nearest in length
                pool.sort(key=_by_length)
                group, pool[:] = pool[: self._group], pool[self._group :]
                yield from self._sounds(rows, group, mark)
        for pool in ready.values():
            pool.sort(key=_by_length)
            for start in range(0, len(pool), self._group):
                yield from self._sounds(rows, pool[start : start + self._group], mark)

    def tokens(self, rows: Sequence[Row]) -> list[Tensor | Fault]:
        """Speech tokens [n] of each row as the flow takes them, or why there are none."""
        made = dict(self._tokens(rows))
        return [made[number] for number in range(len(rows))]

    def mels(self, tokens: Sequence[Tensor], rows: Sequence[Row]) -> list[Tensor]:
        """Mel frames [80, frames] of each row's tokens. Rejects rows of different flow_steps."""
        steps = {row.flow_steps for row in rows}
        if len(steps) != 1:
            raise ModelError(f"rows of one flow batch have flow_steps {sorted(steps)}: one number is needed")
        references = [row.conditionals.reference for row in rows]
        mels: list[Tensor] = self._flow.mels(list(tokens), references, [row.seed for row in rows], steps.pop())
        return mels

    def waves(self, mels: Sequence[Tensor], rows: Sequence[Row]) -> list[Wave]:
        """Sound [samples] at 24 kHz of each row's mel frames, without a watermark."""
        waves: list[Wave] = self._flow.waves(list(mels), [row.seed for row in rows])
        return waves

    def marked(self, waves: Sequence[Wave]) -> list[Wave]:
        """The same sounds with Perth's watermark."""
        with self._counted("watermark"):
            return [self._watermark.apply(wave) for wave in waves]

    def _sounds(
        self, rows: Sequence[Row], group: Sequence[tuple[int, Tensor]], mark: bool
    ) -> Iterator[tuple[int, Wave | Fault]]:
        chosen = [rows[number] for number, _ in group]
        with self._memory(len(group)):
            waves = self.waves(self.mels([tokens for _, tokens in group], chosen), chosen)
        waves = self.marked(waves) if mark else waves
        for (number, tokens), wave in zip(group, waves, strict=True):
            if np.isfinite(wave).all():
                yield number, wave
            else:
                yield number, Fault("numbers", f"the sound of {len(tokens)} tokens has samples that are not finite")

    def _tokens(self, rows: Sequence[Row]) -> Iterator[tuple[int, Tensor | Fault]]:
        """T3 alone: sounding tokens or a fault, in the order of finishing."""
        texts: list[Tensor] = []
        numbers: list[int] = []
        for number, row in enumerate(rows):
            text = self._misset(row) or self._text(row.text)
            if isinstance(text, Fault):
                yield number, text
            else:
                numbers.append(number)
                texts.append(text)
        decoded = self.t3.decode([rows[number] for number in numbers], texts)
        while True:
            with self._counted("t3"), self._memory(len(rows)):
                done = next(decoded, None)
            if done is None:
                return
            place, spoken = done
            yield numbers[place], self._sounding(rows[numbers[place]], spoken)

    def _text(self, text: str) -> Tensor | Fault:
        if not text.strip():
            return Fault("text", "there is nothing to say")
        ids = self.ids_of(text)
        if len(ids) > self.t3.most_text:
            return Fault("text", f"{len(ids)} text tokens; the model has positions for {self.t3.most_text}")
        return ids

    def ids_of(self, text: str) -> Tensor:
        """Ids [n] of a text's tokens, in stock's spelling of it."""
        spelled = self._normalised(text)
        ids = self._tokenizer(spelled).input_ids if self.turbo else self._tokenizer.encode(spelled)
        return torch.tensor(ids, dtype=torch.int64)

    def _sounding(self, row: Row, spoken: Tokens) -> Tensor | Fault:
        """A row's tokens without marks, with Turbo's silence behind them; or what is wrong with them."""
        count = len(spoken.ids)
        if spoken.broken:
            return Fault("numbers", f"a logit is not finite at token {count}")
        if spoken.cut:
            return Fault("cut", f"no stop within {row.max_tokens} tokens for {len(row.text)} characters")
        ids = spoken.ids[spoken.ids < SPEECH_CODES]
        if not len(ids):
            return Fault("empty", f"none of {count} tokens sounds")
        return torch.cat([ids, ids.new_full((3,), self._silence)]) if self.turbo else ids

    def _misset(self, row: Row) -> Fault | None:
        """What is wrong with a row's settings, if anything."""
        ranges = {
            "temperature (0 or more)": row.temperature >= 0,
            "top_p (above 0, at most 1)": 0 < row.top_p <= 1,
            "min_p (0 to 1)": 0 <= row.min_p <= 1,
            "repetition_penalty (above 0)": row.repetition_penalty > 0,
            "cfg_weight (0 or more)": row.cfg_weight >= 0,
            f"max_tokens (1 to {self.t3.most_tokens})": 0 < row.max_tokens <= self.t3.most_tokens,
            "flow_steps (1 or more)": row.flow_steps >= 1,
        }
        wrong = [name for name, sound in ranges.items() if not sound]
        return Fault("settings", f"out of range: {', '.join(wrong)}") if wrong else None

    @contextmanager
    def _counted(self, part: str) -> Iterator[None]:
        started = perf_counter()
        try:
            yield
        finally:
            self._seconds[part] += perf_counter() - started

    @contextmanager
    def _memory(self, rows: int) -> Iterator[None]:
        """Turns the device's refusal of memory into OutOfMemory, with the batch's own memory given back."""
        try:
            yield
        except RuntimeError as error:
            if not isinstance(error, torch.OutOfMemoryError) and "can't allocate memory" not in str(error):
                raise  # torch has no type of its own for a CPU's memory
            self.t3.decoder.release()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            raise OutOfMemory(f"{rows} rows at once: {str(error).splitlines()[0]}") from error


def _by_length(item: tuple[int, Tensor]) -> tuple[int, int]:
    return len(item[1]), item[0]
