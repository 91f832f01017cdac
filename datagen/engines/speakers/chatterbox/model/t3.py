"""T3, text to speech tokens, with stock's weights: prompts as stock builds them, decoded by the continuous batch.

A prompt is prefix (voice), text between its marks, and the start mark twice in the original (stock appends one to the
prompt and feeds one more, both with position 0), once in Turbo. Token i is fed back with position i + 1.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from datagen.engines.speakers.chatterbox.model.backbone import Backbone, Gpt2, Llama
from datagen.engines.speakers.chatterbox.model.decoder import Decoder, Waiting
from datagen.engines.speakers.chatterbox.model.rows import Conditionals, Row, Tokens
from datagen.engines.speakers.chatterbox.model.slots import Prompt, Speech

LLAMA_POSITIONS = 8192
"""Of Llama's 131,072 positions, those that a table is kept for: a prompt and 4,096 tokens stay below."""


class T3:
    """Stock's T3 module as a batch. Takes its transformer's weights over: the stock module cannot speak afterwards."""

    def __init__(self, stock: Any, device: str, dtype: torch.dtype, slots: int, stride: int | None = None) -> None:
        self.turbo = bool(stock.is_gpt)
        self._marks = stock.hp
        layers = stock.tfmr
        backbone: Backbone = (
            Gpt2(layers, device, dtype) if self.turbo else Llama(layers, device, dtype, LLAMA_POSITIONS)
        )
        stock.tfmr = None  # half a billion parameters once, not twice
        self._text = stock.text_emb.weight.detach().to(device=device, dtype=dtype)
        self._text_positions = _table(stock.text_pos_emb, device, dtype)
        bias = stock.speech_head.bias
        self.speech = Speech(
            stock.speech_emb.weight.detach().to(device=device, dtype=dtype),
            _table(stock.speech_pos_emb, device, dtype),
            stock.speech_head.weight.detach().to(device=device, dtype=torch.float32),
            None if bias is None else bias.detach().to(device=device, dtype=torch.float32),
            start=self._marks.start_speech_token,
            stop=self._marks.stop_speech_token,
            keeps_start=not self.turbo,
        )
        self.backbone = backbone
        self.decoder = Decoder(backbone, self.speech, self.turbo, slots, stride)

    @property
    def most_text(self) -> int:
        """Text tokens that the model has positions for, marks left out."""
        return int(self._marks.max_text_tokens)

    @property
    def most_tokens(self) -> int:
        """Speech tokens that the model has positions for."""
        return int(self._marks.max_speech_tokens)

    def decode(self, rows: Sequence[Row], texts: Sequence[Tensor]) -> Iterator[tuple[int, Tokens]]:
        """(row's number, its speech tokens) in the order of finishing. texts: token ids [n] of each row, without marks."""
        settings = [self._settings(row) for row in rows]
        extra = 1 if self.turbo else 4  # the start mark; or two text marks and the start mark twice
        waiting = [
            Waiting(
                number,
                int(row.conditionals.prefix.shape[0]) + int(text.shape[0]) + extra,
                row.max_tokens,
                1 if self.turbo or row.cfg_weight == 0 else 2,
                partial(self.prompt, row, text),
            )
            for number, (row, text) in enumerate(zip(rows, texts, strict=True))
        ]
        return self.decoder.decode(waiting, settings)

    def prompt(self, row: Row, text: Tensor) -> Prompt:
        """The row's input to the transformer, both its sides where it has CFG."""
        if self.turbo:
            embeds = self._turbo_embeds(row.conditionals, text)
        else:
            embeds = self._original_embeds(row.conditionals, text, sides=1 if row.cfg_weight == 0 else 2)
        return Prompt(embeds, self._settings(row), row.seed, row.max_tokens)

    def _settings(self, row: Row) -> tuple[float, float, float, float, float]:
        return (row.temperature, row.top_p, row.min_p, row.repetition_penalty, row.cfg_weight)

    def _original_embeds(self, conditionals: Conditionals, text: Tensor, sides: int) -> Tensor:
        assert self._text_positions is not None
        assert self.speech.positions is not None
        marked = functional.pad(text.to(self._text.device), (1, 0), value=self._marks.start_text_token)
        marked = functional.pad(marked, (0, 1), value=self._marks.stop_text_token)
        places = self._text_positions[: marked.shape[0]]
        start = (self.speech.embedding[self.speech.start] + self.speech.positions[0]).expand(2, -1)
        prefix = conditionals.prefix.to(self._text.dtype)
        said = torch.cat([prefix, self._text[marked] + places, start])
        if sides == 1:
            return said[None]
        return torch.stack([said, torch.cat([prefix, places, start])])  # without the text's embedding, not its places

    def _turbo_embeds(self, conditionals: Conditionals, text: Tensor) -> Tensor:
        start = self.speech.embedding[self.speech.start][None]
        said = self._text[text.to(self._text.device)]
        return torch.cat([conditionals.prefix.to(self._text.dtype), said, start])[None]


def _table(positions: Any, device: str, dtype: torch.dtype) -> Tensor | None:
    """A learned table of positions, or none where the model has none."""
    if positions is None:
        return None
    table: Tensor = positions.emb.weight.detach().to(device=device, dtype=dtype)
    return table
