"""The datasets: every dialogue once over ranks and workers, in one order, and resumed exactly."""

import json
import pickle
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_build import made_build

torch = pytest.importorskip("torch")

from datagen.errors import DataError, UserError  # noqa: E402
from datagen.load import PERSONAPLEX, DialogDataset, iter_dialogs  # noqa: E402
from datagen.load.dialog import Dialog  # noqa: E402

N = 150
ALL = {f"d-{i:06d}" for i in range(N)}


def name(dialog: Dialog) -> str:
    return dialog.dialog_id + "*" * dialog.is_swapped


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_build(tmp_path_factory.mktemp("made") / "out", (70, *(1, 5, 2) * 10), frames=1)


@pytest.fixture(scope="module")
def data(out: Path) -> DialogDataset:
    return DialogDataset(out, transform=name)


def loader(data: DialogDataset, workers: int = 0, **options: Any) -> Any:
    options = {"batch_size": 8, "seed": 1, "collate_fn": list, "rank": 0, "world_size": 1} | options
    more = {"multiprocessing_context": "fork"} | options if workers else options
    return data.loader(num_workers=workers, **more)


def flat(batches: Any) -> list[str]:
    return [name for batch in batches for name in batch]


def test_by_number(out: Path, data: DialogDataset) -> None:
    assert len(data) == N
    assert [data[i] for i in (0, 69, 70, 149, -1, -150)] == [f"d-{i:06d}" for i in (0, 69, 70, 149, 149, 0)]
    assert isinstance(data, torch.utils.data.Dataset)
    for beyond in (150, -151):
        with pytest.raises(IndexError):
            data[beyond]
    dialogs = DialogDataset(out)
    assert dialogs.n_frames.tolist() == [dialogs[i].n_frames for i in range(N)]
    assert set(flat(torch.utils.data.DataLoader(data, batch_size=7, shuffle=True))) == ALL


def test_the_order_gives_the_numbers_of_the_stream(data: DialogDataset) -> None:
    order = data.order(seed=1, batch_size=8)
    assert [data[int(i)] for i in order.indices(0)] == flat(loader(data))


