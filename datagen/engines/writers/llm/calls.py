"""Briefs of calls to a company: kinds `service` and `tool`, from a service domain's scenario."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from datagen.domains.phrasing import Dice, Phrase, article
from datagen.domains.scenario import Phrases, Step
from datagen.domains.schema import ParameterSpec
from datagen.domains.service import Scenario, ServiceDomain
from datagen.domains.tools import sentence, typed
from datagen.engines.writers.llm.brief import PlannedCall
from datagen.engines.writers.llm.drawing import Drawing
from datagen.records.enums import Kind

LEAST_TURNS_A_STEP = 2
"""A step that a call has room for takes about two turns; what has more steps than its size allows is written longer."""
MAX_QUESTIONS = 3


class Outline:
    """The matter of one call: what is asked, found, told and done, in phrasings of the domain as examples of what is meant."""

    def __init__(self, domain: ServiceDomain, drawing: Drawing) -> None:
        self.domain, self.drawing = domain, drawing
        self.plan, self.dice = drawing.plan, drawing.dice
        self.scenario: Scenario = domain.scenario(self.plan.scenario)
        self.instance = self.plan.instance

    def view(self) -> dict[str, Any]:
        """What service.j2 and tool.j2 see, but for the role context."""
        steps = [s for s in self.scenario.steps if s.when(self.instance)]
        roles = self.domain.spec.roles
        return {
            "title": self.scenario.title,
            "user_context": self.domain.user_context(self.plan.scenario, self.instance),
            "role": self.dice.pick(roles) if roles else "",
            "steps": [*self._checks(), *(line for step in steps for line in self._step(step))],
            "caller": self.drawing.caller(),
            "events": [*self._events(steps), *self.drawing.spoken_events()],
            "calls": [self._shown(call) for call in planned_calls(self.domain, self.plan.scenario, self.instance)]
            if self.plan.kind is Kind.TOOL
            else [],
            **self.drawing.shape(LEAST_TURNS_A_STEP * (len(steps) + len(self.instance.get("identity", ())))),
        }

    def say(self, phrases: Phrases, **extra: Any) -> str:
        """One of the domain's phrasings, rendered."""
        return self._render(self.dice.pick(phrases), {**self.instance, **extra} if extra else self.instance)

    def _render(self, phrase: Phrase, view: Mapping[str, Any]) -> str:
        def part(name: str) -> str:
            return self._render(self.dice.pick(self.domain.acts[f"part.{name}"]), view)

        return phrase.render(view, self.dice.index, part)

    def _checks(self) -> Iterator[str]:
        for name in self.instance.get("identity", ()):
            check = self.domain.identity[name]
            asked = self.say(check.agent)
            yield f'Before anything else, the agent checks who is calling ("{asked}"); the user gives {self.instance[check.slot]}.'

    def _step(self, step: Step) -> Iterator[str]:
        """A step in words, with an example of what is said and the value that comes of it."""
        value = self.instance.get(step.slot, "")
        if step.kind == "ask":
            yield f'The agent needs to know: "{self.say(step.agent)}" The user\'s answer: {value}.'
        elif step.kind == "offer":
            yield f'The agent offers: "{self.say(step.agent)}" The user takes: {value}.'
        elif step.kind == "lookup":
            yield f'The agent looks it up, and says what it finds: "{self.say(step.found)}"'
        elif step.kind == "tell":
            yield f'The agent says: "{self.say(step.agent)}"'
        else:
            asked = f'asks leave ("{self.say(step.agent)}"), does it, ' if step.agent else "does it "
            yield f'The agent {asked}and says so: "{self.say(step.found)}"'
        if step.bad(self.instance):
            yield self.drawing.event("news")

    def _events(self, steps: list[Step]) -> Iterator[str]:
        """What the caller's traits make of the call, each with what it is about."""
        traits, drawing = self.plan.traits, self.drawing
        yield from self._questions(int(traits.get("n_questions", 0)))
        if drawing.wanted("refusal"):
            yield from self._refusal()
        if drawing.wanted("rude"):
            complaint = self.say(self.scenario.complaints) if self.scenario.complaints else "out of impatience"
            yield drawing.event("rude", complaint=complaint)
            yield drawing.event("calms" if traits.get("calms") else "stays_rude")
        if drawing.wanted("unrelated") and self.domain.unrelated:
            yield drawing.event("unrelated", question=self.say(self.dice.pick(self.domain.unrelated).user))
        yield from self._slips(steps)

    def _slips(self, steps: list[Step]) -> Iterator[str]:
        traits, drawing = self.plan.traits, self.drawing
        wrongs: Mapping[str, str] = self.instance.get("wrong_values", {})
        asked = {s.slot: s for s in steps if s.kind == "ask"}
        checked = {self.domain.identity[c].slot: c for c in self.instance.get("identity", ())}
        if traits.get("wrong") and (slots := [s for s in asked if s in wrongs]):
            slot = self.dice.pick(slots)
            yield drawing.event("wrong", wrong=wrongs[slot], right=self.instance[slot])
        if traits.get("verify_fail") and (slots := [s for s in checked if s in wrongs]):
            slot = self.dice.pick(slots)
            what = checked[slot].replace("_", " ")
            yield drawing.event("verify_fail", what=what, wrong=wrongs[slot], right=self.instance[slot])
        if traits.get("early") and any(s.early for s in asked.values()):
            yield drawing.event("early")
        if traits.get("late") and any(s.late for s in asked.values()):
            yield drawing.event("late")
        if traits.get("mishear"):
            yield drawing.event("mishear")
        if asked and self.dice.chance(float(traits.get("readback", 0.0))):
            yield drawing.event("readback")
        if traits.get("one_more"):
            yield drawing.event("one_more")

    def _questions(self, wanted: int) -> Iterator[str]:
        left = [q for q in self.scenario.questions if q.when(self.instance)]
        for _ in range(min(wanted, len(left), MAX_QUESTIONS)):
            question = self.dice.weighted(left, [q.share for q in left])
            left.remove(question)
            yield self.drawing.event(
                "question", question=f'"{self.say(question.user)}" (the agent: "{self.say(question.agent)}")'
            )

    def _refusal(self) -> Iterator[str]:
        there = [r for r in self.scenario.refusals if r.when(self.instance)]
        if not there:
            return
        refusal = self.dice.weighted(there, [r.share for r in there])
        asked, reason, offer = self.say(refusal.user), self.say(refusal.agent), self.say(refusal.offer)
        yield self.drawing.event("refusal", request=f'"{asked}"', reason=f'"{reason}"', offer=f'"{offer}"')
        if self.plan.traits.get("push"):
            yield self.drawing.event("push")
        yield self.drawing.event("accept" if self.plan.traits.get("accept") else "decline")

    def _shown(self, call: PlannedCall) -> dict[str, Any]:
        """A call as the template shows it, in the form in which the model has to write it."""
        return {
            "name": call.name,
            "description": self.domain.tools[call.name].description,
            "call": json.dumps({"name": call.name, "arguments": call.arguments}, ensure_ascii=False),
            "result": json.dumps(call.result, ensure_ascii=False),
        }


