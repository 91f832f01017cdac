"""Replies of language models as servers gave them, written for the tests: good ones and the usual faults, of every kind of dialogue.

`replies/*.toml` hold them with what has to come of each: `good`, or the reason code of the `reader` or of a `gate` that refuses it.
"""

import json
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from datagen.engines.llm.chat import ChatReply
from datagen.engines.llm.families import family_of
from datagen.engines.writers.llm import reader, transcript
from datagen.engines.writers.llm.brief import Brief, PlannedCall
from datagen.protocols import Failure
from datagen.records.enums import Kind, Speaker, Split
from datagen.records.maker import Maker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Generation, Transcript

FOLDER = Path(__file__).parent / "replies"
QWEN, GPT = "Qwen/Qwen3-8B", "openai/gpt-oss-20b"


@dataclass(frozen=True)
class Recorded:
    """One reply. `by` is `reader` or `gate` for a bad one, "" for a good one; `expect` is its reason code, or `good`."""

    name: str
    kind: Kind
    model: str
    content: str
    context: str
    expect: str = "good"
    by: str = ""
    finish: str = "stop"
    reasoning: str = ""
    first: Speaker = Speaker.AGENT
    agent: str = "Dana"
    user: str = "Jane Doe"
    calls: tuple[PlannedCall, ...] = ()
    constraint: str = ""
    tools: tuple[dict[str, Any], ...] = field(default=())

    @property
    def reply(self) -> ChatReply:
        """The reply as the client hands it on."""
        return ChatReply(self.content, self.reasoning, self.finish, 900, 400, self.model, "http://server")

    @property
    def plan(self) -> DialogPlan:
        instance: dict[str, Any] = {"agent_name": self.agent, "customer": self.user}
        if self.tools:
            instance["tools"] = list(self.tools)
        if self.constraint:
            instance |= {"constraint": json.loads(self.constraint), "other": ""}
        return DialogPlan(0, self.name, self.kind, "any", "any", Split.TRAIN, 1, self.first, "a", "u", instance)

    @property
    def brief(self) -> Brief:
        """What the reader has to know of the dialogue."""
        listens = {Speaker.AGENT: ("mhm", "right", "I see"), Speaker.USER: ("mhm", "uh-huh", "okay", "yeah")}
        names = reader.Names(
            frozenset({self.agent.lower()}), frozenset({self.user.lower(), *self.user.lower().split()}), listens
        )
        return Brief(
            self.name, self.kind, self.first, self.context, names, "You are calling.", self.calls, self.plan.instance
        )

    def read(self) -> Transcript | Failure:
        """What the writer makes of the reply, without gates: reasoning taken off, read, assembled."""
        text, problem = family_of(self.model).clean(self.reply)
        if problem is not None:
            return Failure(problem.reason, problem.detail)
        found = reader.read(text, self.brief.names, cut=self.finish == "length")
        if isinstance(found, Failure):
            return found
        generation = Generation(self.model, "main", "{}", "0" * 64, "t", 1, 0, False, 900, 400)
        return transcript.assemble(found, self.brief, Maker("vllm", self.model, "main", "see model"), generation)


@cache
def recorded() -> tuple[Recorded, ...]:
    """Every reply of the folder, by file and place; names are unique."""
    found = [
        _one(row, tables)
        for path in sorted(FOLDER.glob("*.toml"))
        for tables in [_tables(path)]
        for row in tables["reply"]
    ]
    assert len({r.name for r in found}) == len(found)
    return tuple(found)


def of(kind: Kind, expect: str = "good") -> list[Recorded]:
    """The replies of a kind with this outcome."""
    return [r for r in recorded() if r.kind is kind and r.expect == expect]


def _tables(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _one(row: dict[str, Any], tables: dict[str, Any]) -> Recorded:
    scene = tables["scenes"][row["scene"]]
    return Recorded(
        name=row["name"], kind=Kind(tables["kind"]), model={"qwen": QWEN, "gpt": GPT}[row["model"]], content=row["content"].strip("\n"),
        context=scene["context"], expect=row.get("expect", "good"), by=row.get("by", ""), finish=row.get("finish", "stop"),
        reasoning=row.get("reasoning", ""), first=Speaker(row.get("first", "agent")), agent=scene.get("agent", "Dana"),
        user=scene.get("user", "Jane Doe"), calls=tuple(PlannedCall(**c) for c in scene.get("calls", ())),
        constraint=scene.get("constraint", ""), tools=tuple(scene.get("tools", ())),
    )  # fmt: skip