def test_numpy_alone_gives_the_same_order(out: Path, data: DialogDataset) -> None:
    assert [d.dialog_id for d in iter_dialogs(out, seed=1, epoch=2)] == list(
        data.iterable(batch_size=None, seed=1, epoch=2)
    )
    assert [d.dialog_id for d in iter_dialogs(out)] == sorted(ALL)
    whole = [d.dialog_id for d in iter_dialogs(out, seed=1, rank=1, world_size=4)]
    assert whole[30:] == [d.dialog_id for d in iter_dialogs(out, seed=1, rank=1, world_size=4, start=30)]
    endless = iter_dialogs(out, seed=1, start=N - 1, endless=True)
    assert [next(endless).dialog_id, next(endless).dialog_id] == [
        list(data.iterable(batch_size=1, seed=1))[-1],
        next(iter(data.iterable(batch_size=1, seed=1, epoch=1))),
    ]


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_any_number_of_workers_gives_the_same_batches(data: DialogDataset, workers: int) -> None:
    alone = list(loader(data))
    assert list(loader(data, workers)) == alone
    assert set(flat(alone)) == ALL
    assert len(flat(alone)) == N
    assert len(alone) == len(loader(data, workers)) == -(-N // 8)


def test_one_by_one_without_batches(data: DialogDataset) -> None:
    single = data.loader(batch_size=None, seed=1, num_workers=2, multiprocessing_context="fork")
    items = iter(single)
    given = [next(items) for _ in range(5)]
    state = single.state_dict()
    assert given + list(items) == list(data.iterable(batch_size=None, seed=1))
    again = data.loader(batch_size=None, seed=1)
    again.load_state_dict(state)
    single.set_epoch(0)
    assert given + list(again) == list(single)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_spawned_workers_give_the_same_batches_and_resume(data: DialogDataset) -> None:
    alone = list(loader(data))
    spawned = loader(data, 2, multiprocessing_context="spawn", persistent_workers=True)
    batches = iter(spawned)
    assert [next(batches) for _ in range(7)] == alone[:7]
    state = spawned.state_dict()
    assert list(batches) == alone[7:]
    spawned.set_epoch(0)  # once more
    assert list(spawned) == alone
    spawned.set_epoch(4)  # the same processes go on with another epoch
    assert list(spawned) == list(loader(data_at(data, 4)))
    spawned.load_state_dict(state)
    assert list(spawned) == alone[7:]


def data_at(data: DialogDataset, epoch: int) -> Any:
    class At:
        def loader(self, **options: Any) -> Any:
            found = data.loader(**options)
            found.set_epoch(epoch)
            return found

    return At()


@pytest.mark.parametrize("world_size", [2, 3, 7])
def test_ranks_share_without_doubles_or_loss(data: DialogDataset, world_size: int) -> None:
    of_rank = [flat(loader(data, rank=r, world_size=world_size)) for r in range(world_size)]
    assert sorted(n for names in of_rank for n in names) == sorted(ALL)
    alone = list(loader(data))
    assert of_rank[1][:8] == alone[1]
    for uneven in ("drop", "pad"):
        lengths = {len(list(loader(data, rank=r, world_size=world_size, uneven=uneven))) for r in range(world_size)}
        assert len(lengths) == 1


@pytest.mark.parametrize(
    ("workers", "then", "at"),
    [(0, 0, 0), (0, 0, 1), (0, 0, 18), (0, 0, 19), (2, 0, 1), (2, 0, 7), (2, 0, 19), (0, 2, 7), (2, 1, 7), (1, 3, 8)],
)
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_it_goes_on_after_the_very_batch(data: DialogDataset, workers: int, then: int, at: int) -> None:
    alone = list(loader(data, seed=2))
    first = loader(data, workers, seed=2)
    batches = iter(first)
    given = [next(batches) for _ in range(at)]
    state = json.loads(json.dumps(first.state_dict()))
    again = loader(data, then, seed=2)
    again.load_state_dict(state)
    assert len(again) == -(-(N - at * 8) // 8) if at < 19 else len(again) == 0
    assert given + list(again) == alone


def test_epochs_after_a_resumed_one_are_whole(data: DialogDataset) -> None:
    """What `datasets` had wrong once: every epoch after a resumed one was as short as what had been left of that."""
    first = loader(data)
    first.set_epoch(3)
    batches = iter(first)
    given = [next(batches) for _ in range(5)]
    again = loader(data)
    again.load_state_dict(first.state_dict())
    assert again.dataset.epoch == 3
    left = {}
    for epoch in (3, 4):
        again.set_epoch(epoch)
        left[epoch] = flat(again)
    assert sorted(flat(given) + left[3]) == sorted(left[4]) == sorted(ALL)
    assert left[4] == flat(loader(data_at(data, 4)))


@pytest.mark.parametrize("workers", [0, 2])
def test_each_pass_of_a_loader_is_the_next_epoch(data: DialogDataset, workers: int) -> None:
    first = loader(data, workers)
    passes = [flat(first) for _ in range(3)]
    assert first.dataset.epoch == 2
    assert [sorted(found) for found in passes] == [sorted(ALL)] * 3
    assert passes == [flat(loader(data_at(data, epoch))) for epoch in range(3)]
    assert len({tuple(found) for found in passes}) == 3
    first.set_epoch(2)  # the last one again
    batches = iter(first)
    given = flat([next(batches)])
    again = loader(data, workers)
    again.load_state_dict(first.state_dict())
    assert given + flat(again) == passes[2]
    assert flat(again) == flat(loader(data_at(data, 3)))  # whole, though the one before was what was left


def test_a_pass_that_was_broken_off_is_begun_again(data: DialogDataset) -> None:
    first = loader(data)
    next(iter(first))
    assert flat(first) == flat(loader(data))


def test_a_resumed_epoch_is_not_given_twice_unasked(data: DialogDataset) -> None:
    """Without `DialogLoader`, whose passes are epochs, somebody has to say which comes next."""
    first = data.iterable(batch_size=8, seed=1)
    for _ in zip(range(8), first, strict=False):
        pass
    again = data.iterable(batch_size=8, seed=1)
    again.load_state_dict(first.state_dict(given=8))
    assert len(list(again)) == N - 8
    with pytest.raises(UserError, match=r"epoch 0 was resumed, .* set_epoch\(1\) begins the next one"):
        list(again)


def test_endless_resumes_over_epochs_on_any_number_of_ranks(data: DialogDataset) -> None:
    rounds = 60  # 150 dialogues an epoch, 3 x 8 a round

    def ranks(n: int, state: Any = None) -> list[Any]:
        found = [loader(data, rank=r, world_size=n, endless=True) for r in range(n)]
        for each in found if state else []:
            each.load_state_dict(state)
        return found

    def give(found: list[Any], n: int) -> list[list[str]]:
        streams = [iter(each) for each in found]
        return [next(s) for _ in range(n) for s in streams]

    alone = give(ranks(1), 3 * rounds)
    three = ranks(3)
    streams = [iter(each) for each in three]
    assert [next(s) for _ in range(20) for s in streams] == alone[:60]
    states = [each.state_dict() for each in three]
    assert states[0] == states[1] == states[2]
    assert give(ranks(1, states[0]), 30) == alone[60:90]
    assert give(ranks(2, states[0]), 15) == alone[60:90]
    with pytest.raises(TypeError):
        len(three[0].dataset)
    first_epoch = flat(alone)[:N]
    assert sorted(first_epoch) == sorted(ALL)


def test_roles_swapped(out: Path) -> None:
    swapped = DialogDataset(out, swap_roles=True)
    assert len(swapped) == N // 2  # every second has a role context for its user
    assert swapped.left_out == N // 2
    dialog, plain = swapped[0], DialogDataset(out)[1]
    assert (dialog.dialog_id, dialog.is_swapped, dialog.role_context) == ("d-000001", True, "You call 1.")
    assert dialog.agent_codes.tolist() == plain.user_codes.tolist()
    assert dialog.voice_prompt_codes.tolist() == plain.user_voice_prompt_codes.tolist()
    assert dialog.words.texts == ("yes",)
    both = DialogDataset(out, transform=name, swap_roles="both")
    names = {both[i] for i in range(len(both))}
    assert names == ALL | {f"d-{i:06d}*" for i in range(1, N, 2)}
    assert sorted(flat(loader(both, 2))) == sorted(names)
    assert len(DialogDataset(out, swap_roles=True, needs_role=False)) == N
    assert [d.is_swapped for d in iter_dialogs(out, swap_roles="both")][:3] == [False, False, True]


def test_some_domains_alone(out: Path) -> None:
    banks = DialogDataset(out, domains=["bank"])
    assert {d.domain for d in map(banks.__getitem__, range(len(banks)))} == {"bank"}
    assert len(banks) + len(DialogDataset(out, domains=["qa"])) == N
    with pytest.raises(UserError, match="no dialogue of hotel in train. There are: bank, qa"):
        DialogDataset(out, domains=["hotel"])
    with pytest.raises(UserError, match=r"a list of domains is needed, as \['bank'\]"):
        DialogDataset(out, domains="bank")


def test_anothers_tokens_are_refused(out: Path, built: Path) -> None:
    assert len(DialogDataset(out, codec="toy")) == N
    with pytest.raises(
        DataError, match="its tokens are toy's .toy-1., and mimi's are expected. Build with codec.engine=mimi"
    ):
        DialogDataset(out, codec="mimi")
    with pytest.raises(DataError, match="its tokens are melrvq's"):
        DialogDataset(built, codec=PERSONAPLEX)
    from dataclasses import replace

    with pytest.raises(DataError, match="2 books of 8, and personaplex takes 8 of 2048. Build with codec.books=8"):
        DialogDataset(out, codec=replace(PERSONAPLEX, codec=""))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 9}, "the state is of seed=1, and this dataset has 9"),
        ({"batch_size": 4}, "batch_size=8, and this dataset has 4"),
        ({"lanes": 3}, "lanes=16, and this dataset has 3"),
        ({"uneven": "pad"}, "uneven='keep'"),
        ({"endless": True}, "endless=False"),
    ],
)
def test_a_state_of_another_order_is_refused(data: DialogDataset, options: dict[str, Any], message: str) -> None:
    state = loader(data).state_dict()
    with pytest.raises(UserError, match=message):
        loader(data, **options).load_state_dict(state)


