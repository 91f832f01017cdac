"""Sequences to batches: like lengths together, so that little is padded, and padding that no model learns from.

    for sequences in LengthBuckets(stream, max_columns_a_batch=16_384, seed=0):
        batch = collate(sequences)                    # torch tensors; collate_numpy the same without torch
        loss = model(batch.codes, batch.weights)

`collate` is a DataLoader's collate_fn as it stands; `functools.partial(collate, pad_to=2_048)` gives every batch one shape.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from datagen.errors import DataError, EngineError, UserError
from datagen.load.delays import LEFT_OUT
from datagen.load.sequence import Sequence as TrainingSequence
from datagen.load.sequence import TextCounts
from datagen.load.text_row import total
from datagen.store.ids import rng

Sequences: TypeAlias = list[TrainingSequence]
Item: TypeAlias = "TrainingSequence | Sequence[Item]"
"""A sequence, or a list of them, or of lists."""


@dataclass(frozen=True, slots=True)
class Batch:
    """B sequences padded on the right to T columns, as torch tensors (`collate`) or numpy arrays (`collate_numpy`).

    `codes` int64 [B, n_rows, T], `weights` float32 [B, n_rows, T] (0 on padding), `lengths` and `n_prefix` int64 [B] in
    columns, `ids` and `is_swapped` the dialogues', `text` what became of their words' tokens (`str` of it tells it in a line).
    """

    codes: Any = field(repr=False)
    weights: Any = field(repr=False)
    lengths: Any
    n_prefix: Any
    ids: tuple[str, ...]
    is_swapped: tuple[bool, ...] = ()
    text: TextCounts = field(default_factory=TextCounts)

    @property
    def padding_share(self) -> float:
        """The share of the B x T columns that is padding."""
        n_columns = len(self.ids) * int(self.codes.shape[2])
        return 1 - int(self.lengths.sum()) / n_columns

    def to(self, device: Any, non_blocking: bool = False) -> "Batch":
        """The same batch with its tensors on a torch device."""
        return self._map(lambda t: t.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> "Batch":
        """The same batch in pinned memory; a DataLoader with pin_memory=True calls it."""
        return self._map(lambda t: t.pin_memory())

    def _map(self, change: Any) -> "Batch":
        moved = {n: change(getattr(self, n)) for n in ("codes", "weights", "lengths", "n_prefix")}
        return replace(self, **moved)


def collate(
    sequences: Sequence[TrainingSequence], pad_to: int | None = None, padding: tuple[int, int] = (LEFT_OUT, LEFT_OUT)
) -> Batch:
    """The sequences as one batch of torch tensors; arguments and errors as `collate_numpy`, EngineError without torch."""
    try:
        import torch
    except ImportError:
        raise EngineError(
            'collate makes torch tensors, and torch is not installed: pip install "datagen[load]". collate_numpy does without.'
        ) from None
    return collate_numpy(sequences, pad_to, padding)._map(torch.from_numpy)


def collate_numpy(
    sequences: Sequence[TrainingSequence], pad_to: int | None = None, padding: tuple[int, int] = (LEFT_OUT, LEFT_OUT)
) -> Batch:
    """The sequences as one batch of numpy arrays, each padded on the right; their order is kept.

    Args:
        sequences: at least one, all with the same number of rows.
        pad_to: columns of the batch; None is those of the longest sequence.
        padding: the (text, audio) codes that padding is filled with. -1 is a Moshi model's zero token: it embeds nothing and
            leaves the loss. For a model without one give ids that it knows, such as (spec.text_pad, 0): the weight is 0 anyway.
            No column before the padding sees it in a causal model; where padded batches are delayed, one does: the last frame's
            acoustic codes come a column late, beside it.

    Raises:
        UserError: no sequence, or sequences of different rows.
        DataError: a sequence longer than `pad_to`.
    """
    if not sequences:
        raise UserError("no sequence to make a batch of.")
    n_rows = sequences[0].codes.shape[0]
    for sequence in sequences:
        if sequence.codes.shape[0] != n_rows:
            raise UserError(
                f"{sequence.dialog_id} has {sequence.codes.shape[0]} rows, and {sequences[0].dialog_id} in the same batch "
                f"{n_rows}. Make all sequences with one ModelSpec."
            )
    longest = max(sequences, key=lambda s: s.n_columns)
    n_columns = longest.n_columns if pad_to is None else pad_to
    if longest.n_columns > n_columns:
        raise DataError(
            f"{longest.dialog_id} has {longest.n_columns} columns, and the batch is padded to {n_columns}. Raise pad_to, or cut "
            f"with a ModelSpec whose max_columns is {n_columns}."
        )
    return _padded(sequences, n_rows, n_columns, padding)


def _padded(sequences: Sequence[TrainingSequence], n_rows: int, n_columns: int, padding: tuple[int, int]) -> Batch:
    codes = np.empty((len(sequences), n_rows, n_columns), np.int64)
    weights = np.zeros(codes.shape, np.float32)
    for at, sequence in enumerate(sequences):
        end = sequence.n_columns
        codes[at, :, :end] = sequence.codes
        codes[at, 0, end:], codes[at, 1:, end:] = padding
        weights[at, :, :end] = sequence.weights
    lengths = np.array([s.n_columns for s in sequences], np.int64)
    n_prefix = np.array([s.n_prefix for s in sequences], np.int64)
    ids, swapped = tuple(s.dialog_id for s in sequences), tuple(s.is_swapped for s in sequences)
    return Batch(codes, weights, lengths, n_prefix, ids, swapped, total(s.text for s in sequences))


class LengthBuckets:
    """A stream's sequences in batches of like length: an iterator of lists to collate.

    Of every `window` sequences it sorts by length, cuts batches from the longest down, and gives these in a seeded order: the
    same stream and seed give the same batches. The last batch of a window may be a small one.

    With a column budget each rank of a distributed training has its own number of batches. Train on an endless stream for a
    fixed number of steps then, or under torch's `Join`: a loop over an epoch would wait for the rank that has one more.
    """

    def __init__(
        self,
        stream: Iterable[Item],
        *,
        size: int | None = None,
        max_columns_a_batch: int | None = None,
        window: int = 256,
        seed: int = 0,
    ) -> None:
        """
        Args:
            stream: sequences, or lists of them: of one dialogue (`personaplex.sequences`), or of what a loader has at a time
                (`data.loader(batch_size=16, collate_fn=list)`).
            size: sequences a batch, or
            max_columns_a_batch: the most columns a batch may have with its padding: B x T.
            window: sequences that are sorted together, and what the last list has over. More of them pad less, wait longer
                and mix lengths less over time.
            seed: decides the order of a window's batches, and which of equal length go together.

        Raises:
            UserError: neither or both of `size` and `max_columns_a_batch`, one under 1, or a window smaller than `size`.
        """
        given = [n for n in (size, max_columns_a_batch) if n is not None]
        if len(given) != 1 or given[0] < 1:
            raise UserError(f"size={size}, max_columns_a_batch={max_columns_a_batch}: give one of the two, 1 or more.")
        if window < (size or 1):
            raise UserError(f"window={window}: a window has to hold a batch (size={size or 1}) at least.")
        self._stream, self._size, self._budget = stream, size, max_columns_a_batch
        self._window, self._seed = window, seed
        self._items = self._windows = self._batches = 0
        self._beginning: dict[str, Any] | None = None
        self._is_loaded = False

    def __iter__(self) -> Iterator[Sequences]:
        """A pass over the stream, after `load_state_dict` what was left of one.

        A stream without a state of its own has to begin at the state's `items` then.
        """
        if not self._is_loaded:
            self._items = self._windows = self._batches = 0
        self._is_loaded = False
        stream = iter(self._stream)
        self._beginning = self._state_of_stream()
        return self._pass(stream)

    def _pass(self, stream: Iterator[Item]) -> Iterator[Sequences]:
        for n_items, sequences in _windows(stream, self._window):
            batches = self._cut(sequences)
            if self._batches > len(batches):
                raise UserError(
                    f"window {self._windows} has {len(batches)} batches, and the state is after {self._batches}: another stream, "
                    f"size, budget or seed than it was saved with."
                )
            for batch in batches[self._batches :]:
                self._batches += 1
                yield batch
            self._items, self._windows, self._batches = self._items + n_items, self._windows + 1, 0
            self._beginning = self._state_of_stream()
        self._items = self._windows = self._batches = (
            0  # the next pass begins anew, here and where this state is loaded
        )

    def state_dict(self) -> dict[str, Any]:
        """Where the batches given so far end: the windows that are done, the `items` of the stream in them, and the batches after.

        `stream` is the stream's own state where the window under way begins, None where it has none (`state_dict`): such a
        stream has to be begun at item `items` by the caller. With a column budget, ranks differ: each keeps its own.
        """
        at = {"items": self._items, "windows": self._windows, "batches": self._batches, "window": self._window}
        return {**at, "stream": self._state_of_stream() if self._beginning is None else self._beginning}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from a state of `state_dict`, the stream too where it can; UserError where it is none, or of another window."""
        if set(state) != {"items", "windows", "batches", "window", "stream"} or state["window"] != self._window:
            raise UserError(f"load_state_dict: this is no state of LengthBuckets with window={self._window}.")
        if state["stream"] is not None:
            self._stream.load_state_dict(state["stream"])  # type: ignore[attr-defined]
        self._items, self._windows, self._batches = state["items"], state["windows"], state["batches"]
        self._beginning, self._is_loaded = state["stream"], True

    def _state_of_stream(self) -> dict[str, Any] | None:
        found = getattr(self._stream, "state_dict", None)
        return None if found is None else found()

    def _cut(self, sequences: Sequences) -> list[Sequences]:
        """One window's batches."""
        random = rng(self._seed, "buckets", self._windows)
        shuffled = [sequences[i] for i in random.permutation(len(sequences))]
        batches: list[Sequences] = []
        for sequence in sorted(shuffled, key=lambda s: -s.n_columns):
            if batches and self._fits(batches[-1]):
                batches[-1].append(sequence)
            else:
                self._check(sequence)
                batches.append([sequence])
        return [batches[i] for i in random.permutation(len(batches))]

    def _fits(self, batch: Sequences) -> bool:
        if self._budget is None:
            return len(batch) < (self._size or 1)
        return batch[0].n_columns * (len(batch) + 1) <= self._budget

    def _check(self, sequence: TrainingSequence) -> None:
        if self._budget is not None and sequence.n_columns > self._budget:
            raise UserError(
                f"{sequence.dialog_id} has {sequence.n_columns} columns, and max_columns_a_batch={self._budget}. Raise it to "
                f"the model's max_columns at least."
            )


def _windows(stream: Iterator[Item], n: int) -> Iterator[tuple[int, Sequences]]:
    """(items, their sequences) of each window: items until there are `n` sequences."""
    n_items = 0
    held: Sequences = []
    for item in stream:
        n_items += 1
        held.extend(_flat(item))
        if len(held) >= n:
            yield n_items, held
            n_items, held = 0, []
    if held:
        yield n_items, held


def _flat(item: Item) -> Iterator[TrainingSequence]:
    if isinstance(item, TrainingSequence):
        yield item
    else:
        for inner in item:
            yield from _flat(inner)
