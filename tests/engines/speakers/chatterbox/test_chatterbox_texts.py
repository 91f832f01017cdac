"""What Chatterbox is given to say, and what is refused before it is asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.engines.speakers.chatterbox.texts import Piece, pieces, plain, refusal
from datagen.protocols import SpeakRequest
from datagen.records.plan import Voice

VOICE = Voice("v", "chatterbox", "b", {}, "male", 110.0, (500.0, 1500.0, 2500.0), "CC0-1.0", "bank")


def request(*spoken: str) -> SpeakRequest:
    return SpeakRequest(tuple("w" for _ in spoken), spoken, VOICE, 1)


@pytest.mark.parametrize(
    ("spoken", "reason", "says"),
    [
        (("Hello", "\U0001f600"), "unspeakable", "U+1F600"),
        (("See", "https://example.com/a"), "unspeakable", "a web address, which has to be written as it is said"),
        (("See", "www.example.org"), "unspeakable", "a web address"),
        (("me@example.com",), "unspeakable", "a web address"),
        (("Привет",), "unspeakable", "U+041F"),
        (("你好",), "unspeakable", "is no sound of English"),
        (("...",), "unspeakable", "there is nothing in it to say"),
        ((), "unspeakable", "0 words and 0 spoken forms"),
        (("word",) * 500, "too_long_text", "2499 characters to speak (limit 2000, speaker.max_chars)"),
    ],
)
def test_what_cannot_be_said_is_refused_in_a_line(spoken: tuple[str, ...], reason: str, says: str) -> None:
    found = refusal(request(*spoken), 2_000)
    assert found is not None
    assert found.reason == reason
    assert says in found.detail
    assert "\n" not in found.detail
    assert len(found.detail) < 300


def test_what_can_be_said_is_not() -> None:
    assert refusal(request("Café", "naïve?", "five", "o'clock,", "Zoë's", "eh", "m."), 2_000) is None
    assert refusal(request(*("word",) * 400), 2_000) is None


@pytest.mark.parametrize(
    ("spoken", "given"),
    [
        ("eh m.", "A m."),
        ("(please)", ", please,"),
        ("either/or", "either or"),
        ("“quoted”", '"quoted"'),
        ("yeh", "yeh"),
        ("eh.", "A."),
    ],
)
def test_spoken_forms_as_chatterbox_reads_them(spoken: str, given: str) -> None:
    assert plain(spoken) == given


def test_long_texts_divide_where_one_would_breathe() -> None:
    text = (
        "One is short. "
        + "Then there is another sentence, which goes on for a while, and has clauses to divide it at. " * 2
    )
    assert pieces("Short.", 280) == [Piece("Short.")]
    found = pieces(text.strip(), 60)
    assert found[0] == Piece("One is short.")
    assert [p.join for p in found[1:4]] == ["sentence", "clause", "sentence"]
    assert all(p.text[-1] in ",." for p in found)
    run_on = pieces("word " * 100, 60)
    assert {p.join for p in run_on[1:]} == {"word"}
    assert min(len(p.text) for p in run_on) > 30  # evenly, not full ones and a rest


@given(st.text(alphabet="ab ,.;?!-—'\"", max_size=400), st.integers(40, 120))
def test_pieces_lose_nothing_and_keep_the_limit(text: str, limit: int) -> None:
    found = pieces(text, limit)
    assert all(0 < len(p.text) <= limit for p in found)
    assert "".join("".join(p.text.split()) for p in found) == "".join(text.split())
