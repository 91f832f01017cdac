"""A small model of Moshi's shape learns a build's dialogues from the loader's batches, and nothing of what bears no weight."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from small_moshi import SmallMoshi, loss_of, of_columns
from torch import Tensor

from datagen.load import LengthBuckets, collate, collate_numpy, delays, open_tokenizer, personaplex
from datagen.load.dataset import DialogDataset
from datagen.load.sequence import Sequence
from datagen.load.tokenizers import TRYING, for_trying

SPEC = replace(for_trying(), max_columns=512)
"""Up to 25 s of a dialogue beside its prompt: half a minute of training on one core."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def dataset(out: Path) -> DialogDataset:
    made = partial(personaplex.sequence, tokenizer=open_tokenizer(TRYING), spec=SPEC)
    return DialogDataset(out, "train", made, codec="melrvq")


@pytest.fixture(scope="module")
def sequences(built: Path) -> list[Sequence]:
    """Two sequences, with ten seconds of dialogue each and a little less."""
    return [cut(s, s.n_prefix + n) for s, n in zip(map(dataset(built).__getitem__, (0, 1)), (125, 110), strict=True)]


def cut(sequence: Sequence, n_columns: int) -> Sequence:
    return replace(sequence, codes=sequence.codes[:, :n_columns], weights=sequence.weights[:, :n_columns])


def fed(batch: Iterable[Sequence], pad_to: int | None = None) -> tuple[Tensor, Tensor]:
    """Delayed columns [B, n_rows, 1 + T] with their weights: what a trainer without delays of its own makes of a batch."""
    made = collate_numpy(list(batch), pad_to)
    codes, weights = delays.apply(made.codes, SPEC), delays.apply_weights(made.weights, SPEC)
    return torch.from_numpy(codes), torch.from_numpy(weights)


def step(model: SmallMoshi, columns: Tensor, weights: Tensor) -> Tensor:
    """The loss of a batch; only columns with a weight are predicted, the others are input alone."""
    chosen = (weights[:, :, 1:] > 0).any(1)
    logits = model(columns, chosen)
    return loss_of(logits, of_columns(columns[:, :, 1:], chosen), of_columns(weights[:, :, 1:], chosen))


def gradients(model: SmallMoshi, loss: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(loss, list(model.parameters()), allow_unused=False))


def mean_loss(model: SmallMoshi, sequences: list[Sequence]) -> float:
    with torch.no_grad():
        return float(np.mean([step(model, *fed([s])).item() for s in sequences]))


def train(model: SmallMoshi, batches: Iterable[list[Sequence]], optimiser: torch.optim.Optimizer) -> None:
    for batch in batches:
        loss = step(model, *fed(batch))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


@pytest.mark.full
def test_it_overfits_twenty_dialogues(run, tmp_path: Path) -> None:
    out = tmp_path / "twenty"
    ran = run(
        "build", "--domains", "qa", "--dialogs", "20", "--seed", "5", "--runner", "local", "--workers", "2", "--out", out,
        "--set", "run.shard_dialogs=6", "--set", "plan.max_voices=12", "--set", "pack.audio=false",
        "--set", "splits.train=1", "--set", "splits.valid=0", "--set", "splits.test=0",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    data = dataset(out)
    assert len(data) == 20
    loader = data.loader(batch_size=4, seed=0, num_workers=1, collate_fn=list, rank=0, world_size=1)
    buckets = LengthBuckets(loader, size=2, window=20, seed=0)

    model = SmallMoshi(SPEC)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2, betas=(0.9, 0.95), weight_decay=0.0)
    everything = [data[i] for i in range(20)]
    before = mean_loss(model, everything)
    for epoch in range(5):
        loader.set_epoch(epoch)
        train(model, buckets, optimiser)
    after = mean_loss(model, everything)
    # Nothing learned is the same chance for every token.
    assert before == pytest.approx(np.log(SPEC.text_vocabulary) + np.log(SPEC.book_size), abs=1.0)
    assert after < 0.45 * before


def test_a_few_steps_bring_the_loss_down(sequences: list[Sequence]) -> None:
    model = SmallMoshi(SPEC)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2, betas=(0.9, 0.95), weight_decay=0.0)
    before = mean_loss(model, sequences)
    train(model, [sequences] * 6, optimiser)
    assert mean_loss(model, sequences) < 0.75 * before


