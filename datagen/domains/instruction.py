"""Instructions: constraints that a user sets and an agent keeps, over the questions of another domain."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, field_validator

from datagen import resources
from datagen.domains.base import Problem, ScenarioInfo
from datagen.domains.fitting import Frame, Item, fitted, items_of
from datagen.domains.lines import Line, Lines, Table, check_lines, compile_all, read_table
from datagen.domains.names import People
from datagen.domains.phrasing import Dice
from datagen.domains.qa import MOODS, QaDomain
from datagen.errors import UserError
from datagen.records.enums import Kind, Split
from datagen.store.ids import tree_digest
from datagen.store.pools import Shares, pools
from datagen.text.constraints import RULES, fault

FIRST_NAME = "@first_name"
"""A parameter that is the user's own first name."""
SECOND_SHARE = 0.35
"""How often a question is followed by one of its second questions."""

Text = Annotated[str, Field(min_length=1, max_length=400)]
Texts = Annotated[tuple[Text, ...], Field(min_length=1)]


class ConstraintFile(Table):
    """constraints/NAME.toml: a type of constraint with its parameters' values, how a user sets it, and how answers are made to keep it."""

    type: str
    title: Text
    share: float = Field(default=1.0, gt=0)
    set: Texts
    ack: tuple[Text, ...] = ()
    remind: Texts
    head: tuple[Text, ...] = ()
    tail: tuple[Text, ...] = ()
    example: tuple[Text, ...] = ()
    questions: Literal["any", "yes_no"] = "any"
    parameters: dict[str, Annotated[tuple[str | int, ...], Field(min_length=1)]] = Field(default_factory=dict)

    _lines = field_validator("set", "ack", "remind", "head", "tail", "example")(check_lines)


class Rates(Table):
    """Shares of the dialogues."""

    opens: float = Field(ge=0, le=1)
    reminds: float = Field(ge=0, le=1)
    changes: float = Field(ge=0, le=1)
    lifts: float = Field(ge=0, le=1)


class Frames(Table):
    """What is said around the constraints."""

    wish: Annotated[tuple[str, ...], Field(min_length=1)]
    complaint: Texts
    change: Texts
    lift: Texts

    _texts = field_validator("*")(check_lines)


class Head(Table):
    """domain.toml. `topics` names the qa domain whose questions are asked; `rounds` how many, at the fewest and the most."""

    kind: Literal["instruction"]
    title: Text
    topics: str
    rounds: tuple[int, int]
    rates: Rates
    frames: Frames


@dataclass(frozen=True, slots=True)
class Constraint:
    """A constraint's file, compiled."""

    name: str
    title: str
    share: float
    type: str
    parameters: Mapping[str, tuple[str | int, ...]]
    set: Lines
    ack: Lines
    remind: Lines
    frame: Frame


