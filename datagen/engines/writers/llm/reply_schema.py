"""The JSON schema that a guided reply is held to: the speakers, the tags, and of kind `tool` the very calls of the plan.

Only what both OpenAI's strict mode and vLLM's grammars take: every property required, no others, `anyOf` for what differs, enums.
"""

from collections.abc import Mapping
from typing import Any

from datagen.engines.writers.llm.brief import Brief, PlannedCall
from datagen.engines.writers.llm.reader import RULES
from datagen.records.enums import Kind, Speaker, Tag

MAX_CHARS = 480
"""Characters of a text: a turn of 60 words, the most that the gates let through, has about 330."""
SPARE_TURNS = 4
"""Turns beyond what was asked for that the schema still lets through: it is a limit for a model that does not stop."""


def schema_of(brief: Brief, *, bounded: bool = False) -> dict[str, Any]:
    """The schema of a brief's reply, strict. `bounded`: texts have a longest length too, which vLLM's grammars know and OpenAI's strict
    mode refuses; a model that has lost itself in a turn gets out of it."""
    schema = _schema(brief)
    if bounded:
        _bound(schema)
    return schema


def _schema(brief: Brief) -> dict[str, Any]:
    turn = _object(
        {"speaker": {"type": "string", "enum": [str(s) for s in Speaker]}, "tags": _tags(), "text": _string()}
    )
    forms = [turn, *(_calling(call) for call in brief.calls), *([_ruling()] if brief.kind is Kind.INSTRUCTION else [])]
    least, most = brief.n_turns
    turns = {
        "type": "array",
        "items": forms[0] if len(forms) == 1 else {"anyOf": forms},
        "minItems": least,
        "maxItems": most + SPARE_TURNS,
    }
    return _object({"turns": turns, "facts_used": {"type": "array", "items": _string(), "maxItems": 24}})


def _bound(node: Any) -> None:
    if isinstance(node, dict):
        if node.get("type") == "string" and "enum" not in node:
            node["maxLength"] = MAX_CHARS
        for value in node.values():
            _bound(value)
    elif isinstance(node, list):
        for value in node:
            _bound(value)


def _calling(call: PlannedCall) -> dict[str, Any]:
    """An agent's turn that makes one call, its arguments typed as the tool declares them."""
    wanted = _object(
        {"name": {"type": "string", "enum": [call.name]}, "arguments": _fields(call.arguments, call.parameters)}
    )
    agent = {"type": "string", "enum": [str(Speaker.AGENT)]}
    result = _fields(call.result, call.returns)
    return _object({"speaker": agent, "tags": _tags(), "text": _string(), "call": wanted, "result": result})


def _ruling() -> dict[str, Any]:
    """A user's turn that sets, changes or lifts the rule of an instruction."""
    user, rule = {"type": "string", "enum": [str(Speaker.USER)]}, {"type": "string", "enum": list(RULES)}
    return _object({"speaker": user, "tags": _tags(), "text": _string(), "rule": rule})


def _fields(values: Mapping[str, Any], declared: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return _object({name: _field(values[name], declared.get(name, {})) for name in values})


def _field(value: Any, declared: Mapping[str, Any]) -> dict[str, Any]:
    """A field of its declared type; a text has the one value of the plan, so that no other can be written."""
    kind = str(declared.get("type", "string"))
    return {"type": kind, "enum": [value]} if kind == "string" else {"type": kind}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _tags() -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string", "enum": [str(t) for t in Tag]}, "maxItems": 2}


def _string() -> dict[str, Any]:
    return {"type": "string"}
