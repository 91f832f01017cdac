"""The events of a turn as a person reads them: at which of its words, what was said or heard, and the rest."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from datagen.records.enums import EventType, Speaker
from datagen.report.effects import told_attrs

_SHOWN = ("text", "name", "sound", "word", "marked")
_EARLY_S = 0.001
"""A word that starts this much before an event, at least, has begun by then."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An event of a turn. It comes before the word `at` of what was heard; `text` is what is said or which sound it is."""

    type: str
    channel: int
    start_s: float
    end_s: float
    text: str
    at: int
    detail: str


TOOL_CALL = "tool_call"
"""What a tool call is shown as among the events: from the call to its result."""


def shown_events(turn: Mapping[str, Any]) -> list[Shown]:
    """The turn's events and tool calls by time."""
    events = [_shown(event, turn) for event in turn["events"]]
    calls = [_shown_call(call, turn) for call in turn.get("tool_calls") or ()]
    return sorted([*events, *calls], key=lambda e: (e.at, e.start_s)) if calls else events


def _shown_call(call: Mapping[str, Any], turn: Mapping[str, Any]) -> Shown:
    begun = sum(w["start_s"] < call["call_s"] - _EARLY_S for w in turn["words"])
    at = min(begun, len(turn["heard_text"].split()))
    text = f"{call['name']} {call['arguments']} → {call['result']}"
    detail = f"result in turn {call['result_turn']}"
    return Shown(TOOL_CALL, Speaker.AGENT.channel, call["call_s"], call["result_s"], text, at, detail)


def _shown(event: Mapping[str, Any], turn: Mapping[str, Any]) -> Shown:
    attrs = attrs_of(event)
    text = next((str(attrs[key]) for key in ("text", "name", "sound") if attrs.get(key)), "")
    if event["type"] == EventType.SOUND:
        text = text.replace("_", " ")
    begun = sum(w["start_s"] < event["start_s"] - _EARLY_S for w in turn["words"])
    at = 0 if event["type"] == EventType.LONG_SILENCE else min(begun, len(turn["heard_text"].split()))
    return Shown(
        event["type"], event["channel"], event["start_s"], event["end_s"], text, at, told_attrs(attrs, without=_SHOWN)
    )


def attrs_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event's attributes, {} where they are none."""
    found = json.loads(event["attrs"] or "{}")
    return found if isinstance(found, dict) else {}
