"""`datagen recipe show`: every knob with its value, default, unit and meaning."""

import json
import sys
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from rich.console import Console
from rich.table import Table

from datagen import recipes
from datagen.build import ENGINE_KINDS, OPTIONAL_KINDS, STAGE_OPTIONS, resolve
from datagen.config import MixEntry, Recipe, RunOptions, SplitShares

_LONG = 12
"""Longer lists, such as quantiles, show their ends alone; `--json` has them all."""


def show(name: str, profile: str, sets: list[str], as_json: bool) -> None:
    """Prints the knobs of a recipe as it would be built."""
    build = resolve(recipes.compose(name, profile, sets=sets))
    found = list(_all(build.recipe, build.stages, build.engine_options))
    if as_json:
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("key", "value", "default", "unit", "meaning"):
        table.add_column(column, overflow="fold", no_wrap=column == "key")
    for knob in found:
        table.add_row(knob["key"], _text(knob["value"]), _text(knob["default"]), knob["unit"], knob["meaning"])
    Console(width=None if sys.stdout.isatty() else 160, markup=False).print(table)
    sys.stdout.write(
        "\nChange any of them with --set KEY=VALUE. An unset one is left to its preset, domain or default folder.\n"
    )


def _all(recipe: Recipe, stages: Any, engine_options: Any) -> Iterator[dict[str, Any]]:
    for key in ("name", "seed", "dialogs", "hours"):
        yield _knob(key, Recipe, key, getattr(recipe, key))
    for i, entry in enumerate(recipe.mix):
        yield from _model(f"mix.{i}", MixEntry, entry)
    yield from _model("splits", SplitShares, recipe.splits)
    yield from _model("run", RunOptions, recipe.run)
    for stage, model in STAGE_OPTIONS.items():
        yield from _model(stage, model, stages[stage])
    for kind in (*ENGINE_KINDS, *OPTIONAL_KINDS):
        chosen = getattr(recipe, kind)
        default = Recipe.model_fields[kind].get_default(call_default_factory=True).engine
        yield {
            "key": f"{kind}.engine",
            "value": chosen.engine,
            "default": default,
            "unit": "",
            "meaning": f"which {kind} engine; see `datagen engines`",
        }
        if kind in engine_options:
            yield from _model(kind, type(engine_options[kind]), engine_options[kind])


def _model(prefix: str, model: type[BaseModel], values: BaseModel) -> Iterator[dict[str, Any]]:
    for name in model.model_fields:
        value = getattr(values, name)
        if isinstance(value, BaseModel):
            yield from _model(f"{prefix}.{name}", type(value), value)
        else:
            yield _knob(f"{prefix}.{name}", model, name, value)


def _knob(key: str, model: type[BaseModel], name: str, value: Any) -> dict[str, Any]:
    field = model.model_fields[name]
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    default = field.get_default(call_default_factory=True)
    plain = json.loads(json.dumps(value, default=list))
    return {
        "key": key, "value": plain, "default": None if default is PydanticUndefined else json.loads(json.dumps(default, default=list)),
        "unit": str(extra.get("unit", "")), "meaning": field.description or "",
    }  # fmt: skip


def _text(value: Any) -> str:
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list) and len(value) > _LONG:
        return f"{value[0]}, {value[1]}, … {value[-1]} ({len(value)} values)"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
