"""A scenario compiled: its steps, questions and refusals with their phrasings ready to render."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from datagen.config import read_options
from datagen.domains import schema
from datagen.domains.phrasing import Phrase, condition, names_in_condition
from datagen.errors import UserError

Phrases = tuple[Phrase, ...]
Condition = Callable[[Mapping[str, Any]], bool]


def always(view: Mapping[str, Any]) -> bool:
    """The condition of what has none."""
    return True


def never(view: Mapping[str, Any]) -> bool:
    """The condition of what does not hold unless a file says when."""
    return False


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the agent's task. What `agent`, `user` and `found` mean depends on `kind` (prompts/README.md)."""

    kind: str
    name: str
    slot: str = ""
    agent: Phrases = ()
    user: Phrases = ()
    early: Phrases = ()
    again: Phrases = ()
    confirm: Phrases = ()
    found: Phrases = ()
    choices: Mapping[str, Phrases] = field(default_factory=dict)
    readback: str = "never"
    wrong: bool = False
    late: bool = False
    must: bool = True
    when: Condition = always
    condition: str = ""
    bad: Condition = never
    bad_condition: str = ""
    tool: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    result: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Question:
    name: str
    user: Phrases
    agent: Phrases
    after: str = ""
    when: Condition = always
    condition: str = ""
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Refusal:
    name: str
    user: Phrases
    agent: Phrases
    offer: Phrases
    accept: Phrases = ()
    decline: Phrases = ()
    done: Phrases = ()
    push: Phrases = ()
    after: str = ""
    when: Condition = always
    condition: str = ""
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Unrelated:
    user: Phrases
    agent: Phrases = ()


@dataclass(frozen=True, slots=True)
class Check:
    """One way to check who calls."""

    name: str
    slot: str
    agent: Phrases
    user: Phrases
    fact: Phrase
    share: float


@dataclass(frozen=True, slots=True)
class Fact:
    text: Phrase
    when: Condition = always
    condition: str = ""


def phrases(texts: tuple[str, ...], where: str) -> Phrases:
    """The phrasings of one list, each knowing where it stands."""
    return tuple(Phrase(t, f"{where}[{i}]") for i, t in enumerate(texts))


def _when(source: str, where: str) -> Condition:
    return condition(source, f"{where}.when") if source else always


def read_step(table: Mapping[str, Any], index: int, where: str) -> Step:
    """A step from its table; UserError for an unknown kind or key."""
    rest = dict(table)
    kind = rest.pop("kind", None)
    label = f"{where} steps.{rest.get('name', index)}"
    if kind not in schema.STEP_KINDS:
        raise UserError(f"{label}.kind: {kind!r} is no kind of step. There are: {', '.join(schema.STEP_KINDS)}.")
    spec: Any = read_options(schema.STEP_KINDS[kind], rest, label)
    values: dict[str, Any] = {"kind": kind, "name": spec.name, "when": _when(spec.when, label), "condition": spec.when}
    if getattr(spec, "bad", ""):
        values |= {"bad": condition(spec.bad, f"{label}.bad"), "bad_condition": spec.bad}
    for key in ("slot", "must", "wrong", "late", "tool", "arguments", "result"):
        if hasattr(spec, key):
            values[key] = getattr(spec, key)
    for key in ("agent", "early", "again", "found"):
        if hasattr(spec, key):
            values[key] = phrases(getattr(spec, key), f"{label}.{key}")
    if kind == "do":
        values["found"] = phrases(spec.done, f"{label}.done")
    if kind == "ask":
        sometimes = isinstance(spec.readback, str)
        values["readback"] = spec.readback if sometimes else "always"
        values["confirm"] = () if sometimes else phrases(spec.readback, f"{label}.readback")
    if kind == "offer" and isinstance(spec.user, dict):
        values["choices"] = {k: phrases(v, f"{label}.user.{k}") for k, v in spec.user.items()}
    elif hasattr(spec, "user"):
        values["user"] = phrases(spec.user, f"{label}.user")
    return Step(**values)


def read_question(spec: schema.QuestionSpec, where: str) -> Question:
    label = f"{where} questions.{spec.name}"
    return Question(
        spec.name,
        phrases(spec.user, f"{label}.user"),
        phrases(spec.agent, f"{label}.agent"),
        spec.after,
        _when(spec.when, label),
        spec.when,
        spec.share,
    )


def read_refusal(spec: schema.RefusalSpec, where: str) -> Refusal:
    label = f"{where} refusals.{spec.name}"
    lists = {
        k: phrases(getattr(spec, k), f"{label}.{k}")
        for k in ("user", "agent", "offer", "accept", "decline", "done", "push")
    }
    return Refusal(
        name=spec.name, after=spec.after, when=_when(spec.when, label), condition=spec.when, share=spec.share, **lists
    )


def read_check(spec: schema.IdentitySpec, where: str) -> Check:
    label = f"{where} identity.{spec.name}"
    return Check(
        spec.name,
        spec.slot,
        phrases(spec.agent, f"{label}.agent"),
        phrases(spec.user, f"{label}.user"),
        Phrase(spec.fact, f"{label}.fact"),
        spec.share,
    )


def read_fact(spec: str | schema.FactSpec, where: str) -> Fact:
    if isinstance(spec, str):
        return Fact(Phrase(spec, where))
    return Fact(Phrase(spec.text, where), _when(spec.when, where), spec.when)


def names_of(*groups: Phrases) -> frozenset[str]:
    """Every slot that the phrasings name."""
    return frozenset().union(*(p.names for group in groups for p in group))


def condition_names(source: str) -> frozenset[str]:
    return names_in_condition(source) if source else frozenset()
