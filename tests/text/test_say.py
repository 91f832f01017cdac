"""Display text as it is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.text.say import UNSAYABLE, sayable, spoken_words

CASES = [
    ("It's $12.50.", "It's twelve dollars and fifty cents."),
    ("$1,240", "one thousand two hundred forty dollars"),
    ("$0.99, $1, $1.01", "ninety nine cents, one dollar, one dollar and one cent"),
    ("$5 million or $5k", "five million dollars or five thousand dollars"),
    ("$5/month", "five dollars a month"),
    ("$5-$10", "five dollars to ten dollars"),
    ("at 7:30", "at seven thirty"),
    ("at 7:05?", "at seven oh five?"),
    ("7:00 PM", "seven p m"),
    ("at 7:00.", "at seven o'clock."),
    ("7:30pm or 9am", "seven thirty p m or nine eh m"),
    ("9 a.m. tomorrow", "nine eh m tomorrow"),
    ("March 3rd, 2026", "March third, twenty twenty six"),
    ("March 3", "March third"),
    ("on 3 March", "on the third of March"),
    ("Mar 3", "March third"),
    ("in 2026 and since 1998", "in twenty twenty six and since nineteen ninety eight"),
    ("card ending in 4417,", "card ending in four four one seven,"),
    ("Your account number is 88213.", "Your account number is eight eight two one three."),
    ("That's 4151, correct?", "That's four one five one, correct?"),
    ("It's 62072.", "It's six two zero seven two."),
    ("We have 4400 members", "We have four thousand four hundred members"),
    ("from about 1870. Then", "from about eighteen seventy. Then"),
    ("in 1890, though", "in eighteen ninety, though"),
    ("I write 2024?", "I write twenty twenty four?"),
    ("5000 is enough", "five thousand is enough"),
    ("code 42", "code four two"),
    ("call 555-0142", "call five five five, oh one four two"),
    ("(212) 555-0142", "two one two five five five, oh one four two"),
    ("1-800-555-0142", "one, eight hundred, five five five, oh one four two"),
    ("A7-4K2", "eh seven, four K two"),
    ("3.5% APY", "three point five percent eh P Y"),
    ("1/2 of it", "one half of it"),
    ("on 3/15", "on March fifteenth"),
    ("the 2nd and 21st", "the second and twenty first"),
    ("We're open 24/7!", "We're open twenty four seven!"),
    ("jane.doe@example.com", "jane dot doe at example dot com"),
    ("dfisher@example.net", "D fisher at example dot net"),
    ("mchen@example.com or mcneil@x.org", "M chen at example dot com or mcneil at x dot org"),
    ("clara@example.com, brandt76@x.org", "clara at example dot com, brandt seven six at x dot org"),
    ("by phone? It's 106 Chestnut Court.", "by phone? It's one oh six Chestnut Court."),
    ("340 Kingston Road", "three forty Kingston Road"),
    ("It's C00-6176.", "It's C zero zero, six one seven six."),
    ("D-8487", "D, eight four eight seven"),
    ("$3,337.92", "three thousand three hundred thirty seven dollars and ninety two cents"),
    ("at 4.25%", "at four point two five percent"),
    ("ZIP code 02139", "zip code zero two one three nine"),
    ("May 3rd at 2 PM", "May third at two p m"),
    ("DEET", "deet"),
    ("5'10", "five ten"),
    ("#12", "number twelve"),
    ("Dr. Lee on Elm St.", "Doctor Lee on Elm Street."),
    ("Dr. Lee at 14 Oak Dr. today", "Doctor Lee at fourteen Oak Drive today"),
    ("St. Louis", "Saint Louis"),
    ("you & me", "you and me"),
    ("No. 5", "number five"),
    ("No. That's it.", "No. That's it."),
    ("the 90s", "the nineties"),
    ("the 1990s", "the nineteen nineties"),
    ("10-15 minutes", "ten to fifteen minutes"),
    ("7-9pm", "seven to nine p m"),
    ("5 km at 60 mph", "five kilometers at sixty miles per hour"),
    ("1 km", "one kilometer"),
    ("COVID-19", "covid nineteen"),
    ("the ATM and my PIN", "the eh T M and my pin"),
    ("two ATMs", "two eh T M's"),
    ("my ID, OK?", "my I D, ok?"),
    ("a check-in", "a check in"),
    ("wait—what", "wait, what"),
    ("12-month term", "twelve month term"),
    ("1240 Maple Street", "twelve forty Maple Street"),
    ("room 204", "room two oh four"),
    ("gate B12", "gate B twelve"),
    ("72°F", "seventy two degrees Fahrenheit"),
    ("2½ cups", "two and a half cups"),
    ("café", "cafe"),
    ("and/or", "and or"),
    ("-5 degrees", "minus five degrees"),
    ("Hi, I'm A. B. Jones", "Hi, I'm eh. B. Jones"),
    ("A table, please.", "A table, please."),
    ("5, 6; 7: done", "five, six, seven, done"),
]


@pytest.mark.parametrize(("text", "said"), CASES, ids=[c[0] for c in CASES])
def test_says_it_as_a_person_would(text: str, said: str) -> None:
    assert " ".join(spoken_words(text)) == said


def test_context_belongs_to_the_word_before() -> None:
    assert spoken_words("ending in 4417 for 4417 points")[-2] == "four thousand four hundred seventeen"


@pytest.mark.parametrize("text", ["hello 🙂 there", "wait — what", "это", "١٢"])
def test_what_cannot_be_said_is_marked(text: str) -> None:
    assert UNSAYABLE in spoken_words(text)
    assert not sayable(text)


_PIECES = st.sampled_from(
    [
        *"0123456789",
        *"$€%#:/-.,?!'\"()&@½°×",
        "a",
        "A",
        "PM",
        "st",
        "th",
        "March",
        "in",
        "code",
        "é",
        "🙂",
        "٣",
        "²",
        " ",
    ]
)


def _holds(text: str) -> None:
    said = spoken_words(text)
    assert len(said) == len(text.split())
    for one in said:
        assert one.strip()
        assert not any(c.isdigit() for c in one)


@given(st.text())
def test_any_text_keeps_its_length_and_loses_its_digits(text: str) -> None:
    _holds(text)


@given(st.lists(_PIECES, max_size=24).map("".join))
def test_any_mix_of_numbers_keeps_its_length_and_loses_its_digits(text: str) -> None:
    _holds(text)
