"""The values of a text, in display and in spoken form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.text.forms import Value
from datagen.text.numbers import cardinal, ordinal
from datagen.text.say import spoken_words
from datagen.text.tokens import cards_of
from datagen.text.values import find_values


def found(text: str) -> list[tuple[str, str]]:
    return [(v.type.value, v.canonical) for v in find_values(text) if not v.idiom]


SAME = [
    (
        "money",
        "12.50",
        ["$12.50", "twelve dollars and fifty cents", "twelve fifty dollars", "12 dollars 50", "twelve dollars fifty"],
    ),
    ("money", "0.50", ["$0.50", "50 cents", "fifty cents", "50¢"]),
    (
        "money",
        "1240.00",
        ["$1,240", "1,240 dollars", "twelve hundred forty dollars", "one thousand two hundred and forty dollars"],
    ),
    ("money", "5000000.00", ["$5 million", "five million dollars", "$5M"]),
    ("money", "100.00", ["$100", "a hundred dollars", "a hundred bucks"]),
    (
        "time",
        "7:30",
        ["half past seven", "7:30", "seven thirty", "7:30 PM", "7:30pm", "19:30", "seven thirty in the evening"],
    ),
    ("time", "5:45", ["quarter to six", "5:45", "five forty-five", "a quarter of six"]),
    ("time", "7:05", ["seven oh five", "7:05", "five past seven"]),
    ("time", "12:00", ["noon", "12:00 PM", "twelve o'clock"]),
    (
        "date",
        "03-03",
        ["the third of March", "March 3rd", "Mar 3", "March third", "on 3/3", "3 March", "March the third"],
    ),
    ("date", "03-21", ["March twenty-first", "the twenty first of March", "March 21"]),
    ("date", "monday", ["Monday", "on Mondays", "Mon"]),
    ("code", "4417", ["four four one seven", "double four one seven", "ending in 4417", "4-4-1-7"]),
    ("code", "A74K2", ["A7-4K2", "A seven, four K two", "A seven four K two", "A7 4K2"][:3]),
    ("code", "PATEL", ["P-A-T-E-L", "P, A, T, E, L", "P as in Paul A T E L"]),
    ("phone", "2125550142", ["212-555-0142", "(212) 555-0142", "two one two, five five five, oh one four two"]),
    ("percent", "3.5", ["3.5%", "three point five percent", "three and a half percent", "3.5 percent"]),
    ("email", "jane.doe@example.com", ["jane.doe@example.com", "jane dot doe at example dot com."]),
    ("number", "24", ["twenty-four", "24", "two dozen"][:2]),
    ("number", "30 minutes", ["half an hour", "a half hour"]),
    ("ordinal", "15", ["the 15th", "the fifteenth"]),
    ("name", "Maria Lopez", ["I'm Maria Lopez.", "Thanks Maria Lopez"]),
    ("date", "05", ["in May we close", "by May"]),
]


@pytest.mark.parametrize(("type_", "canonical", "text"), [(t, c, x) for t, c, xs in SAME for x in xs], ids=str)
def test_the_same_value_in_every_form(type_: str, canonical: str, text: str) -> None:
    assert found(text) == [(type_, canonical)]


@pytest.mark.parametrize(
    "text",
    [
        "One moment, I'm one of our agents... give me a second.",
        "First, two things. We're open 24/7 and you are number one.",
        "May I help you? Good morning! Happy to. Thanks a million.",
        "Absolutely. Unfortunately, I can't. Oh, I'm sorry, OK?",
        "What are the last four digits of the card? J as in John.",
        "There are two kinds. We've got two. Both are fine.",
        "You can march in. Will you? Mr. and Mrs. who?",
        "They'll treasure that one day, on a weekend. It's the first one.",
        "I'm a hundred percent sure, a couple of times.",
    ],
)
def test_talk_states_nothing(text: str) -> None:
    assert found(text) == []


def test_gives_surface_and_place() -> None:
    value = find_values("So it's twelve dollars and fifty cents, Daniel.")[0]
    assert (value.surface, value.word, value.n_words) == ("twelve dollars and fifty cents,", 2, 5)


def gives(source: str) -> set[str]:
    return {key for v in find_values(source) for key in v.gives}


def grounded(value: Value, source: str) -> bool:
    keys = gives(source)
    return (
        value.idiom
        or not keys.isdisjoint(value.needs)
        or (bool(value.parts) and all(not keys.isdisjoint(p) for p in value.parts))
    )


@pytest.mark.parametrize(
    ("said", "source", "right"),
    [
        ("seven", "at 7:00 PM", True),
        ("seven", "a party of seven", True),
        ("7:30", "at 7:30 PM", True),
        ("7:30 AM", "at 7:30 PM", False),
        ("7:30 AM", "at seven thirty", True),
        ("$45", "just forty-five", True),
        ("$45", "45 minutes", False),
        ("45 people", "45 minutes", False),
        ("nine business days", "for $9", False),
        ("nine business days", "in 9 days", True),
        ("twelve fifty", "$12.50", True),
        ("twelve forty", "$1,240", True),
        ("March 3rd", "on 3/3/2026", True),
        ("the third", "on March 3rd", True),
        ("March 4th", "March 3rd or April 4th", False),
        ("Monday to Friday", "on weekdays", True),
        ("on Tuesday", "Monday to Friday", False),
        ("ending in 0142", "212-555-0142", True),
        ("one day", "in 2 days", True),
        ("within one day", "within 2 days", False),
        ("fifteen percent", "15 minutes", False),
    ],
)
def test_grounds_what_it_should(said: str, source: str, right: bool) -> None:
    value = find_values(said)[0]
    assert grounded(value, source) is right


@given(st.integers(0, 10**12))
def test_reads_back_every_number_in_words(n: int) -> None:
    assert cards_of(cardinal(n).split()) == [str(n)]


@given(st.integers(1, 99))
def test_reads_back_every_ordinal(n: int) -> None:
    assert cards_of(ordinal(n).split()) == [f"{n}#"]


@given(st.integers(0, 99_999), st.integers(0, 99))
def test_money_means_the_same_said_and_written(dollars: int, cents: int) -> None:
    text = f"${dollars:,}.{cents:02d}"
    said = " ".join(spoken_words(text))
    if dollars or cents:
        assert found(said) == found(text) == [("money", f"{dollars}.{cents:02d}")]


@given(st.integers(1, 12), st.integers(0, 59), st.sampled_from(["AM", "PM"]))
def test_times_mean_the_same_said_and_written(hour: int, minute: int, half: str) -> None:
    text = f"at {hour}:{minute:02d} {half}"
    said, written = find_values(" ".join(spoken_words(text)).replace("eh m", "a m")), find_values(text)
    assert [v.needs for v in said] == [v.needs for v in written]


@given(st.text())
def test_any_text_has_values_inside_it(text: str) -> None:
    n_words = len(text.split())
    for value in find_values(text):
        assert 0 <= value.word < value.word + value.n_words <= n_words
