"""A model's reply as turns: tolerant of how it is written, and never inventing what it does not hold."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from datagen.engines.writers.llm import delivery_names, dialog_objects, inline, relaxed_json, turn_types
from datagen.engines.writers.llm.dialog_objects import RawDialog, RawTurn, Unreadable
from datagen.protocols import Failure
from datagen.records.enums import MarkType, Speaker, Tag
from datagen.records.transcript import Mark

_AGENT = frozenset(
    ("agent", "assistant", "representative", "rep", "operator", "ai", "bot", "system agent", "service agent", "support", "teacher",
     "advisor", "model", "agent (you)", "customer service", "specialist", "clerk", "host", "a", "speaker a", "speaker 0")
)  # fmt: skip
_USER = frozenset(
    ("user", "customer", "caller", "human", "client", "student", "guest", "learner", "patient", "member", "friend", "u", "b", "speaker b",
     "speaker 1")
)  # fmt: skip
_ASKED_FOR = {str(s): s for s in Speaker}
_TOOL = frozenset(("tool", "function", "system", "tool_result", "tool result", "api"))
RULES = ("set", "change", "lift")
"""What a turn of kind `instruction` may do to the rule."""
_LABEL = re.compile(r"^\s*([A-Za-z][\w .'-]{0,30}?)\s*:\s+")


@dataclass(frozen=True, slots=True)
class Names:
    """Who is who in a dialogue: what the two speakers are called (in small letters), and what each may say as a listener."""

    agent: frozenset[str] = frozenset()
    user: frozenset[str] = frozenset()
    listens: Mapping[Speaker, tuple[str, ...]] = field(default_factory=dict)

    def speaker(self, label: str) -> Speaker | None:
        """The speaker of a label such as `Agent`, `assistant`, `Dana` or `Caller (Jane)`; None for a stranger."""
        if label in _ASKED_FOR:
            return _ASKED_FOR[label]
        name = " ".join(label.lower().replace("_", " ").replace("*", " ").split()).strip("[]()'\" ")
        short = name.split(" (")[0]
        for given in (name, short):
            if given in self.agent or given in _AGENT:
                return Speaker.AGENT
            if given in self.user or given in _USER:
                return Speaker.USER
        return None


@dataclass(frozen=True, slots=True)
class Spoken:
    """One turn as it was read; `call` and `result` are JSON values as the model wrote them, `rule` is `set`, `change`, `lift` or empty."""

    speaker: Speaker
    text: str
    tags: tuple[Tag, ...] = ()
    marks: tuple[Mark, ...] = ()
    call: Mapping[str, Any] | None = None
    result: Any = None
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply holds: the turns, and of what stands around them the facts, the constraint and the role context."""

    turns: tuple[Spoken, ...]
    facts: tuple[str, ...] = ()
    around: Mapping[str, Any] = field(default_factory=dict)


def read(text: str, names: Names, *, cut: bool = False) -> Reading | Failure:
    """The dialogue of a reply that is free of reasoning; `cut` says that the server stopped before the model did.

    Reasons: `not_json`, `no_turns`, `two_dialogs`, `bad_turn`, `unknown_speaker`, `unknown_tag`, `empty_turn`, `bad_call`; `cut_off` for
    a dialogue that broke off before its closing. One that has it is kept with its whole turns.
    """
    try:
        raw = dialog_objects.find(text)
        # Of a script that the server cut, nobody can tell whether its last line was whole.
        turns = _spoken(_once(raw.turns[:-1] if cut and raw.open_ended else raw.turns), names)
    except Unreadable as error:
        return Failure(
            "cut_off" if cut and error.reason in ("not_json", "no_turns") else error.reason, f"{error.detail}."
        )
    if not turns:
        return Failure("cut_off" if cut else "no_turns", "the reply has a dialogue without a turn.")
    broken = _broken_off(raw, turns, cut)
    return Failure("cut_off", broken) if broken else Reading(tuple(turns), _facts(raw.around), raw.around)


def _broken_off(raw: RawDialog, turns: Sequence[Spoken], cut: bool) -> str:
    if raw.whole and not (cut and raw.open_ended):
        return ""
    if any(turn_types.is_closing(t.text) for t in turns[-2:]):
        return ""
    return f"it breaks off after {len(turns)} whole turns, before anybody said goodbye or thanks."


def _once(turns: Sequence[RawTurn]) -> list[RawTurn]:
    """The turns without those that repeat the one before, word for word."""
    return [t for i, t in enumerate(turns) if i == 0 or t != turns[i - 1] or not t.text]


