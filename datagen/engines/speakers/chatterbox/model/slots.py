"""The rows that are being decoded: their state on the device, and one step of all of them.

A row has one slot; its transformer rows are one place (or two with CFG: 2 x slot conditional, 2 x slot + 1 not). Slots in
use are always the first ones, so a step runs over a prefix of every tensor and costs what is in use.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from datagen.engines.speakers.chatterbox.model.backbone import Backbone
from datagen.engines.speakers.chatterbox.model.cache import Cache, Prefill, Step
from datagen.engines.speakers.chatterbox.model.rows import Tokens
from datagen.engines.speakers.chatterbox.model.sampler import CFG, Order, gumbel, sample, words


@dataclass(frozen=True)
class Prompt:
    """A row ready for T3. embeds: [1 or 2, length, width], the second without its text; settings: the sampler's columns."""

    embeds: Tensor
    settings: tuple[float, float, float, float, float]
    seed: int
    max_tokens: int

    @property
    def length(self) -> int:
        """Positions of the prompt."""
        return int(self.embeds.shape[1])


@dataclass(frozen=True)
class Speech:
    """T3's speech side. embedding: [entries, width]; positions: [n, width] or None; head: float32 [entries, width].

    keeps_start: the repetition penalty weighs the start mark after the first token too (stock's original does, its Turbo
    does not).
    """

    embedding: Tensor
    positions: Tensor | None
    head: Tensor
    head_bias: Tensor | None
    start: int
    stop: int
    keeps_start: bool


