"""Phrasings of plain slots are rendered without Jinja, and say what its templates would."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.domains import available, load
from datagen.domains.phrasing import ENV, Dice, Phrase, alternatives, condition, plain_template, tidy
from datagen.errors import UserError

VIEW = {"name": "ana", "n": 3, "sum": "$12.50", "hour": "8 PM", "none_at_all": None}


def by_jinja(source: str, seed: int) -> str:
    dice = Dice(np.random.default_rng(seed))
    return tidy(ENV.from_string(alternatives(source)).render(VIEW, choose=dice.index, part=str))


def by_phrase(source: str, seed: int) -> str:
    return Phrase(source, "here").render(VIEW, Dice(np.random.default_rng(seed)).index, str)


slots = st.sampled_from(
    ["{{ name }}", "{{n}}", "{{ sum | low }}", "{{ hour|an }}", "{{ name | cap }}", "{{ none_at_all }}"]
)
texts = st.text(alphabet="ab i,.?!| '\n", max_size=6)
plain = st.recursive(
    st.one_of(slots, texts),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(" ".join),
        st.lists(inner, min_size=1, max_size=4).map(lambda b: f"<{'|'.join(b)}>"),
    ),
    max_leaves=12,
)


@given(plain, st.integers(0, 5))
def test_a_plain_phrasing_says_what_its_template_says(source: str, seed: int) -> None:
    assert by_phrase(source, seed) == by_jinja(source, seed)


@pytest.mark.parametrize(
    "source",
    [
        "{% if n > 2 %}many{% endif %}",
        "{{ n + 1 }}",
        "{{ part('x') }}",
        "{{ name -}} x",
        "{# no #}",
        "{{ loop }}",
        "{{ true }}",
    ],
)
def test_whatever_else_it_holds_is_left_to_jinja(source: str) -> None:
    assert plain_template(source) is None


def test_a_slot_that_is_not_there_is_named_as_jinja_names_it() -> None:
    with pytest.raises(UserError, match=r"here: 'absent' is undefined\. In: '\{\{ absent \}\}'"):
        by_phrase("{{ absent }}", 0)


@pytest.mark.parametrize("source", ["{{ 1 / 0 }}", "{{ name + n }}", "{{ name.__class__.__mro__ }}", "{{ n[9].x }}"])
def test_what_cannot_be_done_is_a_line(source: str) -> None:
    with pytest.raises(UserError, match=r"^here: .* In: ") as caught:
        by_phrase(source, 0)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match=r"^here: "):
        condition(source.strip("{ }"), "here")(VIEW)


def test_most_of_a_domain_needs_no_template() -> None:
    domain = load("bank")
    assert "bank" in available()
    phrases = [p for found in domain.acts.values() for p in found]
    assert sum(plain_template(p.source) is not None for p in phrases) > 0.8 * len(phrases)