def planned_calls(domain: ServiceDomain, scenario: str, instance: Mapping[str, Any]) -> tuple[PlannedCall, ...]:
    """The tool calls of a scenario's steps in an instance, typed as the tools declare them; optional fields without a value left out."""
    found = []
    for step in domain.scenario(scenario).steps:
        if not step.tool or not step.when(instance):
            continue
        spec = domain.tools[step.tool]
        parameters, returns = _fields(spec.parameters), _fields(spec.returns)
        arguments = {name: typed(instance[slot], parameters[name]["type"]) for name, slot in step.arguments.items()}
        result = {name: typed(instance[slot], returns[name]["type"]) for name, slot in step.result.items()}
        found.append(PlannedCall(step.tool, arguments, result, parameters, returns))
    return tuple(found)


def _fields(declared: Mapping[str, ParameterSpec]) -> dict[str, dict[str, Any]]:
    return {name: {"type": p.type, "required": p.required} for name, p in declared.items()}


def role_opening(instance: Mapping[str, Any]) -> str:
    """The sentence that every service role context begins with, up to the word after which the facts come."""
    return (
        f"You work for {instance['company']} which is {article(instance['business'])} and your name is {instance['agent_name']}. "
        "Information:"
    )


def tools_sentence(instance: Mapping[str, Any]) -> str:
    """What stands behind the facts of a role context: the tools, where the dialogue has some."""
    tools = " ".join(sentence(t) for t in instance.get("tools", ()))
    return f" Tools: {tools}" if tools else ""


def describe_view(domain: ServiceDomain, scenario: str, dice: Dice) -> dict[str, Any]:
    """What describe.j2 sees of a scenario: the goal with the slots' names in place of their values, and the steps' names."""
    found = domain.scenario(scenario)
    names = {name: f"(the {name.replace('_', ' ')})" for name in (*found.slots, "agent_name")}
    goal = found.goal.render(names, dice.index, lambda part: "")
    outline = ", ".join(step.name.replace("_", " ") for step in found.steps)
    return {"domain": domain.title, "title": found.title, "goal": goal, "outline": outline}
