"""A service domain: a folder's files compiled, from which instances, callers' traits and role contexts are drawn."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datagen import resources
from datagen.config import read_options
from datagen.domains import traits as callers
from datagen.domains.acts import merge, read_acts
from datagen.domains.base import Problem, ScenarioInfo
from datagen.domains.files import read_toml
from datagen.domains.names import SHARED, People, by_split, compose
from datagen.domains.phrasing import HELPERS, Dice, Phrase, article
from datagen.domains.scenario import (
    Check,
    Fact,
    Phrases,
    Question,
    Refusal,
    Step,
    Unrelated,
    phrases,
    read_check,
    read_fact,
    read_question,
    read_refusal,
    read_step,
)
from datagen.domains.schema import DomainSpec, RatesSpec, ScenarioSpec
from datagen.domains.slot_calendar import date_shower
from datagen.domains.slot_texts import mistaken
from datagen.domains.slot_types import SLOT_TYPES
from datagen.domains.slots import Draw, Slot, ordered
from datagen.domains.tools import schema_of, sentence
from datagen.errors import UserError
from datagen.records.enums import Kind, Split
from datagen.store.ids import digest, file_digest, seed_of, tree_digest
from datagen.store.pools import Shares

RESERVED: dict[str, dict[str, Any]] = {
    "customer": {"type": "person"},
    "first_name": {"type": "first", "of": "customer"},
    "last_name": {"type": "last_word", "of": "customer"},
}
"""Slots that every domain has, and may override; company, business, agent_name and today are drawn beside them."""

DRAWN = ("company", "business", "today")
"""What is drawn before the slots, so that they may use it; `agent_name` comes last, to differ from the caller's."""
_TAKEN = HELPERS | {"value", "wrong", "hail"}
"""Names that a phrasing has already: a slot of that name would go unseen."""
DAY_ZERO = 739_253
"""January 2nd, 2025 (proleptic ordinal): `today` lies in the two years from it on."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario, compiled. `order` is the order in which `slots` are drawn."""

    name: str
    title: str
    share: float
    tone: str
    goal: Phrase
    verify: int | tuple[str, ...]
    order: tuple[str, ...]
    slots: Mapping[str, Slot]
    tables: Mapping[str, Mapping[str, Any]]
    facts: tuple[Fact, ...]
    opening: Phrases
    steps: tuple[Step, ...]
    questions: tuple[Question, ...]
    refusals: tuple[Refusal, ...]
    complaints: Phrases
    rates: RatesSpec
    wrongable: tuple[str, ...]


