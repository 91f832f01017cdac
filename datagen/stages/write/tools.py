"""The gate on tool calls: each fits its tool's schema, stands at a holding phrase, uses what was known, and its result is spoken."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from datagen.domains.tools import Schema, Value, as_text, fault, spoken_forms
from datagen.protocols import Failure
from datagen.records.enums import Kind, MarkType, Speaker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import ToolCall, Transcript, Turn
from datagen.stages.write import edits
from datagen.stages.write.options import WriteOptions
from datagen.stages.write.source import Source
from datagen.text.values import values_of

_HOLDS = re.compile(
    r"\b(?:moment|minute|seconds?|sec|hold on|hang (?:on|tight)|bear with|stay on|let me|let's|i'll|i will|i'm|we'll|we're|while i|give me"
    r"|just a|checking|looking|pulling|searching|loading|going to|right away|one more|see what)\b",
    re.IGNORECASE,
)
"""What a holding phrase says: that the agent is at it, or that the user has to wait."""
_CONTENT = re.compile(r"[a-z]{4,}")
_CUTS = (MarkType.BARGE_IN, MarkType.SAFE_CUT)


def called(transcript: Transcript, plan: DialogPlan, options: WriteOptions) -> Failure | None:
    """Rejects calls in a dialogue that has no tools, a dialogue of kind `tool` without calls, and every wrong call.

    `tool_schema`: no such tool, or arguments or result that are not as it declares them. `tool_place`: not at the last word of a
    holding phrase of the agent's, or no later turn of the agent's for the result. `tool_ungrounded`: an argument that nobody
    has given by then. `tool_unspoken`: the result's turn says nothing of the result.
    """
    tools = {t["name"]: t for t in plan.instance.get("tools", ())} if plan.kind is Kind.TOOL else {}
    n_calls = sum(len(turn.calls) for turn in transcript.turns)
    if plan.kind is Kind.TOOL and not n_calls:
        return Failure("tool_missing", f"{transcript.dialog_id}: kind tool, and no tool is called.")
    if plan.kind is not Kind.TOOL and n_calls:
        return Failure("tool_kind", f"{transcript.dialog_id}: kind {plan.kind}, and {n_calls} tools are called.")
    if not n_calls:
        return None
    known = Source()
    known.add(transcript.role_context)
    results = results_by_turn(transcript)
    for turn in transcript.turns:
        if turn.speaker is Speaker.USER:
            known.add(" ".join(edits.fluent_words(turn)))
        for text in results.get(turn.index, ()):
            known.add(text)
        for call in turn.calls:
            for reason, what in _faults(call, turn, transcript, tools, known):
                return Failure(reason, f"{transcript.dialog_id} turn {turn.index}: {call.name}: {what}")
    return None


def results_by_turn(transcript: Transcript) -> dict[int, list[str]]:
    """What the results of tools give the agent to say, by the turn before which they are there."""
    found: dict[int, list[str]] = {}
    for turn in transcript.turns:
        for call in turn.calls:
            result = read_object(call.result)
            if result is not None:
                found.setdefault(call.result_turn, []).append(as_text(result))
    return found


def read_object(text: str) -> dict[str, Any] | None:
    """A JSON object, None where the text is none."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _faults(
    call: ToolCall, turn: Turn, transcript: Transcript, tools: Mapping[str, Schema], known: Source
) -> Iterator[tuple[str, str]]:
    tool = tools.get(call.name)
    if tool is None:
        yield "tool_schema", f"there is no such tool. There are: {', '.join(tools) or 'none'}."
        return
    arguments, result = read_object(call.arguments), read_object(call.result)
    for what, values, fields in (("arguments", arguments, "parameters"), ("results", result, "returns")):
        wrong = fault(values, tool[fields])
        if wrong:
            yield "tool_schema", f"the {what} {wrong}."
            return
    misplaced = _misplaced(call, turn, transcript)
    if misplaced:
        yield "tool_place", misplaced
    for name, value in (arguments or {}).items():
        if not tool["parameters"][name].get("enum") and not _given(value, known):
            yield "tool_ungrounded", f"nobody has given {name} = {value!r} by then."
    if result and not misplaced and not _spoken(result, transcript.turns[call.result_turn].text):
        yield (
            "tool_unspoken",
            f"turn {call.result_turn} says nothing of the result ({', '.join(map(str, result.values()))}).",
        )


def _misplaced(call: ToolCall, turn: Turn, transcript: Transcript) -> str:
    words, n_turns = turn.words, len(transcript.turns)
    if turn.speaker is not Speaker.AGENT:
        return "it is called in a turn of the user's."
    if not 0 <= call.word < len(words):
        return f"it is called at word {call.word}, the turn has {len(words)} words."
    if not turn.index < call.result_turn < n_turns or transcript.turns[call.result_turn].speaker is not Speaker.AGENT:
        return f"its result is spoken in turn {call.result_turn}, which is no later turn of the agent's of {n_turns} turns."
    cut = next((m.word for m in turn.marks if m.type in _CUTS), len(words))
    if cut <= call.word:
        return (
            f"it is called at word {call.word}, and the turn may be cut at word {cut}: it would not have been called."
        )
    start = max((i + 1 for i, w in enumerate(words[: call.word]) if w.endswith((".", "?", "!"))), default=0)
    phrase = " ".join(words[start : call.word + 1])
    last = call.word == len(words) - 1
    if words[call.word].endswith("?") or not (last or words[call.word].endswith((".", "!", ","))):
        return f"no holding phrase ends at word {call.word} ({words[call.word]!r})."
    return "" if _HOLDS.search(phrase) else f"{phrase!r} is no holding phrase."


def _given(value: Value, known: Source) -> bool:
    """Whether the agent may know a value: its numbers, dates and names were given, and of several other words at least half.

    One plain word (`cancel`) is the agent's own for what was said.
    """
    if isinstance(value, bool):
        return True
    for form in spoken_forms(value):
        words = set(_CONTENT.findall(form.lower()))
        n_said = sum(known.has_word(w) for w in words)
        given = all(known.holds(v) for v in values_of(form))
        if given and (2 * n_said >= len(words) or len(words) == 1):
            return True
    return False


def _spoken(result: Mapping[str, Value], text: str) -> bool:
    """Whether a text says at least one value of a result; what holds no number, name or date is said in any words."""
    said = Source()
    said.add(text)
    plain = _bare(text)
    for value in result.values():
        for form in spoken_forms(value) or ("",):
            values = values_of(form)
            if not values or _bare(form) in plain or all(said.holds(v) for v in values):
                return True
    return False


def _bare(text: str) -> str:
    """The words of a text in small letters, without stops."""
    return " ".join(w.strip(",.?!;:").casefold() for w in text.split())