def _spoken(raws: Sequence[RawTurn], names: Names) -> list[Spoken]:
    turns: list[Spoken] = []
    for number, raw in enumerate(raws):
        speaker = names.speaker(raw.speaker)
        if speaker is None and raw.speaker.strip().lower() in _TOOL:
            _give_result(turns, raw, number)
            continue
        if speaker is None:
            raise Unreadable(
                "unknown_speaker", f"turn {number}: nobody in this dialogue is called {raw.speaker[:40]!r}"
            )
        turns.append(_said(raw, speaker, number, names))
    return [_cut_by(t, turns[i + 1] if i + 1 < len(turns) else None) for i, t in enumerate(turns)]


def _said(raw: RawTurn, speaker: Speaker, number: int, names: Names) -> Spoken:
    text = raw.text.replace("**", "")
    label = _LABEL.match(text) if ":" in text else None
    if label and names.speaker(label[1]) is speaker:
        text = text[label.end() :]
    said = inline.read(text, names.listens.get(speaker.other, ()))
    if said.problem:
        raise Unreadable("unknown_tag", f"turn {number}: there is no {said.problem}")
    if not said.text:
        raise Unreadable("empty_turn", f"turn {number}: the {speaker} says nothing")
    tags = list(said.tags)
    for name in raw.tags:
        tag = delivery_names.tag_of(name)
        if tag is None:
            raise Unreadable("unknown_tag", f"turn {number}: there is no tag {name[:40]!r}")
        if tag is not Tag.NEUTRAL:
            tags.append(tag)
    marks = said.marks
    last = len(said.text.split()) - 1
    if said.broken and last and speaker is Speaker.AGENT and not any(m.type is MarkType.BARGE_IN for m in marks):
        marks = (*marks, Mark(MarkType.BARGE_IN, last))
    call = _call(raw.call, number)
    kept = tuple(dict.fromkeys(tags))[: inline.MAX_TAGS]
    rule = raw.rule if raw.rule in RULES else ""
    return Spoken(speaker, said.text, kept, marks, call, raw.result if call else None, rule)


def _cut_by(turn: Spoken, following: Spoken | None) -> Spoken:
    """The turn with its cut as the time line takes it: where the agent cuts in on the user is a place at which it may."""
    if all(m.type is not MarkType.BARGE_IN for m in turn.marks):
        return turn
    if turn.speaker is Speaker.USER:
        marks = [Mark(MarkType.SAFE_CUT, m.word) if m.type is MarkType.BARGE_IN else m for m in turn.marks]
        fits = following is not None and following.speaker is Speaker.AGENT
        marks = [m for m in marks if m.type is not MarkType.SAFE_CUT or (fits and m.word > 0)]
        return replace(turn, marks=tuple(marks))
    return turn


def _call(value: Any, number: int) -> Mapping[str, Any] | None:
    """{name, arguments} of a call, in the shapes of the usual APIs; Unreadable where it is none."""
    if value is None:
        return None
    if isinstance(value, list):
        if len(value) != 1:
            raise Unreadable("bad_call", f"turn {number}: {len(value)} calls in one turn, there can be one")
        value = value[0]
    if isinstance(value, dict) and isinstance(value.get("function"), dict):
        value = value["function"]
    name = value.get("name") if isinstance(value, dict) else None
    arguments = value.get("arguments", value.get("parameters")) if isinstance(value, dict) else None
    if isinstance(arguments, str):
        held = relaxed_json.values(arguments, limit=1)
        arguments = held[0].value if held and held[0].closed else None
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise Unreadable("bad_call", f"turn {number}: its call is not {{name, arguments}}")
    return {"name": name, "arguments": arguments}


def _give_result(turns: list[Spoken], raw: RawTurn, number: int) -> None:
    """Puts what a tool answers, written as a turn of its own, to the call before it."""
    last = turns[-1] if turns else None
    if last is None or last.call is None or last.result is not None:
        raise Unreadable("bad_call", f"turn {number}: a tool answers that nobody called")
    result: Any = raw.result
    if result is None:
        held = relaxed_json.values(raw.text, limit=1)
        result = held[0].value if held and held[0].closed else raw.text
    turns[-1] = replace(last, result=result)


def _facts(around: Mapping[str, Any]) -> tuple[str, ...]:
    """What the model says it has stated, as texts; anything but a list of texts and numbers is nothing."""
    given = around.get("facts_used", around.get("facts", ()))
    if isinstance(given, dict):
        given = list(given.values())
    if not isinstance(given, list):
        return ()
    texts = [str(v).strip() for v in given if isinstance(v, str | int | float) and not isinstance(v, bool)]
    return tuple(dict.fromkeys(t for t in texts if t))
