"""The reader on what models do to JSON and to the text inside it."""

import json
from typing import Any

import pytest

from datagen.engines.writers.llm import inline, relaxed_json
from datagen.engines.writers.llm.reader import Names, Reading, read
from datagen.protocols import Failure
from datagen.records.enums import MarkType, Speaker, Tag
from datagen.records.transcript import Mark

NAMES = Names(frozenset({"dana"}), frozenset({"jane doe"}), dict.fromkeys(Speaker, ("mhm", "I see")))
TURNS = [
    {"speaker": "agent", "text": "Hi, this is Dana."},
    {"speaker": "user", "text": "It's \"Jane\", isn't it?"},
    {"speaker": "agent", "text": "It is. Bye!"},
]
GOOD = json.dumps({"turns": TURNS, "facts_used": ["Dana"]})
SAID = ["Hi, this is Dana.", "It's \"Jane\", isn't it?", "It is. Bye!"]


def texts(reply: str, cut: bool = False) -> list[str]:
    found = read(reply, NAMES, cut=cut)
    assert isinstance(found, Reading), found
    assert [t.speaker for t in found.turns] == [Speaker.AGENT, Speaker.USER, Speaker.AGENT][: len(found.turns)]
    return [t.text for t in found.turns]


def reason(reply: str, cut: bool = False) -> str:
    found = read(reply, NAMES, cut=cut)
    assert isinstance(found, Failure), found
    assert found.detail
    assert "\n" not in found.detail
    return found.reason


@pytest.mark.parametrize(
    "reply",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f"Sure, here it is:\n\n{GOOD}\n\nHope this helps!",
        f"{GOOD}\n{GOOD}",
        GOOD.replace("}]", "},]").replace('"facts_used": ["Dana"]', '"facts_used": ["Dana",],'),
        GOOD.replace(', "facts_used": ["Dana"]', ""),
        GOOD.replace('"facts_used": ["Dana"]', '"facts_used": NaN // none'),
        "/* mine */ " + GOOD.replace('{"turns"', '{ # turns\n"turns"'),
        GOOD.replace("Hi, this is", "Hi,\n\tthis is"),
        GOOD.replace("Hi, this is", "Hi,\x00 this is").replace("\x00", "\x0b"),
        GOOD.replace('\\"Jane\\"', '"Jane"'),
        GOOD.replace('"speaker"', "'speaker'").replace('"text"', "text"),
        GOOD.replace('"speaker"', '"Role"').replace('"text"', '"Content"').replace('"agent"', '"Assistant"'),
        GOOD.replace('"turns"', '"conversation"').replace('"user"', '"Jane Doe"').replace('"agent"', '"Dana"'),
        GOOD[:-1],
        GOOD[:-2],
        json.dumps(TURNS),
        json.dumps({"dialogue": {"turns": TURNS}}),
        json.dumps([{"turns": TURNS}]),
        json.dumps({"turns": [[t["speaker"], t["text"]] for t in TURNS]}),
        json.dumps({"turns": [{t["speaker"]: t["text"]} for t in TURNS]}),
        json.dumps({"turns": [f"{t['speaker'].title()}: {t['text']}" for t in TURNS]}),
        "\n".join(json.dumps(t) for t in TURNS),
        "\n".join(f"{t['speaker'].title()}: {t['text']}" for t in TURNS),
        "\n\n".join(f"**{t['speaker'].upper()}:** {t['text']}" for t in TURNS),
        json.dumps({"turns": [TURNS[0], TURNS[0], *TURNS[1:]]}),
        json.dumps({"turns": [{**TURNS[0], "text": "Agent: Hi, this is Dana."}, *TURNS[1:]]}),
        json.dumps({"turns": [{**TURNS[0], "text": "Hi, this is **Dana**."}, *TURNS[1:]]}),
        json.dumps({"turns": [*TURNS, None]}),
    ],
)  # fmt: skip
def test_the_same_turns_come_out_however_they_are_written(reply: str) -> None:
    assert texts(reply) == SAID


def test_single_and_curly_quotes_delimit_too() -> None:
    turns = "[{'speaker': 'agent', 'text': 'Hi, it's Dana.'}, {“speaker”: “user”, “text”: “Bye then.”}]"
    assert texts("{'turns': " + turns + "}") == ["Hi, it's Dana.", "Bye then."]