class Slots:
    """State of up to `count` rows of one kind (`places_each` 2 with CFG, else 1), prompt and tokens of each within `positions`."""

    def __init__(self, backbone: Backbone, speech: Speech, count: int, places_each: int, positions: int) -> None:
        device, shape = speech.embedding.device, backbone.shape
        self.backbone, self.speech = backbone, speech
        self.count, self.places_each = count, places_each
        self.cache = Cache(
            shape.layers,
            count * places_each,
            shape.heads,
            positions,
            shape.head_width,
            str(device),
            speech.embedding.dtype,
        )
        self.last = torch.zeros(count, dtype=torch.int64, device=device)
        self.spoken = torch.zeros(count, dtype=torch.int64, device=device)
        self.lengths = torch.zeros(count, dtype=torch.int64, device=device)
        self.limits = torch.zeros(count, dtype=torch.int64, device=device)
        self.seeds = torch.zeros((count, 2), dtype=torch.int64, device=device)
        self.settings = torch.ones((count, 5), dtype=torch.float32, device=device)
        self.seen = torch.zeros((count, speech.embedding.shape[0]), dtype=torch.bool, device=device)
        self.active = torch.zeros(count, dtype=torch.bool, device=device)
        self.ended = torch.zeros(count, dtype=torch.bool, device=device)
        self.broken = torch.zeros(count, dtype=torch.bool, device=device)
        # as wide as the cache, so wider than a row's tokens: one that has ended writes on behind its last, where nobody reads
        self.tokens = torch.zeros((count, positions), dtype=torch.int64, device=device)
        self._state = (
            *(self.last, self.spoken, self.lengths, self.limits, self.seeds, self.settings),
            *(self.seen, self.active, self.ended, self.broken, self.tokens),
        )

    def reset(self) -> None:
        """Frees every slot, also those of a call that was left before its end."""
        self.active[:] = False
        for slot in self.broken.nonzero()[:, 0].tolist():
            self._clear(slot)

    def admit(self, first: int, prompts: Sequence[Prompt], order: Order) -> None:
        """Fills the slots from `first` on, one a prompt, and samples each row's first token."""
        rows, each = len(prompts), self.places_each
        device, longest = self.last.device, max(prompt.length for prompt in prompts)
        lengths = torch.tensor([prompt.length for prompt in prompts], device=device)
        embeds = self.speech.embedding.new_zeros((rows * each, longest, self.backbone.shape.width))
        for row, prompt in enumerate(prompts):
            embeds[row * each : (row + 1) * each, : prompt.length] = prompt.embeds
        at = torch.arange(longest, device=device)[None]
        hidden = self.backbone(embeds, at, Prefill(self.cache, first * each))
        ends = _each(lengths - 1, each)
        new = slice(first, first + rows)
        self.spoken[new], self.lengths[new] = 0, lengths
        self.active[new], self.ended[new], self.broken[new] = True, False, False
        self.limits[new] = torch.tensor([prompt.max_tokens for prompt in prompts], device=device)
        self.seeds[new] = torch.tensor([words(prompt.seed) for prompt in prompts], device=device)
        self.settings[new] = torch.tensor([prompt.settings for prompt in prompts], device=device)
        self.seen[new] = False
        self.seen[new, self.speech.start] = True
        self._settle(new, hidden[torch.arange(rows * each, device=device), ends], order, starting=True)

    def advance(self, rows: int, window: int, order: Order) -> None:
        """One token more for the first `rows` slots; those that have ended stand still. No value goes to the host."""
        embeds = self.speech.embedding[self.last[:rows]]
        if self.speech.positions is not None:
            embeds = embeds + self.speech.positions[self.spoken[:rows]]
        lengths = _each(self.lengths[:rows], self.places_each)
        embeds = _each(embeds, self.places_each)[:, None]
        hidden = self.backbone(embeds, lengths[:, None], Step(self.cache, lengths, window))
        self.lengths[:rows] += self.active[:rows]
        self._settle(slice(0, rows), hidden[:, 0], order, starting=False)

    def move(self, source: int, target: int, positions: int) -> None:
        """Moves a row to a free slot; its old slot is free then."""
        each = self.places_each
        self.cache.move(source * each, target * each, each, positions)
        for tensor in self._state:
            tensor[target] = tensor[source]
        self.active[source] = False

    def result(self, slot: int) -> Tokens:
        """What the row of an ended slot has; a broken row's slot is cleared."""
        count, ended, broken = int(self.spoken[slot]), bool(self.ended[slot]), bool(self.broken[slot])
        if broken:
            self._clear(slot)
        ids = self.tokens[slot, :count].clone().cpu()  # on a CPU, cpu() alone would be a view of the next row's tokens
        return Tokens(ids, cut=not ended and not broken, broken=broken)

    def _clear(self, slot: int) -> None:
        self.cache.clear(slot * self.places_each, self.places_each)
        self.broken[slot] = False

    def _settle(self, which: slice, hidden: Tensor, order: Order, starting: bool) -> None:
        """Samples the next token of some slots from their last hidden states, and keeps it."""
        logits = self._logits(hidden, which)
        # NaN or infinity anywhere shows in the sum of a row times 0
        sound = torch.isfinite((logits * 0).sum(-1))
        logits = torch.where(sound[:, None], logits, torch.zeros_like(logits))
        noise = gumbel(self.seeds[which], self.spoken[which], logits.shape[-1])
        token = sample(logits, self.seen[which], self.settings[which], noise, order)
        active = self.active[which]
        ends = active & sound & (token == self.speech.stop)
        speaks = active & sound & ~ends
        token = torch.where(speaks, token, torch.full_like(token, self.speech.stop))
        self.tokens[which].scatter_(1, self.spoken[which][:, None], token[:, None])
        if starting and not self.speech.keeps_start:
            self.seen[which] = False
        self.seen[which].scatter_(1, token[:, None], True)
        self.last[which] = token
        self.spoken[which] += speaks
        self.ended[which] |= ends
        self.broken[which] |= active & ~sound
        self.active[which] = speaks & (self.spoken[which] < self.limits[which])

    def _logits(self, hidden: Tensor, which: slice) -> Tensor:
        """Single-precision logits [slots, entries], the unconditional ones taken off by each row's weight."""
        # in single precision whatever the layers have: bfloat16 would round a logit of 10 by 0.03
        logits = torch.nn.functional.linear(hidden.float(), self.speech.head, self.speech.head_bias)
        if self.places_each == 1:
            return logits
        conditional, unconditional = logits[0::2], logits[1::2]
        return conditional + self.settings[which, CFG, None] * (conditional - unconditional)


def _each(rows: Tensor, times: int) -> Tensor:
    """Every row `times` times in a row; repeat_interleave, in some versions, waits for the GPU, which no graph may."""
    return rows[:, None].expand(rows.shape[0], times, *rows.shape[1:]).flatten(0, 1)
