"""Mimi in steps of many frames with everything that one-frame steps remember: the modules are transformers', the state is here.

Why the state is not the library's: its caches grow and are one list a call, so that a step has another shape every time, all
clips of a batch begin together, and what attention reaches is 250 positions for every query. Inference is otherwise:
moshi 0.2.13 steps one frame, two positions of its transformer, into a ring of 250, so that of each pair the first query sees
249 positions and the second 250. Here a step of any width gives each query what it is to see, by a mask over positions.

Every tensor of the state keeps its place and shape, as CUDA graphs want it.
"""

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

Window = Literal["step", "whole", "rust"]

PAST = 250
"""Positions kept before a step: of the windows the widest (rustymimi's) reaches so far back."""
POSITIONS = 2
"""Of the transformer a frame: it works at 25 Hz."""
FRAME = 1_920
_BEHIND = 12
"""Positions before a sample that SEANet's decoder hears, rounded up: 6 of its first convolution, and less than 3 of all the others."""


def reach(positions: Tensor, window: Window) -> Tensor:
    """How many positions a query at each of `positions` sees, itself with them.

    step: 249 and 250 by turns, as one-frame steps of moshi 0.2.13 (and so PersonaPlex's inference) see; whole: 250, as
    moshi and transformers see in a whole file; rust: 251, as rustymimi 0.4.1 sees in any case. All measured: see
    tests/engines/codecs/test_mimi_torch_full.py.
    """
    if window == "step":
        return 249 + positions % POSITIONS
    return torch.full_like(positions, 250 if window == "whole" else 251)


class Convolution:
    """A causal convolution that remembers the end of its input."""

    def __init__(self, module: Any, batch: int) -> None:
        weight = module.conv.weight
        self._conv: Callable[[Tensor], Tensor] = module.conv
        self._replicate = module.pad_mode == "replicate"
        self._past = torch.zeros(
            batch, module.conv.in_channels, int(module.padding_total), device=weight.device, dtype=weight.dtype
        )

    def __call__(self, x: Tensor, fresh: Tensor) -> Tensor:
        n = self._past.shape[2]
        if n == 0:
            return self._conv(x)
        begins = fresh[:, None, None]
        past = torch.where(begins, x[:, :, :1], self._past) if self._replicate else self._past.masked_fill(begins, 0)
        joined = torch.cat([past, x], dim=2)
        self._past.copy_(joined[:, :, -n:])
        return self._conv(joined)


class Stack:
    """SEANet's encoder, or one of its residual blocks: convolutions, blocks and ELUs, in the library's order."""

    def __init__(self, layers: Any, batch: int) -> None:
        self._calls = [_made(layer, batch) for layer in layers]

    def __call__(self, x: Tensor, fresh: Tensor) -> Tensor:
        for call in self._calls:
            x = call(x, fresh)
        return x


def _made(layer: Any, batch: int) -> Callable[[Tensor, Tensor], Tensor]:
    if hasattr(layer, "block"):
        inner = Stack(layer.block, batch)
        return lambda x, fresh: x + inner(x, fresh)
    return Convolution(layer, batch) if hasattr(layer, "conv") else lambda x, fresh: layer(x)


class Transformer:
    """The transformer of the encoder or the decoder, with the keys and values of the last `PAST` positions."""

    def __init__(self, module: Any, batch: int, window: Window) -> None:
        attention = module.layers[0].self_attn
        weight = attention.q_proj.weight
        self._module, self._window = module, window
        self._heads, self._width = attention.num_heads, attention.head_dim
        shape = (2, batch, self._heads, PAST, self._width)
        self._past = [torch.zeros(shape, device=weight.device, dtype=weight.dtype) for _ in module.layers]
        self._position = torch.zeros(batch, device=weight.device, dtype=torch.int64)

    def __call__(self, x: Tensor, fresh: Tensor) -> Tensor:
        """[batch, n, width] of the next n positions; a clip that is `fresh` begins with them."""
        n = x.shape[1]
        start = self._position.masked_fill(fresh, 0)
        queries = start[:, None] + torch.arange(n, device=x.device)
        keys = start[:, None] + torch.arange(-PAST, n, device=x.device)
        distance = queries[:, :, None] - keys[:, None, :]
        seen = (distance >= 0) & (distance < reach(queries, self._window)[:, :, None]) & (keys >= 0)[:, None, :]
        cos, sin = self._module.rotary_emb(x, queries)
        turn = cos[:, None], sin[:, None]
        for layer, past in zip(self._module.layers, self._past, strict=True):
            attended = self._attend(layer.self_attn, layer.input_layernorm(x), turn, seen[:, None], past)
            x = x + layer.self_attn_layer_scale(attended)
            x = x + layer.mlp_layer_scale(layer.mlp(layer.post_attention_layernorm(x)))
        self._position.copy_(start + n)
        return x

    def _attend(self, module: Any, x: Tensor, turn: tuple[Tensor, Tensor], seen: Tensor, past: Tensor) -> Tensor:
        batch, n, _ = x.shape
        query, key, value = (
            project(x).view(batch, n, self._heads, self._width).transpose(1, 2)
            for project in (module.q_proj, module.k_proj, module.v_proj)
        )
        keys = torch.cat([past[0], _turned(key, turn)], dim=2)
        values = torch.cat([past[1], value], dim=2)
        past[0].copy_(keys[:, :, n:])
        past[1].copy_(values[:, :, n:])
        # Written out: the fused kernels choose their arithmetic by device and shape.
        scores = _turned(query, turn) @ keys.transpose(2, 3) * module.scaling
        attended = scores.masked_fill(~seen, float("-inf")).softmax(dim=-1) @ values
        made: Tensor = module.o_proj(attended.transpose(1, 2).reshape(batch, n, -1))
        return made


