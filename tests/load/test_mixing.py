"""Several builds in one stream: their shares, caps, epochs, ranks, workers, and going on."""

import json
import pickle
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_build import made_build
from made_dialogs import Pieces

from datagen.errors import DataError, UserError
from datagen.load import moshi
from datagen.load.batching import LengthBuckets
from datagen.load.builds import open_build
from datagen.load.curriculum import Curriculum, Stage
from datagen.load.mixing import Mixture, Part
from datagen.load.reading import ShardReader
from datagen.load.spec import MOSHI


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two builds, of 17 and 40 dialogues, 10 and 21 of them qa and the others bank."""
    root = tmp_path_factory.mktemp("mixed")
    return {"ours": made_build(root / "ours", (7, 7, 3)), "calls": made_build(root / "calls", (25, 15))}


@pytest.fixture(scope="module")
def mixture(parts: dict[str, Path]) -> Mixture:
    return Mixture(parts, {"ours": 3, "calls": 1}, seed=7)


def ids(batch) -> list[tuple[str, int]]:
    # Both builds have dialogues of the same names; the file says which.
    return [(d.where, d.agent_codes.shape[1]) for d in batch]


def of(mixture: Mixture, n: int, start: int = 0) -> list[tuple[str, int]]:
    return ids(islice(mixture.dialogs(start=start), n))


def test_every_part_and_domain_is_within_one_of_its_share_after_any_number(mixture: Mixture) -> None:
    shares, had = mixture.shares(), Counter()
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["ours", "qa"] == pytest.approx(0.75 * 10 / 17)
    for n, drawn in enumerate(islice(mixture.draws(), 2_000), 1):
        had[drawn.part, drawn.domain] += 1
        assert drawn.position == n - 1
        assert all(abs(had[s] - n * share) < 1 for s, share in shares.items())
    by_part = Counter(d.part for d in islice(mixture.draws(), 2_000))
    assert abs(by_part["ours"] - 1_500) < 2


def test_an_epoch_of_a_source_is_each_of_its_dialogues_once(mixture: Mixture) -> None:
    epochs = defaultdict(list)
    for drawn in islice(mixture.draws(), 600):
        epochs[drawn.part, drawn.domain, drawn.epoch].append(drawn.place)
    sizes = {(s.part, s.domain): len(s.places) for s in mixture.sources}
    assert sum(sizes.values()) == 57
    whole = {k: v for k, v in epochs.items() if len(v) == sizes[k[:2]]}
    assert len(whole) > 40
    for places in whole.values():
        assert len(set(places)) == len(places)
    assert epochs["ours", "bank", 0] != epochs["ours", "bank", 1]
    assert sorted(epochs["ours", "bank", 0]) == sorted(epochs["ours", "bank", 1])
    last = max(e for p, d, e in epochs if (p, d) == ("ours", "bank"))
    assert set(epochs["ours", "bank", last]) <= set(epochs["ours", "bank", 0])


def test_what_is_drawn_is_what_is_read(mixture: Mixture, parts: dict[str, Path]) -> None:
    for drawn, dialog in islice(zip(mixture.draws(), mixture.dialogs(), strict=False), 80):
        assert dialog.where.startswith(str(parts[drawn.part]))
        assert dialog.domain == drawn.domain
        assert dialog.dialog_id == f"d-{drawn.place:06d}"
        assert (dialog.agent_codes == drawn.place % 7).all()


def test_the_order_is_the_seed_s(mixture: Mixture, parts: dict[str, Path]) -> None:
    again = Mixture(parts, {"ours": 3, "calls": 1}, seed=7)
    other = Mixture(parts, {"ours": 3, "calls": 1}, seed=8)
    assert of(again, 100) == of(mixture, 100)
    assert of(other, 100) != of(mixture, 100)
    assert of(pickle.loads(pickle.dumps(mixture)), 100) == of(mixture, 100)


def test_a_capped_domain_gives_to_the_others_in_proportion(parts: dict[str, Path]) -> None:
    mixed = Mixture(
        {"ours": parts["ours"], "calls": Part(parts["calls"], domains=["bank"])},
        {"ours": 1, "calls": 3},
        caps={"bank": 0.6},
    )
    shares = mixed.shares()
    # Uncapped, bank would have 3/4 and 7/17 of 1/4: its sources keep that proportion below the cap.
    assert shares["ours", "bank"] + shares["calls", "bank"] == pytest.approx(0.6)
    assert shares["calls", "bank"] / shares["ours", "bank"] == pytest.approx(3 / (7 / 17))
    assert shares["ours", "qa"] == pytest.approx(0.4)
    had = Counter(d.domain for d in islice(mixed.draws(), 1_000))
    assert abs(had["bank"] - 600) < 2


def test_one_number_caps_every_domain(parts: dict[str, Path]) -> None:
    assert Mixture(parts, {"ours": 1, "calls": 1}, caps=0.5).shares()["ours", "qa"] == pytest.approx(
        0.5 * 10 / 17 / (10 / 17 + 21 / 40), abs=2e-6
    )
    with pytest.raises(UserError, match=r"mix, stage 1: the caps add up to 0\.80, so 0\.20 of the whole has no domain"):
        Mixture(parts, {"ours": 1, "calls": 1}, caps=0.4)


def test_caps_hold_on_the_way_of_a_ramp(parts: dict[str, Path]) -> None:
    stages = [Stage(50, {"ours": 1}), Stage(None, {"calls": 1}, ramp_steps=100)]
    two = {"ours": parts["ours"], "calls": Part(parts["calls"], domains=["bank", "qa"])}
    mixed = Mixture(two, Curriculum(stages), caps={"qa": 0.55, "bank": 0.5})
    for step in range(0, 200, 7):
        shares = mixed.shares(step)
        assert sum(shares.values()) == pytest.approx(1)
        assert shares["ours", "bank"] + shares["calls", "bank"] <= 0.5 + 1e-5
        assert shares["ours", "qa"] + shares["calls", "qa"] <= 0.55 + 1e-5


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_ranks_take_every_dialogue_of_the_stream_once(mixture: Mixture, world_size: int) -> None:
    whole = of(mixture, 60)
    for rank in range(world_size):
        taken = mixture.dialogs(rank=rank, world_size=world_size)
        assert ids(islice(taken, 20)) == whole[rank::world_size][:20]
        gone_on = mixture.dialogs(rank=rank, world_size=world_size, start=5)
        assert ids(islice(gone_on, 15)) == whole[rank::world_size][5:20]


@pytest.mark.parametrize("n_workers", [0, 1, 2])
def test_batches_are_the_stream_s_whatever_the_workers(mixture: Mixture, n_workers: int) -> None:
    whole = of(mixture, 48)
    for rank in range(2):
        loader = mixture.loader(batch_size=4, num_workers=n_workers, collate_fn=ids, rank=rank, world_size=2)
        wanted = [whole[at : at + 4] for at in range(4 * rank, 48, 8)]
        assert list(islice(loader, 6)) == wanted


def test_a_loader_goes_on_where_it_was_across_a_stage_s_border(parts: dict[str, Path]) -> None:
    stages = [Stage(5, {"ours": 1}), Stage(None, {"ours": 1, "calls": 4}, ramp_steps=3)]
    options = {"batch_size": 4, "collate_fn": ids, "rank": 0, "world_size": 1}

    def mixed() -> Mixture:
        return Mixture(parts, Curriculum(stages, samples_a_step=4), seed=2)

    whole = list(islice(mixed().loader(**options), 14))
    assert whole == [of(mixed(), 4, 4 * i) for i in range(14)]
    for n_given, before, after in ((0, 0, 2), (4, 2, 0), (5, 0, 0), (6, 2, 1), (9, 1, 2)):
        first = mixed().loader(**options, num_workers=before)
        assert list(islice(first, n_given)) == whole[:n_given]
        state = json.loads(json.dumps(first.state_dict()))
        second = mixed().loader(**options, num_workers=after)
        second.load_state_dict(state)
        assert list(islice(second, 14 - n_given)) == whole[n_given:]
        # What has gone on can be saved and goes on again.
        assert second.state_dict()["taken"] == 14 * 4


def test_a_state_goes_on_with_another_number_of_ranks(mixture: Mixture) -> None:
    whole = of(mixture, 40)
    states = []
    for rank in range(2):
        loader = mixture.loader(batch_size=4, collate_fn=ids, rank=rank, world_size=2)
        list(islice(loader, 2))
        states.append(loader.state_dict())
    assert states[0] == states[1]
    one = mixture.loader(batch_size=4, collate_fn=ids, rank=0, world_size=1)
    one.load_state_dict(states[0])
    assert list(islice(one, 6)) == [whole[at : at + 4] for at in range(16, 40, 4)]


def test_a_state_of_another_mix_is_refused(parts: dict[str, Path]) -> None:
    options = {"batch_size": 4, "rank": 0, "world_size": 1}
    state = Mixture(parts, {"ours": 1, "calls": 1}).loader(**options).state_dict()
    for other in (
        Mixture(parts, {"ours": 1, "calls": 2}),
        Mixture(parts, {"ours": 1, "calls": 1}, seed=1),
        Mixture(parts, {"ours": 1, "calls": 1}, caps=0.7),
        Mixture({"ours": parts["ours"]}, {"ours": 1}),
    ):
        with pytest.raises(UserError, match="another order, which cannot be gone on with"):
            other.loader(**options).load_state_dict(state)


def test_buckets_over_a_mix_go_on_with_it(mixture: Mixture) -> None:
    spec = replace(MOSHI, codec="toy", n_books=2, book_size=8)

    def buckets(n_workers: int) -> LengthBuckets:
        made = partial(moshi.sequence, tokenizer=Pieces(), spec=spec)
        loader = mixture.loader(made, batch_size=3, rank=0, world_size=1, num_workers=n_workers, collate_fn=list)
        return LengthBuckets(loader, max_columns_a_batch=30, window=20, seed=5)

    def names(batches) -> list[list[str]]:
        return [[s.dialog_id for s in b] for b in batches]

    whole = names(islice(buckets(0), 24))
    assert sum(map(len, whole)) > 60  # some windows
    for n_given, before, after in ((0, 0, 1), (1, 1, 0), (4, 0, 0), (13, 2, 1)):
        first = buckets(before)
        assert names(islice(first, n_given)) == whole[:n_given]
        state = json.loads(json.dumps(first.state_dict()))
        second = buckets(after)
        second.load_state_dict(state)
        assert names(islice(second, 24 - n_given)) == whole[n_given:]


def test_a_part_may_have_its_roles_swapped(parts: dict[str, Path]) -> None:
    both = {"as_is": parts["ours"], "swapped": Part(parts["ours"], swap_roles=True)}
    mixed = Mixture(both, {"as_is": 1, "swapped": 1})
    taken = list(islice(zip(mixed.draws(), mixed.dialogs(), strict=False), 40))
    assert Counter(d.part for d, _ in taken) == {"as_is": 20, "swapped": 20}
    for drawn, dialog in taken:
        assert dialog.is_swapped == (drawn.part == "swapped")
        assert dialog.role_context.startswith("You call" if dialog.is_swapped else "You are")


def test_domains_of_a_build_share_what_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = made_build(tmp_path / "wide", (64,) * 12)
    read = []
    rows = ShardReader.rows
    monkeypatch.setattr(
        ShardReader, "rows", lambda self, shard, group=None: read.append(shard.name) or rows(self, shard, group)
    )
    mixed = Mixture({"wide": build}, {"wide": 1}, seed=1)
    assert len({d.dialog_id for d in islice(mixed.dialogs(), 12 * 64)}) == 12 * 64
    assert len(read) == 12


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 300), min_size=1, max_size=6))
def test_a_walk_reads_any_number_in_any_order(mixture: Mixture, numbers: list[int]) -> None:
    walk = mixture.walk()
    for number in numbers:
        assert ids([walk.dialog(number)]) == of(mixture, 1, number)


def test_what_makes_no_mix_is_one_line(parts: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a mix of no builds"):
        Mixture({}, {})
    with pytest.raises(UserError, match="stage 1 has a weight of 'other', and the mix has 'ours', 'calls'"):
        Mixture(parts, {"ours": 1, "other": 1})
    with pytest.raises(UserError, match="calls: in the mix without a weight above 0"):
        Mixture(parts, {"ours": 1})
    with pytest.raises(UserError, match="caps: no dialogue of 'hotel' in the mix. There are: bank, qa"):
        Mixture(parts, {"ours": 1, "calls": 1}, caps={"hotel": 0.5})
    with pytest.raises(UserError, match="the cap of bank is 0, and a cap is a share above 0, at most 1"):
        Mixture(parts, {"ours": 1, "calls": 1}, caps={"bank": 0})
    with pytest.raises(UserError, match="no dialogue in split 'test'"):
        Mixture(parts, {"ours": 1, "calls": 1}, "test")
    with pytest.raises(UserError, match="holds no finished build|there is no build.json"):
        Mixture({"none": tmp_path}, {"none": 1})
    with pytest.raises(UserError, match="rank=2 of world_size=2"):
        Mixture(parts, {"ours": 1, "calls": 1}).dialogs(rank=2, world_size=2)
    with pytest.raises(UserError, match="a mix has no end and no epochs"):
        Mixture(parts, {"ours": 1, "calls": 1}).iterable(batch_size=1).set_epoch(1)


def test_builds_of_two_codecs_are_not_mixed(parts: dict[str, Path]) -> None:
    ours, calls = open_build(parts["ours"]), open_build(parts["calls"])
    other = replace(calls, codec=replace(calls.codec, engine="mimi", revision="r9"))
    with pytest.raises(
        DataError, match="ours has the tokens of toy toy-1 r1 2 books, and calls those of mimi toy-1 r9 2 books"
    ):
        Mixture({"ours": ours, "calls": other}, {"ours": 1, "calls": 1})


def test_a_mix_without_torch_is_read(parts: dict[str, Path]) -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from itertools import islice\n"
        "from datagen.load import Mixture, Curriculum, Stage, LengthBuckets, collate_numpy\n"
        f"mixed = Mixture({{'ours': {str(parts['ours'])!r}}}, Curriculum([Stage(None, {{'ours': 1}})]))\n"
        "print(len(list(islice(mixed.dialogs(), 30))))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "30", done.stderr