def test_states_that_cannot_be_gone_on_with(out: Path, data: DialogDataset) -> None:
    stream = data.iterable(batch_size=8, seed=1)
    for wrong in ({}, {"format": 2, "order": {}}, {"format": 1, "order": {}, "epoch": -1}):
        with pytest.raises(UserError, match="load_state_dict: "):
            stream.load_state_dict(wrong)
    state = stream.state_dict(given=9)
    with pytest.raises(UserError, match="9 dialogues a rank are no whole number of batches of 8, so 2 ranks cannot"):
        data.iterable(batch_size=8, seed=1, rank=0, world_size=2).load_state_dict(state)
    fewer = DialogDataset(out, transform=name, domains=["qa"]).iterable(batch_size=8, seed=1)
    with pytest.raises(UserError, match="another order, which cannot be gone on with"):
        fewer.load_state_dict(state)
    of_worker = state | {"worker": 1, "workers": 2, "given": 4}
    with pytest.raises(UserError, match="the state of worker 1 of 2, and this is worker 0 of 0"):
        stream.load_state_dict(of_worker)


def test_a_stream_knows_what_it_gave_but_not_what_workers_did(data: DialogDataset) -> None:
    stream = data.iterable(batch_size=1, seed=1)
    assert isinstance(stream, torch.utils.data.IterableDataset)
    items = iter(stream)
    given = [next(items) for _ in range(11)]
    rest = data.iterable(batch_size=1, seed=1)
    rest.load_state_dict(stream.state_dict())
    assert given + list(rest) == list(data.iterable(batch_size=1, seed=1))
    with_workers = torch.utils.data.DataLoader(stream, batch_size=1, num_workers=1, multiprocessing_context="fork")
    next(iter(with_workers))
    with pytest.raises(UserError, match="this process does not know how many"):
        stream.state_dict()
    assert stream.state_dict(given=11)["taken"] == 11


