"""Word errors against edits whose numbers are known, and the properties of an edit distance."""

import random

from hypothesis import given
from hypothesis import strategies as st

from datagen.text.wer import errors, text_errors, words_of

texts = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=9)


def test_each_sort_of_error_is_counted_as_such() -> None:
    said = ["i", "will", "be", "there", "at", "the", "end", "of", "the", "day"]
    assert errors(said, said).rate == 0
    found = errors(said, ["i", "will", "be", "their", "at", "the", "end", "the", "day", "day"])
    assert (found.n, found.substitutions, found.deletions, found.insertions) == (10, 1, 1, 1)
    assert found.rate == 0.3
    assert (3, 3) in found.pairs
    assert (7, None) in found.pairs
    assert (None, 8) in found.pairs
    assert errors((), ("uh", "uh")).rate == 2
    assert errors(said, ()).deletions == 10


def test_a_repeated_phrase_is_as_many_insertions_as_it_has_words() -> None:
    said = [f"w{n}" for n in range(12)]
    found = errors(said, said[:7] + said[3:7] + said[7:])
    assert (found.substitutions, found.deletions, found.insertions) == (0, 0, 4)


@given(texts, texts)
def test_the_sorts_and_the_pairs_add_up(one: list[str], other: list[str]) -> None:
    found, back = errors(one, other), errors(other, one)
    assert found.count == back.count <= max(len(one), len(other))
    assert len(other) - len(one) == found.insertions - found.deletions
    assert [i for i, _ in found.pairs if i is not None] == list(range(len(one)))
    assert [j for _, j in found.pairs if j is not None] == list(range(len(other)))
    matched = sum(i is not None and j is not None and one[i] == other[j] for i, j in found.pairs)
    assert matched == len(one) - found.substitutions - found.deletions
    assert (found.count == 0) == (one == other)


def test_edits_are_never_more_than_were_made() -> None:
    draw = random.Random(0)
    for _ in range(200):
        said = [draw.choice("abcdef") for _ in range(12)]
        heard = list(said)
        n = draw.randrange(5)
        for _ in range(n):
            at = draw.randrange(len(heard))
            heard[at : at + draw.randrange(2)] = [draw.choice("abcdef")] * draw.randrange(2)
        assert errors(said, heard).count <= n


def test_both_sides_are_written_alike() -> None:
    assert words_of("W three, five six—oh nine. It’s OK!") == [
        "w",
        "three",
        "five",
        "six",
        "oh",
        "nine",
        "it's",
        "okay",
    ]
    assert words_of("Renée's twenty-first 'try'") == ["renee's", "twenty", "first", "try"]
    assert text_errors("That's $", "that's").rate == 0