def _turned(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """x with its first half turned against its second, as transformers lays heads out."""
    first, second = x.chunk(2, dim=-1)
    return x * turn[0] + torch.cat([-second, first], dim=-1) * turn[1]


class Encoder:
    """From audio to latents, `batch` clips at once, each with a past of its own."""

    def __init__(self, model: Any, batch: int, window: Window) -> None:
        half = model.encoder
        self._stack = Stack(half.encoder_seanet.layers, batch)
        self._transformer = Transformer(half.encoder_transformer, batch, window)
        self._downsample = Convolution(half.downsample, batch)

    def __call__(self, audio: Tensor, fresh: Tensor) -> Tensor:
        """Latents [batch, width, frames] of the next `frames` frames, audio [batch, frames * 1920].

        `fresh`, bool [batch], says which of the clips begin here, whatever was heard in their place before.
        """
        x = self._stack(audio[:, None], fresh)
        x = self._transformer(x.transpose(1, 2), fresh).transpose(1, 2)
        return self._downsample(x, fresh)


class Decoder:
    """From latents to the audio of one clip."""

    def __init__(self, model: Any, window: Window) -> None:
        self._half = model.decoder
        self._transformer = Transformer(self._half.decoder_transformer, 1, window)

    def __call__(self, latents: Tensor, width: int) -> Tensor:
        """Audio [1, frames * 1920] of latents [1, width, frames], `width` frames at a time, so that memory stays flat."""
        x = self._half.upsample(latents).transpose(1, 2)
        fresh = torch.ones(1, dtype=torch.bool, device=x.device)
        attended = []
        for part in x.split(POSITIONS * width, dim=1):
            attended.append(self._transformer(part, fresh))
            fresh = torch.zeros_like(fresh)
        x = torch.cat(attended, dim=1).transpose(1, 2)
        audio = []
        for start in range(0, x.shape[2], POSITIONS * width):
            before = min(start, _BEHIND)
            part = self._half.decoder_seanet(x[:, :, start - before : start + POSITIONS * width])
            audio.append(part[:, 0, before * (FRAME // POSITIONS) :])
        return torch.cat(audio, dim=1)


class Books:
    """The codes of latents, book by book, each of what the ones before it left over; always in single precision.

    The nearest entry by |e|^2/2 - x.e, which orders the entries as their distances do. moshi and transformers take
    torch.cdist, which sums |x|^2 too, larger than all that tells the entries apart, and so loses digits where they are close.
    """

    def __init__(self, model: Any, books: int) -> None:
        quantizer = model.quantizer
        semantic, acoustic = quantizer.semantic_residual_vector_quantizer, quantizer.acoustic_residual_vector_quantizer
        self._parts = [_Residual(semantic, 1)] + ([_Residual(acoustic, books - 1)] if books > 1 else [])

    def latents(self, codes: Tensor) -> Tensor:
        """Latents [batch, width, frames] that codes int64 [batch, books, frames] stand for."""
        rows, first = torch.zeros((), device=codes.device), 0
        for part in self._parts:
            rows = rows + part.latents(codes[:, first : first + part.n_books])
            first += part.n_books
        return rows.transpose(1, 2)

    def __call__(self, latents: Tensor) -> Tensor:
        """Codes int16 [batch, books, frames] of latents [batch, width, frames]."""
        rows = latents.transpose(1, 2).float()
        return torch.cat([part(rows) for part in self._parts], dim=2).transpose(1, 2).to(torch.int16)


class _Residual:
    def __init__(self, quantizer: Any, books: int) -> None:
        self.n_books = books
        self._project, self._unproject = (
            layer.weight.detach().float()[:, :, 0] for layer in (quantizer.input_proj, quantizer.output_proj)
        )
        self._tables = [layer.codebook.embed.detach().float() for layer in quantizer.layers[:books]]
        self._halves = [table.square().sum(dim=1) / 2 for table in self._tables]

    def __call__(self, rows: Tensor) -> Tensor:
        left, codes = functional.linear(rows, self._project), []
        for table, halves in zip(self._tables, self._halves, strict=True):
            code = (functional.linear(left, table) - halves).argmax(dim=-1)
            left = left - functional.embedding(code, table)
            codes.append(code)
        return torch.stack(codes, dim=-1)

    def latents(self, codes: Tensor) -> Tensor:
        entries = [functional.embedding(codes[:, k], table) for k, table in enumerate(self._tables)]
        return functional.linear(torch.stack(entries).sum(dim=0), self._unproject)
