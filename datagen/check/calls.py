"""Tool calls and constraints in a build: the calls lie on the time line and fit their tools, and constraints are kept."""

from collections.abc import Iterator, Sequence

from datagen.check.streams import Row
from datagen.check.times import SLACK_S, Finding, read_json
from datagen.domains.tools import fault
from datagen.records.enums import Heard, Kind, Speaker
from datagen.text.constraints import broken


def check_calls(turns: Sequence[Row], dialog: Row) -> Iterator[Finding]:
    """Every call: made by the agent, at a time inside the dialogue, answered before its result is spoken, as its schema says."""
    calls = [(turn, call) for turn in turns for call in turn["tool_calls"]]
    if dialog["n_tool_calls"] != len(calls):
        yield "", f"n_tool_calls is {dialog['n_tool_calls']}, and the turns have {len(calls)}."
    if calls and dialog["kind"] != Kind.TOOL:
        yield "", f"is of kind {dialog['kind']}, and calls {len(calls)} tools."
    instance = read_json(dialog["instance"])
    tools = {t["name"]: t for t in instance.get("tools", ())} if isinstance(instance, dict) else {}
    for turn, call in calls:
        where = f"turn {turn['turn']}"
        yield from ((where, f"tool call {call['name']}: {what}") for what in _times(turn, call, turns, dialog))
        tool = tools.get(call["name"])
        if tool is None:
            yield where, f"calls {call['name']!r}, and the tools are {', '.join(tools) or 'none'}."
            continue
        for what, fields in (("arguments", "parameters"), ("result", "returns")):
            wrong = fault(read_json(call[what]), tool[fields])
            if wrong:
                yield where, f"tool call {call['name']}: its {what} {wrong}."


def _times(turn: Row, call: Row, turns: Sequence[Row], dialog: Row) -> Iterator[str]:
    call_s, result_s, spoken = call["call_s"], call["result_s"], call["result_turn"]
    if turn["speaker"] != Speaker.AGENT:
        yield "is made in a turn of the user's."
    if not turn["turn"] < spoken < len(turns) or turns[spoken]["speaker"] != Speaker.AGENT:
        yield f"its result_turn is {spoken}, which is no later turn of the agent's of {len(turns)}."
        return
    start_s = turns[spoken]["start_s"]
    if not 0 <= call_s <= result_s <= start_s + SLACK_S or result_s > dialog["duration_s"]:
        yield f"is made at {call_s:.3f} s and answered at {result_s:.3f} s, and its result is spoken from {start_s:.3f} s on."
    if not any(w["heard"] == Heard.YES and abs(w["end_s"] - call_s) <= SLACK_S for w in turn["words"]):
        yield f"is made at {call_s:.3f} s, where no word of the turn that was heard ends."


def check_constraint(turns: Sequence[Row], dialog: Row) -> Iterator[Finding]:
    """A dialogue of kind `instruction` has a constraint, and every turn of the agent's under it keeps it."""
    if (dialog["constraint"] is not None) != (dialog["kind"] == Kind.INSTRUCTION):
        yield "", f"is of kind {dialog['kind']}, and its constraint is {dialog['constraint']!r}."
    if dialog["constraint"] is None:
        return
    said = [(turn["speaker"] == Speaker.AGENT, turn["text"]) for turn in turns]
    for turn, what in broken(dialog["constraint"], said):
        yield f"turn {turn}" if turn is not None else "", what