class ServiceDomain:
    """A folder of kind `service`. Loading compiles every slot and parses every phrasing; a fault is a UserError."""

    kind = Kind.SERVICE

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name
        label = f"{self.name}/domain.toml"
        spec = read_options(DomainSpec, read_toml(folder / "domain.toml", label), label)
        self.title = spec.title
        self.spec = spec
        self.companies = _companies(spec, label)
        self._pools: dict[Shares, dict[Split, list[str]]] = {}
        self.greetings = phrases(spec.greetings, f"{label} greetings")
        self.facts = tuple(read_fact(f, f"{label} facts[{i}]") for i, f in enumerate(spec.facts)) + tuple(
            read_fact(f, f"{label} policies[{i}]") for i, f in enumerate(spec.policies)
        )
        self.tools = {t.name: t for t in spec.tools}
        self.identity: dict[str, Check] = {c.name: read_check(c, label) for c in spec.identity}
        self.questions = tuple(read_question(q, label) for q in spec.questions)
        self.refusals = tuple(read_refusal(r, label) for r in spec.refusals)
        shared = resources.prompts() / SHARED
        self.unrelated = tuple(
            Unrelated(
                phrases(u.user, f"{label} unrelated[{i}].user"), phrases(u.agent, f"{label} unrelated[{i}].agent")
            )
            for i, u in enumerate(spec.unrelated)
        )
        self.acts = merge(
            read_acts(shared / "acts.j2", "_shared/acts.j2"),
            read_acts(folder / "acts.j2", f"{self.name}/acts.j2"),
            f"{self.name}/acts.j2",
        )
        self.scenario_by_name = self._read_scenarios()
        # Of what all domains share, what these dialogues are made of; prompts of language models lie there too.
        self.digest = digest(tree_digest(folder), *(file_digest(shared / name) for name in ("acts.j2", "names.toml")))

    @classmethod
    def load(cls, folder: Path) -> "ServiceDomain":
        return cls(folder)

    @property
    def scenarios(self) -> tuple[ScenarioInfo, ...]:
        return tuple(ScenarioInfo(s.name, s.title, s.share) for s in self.scenario_by_name.values())

    def scenario(self, name: str) -> Scenario:
        """A compiled scenario; UserError names the ones there are."""
        try:
            return self.scenario_by_name[name]
        except KeyError:
            raise UserError(
                f"{self.name}: there is no scenario {name!r}. There are: {', '.join(self.scenario_by_name)}."
            ) from None

    def instance(self, scenario: str, split: Split, shares: Shares, rng: np.random.Generator) -> Mapping[str, Any]:
        """Slot name to display value (texts; true or false for `test` and `chance`).

        `identity` lists the identity checks of this dialogue, `wrong_values` a second value of each slot that the
        caller may get wrong; `agent_sex` and `customer_sex` are what the names suggest.
        """
        found = self.scenario(scenario)
        draw = Draw(Dice(rng), split, shares)
        dice = draw.dice
        pool = self._pools.get(shares)
        if pool is None:
            pool = self._pools[shares] = by_split(tuple(self.companies), shares, f"company/{self.name}")
        company = dice.pick(pool[split] or list(self.companies))
        out: dict[str, Any] = {"company": company, "business": dice.pick(self.companies[company])}
        draw.raw.update(out)
        draw.raw["today"] = DAY_ZERO + dice.index(730)
        slots = found.slots
        out["today"] = slots["today"].show(draw.raw["today"])
        for name in found.order:
            slot = slots[name]
            draw.raw[name] = value = slot.draw(draw)
            out[name] = slot.show(value)
        people = People.shared()
        agent = people.first(dice)
        while agent == out["first_name"]:
            agent = people.first(dice)
        out |= {"agent_name": agent, "agent_sex": people.sex(agent), "customer_sex": people.sex(out["first_name"])}
        checks = self._draw_checks(found, dice)
        wrong = {}
        for name in (*found.wrongable, *(self.identity[c].slot for c in checks)):
            slot = slots[name]
            other = slot.show(mistaken(slot, draw, draw.raw[name])) if slot.varied else out[name]
            if other != out[name]:
                wrong[name] = other
        out["identity"] = checks
        out["wrong_values"] = wrong
        return out

    def traits(self, scenario: str, rng: np.random.Generator) -> Mapping[str, Any]:
        """How the caller of this dialogue behaves; see datagen.domains.traits."""
        return callers.draw(self.scenario(scenario).rates, Dice(rng))

    def role_context(self, scenario: str, instance: Mapping[str, Any]) -> str:
        """The agent's prompt: whom it works for, its name, and every fact of the instance, in the files' order.

        Where the instance has tools (kind `tool`), the facts that a tool's result tells are left out, and the tools stand at the end.
        """
        facts = " ".join(self.fact_lines(scenario, instance))
        tools = " ".join(sentence(t) for t in instance.get("tools", ()))
        return (
            f"You work for {instance['company']} which is {article(instance['business'])} and your name is {instance['agent_name']}. "
            f"Information: {facts}" + (f" Tools: {tools}" if tools else "")
        )

    def details(self, kind: Kind, scenario: str) -> Mapping[str, Any]:
        """What the instance of another kind than `service` has besides: of kind `tool` the schemas of the domain's tools."""
        return {"tools": [schema_of(t) for t in self.tools.values()]} if kind is Kind.TOOL else {}

    def hidden(self, scenario: str) -> frozenset[str]:
        """The slots that only a tool's result tells, in dialogues of kind `tool`: what the caller gives is none of them."""
        steps = self.scenario(scenario).steps
        given = {step.slot for step in steps}
        return frozenset(slot for step in steps for slot in step.result.values() if slot not in given)

    def facts_of(self, scenario: str, with_tools: bool) -> tuple[Fact, ...]:
        """The facts of the role context; `with_tools` without those that name what only a tool's result tells."""
        facts = (*self.scenario(scenario).facts, *self.facts)
        hidden = self.hidden(scenario) if with_tools else frozenset()
        return tuple(f for f in facts if not f.text.names & hidden)

    def fact_lines(self, scenario: str, instance: Mapping[str, Any]) -> list[str]:
        """The facts that hold in an instance, a sentence or two each."""
        dice = Dice(
            np.random.Generator(
                np.random.PCG64(seed_of(*(str(instance[k]) for k in ("company", "agent_name", "customer"))))
            )
        )
        lines = [self.identity[c].fact for c in instance["identity"]]
        lines += [f.text for f in self.facts_of(scenario, with_tools="tools" in instance) if f.when(instance)]
        texts = [p.render(instance, dice.index, _no_parts) for p in lines]
        if self.spec.customer_known and not any(instance["customer"] in t for t in texts):
            texts.insert(0, f"The caller is {instance['customer']}.")
        return texts

    def user_context(self, scenario: str, instance: Mapping[str, Any]) -> str:
        """The caller's side of the prompt, for swapped roles: who calls, whom, and why."""
        goal = self.scenario(scenario).goal.render(instance, lambda n: 0, _no_parts)
        return f"You are {instance['customer']}, a customer of {instance['company']}, and you are on the phone with them. {goal}"

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Service, and tool where a scenario calls one."""
        return (Kind.SERVICE, Kind.TOOL) if self.scenarios_of(Kind.TOOL) else (Kind.SERVICE,)

    def scenarios_of(self, kind: Kind) -> tuple[ScenarioInfo, ...]:
        """All scenarios; of kind `tool` those with a step that calls one."""
        if kind is not Kind.TOOL:
            return self.scenarios
        return tuple(s for s in self.scenarios if any(step.tool for step in self.scenario_by_name[s.name].steps))

    def check(self) -> list[Problem]:
        """Every fault that can be found without writing a dialogue; the writer's `try_domain` finds the rest."""
        from datagen.domains.check import problems

        return problems(self)

    def _draw_checks(self, scenario: Scenario, dice: Dice) -> list[str]:
        if not isinstance(scenario.verify, int):
            return list(scenario.verify)
        left = list(self.identity.values())
        names: list[str] = []
        for _ in range(min(scenario.verify, len(left))):
            check = dice.weighted(left, [c.share for c in left])
            left.remove(check)
            names.append(check.name)
        return names

    def _read_scenarios(self) -> dict[str, Scenario]:
        paths = sorted((self.folder / "scenarios").glob("*.toml"))
        if not paths:
            raise UserError(f"{self.name}/scenarios: there is no scenario. Write one: prompts/README.md.")
        return {p.stem: self._read_scenario(p) for p in paths}

    def _read_scenario(self, path: Path) -> Scenario:
        label = f"{self.name}/scenarios/{path.name}"
        spec = read_options(ScenarioSpec, read_toml(path, label), label)
        tables = {**RESERVED, **self.spec.slots, **spec.slots}
        slots, order = compile_slots(tables, label)
        steps = tuple(read_step(t, i, label) for i, t in enumerate(spec.steps))
        for step in steps:
            if step.slot and step.slot not in slots:
                raise UserError(f"{label} steps.{step.name}.slot: there is no slot {step.slot!r}.")
            self._check_tool(step, slots, label)
        if not isinstance(spec.verify, int):
            for name in spec.verify:
                if name not in self.identity:
                    raise UserError(
                        f"{label} verify: there is no identity check {name!r}. There are: {', '.join(self.identity) or 'none'}."
                    )
        elif spec.verify > len(self.identity):
            raise UserError(f"{label} verify: {spec.verify} checks asked, and domain.toml has {len(self.identity)}.")
        rates = read_options(RatesSpec, {**self.spec.rates, **spec.rates}, f"{label} rates")
        wrongable = tuple(dict.fromkeys(s.slot for s in steps if s.kind == "ask" and s.wrong and slots[s.slot].varied))
        return Scenario(
            name=path.stem,
            title=spec.title,
            share=spec.share,
            tone=spec.tone,
            goal=Phrase(spec.goal, f"{label} goal"),
            verify=spec.verify,
            order=order,
            slots=slots,
            tables=tables,
            facts=tuple(read_fact(f, f"{label} facts[{i}]") for i, f in enumerate(spec.facts)),
            opening=phrases(spec.opening, f"{label} opening"),
            steps=steps,
            questions=tuple(read_question(q, label) for q in spec.questions) + self.questions,
            refusals=tuple(read_refusal(r, label) for r in spec.refusals) + self.refusals,
            complaints=phrases(spec.complaints, f"{label} complaints"),
            rates=rates,
            wrongable=wrongable,
        )

    def _check_tool(self, step: Step, slots: Mapping[str, Slot], label: str) -> None:
        """UserError where a step calls a tool that is not there, or not as the tool is declared."""
        if not step.tool:
            if step.arguments or step.result:
                raise UserError(f"{label} steps.{step.name}: arguments or result without a tool. Name the tool.")
            return
        where = f"{label} steps.{step.name}.tool"
        if step.tool not in self.tools:
            there = ", ".join(self.tools) or "none"
            raise UserError(f"{where}: there is no tool {step.tool!r}. The domain's tools: {there}.")
        spec = self.tools[step.tool]
        for given, declared, what in (
            (step.arguments, spec.parameters, "parameter"),
            (step.result, spec.returns, "result field"),
        ):
            for name, slot in given.items():
                if name not in declared:
                    raise UserError(f"{where}: {step.tool} has no {what} {name!r}. It has: {', '.join(declared)}.")
                if slot not in slots:
                    raise UserError(f"{where}: {what} {name}: there is no slot {slot!r}.")
            for name, parameter in declared.items():
                if parameter.required and name not in given:
                    raise UserError(f"{where}: {step.tool} needs its {what} {name!r}.")


