"""Signatures and near-duplicates."""

import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from write_samples import sample

from datagen.records.enums import MarkType
from datagen.records.transcript import Mark
from datagen.stages.write import near_index
from datagen.stages.write.duplicates import N_PERMUTATIONS, signature, similarity
from datagen.stages.write.near_index import DamagedIndex, NearIndex, near_duplicates
from datagen.stages.write.options import WriteOptions
from datagen.stages.write.unit import finish

WORDS = [f"w{i}" for i in range(4000)]


def text(seed: int, n: int = 150) -> list[str]:
    return random.Random(seed).choices(WORDS, k=n)


def test_signature_ignores_case_and_punctuation_and_is_fixed() -> None:
    one = signature(["Hello, there my dear friend.", "How are you?"])
    assert one == signature(["hello there my dear friend how", "are you"])
    assert len(one) == N_PERMUTATIONS
    assert all(0 <= v < 2**32 for v in one)
    assert one[:3] == signature(iter(["Hello there my dear friend", "how are you"]))[:3]


def test_finish_adds_the_signature_alone() -> None:
    transcript = sample("x-1", ["A: Hello there.", "U: Hi, who is this?"], "").transcript
    done = finish(transcript, WriteOptions())
    assert done.signature == signature(t.text for t in transcript.turns)
    assert done.turns == transcript.turns


def test_a_dialogue_that_only_hesitates_otherwise_is_the_same_one() -> None:
    fluent = sample("x-1", ["A: Hello there.", "U: Hi, I have a question about my card."], "").transcript
    said = replace(fluent.turns[1], text="Hi, um, I, I have a question about my card.", marks=(
        Mark(MarkType.FILLER, 1, "um,"), Mark(MarkType.REPETITION, 2, "I,"),
    ))  # fmt: skip
    hesitant = replace(fluent, turns=(fluent.turns[0], said))
    assert finish(hesitant, WriteOptions()).signature == finish(fluent, WriteOptions()).signature


def test_short_texts_have_signatures_too() -> None:
    assert signature(["Hi."]) == signature(["hi"])
    assert signature(["Hi."]) != signature(["Bye."])


@pytest.mark.parametrize("changed", [0, 5, 15, 40])
def test_similarity_is_near_the_true_jaccard_index(changed: int) -> None:
    one = text(1)
    other = ["x" if i < changed else w for i, w in enumerate(one)]
    grams = [{tuple(t[i : i + 5]) for i in range(len(t) - 4)} for t in (one, other)]
    true = len(grams[0] & grams[1]) / len(grams[0] | grams[1])
    assert similarity(signature([" ".join(one)]), signature([" ".join(other)])) == pytest.approx(true, abs=0.13)


def matrix(*texts: str) -> np.ndarray:
    return np.array([signature([t]) for t in texts], np.uint32)


def noisy(n: int, seed: int = 5) -> np.ndarray:
    """Signatures of n texts of forty themes, each changed in a few or in many words."""
    rng = random.Random(seed)
    made = []
    for i in range(n):
        words = text(i % 40)
        for _ in range(rng.choice([0, 1, 2, 4, 30])):
            words[rng.randrange(len(words))] = "changed"
        made.append(" ".join(words))
    return matrix(*made)


def all_pairs(signatures: np.ndarray) -> dict[int, int]:
    """The same decision by comparing everything with everything."""
    kept: list[int] = []
    losers: dict[int, int] = {}
    for i, row in enumerate(signatures):
        winner = next((k for k in kept if similarity(signatures[k], row) >= 0.8), None)
        if winner is None:
            kept.append(i)
        else:
            losers[i] = winner
    return losers


def test_the_first_wins() -> None:
    base, other = " ".join(text(1)), " ".join(text(2))
    assert near_duplicates(matrix(base + " one", base, other, base), 0.8) == {1: 0, 3: 0}
    assert near_duplicates(np.zeros((0, N_PERMUTATIONS), np.uint32), 0.8) == {}


