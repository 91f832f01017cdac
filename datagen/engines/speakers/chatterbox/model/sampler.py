"""The next token of every row, each by its own settings and its own seed.

Noise is a hash of (seed, token's number, vocabulary entry), so a row's draws depend neither on the rows beside it nor on
its place in the batch. A draw is the largest of logit + Gumbel noise, which has the softmax's distribution and turns
over only where two sums lie within rounding of each other; a walk along cumulated probabilities would turn over at every
entry's edge.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

TURBO_TOP_K = 1000
"""chatterbox 0.1.7's inference_turbo keeps this many tokens."""
_WORD = 0xFFFFFFFF
TEMPERATURE, TOP_P, MIN_P, PENALTY, CFG = range(5)
"""Columns of a row's settings."""


@dataclass(frozen=True)
class Order:
    """Which filters a call needs, and in which order: chatterbox 0.1.7's own two.

    original: penalty, temperature, min_p, top_p. turbo: temperature, the best 1000, top_p, penalty.
    """

    turbo: bool
    sorts: bool
    """A row of the call has a top_p below 1: sorting a vocabulary a step is left out otherwise."""


def words(seed: int) -> tuple[int, int]:
    """The two 32-bit words of a seed, which may be any integer; only its lowest 64 bits count."""
    return seed & _WORD, (seed >> 32) & _WORD


def gumbel(seeds: Tensor, counts: Tensor, entries: int) -> Tensor:
    """Gumbel noise [rows, entries] in single precision, finite, of seeds [rows, 2] (`words`) and counts [rows]."""
    key = _mixed(seeds[:, 0] ^ 0x3C6EF372)
    key = _mixed(key ^ seeds[:, 1])
    key = _mixed(key ^ counts)
    entry = torch.arange(entries, device=seeds.device, dtype=torch.int64)
    drawn = _mixed(_mixed(entry[None] * 0x9E3779B1 + key[:, None]) ^ _mixed(key + 0x7F4A7C15)[:, None])
    # 23 bits and a half step: every value is exact in single precision and none is 0 or 1
    uniform = ((drawn >> 9).float() + 0.5) * 2.0**-23
    return -torch.log(-torch.log(uniform))


def sample(logits: Tensor, seen: Tensor, settings: Tensor, noise: Tensor, order: Order) -> Tensor:
    """Token ids [rows] of logits [rows, entries] in single precision.

    seen: bool [rows, entries], the tokens that the repetition penalty weighs. settings: [rows, 5] by the columns above.
    """
    temperature = settings[:, TEMPERATURE, None]
    scale = torch.where(temperature > 0, temperature, torch.ones_like(temperature))
    if order.turbo:
        kept = _top_k(logits / scale, TURBO_TOP_K)
        kept = _top_p(kept, settings) if order.sorts else kept
        kept = _penalised(kept, seen, settings)
    else:
        kept = _min_p(_penalised(logits, seen, settings) / scale, settings)
        kept = _top_p(kept, settings) if order.sorts else kept
    return torch.where(temperature > 0, kept + noise, kept).argmax(-1)


def _mixed(word: Tensor) -> Tensor:
    """A 32-bit integer hash (Wellons' lowbias32) in 64-bit integers: the low half of a product is exact in them."""
    word = word & _WORD
    word = ((word ^ (word >> 16)) * 0x7FEB352D) & _WORD
    word = ((word ^ (word >> 15)) * 0x846CA68B) & _WORD
    return word ^ (word >> 16)


def _penalised(logits: Tensor, seen: Tensor, settings: Tensor) -> Tensor:
    penalty = settings[:, PENALTY, None]
    weighed = torch.where(logits < 0, logits * penalty, logits / penalty)
    return torch.where(seen, weighed, logits)


def _min_p(logits: Tensor, settings: Tensor) -> Tensor:
    shares = torch.softmax(logits, -1)
    least = settings[:, MIN_P, None] * shares.amax(-1, keepdim=True)
    # min_p above 1 would remove all: the likeliest stays, as in stock
    removed = (shares < least) & (shares < shares.amax(-1, keepdim=True))
    return logits.masked_fill(removed, -torch.inf)


def _top_k(logits: Tensor, kept: int) -> Tensor:
    if kept >= logits.shape[-1]:
        return logits
    return logits.masked_fill(logits < torch.topk(logits, kept, -1).values[:, -1:], -torch.inf)


def _top_p(logits: Tensor, settings: Tensor) -> Tensor:
    ascending, entries = torch.sort(logits, -1)
    removed = torch.softmax(ascending, -1).cumsum(-1) <= 1 - settings[:, TOP_P, None]
    removed[:, -1] = False
    return logits.masked_fill(torch.zeros_like(removed).scatter(-1, entries, removed), -torch.inf)
