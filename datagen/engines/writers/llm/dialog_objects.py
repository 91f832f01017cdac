"""Where in a reply the dialogue is: the one object or list whose elements are turns, whatever its keys are called."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from datagen.engines.writers.llm import relaxed_json

TURNS = (
    "turns",
    "dialogue",
    "dialog",
    "conversation",
    "messages",
    "transcript",
    "script",
    "utterances",
    "exchange",
    "lines",
)
SPEAKER = ("speaker", "role", "who", "from", "side", "name", "by")
TEXT = ("text", "content", "utterance", "message", "says", "say", "line", "speech", "value")
TAGS = ("tags", "tag")
CALL = ("call", "tool_call", "function_call", "tool", "tool_calls", "calls")
RESULT = ("result", "tool_result", "output", "response")

_SCRIPT = re.compile(
    r"^[ \t]*(?:[-*>]+[ \t]*|\d{1,2}[.)][ \t]*)?(?:\*\*|__|\[)?([A-Za-z][\w .'-]{0,30}?)(?:\*\*|__|\])?[ \t]*:(?:\*\*|__)?"
    r"[ \t]*(\S.*)?$",
    re.M,
)
_ASKED_FOR = frozenset(("speaker", "text", "tags"))
MIN_SCRIPT_TURNS = 2
"""Lines `Agent: …` that make a script; one alone is a sentence with a colon."""


@dataclass(frozen=True, slots=True)
class RawTurn:
    """A turn as the reply has it; `call` and `result` are whatever stood there, `rule` what it says to do to a rule."""

    speaker: str
    text: str
    tags: tuple[str, ...] = ()
    call: Any = None
    result: Any = None
    rule: str = ""


@dataclass(frozen=True, slots=True)
class RawDialog:
    """The turns of a reply and the object around them. `whole` is False where the text broke off before the list of turns ended,
    `open_ended` True where nothing shows where it ends: lines of a script, objects without a list."""

    turns: tuple[RawTurn, ...]
    around: Mapping[str, Any] = field(default_factory=dict)
    whole: bool = True
    open_ended: bool = False


class Unreadable(Exception):
    """A reply without exactly one dialogue in it: `reason` is a code."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


def find(text: str) -> RawDialog:
    """The dialogue of a reply; Unreadable with `not_json`, `no_turns`, `two_dialogs` or `bad_turn` where there is not one."""
    found = relaxed_json.values(text)
    dialogs = [d for f in found if (d := _dialog(f.value, f.closed)) is not None]
    if not dialogs:
        loose = [f.value for f in found if _is_turn(f.value)]
        if loose:  # one object a line, without a list around them
            return RawDialog(_turns(loose), {}, all(f.closed for f in found), open_ended=True)
        script = _script(text)
        if script is not None:
            return script
        held = any(isinstance(f.value, dict) and f.value for f in found)
        raise Unreadable("no_turns" if held else "not_json", _start(text))
    distinct = [d for i, d in enumerate(dialogs) if all(d.turns != other.turns for other in dialogs[:i])]
    if len(distinct) > 1:
        raise Unreadable("two_dialogs", f"{len(distinct)} different dialogues in one reply")
    return dialogs[-1]


def _dialog(value: Any, closed: bool, depth: int = 0) -> RawDialog | None:
    """The dialogue in a value: a list of turns, or an object that holds one, by its usual names first, two levels down."""
    if isinstance(value, list):
        if len(value) == 1 and isinstance(value[0], dict) and not _is_turn(value[0]):
            return _dialog(value[0], closed, depth + 1)
        return RawDialog(_turns(value), {}, closed) if any(_is_turn(v) for v in value) else None
    if not isinstance(value, dict) or depth > 2:
        return None
    known = {str(k).strip().lower(): v for k, v in value.items()}
    for key in TURNS:
        held = known.get(key)
        if isinstance(held, list) and any(_is_turn(v) for v in held):
            last = not closed and list(known)[-1] == key
            return RawDialog(_turns(held), {k: v for k, v in known.items() if k != key}, not last)
        if isinstance(held, dict) and (inner := _dialog(held, closed, depth + 1)) is not None:
            return RawDialog(inner.turns, {**known, **inner.around}, inner.whole)
        if isinstance(held, str) and (script := _script(held)) is not None:
            return RawDialog(script.turns, {k: v for k, v in known.items() if k != key}, closed)
    if len(known) == 1:
        return _dialog(next(iter(known.values())), closed, depth + 1)
    return None


