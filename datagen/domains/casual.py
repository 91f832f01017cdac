"""Casual talk: a domain of topics, loaded from domain.toml, shared.toml, personas.toml and topics/*.toml."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, field_validator

from datagen.domains.base import Problem, ScenarioInfo
from datagen.domains.lines import Line, Lines, Table, check_lines, compile_all, compile_line, read_table
from datagen.domains.phrasing import Dice
from datagen.domains.plain import is_plain
from datagen.errors import UserError
from datagen.records.enums import Kind, Split
from datagen.store.ids import tree_digest
from datagen.store.pools import Shares, pools

LEVELS = ("minimal", "topic", "detailed")
MOODS = ("relaxed", "cheerful", "talkative", "quiet", "hesitant")
SECOND_TOPIC_SHARE = 0.35
"""Dialogues that drift to another topic."""

Text = Annotated[str, Field(min_length=1, max_length=400)]
Texts = Annotated[tuple[Text, ...], Field(min_length=1)]
Says = Annotated[tuple[str, ...], Field(min_length=1)]
Reply = Annotated[tuple[Text, ...], Field(min_length=2, max_length=3)]


class Beat(Table):
    """A question with replies, each [say, react] or [say, react, fact]. Either side may ask and either may reply; `fact` is
    the sentence of the role context that grounds a reply by which the agent tells of its own life."""

    ask: Texts
    reply: Annotated[tuple[Reply, ...], Field(min_length=2)]

    _ask = field_validator("ask")(check_lines)

    @field_validator("reply")
    @classmethod
    def _replies(cls, replies: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        for reply in replies:
            check_lines(reply)
        return replies


class Tale(Table):
    """Something that one side tells: turns that alternate, the teller first. `fact` grounds it where the agent tells it."""

    turns: Annotated[tuple[Text, ...], Field(min_length=2, max_length=5)]
    fact: str = ""

    _turns = field_validator("turns")(check_lines)


class Topic(Table):
    title: Text
    beat: Annotated[tuple[Beat, ...], Field(min_length=3)]
    tale: tuple[Tale, ...] = ()


class Head(Table):
    """domain.toml."""

    kind: Literal["casual"]
    title: Text
    role_context: Text
    topic_sentence: Text
    plain_topic_sentence: Text
    tones: Texts
    levels: dict[Literal["minimal", "topic", "detailed"], Annotated[float, Field(gt=0)]]

    _texts = field_validator("tones")(check_lines)


class Slot(Table):
    """A value of a persona slot, what the agent may add to it, and the topics that it does not go with."""

    is_: Text = Field(alias="is")
    line: Texts
    avoid: tuple[str, ...] = ()

    _line = field_validator("line")(check_lines)


class Personas(Table):
    """personas.toml."""

    years: Annotated[tuple[Annotated[int, Field(ge=2, le=80)], ...], Field(min_length=1)]
    place: Annotated[tuple[Slot, ...], Field(min_length=1)]
    job: Annotated[tuple[Slot, ...], Field(min_length=1)]
    like: Annotated[tuple[Slot, ...], Field(min_length=1)]
    dislike: Annotated[tuple[Slot, ...], Field(min_length=1)]


PERSONA_SLOTS = ("place", "job", "like", "dislike")


class PersonaTalk(Table):
    """What is asked of a persona, what it says, and what the other says to that."""

    place_ask: Texts
    place_say: Texts
    place_react: Texts
    job_ask: Texts
    job_say: Texts
    job_react: Texts
    like_ask: Texts
    like_say: Texts
    like_react: Texts
    dislike_ask: Texts
    dislike_say: Texts
    dislike_react: Texts

    _texts = field_validator("*")(check_lines)


class Shared(Table):
    """shared.toml: greetings, leads, shifts, closings."""

    hello: Texts
    hello_back: Texts
    hello_done: Texts
    intro: Texts
    intro_agent: Texts
    lead: Says
    back: Says
    own: Says
    shift: Texts
    cut: Says
    bye: Texts
    bye_back: Texts
    persona: PersonaTalk

    _texts = field_validator("*")(lambda v: check_lines(v) if isinstance(v, tuple) else v)


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, compiled. `plain`: without names and numbers, so that an agent may say it; `plain_react` the same of the
    reaction, or its names are in the reply."""

    say: Line
    react: Line
    fact: str
    plain: bool


@dataclass(frozen=True, slots=True)
class Exchange:
    """A beat, compiled; `plain` says that an agent may ask it."""

    asks: Lines
    answers: tuple[Answer, ...]
    plain: bool


@dataclass(frozen=True, slots=True)
class Story:
    """A tale, compiled; `teller_plain` and `listener_plain` say which part an agent may take."""

    turns: Lines
    fact: str
    teller_plain: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """A topic, compiled."""

    name: str
    title: str
    exchanges: tuple[Exchange, ...]
    stories: tuple[Story, ...]


