"""A reading and its brief as a Transcript: types of turns, tool calls as the plan has them, the facts that were really stated."""

from collections.abc import Mapping, Sequence
from typing import Any

from datagen.domains.tools import typed
from datagen.engines.writers.llm import rules, turn_types
from datagen.engines.writers.llm.brief import Brief, PlannedCall
from datagen.engines.writers.llm.reader import Reading, Spoken
from datagen.protocols import Failure
from datagen.records.enums import Kind, Speaker
from datagen.records.maker import Maker
from datagen.records.transcript import Generation, ToolCall, Transcript, Turn
from datagen.store.ids import canonical

MAX_FACTS = 40
_EDGES = '.,;:?!()"'


def assemble(reading: Reading, brief: Brief, maker: Maker, generation: Generation | None) -> Transcript | Failure:
    """The transcript of a reading; a Failure where its tool calls, or its rule, are not those of the plan.

    Reasons: `missing_call`, `unknown_call`, `tool_arguments`, `tool_result`, `no_result_turn`, `no_rule`.
    """
    turns = reading.turns
    calls = _calls(turns, brief)
    if isinstance(calls, Failure):
        return calls
    constraint = rules.constraint_of(turns, brief.instance, brief.dialog_id) if brief.kind is Kind.INSTRUCTION else ""
    if isinstance(constraint, Failure):
        return constraint
    speakers, texts = [t.speaker for t in turns], [t.text for t in turns]
    kinds = turn_types.types(speakers, texts, [bool(t.call) for t in turns])
    made = tuple(
        Turn(i, t.speaker, t.text, kinds[i], "", t.marks, t.tags, calls.get(i, ())) for i, t in enumerate(turns)
    )
    facts = _stated(reading.facts, brief.role_context, turns)
    return Transcript(
        brief.dialog_id, brief.role_context, made, maker, facts, brief.user_role_context, constraint=constraint,
        generation=generation,
    )  # fmt: skip


def _calls(turns: Sequence[Spoken], brief: Brief) -> dict[int, tuple[ToolCall, ...]] | Failure:
    """The calls by turn. Their values are the plan's: what the model wrote is compared with them, and never believed."""
    found: dict[int, tuple[ToolCall, ...]] = {}
    left = list(brief.calls)
    for i, turn in enumerate(turns):
        if turn.call is None:
            continue
        where = f"{brief.dialog_id} turn {i}"
        if turn.speaker is not Speaker.AGENT:
            return Failure("unknown_call", f"{where}: the user calls {turn.call['name']}, tools are the agent's.")
        planned = next((c for c in left if c.name == turn.call["name"]), None)
        if planned is None:
            return Failure(
                "unknown_call", f"{where}: it calls {turn.call['name']}, which the plan does not at this point."
            )
        left.remove(planned)
        wrong = _differ(turn.call["arguments"], planned.arguments, planned.parameters)
        if wrong:
            return Failure("tool_arguments", f"{where}: {planned.name} is called with {wrong}.")
        if isinstance(turn.result, dict) and (wrong := _differ(turn.result, planned.result, planned.returns)):
            return Failure("tool_result", f"{where}: {planned.name} gives {wrong}.")
        answer = next((k for k in range(i + 1, len(turns)) if turns[k].speaker is Speaker.AGENT), None)
        if answer is None:
            return Failure(
                "no_result_turn", f"{where}: the agent calls {planned.name} and says nothing of what it gave."
            )
        found[i] = (_record(planned, len(turn.text.split()) - 1, answer),)
    if left:
        return Failure("missing_call", f"{brief.dialog_id}: {left[0].name} is never called.")
    return found


def _record(planned: PlannedCall, word: int, answer: int) -> ToolCall:
    return ToolCall(planned.name, canonical(planned.arguments), canonical(planned.result), word, answer)


def _differ(given: Any, planned: Mapping[str, Any], fields: Mapping[str, Mapping[str, Any]]) -> str:
    """How values differ from the planned ones, "" where they do not: `$12.50` is the number 12.5, and case does not matter."""
    if not isinstance(given, dict):
        return "no JSON object"
    for name, value in planned.items():
        if name not in given:
            return f"no {name}"
        if not _same(given[name], value, str(fields.get(name, {}).get("type", "string"))):
            return f"{name} = {given[name]!r}, the plan says {value!r}"
    more = next((name for name in given if name not in planned and given[name] is not None), None)
    return f"{more!r}, which the plan does not have" if more else ""


def _same(given: Any, planned: Any, kind: str) -> bool:
    if isinstance(planned, str):
        return " ".join(str(given).lower().split()) == " ".join(planned.lower().split())
    if isinstance(given, str) and kind == "boolean":
        return given.lower() in (("true", "yes") if planned else ("false", "no"))
    try:
        return bool(typed(given, kind) == planned)
    except ValueError:
        return False


def _stated(facts: Sequence[str], role_context: str, turns: Sequence[Spoken]) -> tuple[str, ...]:
    """Of the facts that the model says it used those that the agent said, and that the role context or the user gave."""
    if not facts:
        return ()
    said = _plain(" ".join(t.text for t in turns if t.speaker is Speaker.AGENT))
    given = _plain(" ".join([role_context, *(t.text for t in turns if t.speaker is Speaker.USER)]))
    kept = [f for f in facts if (plain := _plain(f).strip()) and f" {plain} " in said and f" {plain} " in given]
    return tuple(dict.fromkeys(kept))[:MAX_FACTS]


def _plain(text: str) -> str:
    """Words in small letters without the punctuation around them, a space before and after each."""
    return f" {' '.join(w for word in text.lower().split() if (w := word.strip(_EDGES)))} "