class InstructionDomain:
    """A folder of constraints. Scenarios are its constraints; questions are drawn from the same split's pool of its topics."""

    kind = Kind.INSTRUCTION

    def __init__(
        self, name: str, head: Head, constraints: Mapping[str, Constraint], topics: QaDomain, digest: str
    ) -> None:
        self.name, self.title, self.head, self.topics, self.digest = name, head.title, head, topics, digest
        self.constraints = constraints
        self.frames: dict[str, tuple[Line, ...]] = {k: compile_all(v) for k, v in head.frames}
        self.role_context = topics.role_context
        self.scenarios = tuple(ScenarioInfo(c.name, c.title, c.share) for c in constraints.values())
        self._items: dict[str, list[Item]] = {}
        self._pools: dict[tuple[Split, Shares], tuple[str, ...]] = {}

    @classmethod
    def load(cls, folder: Path) -> "InstructionDomain":
        """The domain in `folder`, or a UserError that names the file and the key at fault."""
        head = read_table(Head, folder / "domain.toml", f"{folder.name}/domain.toml")
        files = sorted((folder / "constraints").glob("*.toml"))
        if not files:
            raise UserError(f"{folder.name}/constraints: there is no constraint. Write one: prompts/README.md.")
        constraints = {p.stem: _read(p, f"{folder.name}/constraints/{p.name}") for p in files}
        beside = folder.parent / head.topics
        source = beside if (beside / "domain.toml").is_file() else resources.prompts() / head.topics
        if not (source / "domain.toml").is_file():
            raise UserError(f"{folder.name}/domain.toml: topics: there is no domain {head.topics!r} beside this one.")
        topics = QaDomain.load(source)
        return cls(folder.name, head, constraints, topics, tree_digest(folder) + topics.digest)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return (self.kind,)

    def scenarios_of(self, kind: Kind) -> tuple[ScenarioInfo, ...]:
        return self.scenarios

    def details(self, kind: Kind, scenario: str) -> Mapping[str, Any]:
        """Nothing: the domain has dialogues of its own kind alone."""
        return {}

    def constraint(self, scenario: str) -> Constraint:
        """A constraint by its name; UserError names the ones there are."""
        if scenario not in self.constraints:
            raise UserError(
                f"{self.name}: there is no constraint {scenario!r}. There are: {', '.join(self.constraints)}."
            )
        return self.constraints[scenario]

    def instance(self, scenario: str, split: Split, shares: Shares, rng: np.random.Generator) -> Mapping[str, Any]:
        """{constraint, items: ids of what is asked under it; other (a scenario, or ""), other_constraint, other_items: of what takes its
        place; free_items: what is asked without one; name: the user's first name, customer_sex}."""
        dice = Dice(rng)
        name = People.shared().first(dice)
        pool = self._pool(split, shares)
        low, high = self.head.rounds
        values = self._drawn(scenario, name, dice)
        used: set[str] = set()
        items = self.choose(scenario, values, pool, dice, dice.between(low, high), used)
        other, other_values, other_items = "", {}, []
        if dice.chance(self.head.rates.changes):
            other = dice.pick([s for s in self.constraints if self.constraints[s].type != values["type"]])
            other_values = self._drawn(other, name, dice)
            other_items = self.choose(other, other_values, pool, dice, 2, used)
        left = [q for q in pool if q not in {i.split("#")[0] for i in used}] or list(pool)
        return {
            "constraint": values,
            "items": items,
            "other": other if len(other_items) > 1 else "",
            "other_constraint": other_values,
            "other_items": other_items,
            "free_items": [dice.pick(left), dice.pick(left)],
            "name": name,
            "customer_sex": People.shared().sex(name),
        }

    def traits(self, scenario: str, rng: np.random.Generator) -> Mapping[str, Any]:
        """{mood, greets, thanks, opens, reminds, lifts (whether the user does so)}."""
        dice, rates = Dice(rng), self.head.rates
        return {
            "mood": dice.pick(MOODS),
            "greets": dice.chance(0.5),
            "thanks": dice.chance(0.7),
            "opens": dice.chance(rates.opens),
            "reminds": dice.chance(rates.reminds),
            "lifts": dice.chance(rates.lifts),
        }

    def item(self, id_: str) -> Item:
        """What is asked, by its id: `topic.name` or `topic.name#2`."""
        question = id_.split("#")[0]
        if question not in self.topics.questions:
            raise UserError(f"{self.name}: {self.topics.name} has no question {question!r}.")
        if question not in self._items:
            self._items[question] = items_of(self.topics, question)
        found = next((i for i in self._items[question] if i.id == id_), None)
        if found is None:
            raise UserError(f"{self.name}: {self.topics.name} has no second question {id_!r}.")
        return found

    def plain_questions(self) -> frozenset[str]:
        """The topics' questions but for word problems, whose numbers are an instance's own."""
        return frozenset(n for n, q in self.topics.questions.items() if q.numbers is None)

    def seconds(self, question: str) -> list[Item]:
        """The second questions of a question that are asked in words of their own."""
        self.item(question)
        return [i for i in self._items[question] if i.second is not None]

    def choose(
        self, scenario: str, values: Mapping[str, Any], pool: tuple[str, ...], dice: Dice, n: int, used: set[str]
    ) -> list[str]:
        """Up to `n` ids of what can be asked and answered under a constraint; they are added to `used`."""
        frame, chosen, left = self.constraint(scenario).frame, list[str](), list(pool)
        while left and len(chosen) < n:
            question = left.pop(dice.index(len(left)))
            main = self.item(question)
            seconds = self.seconds(question)
            follows = seconds if frame.yes_no else [dice.pick(seconds)] if seconds and dice.chance(SECOND_SHARE) else []
            for item in (main, *follows):
                if item.id not in used and len(chosen) < n and fitted(item, values, frame, dice) is not None:
                    chosen.append(item.id)
                    used.add(item.id)
        return chosen

    def check(self) -> list[Problem]:
        """Unknown types and parameters, lines with unknown slots, acknowledgements that break their constraint, too few questions."""
        from datagen.domains.instruction_check import problems

        return problems(self)

    def _drawn(self, scenario: str, name: str, dice: Dice) -> dict[str, Any]:
        found = self.constraint(scenario)
        drawn = {k: dice.pick(v) for k, v in found.parameters.items()}
        return {"type": found.type, **{k: name if v == FIRST_NAME else v for k, v in drawn.items()}}

    def _pool(self, split: Split, shares: Shares) -> tuple[str, ...]:
        if (split, shares) not in self._pools:
            by_split = pools(self.topics.questions, shares, f"scenario {self.topics.name}")
            plain = self.plain_questions()
            self._pools[split, shares] = tuple(q for q, s in by_split.items() if s is split and q in plain)
        return self._pools[split, shares]


def _read(path: Path, label: str) -> Constraint:
    found = read_table(ConstraintFile, path, label)
    if found.type not in RULES:
        raise UserError(f"{label}: type: there is no type {found.type!r}. There are: {', '.join(RULES)}.")
    for i in range(max((len(v) for v in found.parameters.values()), default=1)):
        wrong = fault({"type": found.type, **{k: v[i % len(v)] for k, v in found.parameters.items()}})
        if wrong:
            raise UserError(f"{label}: parameters: {wrong}")
    frame = Frame(
        compile_all(found.head), compile_all(found.tail), compile_all(found.example), found.questions == "yes_no"
    )
    return Constraint(
        path.stem, found.title, found.share, found.type, found.parameters,
        compile_all(found.set), compile_all(found.ack), compile_all(found.remind), frame,
    )  # fmt: skip
