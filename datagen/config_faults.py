"""What is wrong with a table of options, as one line: where, what, the value, what is valid.

Pydantic's own words are kept where they say it; where they speak of tuples and dictionaries, which a recipe does not have, or
leave out what to write instead, ours take their place.
"""

import difflib
from collections.abc import Iterator, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

_LONGEST = 80
"""Characters of a wrong value that are shown."""


def describe(error: ValidationError, model: type[BaseModel], where: str) -> str:
    """The most telling fault of a pydantic error as one line: where, what, the value, what is valid."""
    # A misspelt key is both unknown and missing; that it is unknown says more.
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    path = [str(p) for p in first["loc"]]
    if first["type"] == "extra_forbidden":
        return f"{_key(where, path)}: {_unknown(_owner(model, path[:-1]), path[-1])}"
    known = _known(path)
    field = _field(model, known)
    if first["type"] == "value_error":
        return f"{_key(where, known)}: {first['msg'].removeprefix('Value error, ')}"
    needed, value = _needed(field, first, union=known != path), _short(first.get("input"))
    if needed:
        return f"{_key(where, _without_positions(known))}: {needed}, got {value}."
    return f"{_key(where, known)}: {first['msg'][0].lower()}{first['msg'][1:]}, got {value}."


def refuse_truth(value: Any, annotation: Any) -> None:
    """ValueError where true or false stands for a number: Python takes them for 1 and 0, and nobody means that."""
    if _wants_numbers(annotation) and (found := next(_truths(value), None)) is not None:
        raise ValueError(f"needs a number, got {str(found).lower()}.")


def _truths(value: Any) -> Iterator[bool]:
    if isinstance(value, bool):
        yield value
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _truths(each)


def _wants_numbers(annotation: Any) -> bool:
    """Whether numbers go there, and neither truths nor a table, whose own keys are looked at by themselves."""
    inner = list(_inner(annotation))
    other = any(t is bool or t is Any or (isinstance(t, type) and issubclass(t, BaseModel)) for t in inner)
    return not other and any(t in (int, float) for t in inner)


def _inner(annotation: Any) -> Iterator[Any]:
    """The types that an annotation is built of."""
    args = get_args(annotation)
    if not args:
        yield annotation
    for arg in args:
        yield from _inner(arg)


def _key(where: str, path: Sequence[str]) -> str:
    return ".".join([*([where] if where else []), *path])


def _short(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) < _LONGEST else text[: _LONGEST - 3] + "..."


def _unknown(owner: type[BaseModel] | None, name: str) -> str:
    """That there is no such key, the nearest one, here or in a table below, and all of this table."""
    fields = owner.model_fields if owner else {}
    below = [f"{table}.{key}" for table, field in fields.items() if (m := _model_in(field)) for key in m.model_fields]
    near = (
        [key for key in below if key.replace(".", "_") == name]
        or difflib.get_close_matches(name, fields, n=1)
        or [key for key in below if key.partition(".")[2] == name][:2]
    )
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    return f"there is no such key.{hint} Valid here: {', '.join(sorted(fields)) or 'none'}."


def _needed(field: FieldInfo | None, fault: ErrorDetails, *, union: bool) -> str | None:
    """What has to be written there instead; None where pydantic's words say it."""
    if field is None:
        return None
    inner = _model_in(field)
    if inner is not None and fault["type"] in ("model_type", "dict_type", "model_attributes_type"):
        name = next((n for n, f in inner.model_fields.items() if f.is_required()), next(iter(inner.model_fields)))
        return f"needs a table, with keys such as {name}" + (f" ({field.description})" if field.description else "")
    if fault["type"] == "dict_type":
        return "needs a table, with keys of its own"
    numbers = _fixed_numbers(field.annotation)
    if numbers and fault["type"] in ("tuple_type", "missing", "too_long", *_NO_NUMBER):
        return f"needs two numbers, like {_example(field)}"
    if fault["type"] in ("tuple_type", "list_type"):
        return 'needs a list, like ["a", "b"]' if str in _inner(field.annotation) else "needs a list, like [1, 2]"
    if union and field.description:
        return f"needs another value ({field.description})"
    if fault["type"] in _NO_NUMBER and (share := _per_cent(fault.get("input"))) is not None:
        return f"needs a number (as a share, {share:g})"
    return None


_NO_NUMBER = ("float_parsing", "float_type", "int_parsing", "int_type")


def _per_cent(value: Any) -> float | None:
    if not isinstance(value, str) or not value.strip().endswith("%"):
        return None
    try:
        return float(value.strip()[:-1]) / 100
    except ValueError:
        return None


def _fixed_numbers(annotation: Any) -> bool:
    """Whether it is a pair of numbers."""
    return get_origin(annotation) is tuple and get_args(annotation) in ((float, float), (int, int))


def _example(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    telling = isinstance(default, tuple) and len(default) == 2 and default[0] < default[1]
    return f"[{default[0]:g}, {default[1]:g}]" if telling else "[0.1, 0.5]"


def _without_positions(path: Sequence[str]) -> list[str]:
    """The path without the positions in its last key's value."""
    kept = list(path)
    while kept and kept[-1].isdigit():
        kept.pop()
    return kept


def _known(path: Sequence[str]) -> list[str]:
    """The path without what pydantic puts at its end for a member of a union."""
    kept = list(path)
    while kept and (kept[-1].endswith("]") or kept[-1] in ("bool", "float", "int", "str")):
        kept.pop()
    return kept


def _field(model: type[BaseModel], path: Sequence[str]) -> FieldInfo | None:
    names = _without_positions(path)
    owner = _owner(model, names[:-1]) if names else None
    return owner.model_fields.get(names[-1]) if owner else None


def _owner(model: type[BaseModel], path: Sequence[str]) -> type[BaseModel] | None:
    """The table that a path leads to."""
    owner: type[BaseModel] | None = model
    for part in path:
        if part.isdigit():
            continue
        field = owner.model_fields.get(part) if owner else None
        owner = _model_in(field) if field else None
    return owner


def _model_in(field: FieldInfo) -> type[BaseModel] | None:
    """The table that a field holds, be it optional or one of a list."""
    return next((t for t in _inner(field.annotation) if isinstance(t, type) and issubclass(t, BaseModel)), None)
