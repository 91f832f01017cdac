"""The gates' test sets as dialogues: whole ones of a base file, and each case as one of them with turns put in, out or in place."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from datagen.records.enums import Kind, Speaker, Split
from datagen.records.maker import Maker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript, Turn

SETS = ("tuned", "held_out", "fresh")
_FOLDER = Path(__file__).parent / "gate_sets"
_SIDES = {"A": Speaker.AGENT, "U": Speaker.USER}


@dataclass(frozen=True)
class Case:
    """A dialogue that a gate has to let through, or to reject with a reason that begins with `fault`."""

    gate: str
    name: str
    transcript: Transcript
    plan: DialogPlan
    good: bool
    fault: str = ""


@lru_cache
def cases(of: str) -> tuple[Case, ...]:
    """All cases of one set; the bases themselves are good ones, of gate `base`."""
    bases = _read(f"bases_{of}")
    found = [_case("base", name, base, {}, good=True) for name, base in bases.items()]
    for gate, groups in _read(of).items():
        for good in (True, False):
            for i, row in enumerate(groups["good" if good else "bad"]):
                name = f"{gate}-{'good' if good else 'bad'}-{i}-{row['base']}"
                found.append(_case(gate, name, bases[row["base"]], row, good=good))
    return tuple(found)


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def _case(gate: str, name: str, base: Mapping[str, Any], row: Mapping[str, Any], good: bool) -> Case:
    put, dropped = row.get("put", {}), row.get("drop", ())
    unknown = [k for k in put if not k.removesuffix("+").isdigit() or int(k.removesuffix("+")) >= len(base["turns"])]
    assert not unknown, f"{name}: there is no turn {unknown}"
    assert all(d < len(base["turns"]) for d in dropped), f"{name}: there is no turn {dropped}"
    lines: list[str] = []
    for i, line in enumerate(base["turns"]):
        if i not in dropped:
            lines.append(line[:3] + put.get(str(i), line[3:]))
        lines += put.get(f"{i}+", [])
    turns = tuple(Turn(i, _SIDES[line[0]], line[3:]) for i, line in enumerate(lines))
    kind, first = Kind(base["kind"]), Speaker(row.get("first", _SIDES[base["turns"][0][0]]))
    plan = DialogPlan(0, name, kind, "any", "any", Split.TRAIN, 1, first, "a", "u", instance=base.get("instance", {}))
    context = row.get("context", base["context"])
    facts = tuple(row.get("facts", ()))
    return Case(
        gate, name, Transcript(name, context, turns, Maker("test", "none", "0", "CC0-1.0"), facts), plan, good, row.get("fault", "")
    )  # fmt: skip
