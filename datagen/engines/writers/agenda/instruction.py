"""Writes a dialogue in which the user sets a constraint early on, and the agent keeps it from then on."""

from collections.abc import Mapping
from typing import Any

from datagen.domains.fitting import Item, fitted, framed, free_answer
from datagen.domains.instruction import InstructionDomain
from datagen.domains.lines import Line, Lines, lead_in
from datagen.domains.phrasing import Dice, tidy
from datagen.engines.writers.agenda.draft import Draft, Segment
from datagen.engines.writers.agenda.options import AgendaOptions
from datagen.engines.writers.agenda.qa import MOOD_TAGS
from datagen.engines.writers.agenda.talk import cut_word, spoken_turns
from datagen.protocols import Failure, WriteRequest
from datagen.records.enums import Speaker, Tag, TurnType
from datagen.records.maker import Maker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.store.ids import canonical, rng
from datagen.text.constraints import keeps

A, U = Speaker.AGENT, Speaker.USER
MIN_ROUNDS = 2
ALONE = 0.5
"""How often a constraint is set in a turn of its own, where the agent has something to say to it."""
LED = 0.3
"""How often a question is led up to ("I have a question about deserts")."""


def write_instruction(
    domain: InstructionDomain, request: WriteRequest, options: AgendaOptions, maker: Maker
) -> Transcript | Failure:
    """The transcript of an instruction plan; a Failure where its questions have no answers that keep the constraint."""
    plan = request.plan
    talk = _Talk(domain, plan, Dice(rng(request.seed, "instruction")), options)
    talk.open()
    talk.rounds(plan.scenario, plan.instance["constraint"], plan.instance["items"])
    if plan.instance["other"]:
        talk.change(plan.instance["other"], plan.instance["other_constraint"], plan.instance["other_items"])
    elif plan.traits.get("lifts"):
        talk.lift()
    talk.close()
    n_kept = talk.n_answered
    if n_kept < MIN_ROUNDS:
        return Failure(
            "few_rounds",
            f"{plan.dialog_id} {plan.domain}/{plan.scenario}: {n_kept} questions can be answered under the constraint, "
            f"{MIN_ROUNDS} are needed. Add questions to {domain.topics.name}.",
        )
    turns = spoken_turns(talk.draft, talk.dice, options, {})
    return Transcript(plan.dialog_id, domain.role_context, turns, maker, constraint=canonical(talk.constraint()))


