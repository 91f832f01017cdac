"""Briefs and constraints of kind `instruction`: what the user asks, the rule in words, and which turns set, change and lift it."""

from collections.abc import Mapping, Sequence
from typing import Any

from datagen.domains.fitting import fitted, framed, free_answer
from datagen.domains.instruction import InstructionDomain
from datagen.engines.writers.llm.drawing import Drawing
from datagen.engines.writers.llm.reader import RULES, Spoken
from datagen.protocols import Failure
from datagen.records.enums import Speaker
from datagen.store.ids import canonical

SET, CHANGE, _LIFT = RULES
TURNS_A_QUESTION = 2


class Rules:
    """The rule of one dialogue, as its prompt shows it."""

    def __init__(self, domain: InstructionDomain, drawing: Drawing) -> None:
        self.domain, self.drawing = domain, drawing
        self.dice, self.instance = drawing.dice, drawing.plan.instance

    def view(self) -> dict[str, Any]:
        """What instruction.j2 sees, but for the role context."""
        drawing, constraint = self.drawing, self.instance["constraint"]
        items = self._items(drawing.plan.scenario, constraint, self.instance["items"])
        events, more = self._events()
        return {
            "name": self.instance.get("name", ""),
            "items": items,
            "later_items": more,
            "rule": self._rule(constraint),
            "said": self._said(drawing.plan.scenario, constraint),
            "caller": drawing.caller(),
            # A turn that is cut in on does not end as its rule has it.
            "events": [*events, *drawing.spoken_events(cuts=False)],
            **drawing.shape(TURNS_A_QUESTION * (len(items) + len(more) + 1)),
        }

    def _events(self) -> tuple[list[str], list[dict[str, str]]]:
        """What happens to the rule, and the questions that come after it has changed."""
        instance, traits, drawing = self.instance, self.drawing.plan.traits, self.drawing
        events, more = list[str](), list[dict[str, str]]()
        if traits.get("opens"):
            events.append(drawing.event("opens", question=self._question(instance["free_items"][0])))
        if traits.get("reminds"):
            events.append(drawing.event("remind"))
        if instance.get("other"):
            other = instance["other_constraint"]
            said, rule = self._said(instance["other"], other), self._rule(other)
            events.append(drawing.event("change", said=said, rule=rule))
            more = self._items(instance["other"], other, instance["other_items"])
        elif traits.get("lifts"):
            events.append(drawing.event("lift", question=self._question(instance["free_items"][1])))
        if traits.get("thanks"):
            events.append(drawing.event("thanks"))
        return events, more

    def _rule(self, constraint: Mapping[str, Any]) -> str:
        return self.drawing.templates.rule(str(constraint["type"]), constraint)

    def _said(self, scenario: str, constraint: Mapping[str, Any]) -> str:
        return framed(self.dice.pick(self.domain.constraint(scenario).set), constraint, self.dice)

    def _question(self, id_: str) -> str:
        return f'"{self.dice.pick(self.domain.item(id_).asks).say(self.dice)}"'

    def _items(self, scenario: str, constraint: Mapping[str, Any], ids: Sequence[str]) -> list[dict[str, str]]:
        """The questions, each with an answer of the domain's that keeps the rule; those that have one, if any has."""
        frame = self.domain.constraint(scenario).frame
        asked = [(item, fitted(item, constraint, frame, self.dice)) for item in map(self.domain.item, ids)]
        kept = [pair for pair in asked if pair[1] is not None] or asked
        return [
            {"question": self.dice.pick(item.asks).say(self.dice), "answer": answer or free_answer(item, self.dice)}
            for item, answer in kept
        ]


def constraint_of(turns: Sequence[Spoken], instance: Mapping[str, Any], dialog_id: str) -> str | Failure:
    """The constraint of a dialogue as JSON, from the plan's rules and the turns that say they set, change or lift one.

    Fails with `no_rule` where no turn of the user's sets it first, or one changes it to what the plan does not have.
    """
    marked = [(i, t.rule) for i, t in enumerate(turns) if t.rule and t.speaker is Speaker.USER]
    if [rule for _, rule in marked[:1]] != [SET] or any(rule == SET for _, rule in marked[1:]):
        return Failure(
            "no_rule", f"{dialog_id}: one turn of the user's has to set the rule, before any other that touches it."
        )
    made: dict[str, Any] = {**instance["constraint"], "from_turn": marked[0][0]}
    if len(marked) > 1:
        at, rule = marked[1]
        made["until_turn"] = at
        if rule == CHANGE and not instance.get("other"):
            return Failure("no_rule", f"{dialog_id} turn {at}: another rule is set, and the plan has none.")
        if rule == CHANGE:
            made["then"] = {**instance["other_constraint"], "from_turn": at}
            if len(marked) > 2:
                made["then"]["until_turn"] = marked[2][0]
    return canonical(made)