def test_numbers_are_texts_and_facts_are_texts() -> None:
    reply = {"turns": [TURNS[0], {"speaker": "user", "text": 4417}], "facts": ["$3", 4, None, True, "$3", ["x"]]}
    found = read(json.dumps(reply), NAMES)
    assert isinstance(found, Reading)
    assert found.turns[1].text == "4417"
    assert found.facts == ("$3", "4")


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("", "not_json"), ("I can't do that.", "not_json"), ("{}", "not_json"), ("[]", "not_json"), ("null", "not_json"),
        ('{"plan": 3}', "no_turns"),
        ('{"turns": []}', "no_turns"), ('{"turns": "none"}', "no_turns"), (GOOD.replace('"user"', '"narrator"'), "unknown_speaker"),
        (GOOD.replace("It is.", "<sarcastic> It is."), "unknown_tag"), (GOOD.replace("It is.", "[door slams] It is."), "unknown_tag"),
        (GOOD.replace("It is.", "It {hums} is."), "unknown_tag"), (GOOD.replace('"It is. Bye!"', '"", "tags": []'), "empty_turn"),
        (GOOD.replace('"It is. Bye!"', '"[sigh]"'), "empty_turn"),
        (GOOD.replace('"It is. Bye!"', '"Bye!", "tags": ["smug"]'), "unknown_tag"),
        (GOOD.replace('"It is. Bye!"', "null"), "empty_turn"), (json.dumps({"turns": [TURNS[0], 7]}), "bad_turn"),
        (GOOD.replace("}]", '}, "and so on"]'), "bad_turn"), (f"{GOOD}\n{GOOD.replace('Dana', 'Jo')}", "two_dialogs"),
        (GOOD.replace('"It is. Bye!"', '"Bye!", "call": {"name": 3}'), "bad_call"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_why(reply: str, code: str) -> None:
    assert reason(reply) == code


def test_a_cut_reply_is_kept_only_with_its_closing() -> None:
    whole = GOOD.index(', "facts_used"')
    assert texts(GOOD[: whole - 1], cut=True) == SAID
    for end in range(1, GOOD.index('{"speaker": "agent", "text": "It is')):
        assert reason(GOOD[:end], cut=True) == "cut_off"
    script = "Agent: Hi, this is Dana.\nUser: Bye, thanks.\nAgent: By"
    assert texts(script, cut=True) == ["Hi, this is Dana.", "Bye, thanks."]
    assert reason("Agent: Hi, this is Dana.\nUser: So I wan", cut=True) == "cut_off"


@pytest.mark.parametrize(
    ("raw", "text", "tags", "marks"),
    [
        ("Hello there.", "Hello there.", (), ()),
        ("<anxious> It's gone.", "It's gone.", (Tag.ANXIOUS,), ()),
        ("<anxious tone><quickly> Go.", "Go.", (Tag.ANXIOUS, Tag.QUICKLY), ()),
        ("So [laughs] it's you.", "So it's you.", (), ((MarkType.VOCAL, 1, "laugh"),)),
        ("That's all [sigh]", "That's all", (), ((MarkType.VOCAL, 1, "sigh"),)),
        ("*clears throat* Right.", "Right.", (), ((MarkType.VOCAL, 0, "clear throat"),)),
        ("Oh [laugh], that's fun.", "Oh, that's fun.", (), ((MarkType.VOCAL, 1, "laugh"),)),
        ("It's, uh… 4417.", "It's, uh, 4417.", (), ((MarkType.PAUSE, 2, ""),)),
        ("Okay... Let me see.", "Okay. Let me see.", (), ((MarkType.PAUSE, 1, ""),)),
        ("Well [pause] no.", "Well, no.", (), ((MarkType.PAUSE, 1, ""),)),
        ("… hello?", "hello?", (), ()),
        ("I thought so…", "I thought so.", (), ()),
        ("The fee is || $5 a day.", "The fee is $5 a day.", (), ((MarkType.BARGE_IN, 3, ""),)),
        ("The fee is five ||", "The fee is five", (), ((MarkType.BARGE_IN, 3, ""),)),
        ("A long road {mhm} and a hill.", "A long road and a hill.", (), ((MarkType.BACKCHANNEL, 2, "mhm"),)),
        ("“Fine”, he said — and left.", '"Fine", he said, and left.', (), ()),
        ("It takes 3–5 days.", "It takes 3-5 days.", (), ()),
        ("Hi [NAME], (smiles) it's {amount}.", "Hi [NAME], (smiles) it's {amount}.", (), ()),
        ("**Really** good.", "Really good.", (), ()),
    ],
)  # fmt: skip
def test_inline_delivery(raw: str, text: str, tags: tuple[Tag, ...], marks: tuple[Any, ...]) -> None:
    said = inline.read(raw, ("mhm",))
    assert (said.text, said.tags, said.problem) == (text, tags, "")
    assert said.marks == tuple(Mark(*m) for m in marks)
    assert all(m.word < len(said.text.split()) for m in said.marks)


def test_a_sentence_broken_off_by_a_dash_is_cut_there() -> None:
    turns = [{"speaker": "agent", "text": "The total would be—"}, {"speaker": "user", "text": "I know. Bye."}]
    found = read(json.dumps({"turns": turns}), NAMES)
    assert isinstance(found, Reading)
    assert found.turns[0].text == "The total would be"
    assert found.turns[0].marks == (Mark(MarkType.BARGE_IN, 3),)


def test_where_the_agent_cuts_in_on_the_user_is_a_place_where_it_may() -> None:
    turns = [
        {"speaker": "user", "text": "So then I went || to the store"},
        {"speaker": "agent", "text": "Which one? Bye."},
    ]
    found = read(json.dumps({"turns": turns}), NAMES)
    assert isinstance(found, Reading)
    assert found.turns[0].marks == (Mark(MarkType.SAFE_CUT, 4),)


def test_half_a_surrogate_pair_is_replaced() -> None:
    (found,) = relaxed_json.values(r'{"a\ud83d": ["x \ude00", "\ud83d\ude00", 7]}')
    assert found.value == {"a\ufffd": ["x \ufffd", "\U0001f600", 7]}


def test_a_text_of_nothing_but_brackets_costs_little() -> None:
    assert reason("[{" * 20_000) in ("not_json", "no_turns")
    assert reason('{"a":' * 5_000) in ("not_json", "no_turns")
    assert relaxed_json.values("{" * 10_000) == []