class _Talk:
    """One dialogue as it is written. `set` are the constraints in their order, with the turns between which each holds."""

    def __init__(self, domain: InstructionDomain, plan: DialogPlan, dice: Dice, options: AgendaOptions) -> None:
        self.domain, self.plan, self.dice, self.options = domain, plan, dice, options
        self.draft = Draft()
        self.mood = MOOD_TAGS.get(str(plan.traits.get("mood")), ())
        self.set: list[dict[str, Any]] = []
        self.n_answered = 0
        self.asked = ""

    # -- saying ---------------------------------------------------------------------------------------------------

    def say(self, speaker: Speaker, text: str, kind: TurnType, act: str, *tags: Tag) -> None:
        self.draft.say(speaker, Segment(text, kind, act, tags))

    def pick(self, lines: Lines) -> str:
        return lines[self.dice.index(len(lines))].say(self.dice)

    def own(self, key: str) -> str:
        return self.pick(self.domain.frames[key])

    def frame(self, key: str, **slots: str) -> str:
        lines = self.domain.topics.frames[key]
        return lines[self.dice.index(len(lines))].say(self.dice, slots)

    def ask(self, item: Item, lead: str = "") -> None:
        """The user asks, after a lead, or with one of its own where it comes to another subject in the middle of a topic."""
        text = self.pick(item.asks)
        if item.wrong:
            text = lead_in("So", text) if lead_in("So", text) != text else f"So {text}"
        new = item.question != self.asked
        if new and (item.second is not None or self.dice.chance(LED)):
            text = f"{self.frame('ask_lead', subject=item.subject.draw(self.dice))} {tidy(text)}"
        self.asked = item.question
        kind = "ask" if item.second is None else "follow_up"
        self.say(U, tidy(f"{lead} {text}"), TurnType.QUESTION, kind, *self.mood)

    # -- the parts of a dialogue ----------------------------------------------------------------------------------

    def open(self) -> None:
        """Greetings, and, where the user opens with a question, an answer without a constraint, which the user may cut."""
        traits = self.plan.traits
        if self.plan.first_speaker is A:
            self.say(A, self.frame("agent_hello"), TurnType.GREETING, "greet", Tag.WARM)
        if traits.get("greets"):
            self.say(U, self.frame("user_hello"), TurnType.GREETING, "greet", *self.mood)
        if not traits.get("opens"):
            return
        item = self.domain.item(self.plan.instance["free_items"][0])
        self.ask(item)
        text = lead_in(self.frame("answer_lead"), free_answer(item, self.dice))
        self.say(A, text, TurnType.ANSWER, "answer", Tag.WARM)
        if self.dice.chance(self.options.barge_in_per_dialog):
            self.draft.last.cut = cut_word(text, self.dice, early=True)

    def rounds(self, scenario: str, constraint: Mapping[str, Any], items: list[str], lead: str = "") -> None:
        """The user sets a constraint, alone or with the first question, and asks; the agent keeps it in every answer."""
        found = self.domain.constraint(scenario)
        opened = any(t.speaker is A and t.act == "answer" for t in self.draft.turns)
        cut = bool(self.draft.turns) and self.draft.last.cut is not None
        lead = lead or self.own("complaint" if cut or (opened and self.dice.chance(0.3)) else "wish")
        self.say(U, f"{lead} {self._of(found.set, constraint)}".strip(), TurnType.STATEMENT, "set", *self.mood)
        self.set.append({**constraint, "from_turn": len(self.draft.turns) - 1})
        ack = self._kept_line(found.ack, constraint) if self.dice.chance(ALONE) else ""
        if ack:
            self.say(A, ack, TurnType.CONFIRMATION, "ack", Tag.WARM)
        reminds = 1 + self.dice.index(len(items)) if self.plan.traits.get("reminds") and len(items) > 1 else 0
        for number, id_ in enumerate(items):
            item = self.domain.item(id_)
            answer = fitted(item, constraint, found.frame, self.dice)
            if answer is None:
                continue
            react = self.frame("react") if number and self.dice.chance(0.5) else ""
            reminder = self._of(found.remind, constraint) if number and number == reminds else ""
            self.ask(item, f"{react} {reminder}".strip())
            self.say(A, answer, TurnType.ANSWER, "answer", Tag.WARM)
            self.n_answered += 1

    def change(self, scenario: str, constraint: Mapping[str, Any], items: list[str]) -> None:
        """Another constraint takes the place of the first."""
        self.set[-1]["until_turn"] = len(self.draft.turns)
        self.rounds(scenario, constraint, items, lead=self.own("change"))

    def lift(self) -> None:
        """The user lifts the constraint, and gets an answer as before."""
        self.set[-1]["until_turn"] = len(self.draft.turns)
        item = self.domain.item(self.plan.instance["free_items"][1])
        self.say(U, self.own("lift"), TurnType.STATEMENT, "lift", *self.mood)
        self.ask(item)
        text = lead_in(self.frame("answer_lead"), free_answer(item, self.dice))
        self.say(A, text, TurnType.ANSWER, "answer", Tag.WARM)

    def close(self) -> None:
        """Thanks, and a last word where one keeps the constraint."""
        if not self.plan.traits.get("thanks"):
            return
        self.say(U, self.frame("thanks"), TurnType.CLOSING, "thank", *self.mood)
        current = self.set[-1]
        lifted = "until_turn" in current
        for _ in range(8):
            word = self.frame("welcome")
            if lifted or keeps(current, word):
                self.say(A, word, TurnType.CLOSING, "welcome", Tag.WARM)
                return

    def constraint(self) -> dict[str, Any]:
        """The constraint as JSON types, with the one that took its place."""
        first, *rest = self.set
        return {**first, "then": rest[0]} if rest else first

    def _of(self, lines: Lines, constraint: Mapping[str, Any]) -> str:
        return framed(lines[self.dice.index(len(lines))], constraint, self.dice)

    def _kept_line(self, lines: tuple[Line, ...], constraint: Mapping[str, Any]) -> str:
        """One of the lines that keeps the constraint; "" where none of a few draws does."""
        for _ in range(4 if lines else 0):
            text = self._of(lines, constraint)
            if keeps(constraint, text):
                return text
        return ""