def test_options_that_the_stream_decides_are_refused(data: DialogDataset) -> None:
    with pytest.raises(UserError, match=r"loader\(shuffle=…\): the dialogues' stream decides it"):
        data.loader(batch_size=2, shuffle=True)
    with pytest.raises(UserError, match='take uneven="drop"'):
        data.loader(batch_size=2, drop_last=True)
    with pytest.raises(UserError, match="give both, or neither"):
        data.loader(batch_size=2, rank=1)
    with pytest.raises(UserError, match="ranks are 0 to 1"):
        data.loader(batch_size=2, rank=2, world_size=2)
    with pytest.raises(UserError, match="epochs count from 0"):
        data.loader(batch_size=2).set_epoch(-1)


def test_ranks_are_what_the_launcher_says(data: DialogDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "3")
    assert flat(loader(data, rank=None, world_size=None)) == flat(loader(data, rank=1, world_size=3))
    monkeypatch.setenv("RANK", "x")
    with pytest.raises(UserError, match="RANK='x', WORLD_SIZE='3': no numbers"):
        loader(data, rank=None, world_size=None)


def test_it_pickles_without_what_it_has_read(data: DialogDataset) -> None:
    before = len(pickle.dumps(data))
    assert [data[i] for i in range(N)] == sorted(ALL)
    assert len(pickle.dumps(data)) == before
    assert pickle.loads(pickle.dumps(data))[7] == "d-000007"


def test_no_more_row_groups_are_kept_than_said(out: Path) -> None:
    data = DialogDataset(out, groups_kept=2)
    for i in np.random.default_rng(0).permutation(N):
        assert data[int(i)].dialog_id == f"d-{i:06d}"
        assert len(data._shelf._groups) <= 2


def test_a_transform_that_fails_names_the_row(out: Path) -> None:
    data = DialogDataset(out, transform=partial(refuse, wrong="d-000073"))
    with pytest.raises(DataError, match=r"train-00002.parquet row 2: no"):
        list(loader(data))


def refuse(dialog: Dialog, wrong: str) -> str:
    if dialog.dialog_id == wrong:
        raise DataError(f"{dialog.where}: no")
    return dialog.dialog_id


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("at", [1, 6])
def test_torchdatas_stateful_loader(data: DialogDataset, workers: int, at: int) -> None:
    stateful = pytest.importorskip("torchdata.stateful_dataloader").StatefulDataLoader
    alone = list(loader(data))

    def make() -> Any:
        stream = data.iterable(batch_size=8, seed=1)
        return stateful(stream, batch_size=8, num_workers=workers, collate_fn=list)

    first = make()
    batches = iter(first)
    given = [next(batches) for _ in range(at)]
    state = first.state_dict()
    again = make()
    again.load_state_dict(state)
    assert given + list(again) == alone
