import json
import pickle
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_build import made_build
from made_dialogs import Pieces

from datagen.errors import DataError, UserError
from datagen.load import DialogDataset, DialogLoader, moshi
from datagen.load.batching import LengthBuckets, collate, collate_numpy
from datagen.load.sequence import Sequence, TextCounts
from datagen.load.spec import MOSHI


def made(n_columns: int, name: str = "", n_rows: int = 17, n_prefix: int = 2) -> Sequence:
    """A sequence whose every code tells its row and column, and whose weights do too."""
    codes = np.arange(n_rows)[:, None] * 10_000 + np.arange(n_columns)
    weights = (1 + np.arange(n_columns) / 100) * np.ones((n_rows, 1))
    return Sequence(
        name or f"bank-{n_columns:06d}", codes.astype(np.int64), weights.astype(np.float32), n_prefix, TextCounts(), 0,
        n_columns - n_prefix, n_columns - n_prefix,
    )  # fmt: skip


LENGTHS = [int(n) for n in np.random.default_rng(0).integers(200, 2_049, 600)]
STREAM = [made(n, f"bank-{i:06d}", n_rows=1) for i, n in enumerate(LENGTHS)]


def padding_share(batches: list[list[Sequence]]) -> float:
    held = sum(s.n_columns for b in batches for s in b)
    return 1 - held / sum(len(b) * max(s.n_columns for s in b) for b in batches)


def names(batches) -> list[list[str]]:
    return [[s.dialog_id for s in b] for b in batches]


def test_a_batch_holds_every_sequence_and_pads_behind_it() -> None:
    sequences = [made(5), made(9, n_prefix=4), made(2)]
    batch = collate_numpy(sequences)
    assert batch.codes.shape == batch.weights.shape == (3, 17, 9)
    assert (batch.codes.dtype, batch.weights.dtype) == (np.int64, np.float32)
    assert batch.lengths.tolist() == [5, 9, 2]
    assert batch.n_prefix.tolist() == [2, 4, 2]
    assert batch.ids == ("bank-000005", "bank-000009", "bank-000002")
    for at, sequence in enumerate(sequences):
        end = sequence.n_columns
        np.testing.assert_array_equal(batch.codes[at, :, :end], sequence.codes)
        np.testing.assert_array_equal(batch.weights[at, :, :end], sequence.weights)
        assert (batch.codes[at, :, end:] == -1).all()
        assert (batch.weights[at, :, end:] == 0).all()
    assert batch.padding_share == pytest.approx(1 - 16 / 27)


def test_padding_takes_the_codes_and_the_width_that_are_asked_for() -> None:
    batch = collate_numpy([made(5), made(3)], pad_to=8, padding=(3, 7))
    assert batch.codes.shape == (2, 17, 8)
    assert (batch.codes[1, 0, 3:] == 3).all()
    assert (batch.codes[1, 1:, 3:] == 7).all()
    assert not batch.weights[1, :, 3:].any()


def test_torch_batches_are_the_numpy_ones() -> None:
    sequences = [made(5), made(9)]
    ours, theirs = collate(sequences), collate_numpy(sequences)
    for name in ("codes", "weights", "lengths", "n_prefix"):
        assert torch.equal(getattr(ours, name), torch.from_numpy(getattr(theirs, name)))
    assert (ours.codes.dtype, ours.weights.dtype, ours.lengths.dtype) == (torch.int64, torch.float32, torch.int64)
    assert ours.to("cpu").ids == theirs.ids
    assert ours.padding_share == theirs.padding_share


def test_a_loader_with_workers_collates() -> None:
    # A worker sends the function and its batch through pickle.
    assert pickle.loads(pickle.dumps(partial(collate, pad_to=16)))([made(5)]).codes.shape == (1, 17, 16)
    loader = torch.utils.data.DataLoader(
        [made(n) for n in (5, 9, 2)], batch_size=2, num_workers=1, collate_fn=partial(collate, pad_to=12)
    )
    assert [(b.ids, tuple(b.codes.shape)) for b in loader] == [
        (("bank-000005", "bank-000009"), (2, 17, 12)),
        (("bank-000002",), (1, 17, 12)),
    ]


def test_what_makes_no_batch_is_one_line() -> None:
    with pytest.raises(UserError, match="no sequence"):
        collate_numpy([])
    with pytest.raises(UserError, match="bank-000004 has 9 rows, and bank-000003 in the same batch 17"):
        collate_numpy([made(3), made(4, n_rows=9)])
    with pytest.raises(DataError, match="bank-000009 has 9 columns, and the batch is padded to 8"):
        collate_numpy([made(9)], pad_to=8)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.integers(1, 60), max_size=3), max_size=40),
    st.integers(1, 9),
    st.integers(60, 200),
    st.integers(0, 5),
)
def test_buckets_lose_nothing_and_keep_the_budget(items, window, budget, seed) -> None:
    stream = [[made(n, f"{i}.{j}", n_rows=1) for j, n in enumerate(lengths)] for i, lengths in enumerate(items)]
    batches = list(LengthBuckets(stream, max_columns_a_batch=budget, window=window, seed=seed))
    assert sorted(n for b in names(batches) for n in b) == sorted(s.dialog_id for item in stream for s in item)
    assert all(max(s.n_columns for s in b) * len(b) <= budget for b in batches)
    again = LengthBuckets(stream, max_columns_a_batch=budget, window=window, seed=seed)
    assert names(again) == names(batches)


