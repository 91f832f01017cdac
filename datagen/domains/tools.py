"""Tools as data: what a service domain declares as functions, the typed values of a call, and the faults of one."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datagen.domains.schema import ParameterSpec, ToolSpec

Value = str | int | float | bool
Schema = Mapping[str, Any]
"""A tool as JSON types: name, description, parameters and returns, each field with type, description, enum, required."""

_TYPES: dict[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,)}
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


def schema_of(spec: "ToolSpec") -> dict[str, Any]:
    """A tool as JSON types, as a dialogue's instance holds it."""
    return {
        "name": spec.name,
        "description": spec.description,
        "parameters": {name: _field(p) for name, p in spec.parameters.items()},
        "returns": {name: _field(p) for name, p in spec.returns.items()},
    }


def _field(spec: "ParameterSpec") -> dict[str, Any]:
    found: dict[str, Any] = {"type": spec.type, "required": spec.required}
    if spec.description:
        found["description"] = spec.description
    if spec.enum:
        found["enum"] = list(spec.enum)
    return found


def sentence(tool: Schema) -> str:
    """A tool as the role context has it: `find_charge(merchant, amount): finds a charge.`"""
    what = str(tool["description"]).rstrip(".")
    return f"{tool['name']}({', '.join(tool['parameters'])}): {what[:1].lower()}{what[1:]}."


def typed(shown: Any, kind: str) -> Value:
    """A slot's display value as a JSON value of this type: `$12.50` as number 12.5, `3` as integer; ValueError where it is none."""
    if kind == "boolean":
        if not isinstance(shown, bool):
            raise ValueError(f"{shown!r} is neither true nor false.")
        return shown
    text = str(shown)
    if kind == "string":
        return text
    found = _NUMBER.search(text)
    if not found:
        raise ValueError(f"there is no number in {text!r}.")
    number = float(found.group().replace(",", ""))
    if number.is_integer():
        return int(number)
    if kind == "integer":
        raise ValueError(f"{text!r} is no whole number.")
    return number


def fault(values: Any, fields: Mapping[str, Mapping[str, Any]]) -> str:
    """What is wrong with the arguments or the result of a call, by its declared fields; "" where nothing is."""
    if not isinstance(values, dict):
        return "are no JSON object"
    for name, value in values.items():
        if name not in fields:
            return f"have {name!r}, and there is only {', '.join(fields)}"
        kind = fields[name]["type"]
        if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
            return f"have {name} = {value!r}, which is no {kind}"
        enum = fields[name].get("enum")
        if enum and value not in enum:
            return f"have {name} = {value!r}, which is none of {', '.join(map(str, enum))}"
    lacking = [name for name, field in fields.items() if field.get("required", True) and name not in values]
    return f"lack {', '.join(lacking)}" if lacking else ""


def spoken_forms(value: Value) -> tuple[str, ...]:
    """The ways in which a value of a call or a result may be said; () for true and false, which sentences say in any words."""
    if isinstance(value, bool):
        return ()
    if isinstance(value, int | float):
        cents = f"${value:,.2f}"
        return (f"{value:,}", str(value), cents, cents.removesuffix(".00"), f"{value}%")
    return (value,)


def as_text(values: Mapping[str, Value]) -> str:
    """All that the fields of a result give a speaker to say, as one text: `below zero $61.43`."""
    forms = [f"{name.replace('_', ' ')} {form}" for name, v in values.items() for form in spoken_forms(v) or ("",)]
    return ". ".join(forms)
