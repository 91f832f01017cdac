"""The continuous batch: rows by length, longest first; a finished row's place goes to the next that waits."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from datagen.engines.speakers.chatterbox.model.backbone import Backbone
from datagen.engines.speakers.chatterbox.model.rows import Tokens
from datagen.engines.speakers.chatterbox.model.sampler import TEMPERATURE, TOP_P, Order
from datagen.engines.speakers.chatterbox.model.slots import Prompt, Slots, Speech
from datagen.engines.speakers.chatterbox.model.steps import Steps, bucket, cuda_capture, window

POSITIONS_STEP = 256
"""A cache's positions are rounded up to this, so that the next call's rows fit the same one, and its graphs."""


@dataclass(frozen=True)
class Waiting:
    """A row that has no place yet. make: its prompt, built when its turn comes, since prompts are megabytes."""

    number: int
    length: int
    """Positions of the prompt."""
    max_tokens: int
    places_each: int
    make: Callable[[], Prompt]


class Decoder:
    """Decodes rows together, `slots` at most at once. Keeps its cache, and on a GPU its graphs, from call to call."""

    def __init__(self, backbone: Backbone, speech: Speech, turbo: bool, slots: int, stride: int | None = None) -> None:
        self._backbone, self._speech, self._turbo, self._most = backbone, speech, turbo, slots
        self._on_gpu = speech.embedding.device.type == "cuda"
        # asking a GPU which rows have ended waits for it: ask every 8 tokens there. A row's tokens are the same
        self._stride = stride or (8 if self._on_gpu else 1)
        self._kept: dict[int, tuple[Slots, dict[Order, Steps]]] = {}
        self.row_steps = 0
        """Tokens sampled, those of rows that had ended included: what the batch cost."""

    def release(self) -> None:
        """Gives the cache and the graphs back."""
        self._kept.clear()

    def decode(self, waiting: Sequence[Waiting], settings: Sequence[Sequence[float]]) -> Iterator[tuple[int, Tokens]]:
        """(number, tokens) of every row, in the order of finishing. settings: the sampler's columns, a row each."""
        order = Order(self._turbo, sorts=any(row[TOP_P] < 1 and row[TEMPERATURE] > 0 for row in settings))
        for places_each in sorted({row.places_each for row in waiting}):
            group = [row for row in waiting if row.places_each == places_each]
            group.sort(key=lambda row: (-row.length, row.number))
            yield from self._decoded(deque(group), places_each, order)

    def _decoded(self, waiting: deque[Waiting], places_each: int, order: Order) -> Iterator[tuple[int, Tokens]]:
        with torch.inference_mode():
            slots, steps = self._room(waiting, places_each, order)
            slots.reset()
        numbers: list[int] = []
        reached: list[int] = []  # positions that each row in use may have, at most
        while waiting or numbers:
            with torch.inference_mode():  # never around a yield: the caller is no part of it
                free = min(slots.count - len(numbers), len(waiting))
                if free and (not numbers or free >= self._refill(slots.count, len(waiting))):
                    taken = [waiting.popleft() for _ in range(free)]
                    slots.admit(len(numbers), [row.make() for row in taken], order)
                    numbers += [row.number for row in taken]
                    reached += [row.length for row in taken]
                else:
                    self._run(slots, steps, reached)
                done = self._retired(slots, numbers, reached)
            yield from done

    def _run(self, slots: Slots, steps: Steps, reached: list[int]) -> None:
        for _ in range(self._stride):
            reached[:] = [min(positions + 1, slots.cache.positions) for positions in reached]
            steps(len(reached), window(max(reached), slots.cache.positions))
            self.row_steps += len(reached)

    def _retired(self, slots: Slots, numbers: list[int], reached: list[int]) -> list[tuple[int, Tokens]]:
        """The rows that have ended; the last rows in use move into their slots."""
        done: list[tuple[int, Tokens]] = []
        active = slots.active[: len(numbers)].tolist()
        for slot in reversed(range(len(active))):
            if active[slot]:
                continue
            done.append((numbers[slot], slots.result(slot)))
            last = len(numbers) - 1
            if slot != last:
                slots.move(last, slot, reached[last])
                numbers[slot], reached[slot] = numbers[last], reached[last]
            del numbers[last], reached[last]
        return done

    def _refill(self, slots: int, waiting: int) -> int:
        """How many places must be free before rows enter: a prompt's pass holds up all others, on a GPU most of all."""
        return min(max(1, slots // 8), waiting) if self._on_gpu else 1

    def _room(self, waiting: Sequence[Waiting], places_each: int, order: Order) -> tuple[Slots, Steps]:
        """Slots that hold these rows: those of the last call where they suffice."""
        count = bucket(min(self._most, len(waiting)), self._most)
        need = max(row.length + row.max_tokens for row in waiting) + 1
        positions = min(-(-need // POSITIONS_STEP) * POSITIONS_STEP, self._backbone.shape.positions)
        slots, steps = self._kept.get(places_each, (None, {}))
        if slots is None or slots.count < count or slots.cache.positions < need:
            self._kept.pop(places_each, None)  # before the new one: both at once might not fit
            del slots
            slots, steps = Slots(self._backbone, self._speech, count, places_each, positions), {}
            self._kept[places_each] = slots, steps
        if order not in steps:
            capture = cuda_capture(self._speech.embedding.device) if self._on_gpu else None
            steps[order] = Steps(lambda rows, wide: slots.advance(rows, wide, order), slots.count, capture)
        return slots, steps[order]