def test_buckets_of_a_size_are_full_but_for_a_window_s_last() -> None:
    batches = list(LengthBuckets(STREAM, size=16, window=100, seed=1))
    sizes = sorted(len(b) for b in batches)
    assert sizes == [4] * 6 + [16] * 36


def test_buckets_bring_padding_down() -> None:
    plain = padding_share([STREAM[at : at + 16] for at in range(0, 600, 16)])
    bucketed = padding_share(list(LengthBuckets(STREAM, size=16, window=256, seed=1)))
    assert plain > 0.35
    assert bucketed < 0.06
    wide = padding_share(list(LengthBuckets(STREAM, max_columns_a_batch=16_384, window=256, seed=1)))
    assert wide < 0.06


def test_another_seed_orders_the_batches_anew() -> None:
    one, two = (names(LengthBuckets(STREAM, size=16, window=200, seed=s)) for s in (1, 2))
    assert one != two
    lengths = [max(LENGTHS[int(n[-6:])] for n in b) for b in one[:12]]
    assert lengths != sorted(lengths, reverse=True)


@pytest.mark.parametrize("n_given", [0, 1, 7, 20, 38])
def test_buckets_go_on_where_they_were(n_given: int) -> None:
    options = {"max_columns_a_batch": 16_384, "window": 100, "seed": 3}
    whole = names(LengthBuckets(STREAM, **options))
    first = LengthBuckets(STREAM, **options)
    stream = iter(first)
    begun = [next(stream) for _ in range(n_given)]
    state = first.state_dict()
    second = LengthBuckets(STREAM[state["items"] :], **options)
    second.load_state_dict(state)
    assert names(begun) + names(second) == whole


def test_each_pass_begins_anew() -> None:
    buckets = LengthBuckets(STREAM, size=16, window=100, seed=1)
    once = names(buckets)
    assert names(buckets) == once
    next(iter(buckets))  # and leaves the rest
    assert names(buckets) == once


@pytest.mark.parametrize("n_given", [0, 1, 5, 11, 12, 13, 17])
def test_epochs_of_a_loader_go_on_where_they_were(tmp_path: Path, n_given: int) -> None:
    out = made_build(tmp_path / "out", (20, 13))
    spec = replace(MOSHI, codec="toy", n_books=2, book_size=8)
    data = DialogDataset(out, "train", partial(moshi.sequence, tokenizer=Pieces(), spec=spec))

    def begun() -> tuple[DialogLoader, LengthBuckets]:
        loader = data.loader(batch_size=2, seed=3, collate_fn=list, rank=0, world_size=1)
        return loader, LengthBuckets(loader, size=3, window=10, seed=2)

    def epochs(loader: DialogLoader, buckets: LengthBuckets, first: int) -> Iterator[tuple[list[str], dict[str, Any]]]:
        for epoch in range(first, 2):
            loader.set_epoch(epoch)
            for batch in buckets:
                yield [s.dialog_id for s in batch], {"epoch": epoch, "buckets": buckets.state_dict()}

    whole = [batch for batch, _ in epochs(*begun(), 0)]
    assert sorted(n for b in whole for n in b) == sorted(2 * [f"d-{i:06d}" for i in range(33)])
    loader, buckets = begun()
    states = [{"epoch": 0, "buckets": buckets.state_dict()}]
    states += [state for _, state in islice(epochs(loader, buckets, 0), n_given)]
    state = json.loads(json.dumps(states[-1]))
    loader, buckets = begun()
    buckets.load_state_dict(state["buckets"])
    assert [batch for batch, _ in epochs(loader, buckets, state["epoch"])] == whole[n_given:]


def test_a_foreign_state_is_told() -> None:
    with pytest.raises(UserError, match="no state of LengthBuckets with window=100"):
        LengthBuckets(STREAM, size=4, window=100).load_state_dict(LengthBuckets(STREAM, size=4, window=50).state_dict())
    with pytest.raises(UserError, match="no state"):
        LengthBuckets(STREAM, size=4).load_state_dict({"position": 3})
    late = LengthBuckets(STREAM[:8], size=4, window=100)
    late.load_state_dict({**late.state_dict(), "batches": 3})
    with pytest.raises(UserError, match="window 0 has 2 batches, and the state is after 3"):
        next(iter(late))


def test_impossible_buckets_are_told() -> None:
    for wrong in ({}, {"size": 2, "max_columns_a_batch": 9}, {"size": 0}):
        with pytest.raises(UserError, match="give one of the two"):
            LengthBuckets([], **wrong)
    with pytest.raises(UserError, match="window=3: a window has to hold a batch"):
        LengthBuckets([], size=4, window=3)
    with pytest.raises(UserError, match="bank-000020 has 20 columns, and max_columns_a_batch=19"):
        list(LengthBuckets([made(20)], max_columns_a_batch=19))


def test_a_sequence_s_own_arrays_are_left_alone() -> None:
    sequence = made(4)
    batch = collate([sequence])
    batch.codes[:] = 0
    assert replace(sequence).codes[1, 1] == 10_001
