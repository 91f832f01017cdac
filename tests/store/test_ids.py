"""Ids and seeds: from content alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.records.enums import Split
from datagen.store.ids import digest, rng, seed_of, unit_hash
from datagen.store.pools import pools


def test_a_digest_does_not_depend_on_key_order() -> None:
    assert digest({"a": 1, "b": (2, 3)}) == digest({"b": [2, 3], "a": 1})


def test_a_digest_refuses_what_has_no_one_form() -> None:
    with pytest.raises(TypeError, match="object"):
        digest(object())
    with pytest.raises(ValueError):
        digest(float("nan"))


def test_seeds_tell_their_parts_apart() -> None:
    assert seed_of("a", 12) != seed_of("a1", 2)
    assert seed_of(1, "speak", 0) != seed_of(1, "speak", 1)


def test_equal_parts_give_equal_draws() -> None:
    assert np.array_equal(rng(7, "bank-000001", "stitch", 0).random(8), rng(7, "bank-000001", "stitch", 0).random(8))


def test_unit_hashes_are_even() -> None:
    values = np.array([unit_hash("x", i) for i in range(20_000)])
    assert abs(values.mean() - 0.5) < 0.01
    assert abs(np.histogram(values, 10, (0, 1))[0] / 2_000 - 1).max() < 0.1


@given(st.sets(st.text(min_size=1, max_size=8), min_size=3, max_size=60), st.text(max_size=4))
def test_no_split_with_a_share_is_left_without_keys(keys: set[str], salt: str) -> None:
    found = pools(sorted(keys), (0.9, 0.05, 0.05), salt)
    assert set(found) == keys
    assert set(found.values()) == set(Split)


def test_a_new_key_moves_no_other_one() -> None:
    keys = [f"k{i}" for i in range(400)]
    before, after = pools(keys, (0.9, 0.05, 0.05), "v"), pools([*keys, "new"], (0.9, 0.05, 0.05), "v")
    assert all(after[k] == s for k, s in before.items())