def _is_turn(value: Any) -> bool:
    if type(value) is dict and "speaker" in value and "text" in value:
        return True  # as it was asked for: nearly all of them
    if isinstance(value, str):
        found = _SCRIPT.fullmatch(value.strip())
        return found is not None and bool(found[2])
    if isinstance(value, list):
        return len(value) == 2 and all(isinstance(v, str) for v in value)
    if not isinstance(value, dict):
        return False
    keys = {str(k).strip().lower() for k in value}
    return (bool(keys & set(SPEAKER)) and bool(keys & {*TEXT, *CALL, *RESULT})) or _pair(value) is not None


def _pair(value: Mapping[Any, Any]) -> tuple[str, str] | None:
    """`{"agent": "Hello."}`: a turn whose only key is its speaker."""
    if len(value) == 1:
        key, said = next(iter(value.items()))
        if isinstance(said, str) and str(key).strip().lower() not in (
            *TURNS,
            *TEXT,
            *SPEAKER,
            "description",
            "role_context",
        ):
            return str(key), said
    return None


def _turns(values: Sequence[Any]) -> tuple[RawTurn, ...]:
    return tuple(_one(list(_flat(values))))


def _flat(values: Sequence[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list) and not _is_turn(value):
            yield from value
        else:
            yield value


def _one(values: Sequence[Any]) -> Iterator[RawTurn]:
    for number, value in enumerate(values):
        if not _is_turn(value):
            if value is None or value == "" or value == {}:
                continue
            raise Unreadable("bad_turn", f"turn {number} is none: {_start(str(value))}")
        if isinstance(value, str):
            found = _SCRIPT.fullmatch(value.strip())
            assert found is not None  # what makes it a turn
            yield RawTurn(found[1], found[2] or "")
        elif isinstance(value, list):
            yield RawTurn(value[0], value[1])
        else:
            pair = _pair(value)
            yield RawTurn(*pair) if pair else _turn(value)


def _turn(value: Mapping[Any, Any]) -> RawTurn:
    if value.keys() <= _ASKED_FOR and isinstance(value.get("text"), str) and isinstance(value.get("speaker"), str):
        names = value.get("tags", [])
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            return RawTurn(value["speaker"], value["text"], tuple(names))
    known = {str(k).strip().lower(): v for k, v in value.items()}
    tags = _first(known, TAGS)
    names = tags if isinstance(tags, list) else [tags] if isinstance(tags, str) and tags else []
    call = _first(known, CALL)
    if isinstance(call, str) and "arguments" in known:
        call = {"name": call, "arguments": known["arguments"]}
    return RawTurn(
        _text(_first(known, SPEAKER)), _text(_first(known, TEXT)), tuple(_text(t) for t in names), call, _first(known, RESULT),
        _text(known.get("rule")).strip().lower(),
    )  # fmt: skip


def _first(known: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((known[k] for k in keys if known.get(k) not in (None, "", [], {})), None)


def _text(value: Any) -> str:
    """A string, or a number as it is written; nothing for what nobody can have said."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return str(value)


def _script(text: str) -> RawDialog | None:
    """Lines `Agent: …` and `User: …` as turns; lines without a speaker go on with the turn before."""
    found = list(_SCRIPT.finditer(text))
    if len(found) < MIN_SCRIPT_TURNS:
        return None
    turns = []
    for mark, following in zip(found, [*found[1:], None], strict=True):
        rest = text[mark.end() : following.start() if following else len(text)].strip()
        # After an empty line the model speaks of the script, not in it.
        rest = rest.split("\n\n")[0]
        turns.append(RawTurn(mark[1].strip(), " ".join(f"{mark[2] or ''} {rest}".split())))
    return RawDialog(tuple(turns), open_ended=True)


def _start(text: str) -> str:
    line = " ".join(text.split())
    return f"it begins {line[:60]!r}" if line else "it is empty"