def test_a_dialogue_that_takes_no_part_neither_wins_nor_loses() -> None:
    signatures = matrix(
        "one and the same thing said again", "one and the same thing said again", "one and the same thing said again"
    )
    signatures[0] = 0
    assert near_duplicates(signatures, 0.8) == {2: 1}


def test_a_loser_beats_nobody() -> None:
    base = np.arange(1, N_PERMUTATIONS + 1)
    chain = np.array([np.where(base <= 20 * k, base + 1000 * (k + 1), base) for k in range(3)], np.uint32)
    assert near_duplicates(chain, 0.8) == {1: 0}


@pytest.mark.parametrize("batch", [7, 64, 8_192])
def test_finds_what_a_comparison_of_all_pairs_finds(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_index, "BATCH", batch)
    signatures = noisy(240)
    expected = all_pairs(signatures)
    assert len(expected) > 20
    assert (
        len(near_duplicates(signatures, 0.8).items() ^ expected.items()) <= 4
    )  # banding misses a pair in 200 at the threshold itself


@pytest.mark.parametrize("stops", [(100,), (1, 50, 51, 200), (240,)])
def test_goes_on_where_it_stopped(stops: tuple[int, ...], tmp_path: Path) -> None:
    signatures = noisy(240)
    for before, end in pairwise((0, *stops, 240)):
        index = NearIndex.load(tmp_path, 0.8, signatures[:end])
        assert index.n_done == before
        index.take(signatures[:end])
        index.save(tmp_path, signatures[:end])
    assert index.losers == near_duplicates(signatures, 0.8)


def test_another_past_or_threshold_starts_anew(tmp_path: Path) -> None:
    signatures = noisy(60)
    index = NearIndex(0.8)
    index.take(signatures)
    index.save(tmp_path, signatures)
    assert NearIndex.load(tmp_path, 0.8, signatures).n_done == 60
    assert NearIndex.load(tmp_path, 0.7, signatures).n_done == 0
    assert NearIndex.load(tmp_path, 0.8, signatures[:59]).n_done == 0
    changed = signatures.copy()
    changed[3, 5] += 1
    assert NearIndex.load(tmp_path, 0.8, changed).n_done == 0
    (tmp_path / "state.json").unlink()  # as one that was never saved to its end
    (tmp_path / "bands.npy").write_bytes(b"torn")
    assert NearIndex.load(tmp_path, 0.8, signatures).n_done == 0


@pytest.mark.parametrize("name", ["bands.npy", "losers.npy", "state.json"])
@pytest.mark.parametrize("how", ["bit", "torn", "gone", "folder"])
def test_what_has_changed_on_the_disk_is_never_used(tmp_path: Path, name: str, how: str) -> None:
    signatures = noisy(60)
    index = NearIndex(0.8)
    index.take(signatures)
    index.save(tmp_path, signatures)
    path = tmp_path / name
    data = bytearray(path.read_bytes())
    data[-8] ^= 1
    path.unlink()
    if how == "folder":
        path.mkdir()
    elif how != "gone":
        path.write_bytes(data if how == "bit" else data[:-9])
    if (name, how) in {("state.json", "gone"), ("state.json", "bit")}:  # none, or of other signatures
        assert NearIndex.load(tmp_path, 0.8, signatures).n_done == 0
    else:
        with pytest.raises(DamagedIndex):
            NearIndex.load(tmp_path, 0.8, signatures)


def test_scales_with_the_number_of_dialogues() -> None:
    """20,000 dialogues of random and shared minima; quadratic work would run into the suite's time limit."""
    rng = np.random.default_rng(1)
    shared = rng.integers(0, 2**32, N_PERMUTATIONS, dtype=np.uint32)
    signatures = rng.integers(0, 2**32, (20_000, N_PERMUTATIONS), dtype=np.uint32)
    signatures = np.where(rng.random(signatures.shape) < 0.2, shared, signatures)
    assert near_duplicates(signatures, 0.8) == {}


def test_a_build_of_one_text_costs_no_square() -> None:
    signatures = np.repeat(matrix(" ".join(text(1))), 20_000, axis=0)
    assert near_duplicates(signatures, 0.8) == dict.fromkeys(range(1, 20_000), 0)
