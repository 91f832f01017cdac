"""Question and answer: a domain of two rounds with a teacher, loaded from domain.toml, frames.toml and topics/*.toml."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from datagen.domains.base import Problem, ScenarioInfo
from datagen.domains.lines import Line, Table, check_lines, compile_all, compile_line, read_table
from datagen.domains.phrasing import Dice
from datagen.domains.sums import Numbers, compile_numbers
from datagen.errors import UserError
from datagen.records.enums import Kind, Split
from datagen.store.ids import tree_digest
from datagen.store.pools import Shares, pools

SECONDS = ("follow_up", "why", "clarify", "misunderstanding", "example", "simpler", "topic_change")
MOODS = ("curious", "cheerful", "hesitant", "puzzled", "hurried")

Text = Annotated[str, Field(min_length=1, max_length=600)]
Texts = Annotated[tuple[Text, ...], Field(min_length=1)]
Says = Annotated[tuple[str, ...], Field(min_length=1)]
"""Frames: one of them may be empty, which is to say nothing."""


class Pair(Table):
    """A second question and its answers."""

    ask: Texts
    answer: Texts

    _ask = field_validator("ask", "answer")(check_lines)


class Question(Table):
    """One question: `subject` is a noun phrase ("the color of the sky"), `clause` stands after "I wonder" ("why the sky
    is blue"), `ask` are direct questions, `answers` whole answers that say the same in different words.

    A word problem has `numbers` (see datagen.domains.sums), which its texts name as slots; `money` of them are cents.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    subject: Text
    clause: Text
    ask: Texts
    answers: Annotated[tuple[Text, ...], Field(min_length=2)]
    follow_up: tuple[Pair, ...] = ()
    why: tuple[Pair, ...] = ()
    clarify: tuple[Pair, ...] = ()
    misunderstanding: tuple[Pair, ...] = ()
    example: tuple[Text, ...] = ()
    simpler: tuple[Text, ...] = ()
    numbers: dict[str, tuple[int, ...] | str] = Field(default_factory=dict)
    money: tuple[str, ...] = ()
    require: tuple[str, ...] = ()

    _texts = field_validator("ask", "answers", "example", "simpler")(check_lines)

    @model_validator(mode="after")
    def _sums(self) -> "Question":
        if self.numbers:
            compile_numbers(self.numbers, self.money, self.require)
        return self

    @field_validator("follow_up", "why", "clarify", "misunderstanding", mode="before")
    @classmethod
    def _pairs(cls, values: Any) -> Any:
        """Pairs are written [ask, answer]; either may be a list of phrasings."""
        if not isinstance(values, list):
            return values
        return [_pair(v) for v in values]


def _pair(value: Any) -> Any:
    if isinstance(value, list) and len(value) == 2:
        return {k: [v] if isinstance(v, str) else v for k, v in zip(("ask", "answer"), value, strict=True)}
    if isinstance(value, list):
        raise ValueError(f"a pair is [question, answer], got {len(value)} entries.")
    return value


class Topic(Table):
    title: Text
    question: Annotated[tuple[Question, ...], Field(min_length=1)]


class Head(Table):
    """domain.toml. `second` weighs the types of second questions against each other."""

    kind: Literal["qa"]
    title: Text
    role_context: Text
    second: dict[str, float]

    @field_validator("second")
    @classmethod
    def _types(cls, values: dict[str, float]) -> dict[str, float]:
        wrong = sorted(set(values) - set(SECONDS))
        if wrong:
            raise ValueError(f"there is no type {wrong[0]!r}. There are: {', '.join(SECONDS)}.")
        if min(values.values(), default=0) <= 0:
            raise ValueError("every weight has to be above 0, and there has to be one.")
        return values


class Frames(Table):
    """frames.toml: what is said around questions and answers, shared by all of them."""

    agent_hello: Says
    user_hello: Says
    ask_clause: Says
    ask_lead: Says
    answer_lead: Says
    answer_tail: Says
    react: Says
    react_yes: Says
    second_lead: dict[str, Says]
    ask_example: Says
    ask_simpler: Says
    example_lead: Says
    simpler_lead: Says
    second_answer_lead: Says
    correction_lead: Says
    cut_in: Says
    after_cut: Says
    thanks: Says
    welcome: Says

    _texts = field_validator("*")(
        lambda v: {k: check_lines(t) for k, t in v.items()} if isinstance(v, dict) else check_lines(v)
    )


@dataclass(frozen=True, slots=True)
class Second:
    """A second question that follows one question. `asks` is empty where the shared frames ask."""

    type: str
    asks: tuple[Line, ...]
    answers: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, compiled. `weights` are the running sums (0…1) by which a second question is drawn; `numbers` are a word
    problem's."""

    scenario: str
    topic: str
    subject: Line
    clause: Line
    asks: tuple[Line, ...]
    answers: tuple[Line, ...]
    seconds: tuple[Second, ...]
    weights: tuple[float, ...]
    numbers: Numbers | None = None


class QaDomain:
    """A folder of questions. Scenarios are its questions, `topic.name`; a topic change goes to another question of the
    same split's pool, so that no held-out question comes up in training."""

    kind = Kind.QA

    def __init__(self, name: str, head: Head, frames: Frames, topics: Mapping[str, Topic], digest: str) -> None:
        self.name = name
        self.title = head.title
        self.digest = digest
        self.role_context = head.role_context
        self._topics = topics
        self._head = head
        self.frames = {k: compile_all(v) for k, v in frames if not isinstance(v, dict)}
        self.second_lead = {k: compile_all(v) for k, v in frames.second_lead.items()}
        self.questions = {
            f"{key}.{q.name}": _compiled(f"{key}.{q.name}", t.title, q, head.second)
            for key, t in topics.items()
            for q in t.question
        }
        self.scenarios = tuple(ScenarioInfo(n, q.asks[0].forms(1)[0]) for n, q in self.questions.items())
        self._pool_cache: dict[tuple[Split, Shares], tuple[str, ...]] = {}

    @classmethod
    def load(cls, folder: Path) -> "QaDomain":
        """The domain in `folder`, or a UserError that names the file and the key that do not fit."""
        head = read_table(Head, folder / "domain.toml", f"{folder.name}/domain.toml")
        frames = read_table(Frames, folder / "frames.toml", f"{folder.name}/frames.toml")
        files = sorted((folder / "topics").glob("*.toml"))
        if not files:
            raise UserError(f"{folder.name}/topics: there is no topic file. A qa domain needs topics/NAME.toml.")
        topics = {p.stem: read_table(Topic, p, f"{folder.name}/topics/{p.name}") for p in files}
        return cls(folder.name, head, frames, topics, tree_digest(folder))

    def instance(self, scenario: str, split: Split, shares: Shares, rng: np.random.Generator) -> Mapping[str, Any]:
        """{topic, question, second (its type), second_index, other (the question of a topic change, else "")}; of a word problem
        also numbers, by name as they are said, and other_numbers where the other question is one."""
        asked = self._question(scenario)
        draw = float(rng.random())
        index = next((i for i, w in enumerate(asked.weights) if draw < w), len(asked.seconds))
        if index < len(asked.seconds):
            second, other = asked.seconds[index].type, ""
        else:
            second, other = "topic_change", self._other(scenario, split, shares, rng)
        found = {
            "topic": asked.topic,
            "question": asked.asks[0].forms(1)[0],
            "second": second,
            "second_index": index,
            "other": other,
        }
        return found | self._numbers(asked, self.questions.get(other), rng)

    @staticmethod
    def _numbers(asked: Asked, other: Asked | None, rng: np.random.Generator) -> dict[str, Any]:
        """What of an instance only word problems have; nothing is drawn for others."""
        found: dict[str, Any] = {}
        if asked.numbers:
            numbers = asked.numbers.draw(Dice(rng))
            ask = asked.asks[0].forms(1)[0]
            for name, value in numbers.items():
                ask = ask.replace(f"{{{{ {name} }}}}", value)
            found |= {"numbers": numbers, "question": ask}
        if other is not None and other.numbers:
            found["other_numbers"] = other.numbers.draw(Dice(rng))
        return found

    def traits(self, scenario: str, rng: np.random.Generator) -> Mapping[str, Any]:
        """{mood, greets, thanks, cuts_in (which answer the user would cut into, 1 or 2)}."""
        draws = rng.random(4)
        mood = MOODS[int(draws[0] * len(MOODS))]
        return {
            "mood": mood,
            "greets": bool(draws[1] < 0.6),
            "thanks": bool(draws[2] < 0.7),
            "cuts_in": 1 if draws[3] < 0.7 else 2,
        }

    def _question(self, scenario: str) -> Asked:
        if scenario not in self.questions:
            raise UserError(f"{self.name}: there is no question {scenario!r} (topic.name).")
        return self.questions[scenario]

    def _other(self, scenario: str, split: Split, shares: Shares, rng: np.random.Generator) -> str:
        key = (split, shares)
        if key not in self._pool_cache:
            by_split = pools(self.questions, shares, f"scenario {self.name}")
            self._pool_cache[key] = tuple(n for n, s in by_split.items() if s is split)
        pool = self._pool_cache[key]
        topic = scenario.split(".")[0]
        for _ in range(8):
            if pool and not (found := pool[int(rng.integers(len(pool)))]).startswith(f"{topic}."):
                return found
        return next((n for n in pool if n != scenario), scenario)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return (self.kind,)

    def details(self, kind: Kind, scenario: str) -> Mapping[str, Any]:
        """Nothing: the domain has dialogues of its own kind alone."""
        return {}

    def scenarios_of(self, kind: Kind) -> tuple[ScenarioInfo, ...]:
        return self.scenarios

    def check(self) -> list[Problem]:
        """Names twice, too few phrasings or second questions, unknown slots, answers too long, markup."""
        from datagen.domains.qa_check import problems

        return problems(self.name, self._head, self._topics, self.frames, self.second_lead)


def _compiled(scenario: str, title: str, q: Question, weights: Mapping[str, float]) -> Asked:
    seconds = [Second(t, compile_all(p.ask), compile_all(p.answer)) for t in SECONDS[:4] for p in getattr(q, t)]
    seconds += [Second(t, (), (compile_line(a),)) for t in ("example", "simpler") for a in getattr(q, t)]
    by_type: dict[str, int] = {}
    for s in seconds:
        by_type[s.type] = by_type.get(s.type, 0) + 1
    # A type's weight is shared by its items; two items of a type are worth more than one, but not twice as much.
    raw = [weights.get(s.type, 0.0) / by_type[s.type] ** 0.5 for s in seconds]
    total = sum(raw) + weights.get("topic_change", 0.0)
    sums = np.cumsum(raw) / total if total else np.zeros(len(raw))
    return Asked(
        scenario=scenario,
        topic=title,
        subject=compile_line(q.subject),
        clause=compile_line(q.clause),
        asks=compile_all(q.ask),
        answers=compile_all(q.answers),
        seconds=tuple(seconds),
        weights=tuple(float(x) for x in sums),
        numbers=compile_numbers(q.numbers, q.money, q.require) if q.numbers else None,
    )