class CasualDomain:
    """A folder of topics. Scenarios are its topics; a drift goes to another topic of the same split's pool."""

    kind = Kind.CASUAL

    def __init__(
        self, name: str, head: Head, shared: Shared, personas: Personas, topics: Mapping[str, Topic], digest: str
    ) -> None:
        self.name, self.title, self.digest, self.head = name, head.title, digest, head
        self._topics, self._shared, self._personas = topics, shared, personas
        self.shared = {k: compile_all(v) for k, v in shared if isinstance(v, tuple)}
        self.persona_talk = {k: compile_all(v) for k, v in shared.persona}
        self.topic_sentence = compile_line(head.topic_sentence)
        self.plain_topic_sentence = compile_line(head.plain_topic_sentence)
        self.subjects = {key: _compiled(key, t) for key, t in topics.items()}
        self.persona_lines = {(k, s.is_): compile_all(s.line) for k in PERSONA_SLOTS for s in getattr(personas, k)}
        self._fitting = {
            (t, k): [s.is_ for s in getattr(personas, k) if t not in s.avoid] for t in topics for k in PERSONA_SLOTS
        }
        self.scenarios = tuple(ScenarioInfo(n, s.title) for n, s in self.subjects.items())
        self._pool_cache: dict[tuple[Split, Shares], tuple[str, ...]] = {}

    @classmethod
    def load(cls, folder: Path) -> "CasualDomain":
        """The domain in `folder`, or a UserError that names the file and the key that do not fit."""
        label = folder.name
        head = read_table(Head, folder / "domain.toml", f"{label}/domain.toml")
        shared = read_table(Shared, folder / "shared.toml", f"{label}/shared.toml")
        personas = read_table(Personas, folder / "personas.toml", f"{label}/personas.toml")
        files = sorted((folder / "topics").glob("*.toml"))
        if not files:
            raise UserError(f"{label}/topics: there is no topic file. A casual domain needs topics/NAME.toml.")
        topics = {p.stem: read_table(Topic, p, f"{label}/topics/{p.name}") for p in files}
        return cls(label, head, shared, personas, topics, tree_digest(folder))

    def instance(self, scenario: str, split: Split, shares: Shares, rng: np.random.Generator) -> Mapping[str, Any]:
        """{topic (its title), level, tone, persona ({} below `detailed`), second_topic (a scenario, or "")}."""
        if scenario not in self.subjects:
            raise UserError(f"{self.name}: there is no topic {scenario!r}.")
        dice = Dice(rng)
        names = tuple(self.head.levels)
        level = dice.weighted(names, tuple(self.head.levels.values()))
        second = self._other(scenario, split, shares, dice) if dice.chance(SECOND_TOPIC_SHARE) else ""
        persona: dict[str, Any] = {}
        if level == "detailed":
            for key in PERSONA_SLOTS:
                fitting = self._fitting[scenario, key]
                if second:
                    fitting = [v for v in fitting if v in self._fitting[second, key]]
                persona[key] = dice.pick(fitting)
            persona["years"] = dice.pick(self._personas.years)
        return {
            "topic": self.subjects[scenario].title,
            "level": level,
            "tone": dice.pick(self.head.tones),
            "persona": persona,
            "second_topic": second,
        }

    def traits(self, scenario: str, rng: np.random.Generator) -> Mapping[str, Any]:
        """{mood, n_turns (what the dialogue aims at, 8 to 18)}."""
        dice = Dice(rng)
        mood = dice.pick(MOODS)
        least, most = {"quiet": (8, 13), "talkative": (13, 18)}.get(mood, (10, 18))
        return {"mood": mood, "n_turns": dice.between(least, most)}

    def _other(self, scenario: str, split: Split, shares: Shares, dice: Dice) -> str:
        key = (split, shares)
        if key not in self._pool_cache:
            by_split = pools(self.subjects, shares, f"scenario {self.name}")
            self._pool_cache[key] = tuple(n for n, s in by_split.items() if s is split)
        found = dice.pick(self._pool_cache[key]) if self._pool_cache[key] else scenario
        return "" if found == scenario else str(found)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return (self.kind,)

    def details(self, kind: Kind, scenario: str) -> Mapping[str, Any]:
        """Nothing: the domain has dialogues of its own kind alone."""
        return {}

    def scenarios_of(self, kind: Kind) -> tuple[ScenarioInfo, ...]:
        return self.scenarios

    def check(self) -> list[Problem]:
        """Too few turns, what an agent may not say, unknown slots and topics, turns too long, markup."""
        from datagen.domains.casual_check import problems

        return problems(self.name, self._topics, self._shared, self._personas, self.subjects)


def _compiled(name: str, topic: Topic) -> Subject:
    exchanges = []
    for beat in topic.beat:
        answers = tuple(
            Answer(compile_line(r[0]), compile_line(r[1]), r[2] if len(r) > 2 else "", is_plain(compile_line(r[0])))
            for r in beat.reply
        )
        asks = compile_all(beat.ask)
        exchanges.append(Exchange(asks, answers, all(is_plain(a) for a in asks)))
    stories = tuple(
        Story(compile_all(t.turns), t.fact, all(is_plain(compile_line(x)) for x in t.turns[::2])) for t in topic.tale
    )
    return Subject(name, topic.title, tuple(exchanges), stories)