def test_what_bears_no_weight_has_no_gradient(sequences: list[Sequence]) -> None:
    columns, weights = fed(sequences, pad_to=max(s.n_columns for s in sequences) + 4)
    targets, weights = columns[:, :, 1:], weights[:, :, 1:]
    model, every = SmallMoshi(SPEC, n_layers=1), torch.ones(columns.shape[0], columns.shape[2] - 1, dtype=torch.bool)
    logits = model(columns, every)
    rows = [logits.text, *logits.audio]
    for of_row in rows:
        of_row.retain_grad()
    loss_of(logits, of_columns(targets, every), of_columns(weights, every)).backward()
    moved = torch.stack([of_row.grad.abs().sum(-1) for of_row in rows], 1)
    bears = of_columns(weights, every) > 0
    assert 0.1 < bears.float().mean() < 0.9  # both kinds are there
    assert torch.equal(moved > 0, bears)
    # The prompt and the padding are among what bears none: column by column, they have nothing.
    silent = ~(moved > 0).any(1).view(2, -1)
    for row, sequence in enumerate(sequences):
        # Acoustic codes come a column late, so one column of a sequence lies behind its last.
        assert silent[row, : sequence.n_prefix].all()
        assert not silent[row, sequence.n_prefix : sequence.n_columns + 1].any()
        assert silent[row, sequence.n_columns + 1 :].all()


def test_targets_without_weight_are_never_learned_from(sequences: list[Sequence]) -> None:
    columns, weights = fed(sequences)
    targets, weights = columns[:, :, 1:], weights[:, :, 1:]
    model, every = SmallMoshi(SPEC, n_layers=1), torch.ones(columns.shape[0], columns.shape[2] - 1, dtype=torch.bool)
    others = torch.where(weights > 0, targets, torch.randint_like(targets, SPEC.book_size))
    assert not torch.equal(others, targets)

    def learned(from_targets: Tensor) -> tuple[Tensor, list[Tensor]]:
        loss = loss_of(model(columns, every), of_columns(from_targets, every), of_columns(weights, every))
        return loss, gradients(model, loss)

    loss, moves = learned(targets)
    other_loss, other_moves = learned(others)
    assert torch.equal(loss, other_loss)
    assert all(torch.equal(a, b) for a, b in zip(moves, other_moves, strict=True))
    # … and what bears a weight is: the same change where it has one changes the loss.
    wrong = torch.where(weights > 0, torch.randint_like(targets, SPEC.book_size), targets)
    assert not torch.equal(learned(wrong)[0], loss)


def test_the_prompt_is_read_though_it_is_not_learned(sequences: list[Sequence]) -> None:
    model = SmallMoshi(SPEC, n_layers=1)
    sequence = sequences[0]
    with torch.no_grad():
        loss = step(model, *fed([sequence]))
        for row, column in (
            (1, 3),
            (0, sequence.n_prefix - SPEC.spacer_frames - 1),
            (9, 0),
        ):  # voice, text prompt, sine
            codes = sequence.codes.copy()
            codes[row, column] = (codes[row, column] + 1) % SPEC.book_size
            assert step(model, *fed([replace(sequence, codes=codes)])) != loss


def test_more_padding_changes_nothing(sequences: list[Sequence]) -> None:
    longest = max(s.n_columns for s in sequences)
    same_but_for_rounding(*(fed(sequences, pad_to=longest + n) for n in (1, 30)))


def test_what_padding_is_made_of_changes_nothing(sequences: list[Sequence]) -> None:
    # Delayed before they are padded: else the last frame's acoustic codes stand in a column whose other rows are padding.
    delayed = [
        replace(s, codes=delays.apply(s.codes, SPEC), weights=delays.apply_weights(s.weights, SPEC)) for s in sequences
    ]
    batches = [collate(delayed, padding=padding) for padding in ((-1, -1), (SPEC.text_pad, 0), (7, 2_000))]
    same_but_for_rounding(*((b.codes, b.weights) for b in batches))


def same_but_for_rounding(*batches: tuple[Tensor, Tensor]) -> None:
    """The batches have one loss and one gradient; in float64, so that the order of a sum is all that may differ."""
    model = SmallMoshi(SPEC, n_layers=1).double()
    first = step(model, *batches[0])
    moves = gradients(model, first)
    for batch in batches[1:]:
        loss = step(model, *batch)
        torch.testing.assert_close(loss, first, rtol=1e-12, atol=0)
        for a, b in zip(gradients(model, loss), moves, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-14)
