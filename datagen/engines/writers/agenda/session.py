"""The state of one dialogue: what was said, what the agent was told, what the caller has heard, and what is still to come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from datagen.domains.asides import asides
from datagen.domains.phrasing import Dice, Phrase
from datagen.domains.scenario import Question, Refusal, Step
from datagen.domains.service import Scenario, ServiceDomain
from datagen.domains.tools import Value, as_text
from datagen.engines.writers.agenda import joints
from datagen.engines.writers.agenda.draft import Draft, Segment
from datagen.engines.writers.agenda.options import AgendaOptions
from datagen.records.enums import ClipKind, Speaker, Tag, TurnType

STEP_WORDS = 17
"""Words that a step takes on average, both sides: what is kept free for the steps that are still to come."""

TURNS_A_STEP = 1.6
CLOSING_TURNS = 3
"""Turns that a step takes on average, and a closing."""


def plain(text: str) -> str:
    """The words of a text in small letters without stops, with a space on both sides: whole words are found in it."""
    return f" {' '.join(w.strip(',.?!;:') for w in text.casefold().split())} "


def listening(folders: Sequence[str]) -> Mapping[Speaker, Sequence[str]]:
    """What each side says as a listener."""
    texts = asides(folders)
    return {side: texts.texts(ClipKind.BACKCHANNEL, side) for side in Speaker}


class Ungrounded(Exception):
    """The agent would say a value that it does not have."""


@dataclass(slots=True)
class Expect:
    """What the agent waits for: `open`, `check`, `slot`, `readback`, `wait`, `react`, `choice`, `leave`, `alternative`, `more`, `end`."""

    kind: str
    step: Step | None = None
    name: str = ""
    refusal: Refusal | None = None


@dataclass(slots=True)
class UserAct:
    """What the caller did in a turn, for the agent to react to."""

    kind: str
    slot: str = ""
    step: Step | None = None
    question: Question | None = None
    refusal: Refusal | None = None


@dataclass(slots=True)
class Call:
    """A tool call under way or answered: `turn` and `segment` are the holding phrase it stands at the end of, `result_turn` the turn
    that speaks its result, None before that."""

    step: Step
    turn: int
    segment: Segment
    arguments: Mapping[str, Value]
    result: Mapping[str, Value]
    n_holds: int = 1
    result_turn: int | None = None


@dataclass(slots=True)
class Agenda:
    """What the caller still wants to bring up: a stack, the top first when its time has come."""

    questions: list[Question] = field(default_factory=list)
    refusal: Refusal | None = None
    rude: bool = False
    unrelated: bool = False
    mishear: bool = False
    late: bool = False
    correct: list[str] = field(default_factory=list)
    wrong_slot: str = ""
    calming: bool = False
    fail_check: bool = False
    one_more: bool = False
    barge_ins: int = 0
    busy: bool = False


class Session:
    """One dialogue being written, shared by the caller and the agent."""

    def __init__(
        self,
        domain: ServiceDomain,
        scenario: Scenario,
        instance: Mapping[str, Any],
        traits: Mapping[str, Any],
        dice: Dice,
        options: AgendaOptions,
    ) -> None:
        self.domain, self.scenario, self.instance, self.traits = domain, scenario, instance, traits
        self.dice, self.options = dice, options
        # The agent speaks from what it believes (view), the caller from what is true; they differ while a value is wrong.
        self.view: dict[str, Any] = {**instance, "hail": "", "value": "", "wrong": ""}
        self.truth: dict[str, Any] = dict(self.view)
        self.role_context = domain.role_context(scenario.name, instance)
        self.known_text = plain(self.role_context)
        # In dialogues of kind `tool` what a tool's result tells is not known before it is there.
        self.calls_tools = bool(instance.get("tools"))
        self.hidden = set(domain.hidden(scenario.name)) if self.calls_tools else set()
        self.calls: list[Call] = []
        self.listening = listening(options.domain_folders)
        self.draft = Draft()
        self.agenda = Agenda()
        self.acts: list[UserAct] = []
        self.done: set[str] = set()
        self.heard: set[str] = set()
        self.told: dict[str, str] = {}
        self.checked: list[str] = []
        self.unheard: list[Segment] = []
        self.open: Expect | None = None
        self.used: dict[int, int] = {}
        self.closing = False
        self.unasked = False
        self.bad_news = False
        self.n_readbacks = 0
        self.stated: dict[str, None] = {}
        self.last_expect = Expect("open")
        self.mood: str = str(traits.get("mood", "neutral"))

    # -- saying ---------------------------------------------------------------------------------------------------

    def pick(self, phrases: Sequence[Phrase]) -> Phrase:
        """A phrasing, the ones used least in this dialogue first."""
        least = min(self.used.get(id(p), 0) for p in phrases)
        phrase: Phrase = self.dice.pick([p for p in phrases if self.used.get(id(p), 0) == least])
        self.used[id(phrase)] = least + 1
        return phrase

    def render(self, phrases: Sequence[Phrase], view: Mapping[str, Any], extra: Mapping[str, Any]) -> str:
        """One of the phrasings as a text that ends like a sentence or, if it leads on, with a comma."""
        phrase = self.pick(phrases)
        text = phrase.render({**view, **extra} if extra else view, self.dice.index, self._part)
        return joints.ended(text)

    def act(self, name: str) -> Sequence[Phrase]:
        """The phrasings of a shared act: those for bad news or trouble, or, every other time, of the caller's mood, if there are any."""
        for tone in (*(("bad",) if self.bad_news else ()), self.scenario.tone):
            if f"{name}.{tone}" in self.domain.acts:
                return self.domain.acts[f"{name}.{tone}"]
        glad = self.mood == "cheerful" and self.scenario.tone == "trouble"
        moody = None if glad else self.domain.acts.get(f"{name}.{self.mood}")
        return moody if moody and self.dice.chance(0.6) else self.domain.acts[name]

    def agent(
        self,
        phrases: Sequence[Phrase],
        type: TurnType,
        act: str,
        *tags: Tag,
        key: str = "",
        must: bool = False,
        **extra: Any,
    ) -> Segment:
        """The agent says one of the phrasings. Ungrounded when it states what it does not have."""
        text = joints.fitted(self._before(Speaker.AGENT), self.render(phrases, self.view, extra), act)
        segment = Segment(text, type, act, tags, key, must)
        self._ground(phrases, segment.text, extra)
        self.draft.say(Speaker.AGENT, segment)
        return segment

    def user(self, phrases: Sequence[Phrase], type: TurnType, act: str, *tags: Tag, **extra: Any) -> Segment:
        """The caller says one of the phrasings; what it holds is known to the agent from now on."""
        text = joints.fitted(self._before(Speaker.USER), self.render(phrases, self.truth, extra), act)
        segment = Segment(text, type, act, tags or self._mood_tags(act))
        self.draft.say(Speaker.USER, segment)
        self.known_text += plain(segment.text)
        return segment

    def _before(self, speaker: Speaker) -> Sequence[Segment]:
        """The segments of the turn that `speaker` goes on with."""
        turns = self.draft.turns
        return turns[-1].segments if turns and turns[-1].speaker is speaker else ()

    def _part(self, name: str) -> str:
        phrases = self.domain.acts[f"part.{name}"]
        return self.pick(phrases).render(self.view, self.dice.index, self._part)

    def _mood_tags(self, act: str) -> tuple[Tag, ...]:
        tag = {"cheerful": Tag.CHEERFUL, "anxious": Tag.ANXIOUS, "annoyed": Tag.ANGRY}.get(self.mood)
        share = 0.5 if act in ("open", "react", "push") else 0.25
        return (tag,) if tag and self.dice.chance(share) else ()

    def _ground(self, phrases: Sequence[Phrase], text: str, extra: Mapping[str, Any]) -> None:
        said = plain(text)
        for name in sorted({n for p in phrases for n in p.stated}):
            value = extra.get(name, self.view.get(name))
            if not isinstance(value, str) or not value.strip(" ,") or plain(value.strip(" ,")) not in said:
                continue
            value = value.strip(" ,")
            if plain(value) not in self.known_text:
                raise Ungrounded(f"{name} = {value!r} in {text!r}")
            self.stated[value] = None

    # -- knowing --------------------------------------------------------------------------------------------------

    def settle(self, cut: int | None) -> None:
        """Takes the agent's last turn as heard up to word `cut`: what was heard is done, what had to be heard comes again."""
        turn = self.draft.last
        if turn.speaker is not Speaker.AGENT:
            return
        turn.cut = cut
        for segment, (start, end) in zip(turn.segments, turn.spans(), strict=True):
            if cut is None or end <= cut:
                if segment.key:
                    self.heard.add(segment.key)
                continue
            if segment.must:
                self.unheard.append(rest_of(segment, start, cut))
            # Who is cut off while asking for a moment has not called yet.
            self.calls = [c for c in self.calls if c.segment is not segment]

    def reveal(self, result: Mapping[str, Value], slots: Mapping[str, str]) -> None:
        """A tool's result is there: the agent may say it."""
        self.hidden -= set(slots.values())
        self.known_text += plain(as_text(result))

    def has_answer(self, item: Question | Refusal) -> bool:
        """Whether the agent has what it would say to something that the caller brings up."""
        said = item.agent if isinstance(item, Question) else (*item.agent, *item.offer, *item.done)
        return not self.hidden or self.hidden.isdisjoint(n for p in said for n in p.stated)

    def wrong_value(self, slot: str) -> str | None:
        value = self.instance["wrong_values"].get(slot)
        return value if isinstance(value, str) else None

    def steps_left(self) -> int:
        return sum(1 for s in self.scenario.steps if s.name not in self.done and s.when(self.view))

    def room(self) -> int:
        """Words that are free for extras, once the remaining steps and the closing are counted; 0 where the turns run out."""
        checks = len(self.instance["identity"]) - len(self.checked)
        steps = self.steps_left()
        if len(self.draft.turns) + TURNS_A_STEP * steps + 2 * checks + CLOSING_TURNS > self.options.max_turns:
            return 0
        return self.options.max_words - self.draft.n_words - STEP_WORDS * steps - 12 * checks - 22

    def ready(self, after: str) -> bool:
        """Whether something that comes after a step may come up now; "" is any time after the agent has informed or acted."""
        if after:
            return after in self.heard
        return any(s.kind in ("lookup", "tell", "do") and s.name in self.heard for s in self.scenario.steps)


def rest_of(segment: Segment, start: int, cut: int) -> Segment:
    """What is still to be said of a segment that begins at word `start` and was cut at `cut`: from the cut sentence on."""
    words = segment.text.split()
    heard = max(0, cut - start)
    begin = max((i + 1 for i, w in enumerate(words[:heard]) if w.endswith((".", "?", "!"))), default=0)
    return Segment(" ".join(words[begin:]), segment.type, segment.act, segment.tags, segment.key, True)
