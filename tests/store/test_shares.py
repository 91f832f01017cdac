import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen.errors import UserError
from datagen.store.shares import capped


def test_what_a_capped_name_may_not_take_goes_to_the_others_in_proportion() -> None:
    assert capped({"a": 6.0, "b": 3.0, "c": 1.0}, {"a": 0.4}, "mix") == pytest.approx({"a": 0.4, "b": 0.45, "c": 0.15})
    # b goes over its own cap only by what a left to it.
    assert capped({"a": 6.0, "b": 3.0, "c": 1.0}, {"a": 0.4, "b": 0.35}, "mix") == pytest.approx(
        {"a": 0.4, "b": 0.35, "c": 0.25}
    )


def test_caps_that_leave_a_part_to_nobody_are_told() -> None:
    with pytest.raises(
        UserError, match=r"mix: the caps add up to 0\.70, so 0\.30 of the whole has no domain\. Raise a cap\."
    ):
        capped({"a": 1.0, "b": 1.0}, {"a": 0.3, "b": 0.4}, "mix")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.floats(0.001, 100), st.floats(0.01, 1)), min_size=1, max_size=8))
def test_shares_add_up_and_keep_their_caps(pairs: list[tuple[float, float]]) -> None:
    weight = {f"d{i}": w for i, (w, _) in enumerate(pairs)}
    cap = {f"d{i}": c for i, (_, c) in enumerate(pairs)}
    if sum(cap.values()) < 1:
        return
    shares = capped(weight, cap, "mix")
    assert list(shares) == list(weight)
    assert sum(shares.values()) == pytest.approx(1)
    assert all(shares[n] <= cap[n] + 1e-9 for n in shares)
    free = [n for n in shares if shares[n] < cap[n] - 1e-9]
    assert len({round(shares[n] / weight[n], 9) for n in free}) <= 1 or max(
        shares[n] / weight[n] for n in free
    ) == pytest.approx(min(shares[n] / weight[n] for n in free))
