"""Whatever happens to a good reply on its way: the same turns, a failure with a reason, or a dialogue for the gates; never an exception."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import recorded

from datagen.engines.writers.llm.reader import read
from datagen.protocols import Failure
from datagen.records.transcript import Transcript
from datagen.stages.write import unit
from datagen.stages.write.options import WriteOptions

GOOD = [r for r in recorded() if r.expect == "good" and r.finish == "stop" and "<think>" not in r.content]
JUNK = (
    "", '"', "'", "”", "{", "}", "[", "]", ",", ":", "\\", "\n", "\x00", "\ud7ff", "…", "||", "<", ">", "<think>", "```", "//", "#", "é",
    "*", "—", "null",
)  # fmt: skip
"""What is put in: all that means something to the reader, and some that does not."""


@st.composite
def mutated(draw: st.DrawFn) -> tuple[int, str]:
    """A good reply with a few pieces taken out, doubled, or something put in."""
    which = draw(st.integers(0, len(GOOD) - 1))
    text = GOOD[which].content
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        end = min(len(text), at + draw(st.integers(0, 40)))
        kind = draw(st.sampled_from(("out", "in", "twice", "swap")))
        piece = draw(st.sampled_from(JUNK))
        text = {
            "out": text[:at] + text[end:], "in": text[:at] + piece + text[at:], "twice": text[:end] + text[at:],
            "swap": text[:at] + piece + text[end:],
        }[kind]  # fmt: skip
    return which, text


@given(mutated(), st.booleans())
@settings(max_examples=250, deadline=None)
def test_a_mutated_reply_never_raises(case: tuple[int, str], cut: bool) -> None:
    which, text = case
    reply = GOOD[which]
    changed = replace(reply, content=text, finish="length" if cut else "stop")
    found = changed.read()
    if isinstance(found, Failure):
        assert found.reason
        assert "\n" not in found.detail
        return
    judged = unit.check(found, reply.plan, WriteOptions())
    assert judged is None or judged.reason
    assert [t.index for t in found.turns] == list(range(len(found.turns)))
    for turn in found.turns:
        assert turn.words
        assert all(0 <= m.word < len(turn.words) for m in turn.marks)


@given(st.text(max_size=400))
@settings(max_examples=150, deadline=None)
def test_any_text_at_all_is_read_or_refused(text: str) -> None:
    found = read(text, GOOD[0].brief.names)
    assert not isinstance(found, Failure) or found.reason


KEYS = (
    "turns",
    "speaker",
    "text",
    "tags",
    "call",
    "result",
    "rule",
    "agent",
    "user",
    "facts_used",
    "name",
    "arguments",
)
LEAVES = st.none() | st.booleans() | st.floats() | st.text(max_size=8)


def nested(inner: Any) -> Any:
    return st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)


@given(st.recursive(LEAVES, nested, max_leaves=24))
@settings(max_examples=250, deadline=None)
def test_any_json_at_all_is_read_or_refused(value: Any) -> None:
    for text in (json.dumps(value), json.dumps({"turns": value})):
        found = read(text, GOOD[0].brief.names)
        assert not isinstance(found, Failure) or found.reason


@pytest.mark.parametrize("reply", GOOD, ids=lambda r: r.name)
def test_every_beginning_of_a_reply_is_a_failure_or_its_own_first_turns(reply: Any) -> None:
    whole = reply.read()
    assert isinstance(whole, Transcript)
    said = [(t.speaker, t.text) for t in whole.turns]
    for end in range(0, len(reply.content), 17):
        found = read(reply.content[:end], reply.brief.names, cut=True)
        if not isinstance(found, Failure):
            assert [(t.speaker, t.text) for t in found.turns] == said[: len(found.turns)]
