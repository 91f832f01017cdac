"""Transcripts for tests of the write stage: short dialogues from the TOML files beside, and single ones on the spot."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from datagen.records.enums import Kind, Speaker, Split
from datagen.records.maker import Maker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript, Turn

_FOLDER = Path(__file__).parent / "write_dialogs"
_SIDES = {"A": Speaker.AGENT, "U": Speaker.USER}


@dataclass(frozen=True)
class Sample:
    """A dialogue with the reason code that it has to be rejected with, "" for a good one."""

    transcript: Transcript
    plan: DialogPlan
    fault: str


def samples(name: str) -> list[Sample]:
    """The dialogues of one TOML file."""
    rows = tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))["dialog"]
    return [sample(r["id"], r["turns"], r["context"], Kind(r["kind"]), r.get("fault", "")) for r in rows]


def sample(id_: str, lines: list[str], context: str, kind: Kind = Kind.SERVICE, fault: str = "") -> Sample:
    """A dialogue from lines such as `A: Hello.`"""
    turns = tuple(Turn(i, _SIDES[line[0]], line[3:]) for i, line in enumerate(lines))
    plan = DialogPlan(0, id_, kind, "bank", "any", Split.TRAIN, 1, turns[0].speaker, "a", "u")
    return Sample(Transcript(id_, context, turns, Maker("test", "none", "0", "CC0-1.0")), plan, fault)
