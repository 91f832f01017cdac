"""What a dialogue asks for besides its matter: who the user is, what has to happen, its size, how it begins and ends. All from
the plan's seed and traits, so that another attempt asks for the same, and another plan for something else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from datagen.domains.phrasing import Dice
from datagen.engines.writers.llm.options import WriterOptions
from datagen.engines.writers.llm.templates import Templates
from datagen.records.enums import Kind, Speaker, Vocal
from datagen.records.plan import DialogPlan
from datagen.store.ids import rng

SOUNDS: Mapping[str, tuple[Vocal, ...]] = {
    "anxious": (Vocal.SIGH, Vocal.CLEAR_THROAT),
    "annoyed": (Vocal.SIGH, Vocal.GROAN),
    "hurried": (Vocal.SIGH, Vocal.CLEAR_THROAT),
    "": (Vocal.LAUGH, Vocal.CHUCKLE, Vocal.SIGH, Vocal.COUGH, Vocal.CLEAR_THROAT, Vocal.SNIFF),
}
"""What a user of a mood can be heard to do; any other mood: the last."""
SPREAD = 3
"""Turns between the fewest and the most that one request asks for: the range of the options is spread over dialogues, not left to
the model, which would write the same size every time."""


@dataclass(slots=True)
class Drawing:
    """The draws of one dialogue."""

    plan: DialogPlan
    options: WriterOptions
    templates: Templates
    dice: Dice

    @classmethod
    def of(cls, plan: DialogPlan, options: WriterOptions, templates: Templates) -> "Drawing":
        return cls(plan, options, templates, Dice(rng(plan.seed, "asks")))

    def event(self, name: str, **view: Any) -> str:
        """One way to ask for something."""
        return self.templates.line(self.dice.pick(self.templates.event(name)), view)

    def wanted(self, name: str) -> bool:
        """Whether the dialogue has a behaviour: by the option's rate where one is set, else by the plan's trait."""
        rate: float | None = getattr(self.options.asks, name)
        return bool(self.plan.traits.get(name)) if rate is None else self.dice.chance(rate)

    def caller(self) -> list[str]:
        """Who the user is, two or three lines, and the mood."""
        asks, plan = self.templates.asks, self.plan
        who = {"female": "A woman", "male": "A man"}.get(str(plan.instance.get("customer_sex", "")), "Somebody")
        lines = [f"{who} {self.dice.pick(asks.caller.people)}."]
        lines.append(f"{self._capital(self.dice.pick(asks.caller.talks))}.")
        if self.dice.chance(0.5) and plan.kind is not Kind.QA:
            lines.append(f"{self._capital(self.dice.pick(asks.caller.places))}; it may come up once, or not at all.")
        mood = str(plan.traits.get("mood", ""))
        if mood in asks.mood:
            lines.append(f"{self._capital(self.dice.pick(asks.mood[mood]))}.")
        return lines

    def spoken_events(self, cuts: bool = True) -> list[str]:
        """Turn-taking and delivery, by the rates of the options."""
        rates, found = self.options.asks, []
        if self.dice.chance(rates.barge_in) and cuts:
            found.append(self.event("barge_in", why=self.dice.pick(self.templates.event("barge_in_why"))))
        if self.dice.chance(rates.backchannel):
            found.append(self.event("backchannel"))
        if self.dice.chance(rates.hesitation):
            found.append(self.event("hesitation"))
        if self.dice.chance(rates.vocal):
            sounds = SOUNDS.get(str(self.plan.traits.get("mood", "")), SOUNDS[""])
            found.append(self.event("vocal", sound=str(self.dice.pick(sounds))))
        return found

    def shape(self, least_turns: int = 0) -> dict[str, Any]:
        """Size, first speaker, opening and closing, as _conversation.j2 names them."""
        low, high = self.options.turns.of(self.plan.kind)
        wanted = int(self.plan.traits.get("n_turns", 0)) or self.dice.between(low, high)
        wanted = min(max(wanted, low, least_turns), max(high, least_turns))
        asks = self.templates.asks.caller
        agent_first = self.plan.first_speaker is Speaker.AGENT
        call = self.plan.kind in (Kind.SERVICE, Kind.TOOL)
        opening = [self.dice.pick(asks.agent_opening)] if agent_first and call else []
        opening.append(self.dice.pick(asks.user_opening if call else asks.talk_opening))
        return {
            "turns": {"least": max(low, wanted - SPREAD + 1), "most": wanted + 1, "words": self.options.max_words},
            "first": str(self.plan.first_speaker),
            "opening": " ".join(opening),
            "closing": self.dice.pick(asks.closing if call else asks.talk_closing),
        }

    def _capital(self, text: str) -> str:
        return f"The user {text}"
