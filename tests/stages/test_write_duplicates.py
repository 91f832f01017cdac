"""Signatures and near-duplicates."""

import random
from dataclasses import replace

import numpy as np
import pytest
from write_samples import sample

from datagen.records.enums import MarkType
from datagen.records.transcript import Mark
from datagen.stages.write.duplicates import N_PERMUTATIONS, near_duplicates, signature, similarity
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


def test_the_lowest_id_wins_whatever_the_order() -> None:
    base, other = " ".join(text(1)), " ".join(text(2))
    signatures = {
        "bank-10": signature([base]),
        "bank-9": signature([base + " one"]),
        "bank-2": signature([other]),
        "bank-11": signature([base]),
    }
    expected = {"bank-10": "bank-9", "bank-11": "bank-9"}
    assert near_duplicates(signatures, 0.8) == expected
    assert near_duplicates(dict(reversed(signatures.items())), 0.8) == expected
    assert near_duplicates({}, 0.8) == {}


def test_a_loser_beats_nobody() -> None:
    base = np.arange(N_PERMUTATIONS)
    chain = {f"d-{k}": tuple(int(v) for v in np.where(base < 20 * k, base + 1000 * (k + 1), base)) for k in range(3)}
    assert near_duplicates(chain, 0.8) == {"d-1": "d-0"}


def test_finds_what_a_comparison_of_all_pairs_finds() -> None:
    rng = random.Random(5)
    made: dict[str, tuple[int, ...]] = {}
    for i in range(120):
        words = text(i % 40)
        for _ in range(rng.choice([0, 1, 2, 4, 30])):
            words[rng.randrange(len(words))] = "changed"
        made[f"d-{i}"] = signature([" ".join(words)])
    kept: list[str] = []
    expected: dict[str, str] = {}
    for i in range(120):
        winner = next((k for k in kept if similarity(made[k], made[f"d-{i}"]) >= 0.8), None)
        if winner is None:
            kept.append(f"d-{i}")
        else:
            expected[f"d-{i}"] = winner
    found = near_duplicates(made, 0.8)
    assert len(expected) > 10
    assert len(found.keys() ^ expected.keys()) <= 1  # banding misses a pair in 200 at the threshold itself


def test_scales_with_the_number_of_dialogues() -> None:
    """20,000 dialogues of random and shared minima; quadratic work would run into the suite's time limit."""
    rng = np.random.default_rng(1)
    shared = rng.integers(0, 2**32, N_PERMUTATIONS, dtype=np.uint32)
    matrix = rng.integers(0, 2**32, (20_000, N_PERMUTATIONS), dtype=np.uint32)
    matrix = np.where(rng.random(matrix.shape) < 0.2, shared, matrix)
    rows = {f"d-{i}": row for i, row in enumerate(matrix)}
    assert near_duplicates(rows, 0.8) == {}
