"""What keeps a constraint and what breaks it, by type; and where a dialogue breaks its own."""

import json

import pytest

from datagen.text.constraints import RULES, broken, fault, keeps, sentences, shifted, spans

GOOD_BAD = {
    "one_sentence": ({}, "It's about 6.5 miles, Dr. Lee says.", "It's far. Very far."),
    "two_sentences": ({"words": 5}, "It is far. Take a bus.", "It is really rather very far. Take a bus."),
    "max_words": ({"n": 4}, "Four words are fine.", "Five words are too many."),
    "min_words": ({"n": 4}, "Four words are fine.", "Three aren't enough."),
    "begin_with": ({"word": "Okay"}, "Okay, here it is.", "It's okay."),
    "never_begin": ({"word": "so"}, "It is so.", "So, it is."),
    "end_with": ({"word": "over and out"}, "It's blue. Over and out.", "Over and out, it's blue."),
    "end_question": ({}, "It's blue. Clear?", "Clear? It's blue."),
    "no_questions": ({}, "It's blue.", "Blue, isn't it?"),
    "avoid_word": ({"word": "very"}, "Everyone knows.", "It is very, very blue."),
    "say_word": ({"word": "my friend"}, "Well, my friend, it's blue.", "My dear friend, it's blue."),
    "say_name": ({"name": "Dana"}, "It's blue, Dana.", "It's blue, Danae."),
    "no_numbers": ({}, "It takes a while.", "It takes seventeen minutes."),
    "no_contractions": ({}, "It is the bird's nest.", "It's a nest."),
    "yes_no_first": ({}, "No, it's myth.", "Well, no."),
    "yes_no_only": ({}, "Yes.", "Yes, indeed."),
    "give_example": ({}, "For example, a cat.", "An example would be long."),
    "spell_out": ({}, "The word is nile, N-I-L-E.", "The word is Nile, N-Y-L-E."),
    "say_how_sure": ({}, "It's blue. I'm quite sure.", "Sure. It's blue."),
}  # fmt: skip


def test_there_are_at_least_sixteen_types_and_each_is_tested() -> None:
    assert set(GOOD_BAD) == set(RULES)
    assert len(RULES) >= 16


@pytest.mark.parametrize("type_", sorted(GOOD_BAD))
def test_a_text_keeps_or_breaks_it(type_: str) -> None:
    parameters, good, bad = GOOD_BAD[type_]
    assert keeps({"type": type_, **parameters}, good)
    assert not keeps({"type": type_, **parameters}, bad)
    assert not keeps({"type": type_, **parameters}, "  ")


def test_a_constraint_with_wrong_parameters_is_none() -> None:
    assert "no type" in fault({"type": "sing"})
    assert "needs n" in fault({"type": "max_words"})
    assert "needs n" in fault({"type": "max_words", "n": "twelve"})
    assert "no parameter" in fault({"type": "one_sentence", "n": 3})
    with pytest.raises(ValueError, match="no type"):
        keeps({"type": "sing"}, "La.")


def test_sentences_end_at_stops_and_not_at_points() -> None:
    assert sentences("It's 3.5 miles. Really? Yes, Mr. Lee.") == ["It's 3.5 miles.", "Really?", "Yes, Mr. Lee."]


AGENT, USER = True, False
TURNS = [
    (USER, "One sentence, please."), (AGENT, "Sure."), (USER, "Why?"), (AGENT, "Because."),
    (USER, "Now end with over."), (AGENT, "It is. It was. Over."), (USER, "Stop that."), (AGENT, "Okay. Gladly."),
]  # fmt: skip
CONSTRAINT = {
    "type": "one_sentence", "from_turn": 0, "until_turn": 4,
    "then": {"type": "end_with", "word": "over", "from_turn": 4, "until_turn": 6},
}  # fmt: skip


def test_each_holds_between_its_turns_alone() -> None:
    assert list(broken(json.dumps(CONSTRAINT), TURNS)) == []
    longer = {k: v for k, v in CONSTRAINT.items() if k not in ("then", "until_turn")}
    found = list(broken(json.dumps(longer), TURNS))
    assert [turn for turn, _ in found] == [5, 7]
    assert "3 sentences" in found[0][1]
    assert "one_sentence of turn 0" in found[0][1]


@pytest.mark.parametrize(
    "wrong",
    [
        "nonsense", "[]", {"type": "one_sentence"}, {"type": "one_sentence", "from_turn": 1},
        {"type": "one_sentence", "from_turn": 4, "until_turn": 2}, {**CONSTRAINT, "until_turn": 99},
    ],
)  # fmt: skip
def test_a_malformed_constraint_is_a_fault_of_its_own(wrong: object) -> None:
    text = wrong if isinstance(wrong, str) else json.dumps(wrong)
    turns = [turn for turn, _ in broken(text, TURNS)]
    assert None in turns


def test_spans_end_where_the_constraint_is_lifted() -> None:
    assert list(spans(json.dumps(CONSTRAINT), len(TURNS))) == [(0, 4), (4, 6)]
    assert list(spans('{"type": "one_sentence", "from_turn": 2}', 8)) == [(2, 8)]


def test_a_turn_put_in_moves_the_bounds_behind_it() -> None:
    moved = json.loads(shifted(json.dumps(CONSTRAINT), 3))
    assert (moved["from_turn"], moved["until_turn"]) == (0, 5)
    assert (moved["then"]["from_turn"], moved["then"]["until_turn"]) == (5, 7)