def compile_slots(tables: Mapping[str, Mapping[str, Any]], label: str) -> tuple[dict[str, Slot], tuple[str, ...]]:
    """Compiled slots by name, and their order; UserError for an unknown type, key, slot or a circle."""
    for name, table in tables.items():
        if str(table.get("type")) not in SLOT_TYPES:  # a list or a table has no hash to be looked up by
            raise UserError(
                f"{label} slots.{name}.type: {table.get('type')!r} is no slot type. There are: {', '.join(sorted(SLOT_TYPES))}."
            )
        if name in _TAKEN:
            raise UserError(f"{label} slots.{name}: phrasings use this name for something else. Use another one.")
        if name in (*DRAWN, "agent_name"):
            raise UserError(f"{label} slots.{name}: this slot is always drawn and cannot be set. Use another name.")
    order = ordered(tables, label, DRAWN)
    slots: dict[str, Slot] = {name: Slot(_given, str, varied=False) for name in DRAWN}
    slots["agent_name"] = slots["company"]
    slots["today"] = Slot(_given, date_shower("date"), (), "day", varied=False)
    for name in order:
        table = {k: v for k, v in tables[name].items() if k != "type"}
        slots[name] = SLOT_TYPES[tables[name]["type"]](table, slots, f"{label} slots.{name}")
    return slots, tuple(order)


def _companies(spec: DomainSpec, label: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for i, company in enumerate(spec.companies):
        for name in compose(company.patterns, company.parts, f"{label} companies[{i}]"):
            found[name] = company.business
    return found


def _given(draw: Draw) -> Any:
    raise UserError("company, business, today and agent_name are drawn with the instance, never as slots.")


def _no_parts(name: str) -> str:
    raise UserError(f"part({name!r}): facts and goals have no parts. Write the words themselves.")
