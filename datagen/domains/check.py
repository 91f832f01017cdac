"""What `datagen domains check` finds in a service domain's files before a single dialogue is written."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from datagen.domains.base import Problem
from datagen.domains.files import line_of
from datagen.domains.phrasing import Phrase, n_expansions
from datagen.domains.scenario import Phrases, condition_names, names_of
from datagen.domains.slots import references
from datagen.errors import UserError
from datagen.records.enums import Split
from datagen.store.ids import rng

if TYPE_CHECKING:
    from datagen.domains.service import Scenario, ServiceDomain

MIN_SCENARIOS, MIN_COMPANIES = 10, 200
MIN_OPENINGS, MIN_PHRASINGS = 4, 3
MIN_QUESTIONS, MIN_REFUSALS = 3, 1
MAX_CONTEXT_WORDS = 170
"""The role context goes into the prefix, which shares 2048 columns with the dialogue."""

ALWAYS_KNOWN = frozenset({"company", "business", "agent_name"})
ACT_NAMES = frozenset({"value", "wrong", "hail"})
N_INSTANCES = 20
_LITERAL = re.compile(
    r"\d|\b(two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|hundred|thousand|"
    r"January|February|March|April|June|July|August|September|October|November|December|"
    r"Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|noon|midnight)\b"
)
_IDIOM = re.compile(r"\blast four\b")
"""Said of digits, not a value."""
_CODE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.S)


def problems(domain: "ServiceDomain") -> list[Problem]:
    """Every fault, in the order of the files; [] for a sound domain."""
    found = list(_domain(domain))
    for scenario in domain.scenario_by_name.values():
        found += _Check(domain, scenario).run()
    return list(dict.fromkeys(found))


def _domain(domain: "ServiceDomain") -> Iterator[Problem]:
    label = f"{domain.name}/domain.toml"
    if len(domain.companies) < MIN_COMPANIES:
        yield Problem(
            f"{label} companies",
            f"{len(domain.companies)} names, at least {MIN_COMPANIES} are needed. Add words to parts.",
        )
    if len(domain.scenario_by_name) < MIN_SCENARIOS:
        yield Problem(
            f"{domain.name}/scenarios",
            f"{len(domain.scenario_by_name)} scenarios, at least {MIN_SCENARIOS} are needed.",
        )
    for name, phrases in domain.acts.items():
        if not phrases:
            yield Problem(f"{domain.name}/acts.j2 [{name}]", "has no phrasing.")
        for phrase in phrases:
            for part in phrase.parts - {a.removeprefix("part.") for a in domain.acts if a.startswith("part.")}:
                yield Problem(phrase.where, f"part({part!r}) is not there. Write [part.{part}].")
            if name.startswith("agent."):
                yield from _literals(phrase)
    shared = {"customer", "first_name", "last_name", *ALWAYS_KNOWN, "today", *domain.spec.slots}
    for phrases in domain.acts.values():
        for phrase in phrases:
            for slot in sorted(phrase.names - shared - ACT_NAMES):
                yield Problem(phrase.where, f"{slot!r} is no slot that every scenario has.")
    used = set().union(
        *(
            {s.slot for s in (domain.identity[c] for c in domain.identity)},
            *(_names_used(domain, x) for x in domain.scenario_by_name.values()),
        )
    )
    for slot in domain.spec.slots:
        if slot not in used:
            yield Problem(f"{label} slots.{slot}", "is used nowhere. Use it in a fact or a phrasing, or remove it.")


def _names_used(domain: "ServiceDomain", scenario: "Scenario") -> frozenset[str]:
    """Every slot that the scenario's texts, conditions, steps and other slots name."""
    steps, questions, refusals = scenario.steps, scenario.questions, scenario.refusals
    groups = [
        *(phrases for _, phrases in all_phrases(domain, scenario)),
        tuple(f.text for f in (*scenario.facts, *domain.facts)),
        (scenario.goal,),
    ]
    names = names_of(*groups)
    names |= frozenset(s.slot for s in steps if s.slot)
    conditions = [c for x in steps for c in (x.condition, x.bad_condition)]
    conditions += [x.condition for x in questions] + [x.condition for x in refusals]
    conditions += [x.condition for x in (*scenario.facts, *domain.facts)]
    names |= frozenset().union(*(condition_names(c) for c in conditions))
    names |= frozenset(r for table in scenario.tables.values() for r in references(table))
    return names | names_of(domain.greetings, *domain.acts.values())


def all_phrases(domain: "ServiceDomain", scenario: "Scenario") -> list[tuple[str, Phrases]]:
    """Every list of phrasings of a scenario, with whose it is: agent or user."""
    lists: list[tuple[str, Phrases]] = [
        ("user", scenario.opening),
        ("user", scenario.complaints),
        ("agent", domain.greetings),
    ]
    for step in scenario.steps:
        lists += [("agent", step.agent), ("agent", step.again), ("agent", step.confirm), ("agent", step.found)]
        lists += [("user", step.user), ("user", step.early), *(("user", p) for p in step.choices.values())]
    for question in scenario.questions:
        lists += [("user", question.user), ("agent", question.agent)]
    for r in scenario.refusals:
        lists += [("agent", x) for x in (r.agent, r.offer, r.done)] + [
            ("user", x) for x in (r.user, r.accept, r.decline, r.push)
        ]
    for check in domain.identity.values():
        lists += [("agent", check.agent), ("user", check.user)]
    for unrelated in domain.unrelated:
        lists += [("user", unrelated.user), ("agent", unrelated.agent)]
    return lists


def _literals(phrase: Phrase) -> Iterator[Problem]:
    literal = _LITERAL.search(_IDIOM.sub("", _CODE.sub("", phrase.source)))
    if literal:
        yield Problem(
            phrase.where,
            f"the agent says {literal.group()!r} in so many words. Make it a slot, and put that in a fact.",
        )


class _Check:
    """The faults of one scenario."""

    def __init__(self, domain: "ServiceDomain", scenario: "Scenario") -> None:
        self.domain, self.scenario = domain, scenario
        self.path = domain.folder / "scenarios" / f"{scenario.name}.toml"
        self.label = f"{domain.name}/scenarios/{scenario.name}.toml"

    def run(self) -> list[Problem]:
        found = [
            *self._unknown(),
            *self._grounding(),
            *self._counts(),
            *self._references(),
            *self._unused(),
            *self._instances(),
        ]
        return [self._with_line(p) for p in dict.fromkeys(found)]

    def _with_line(self, problem: Problem) -> Problem:
        """The problem with the line of its file, where the phrasing stands in one piece."""
        source = next(
            (p.source for _, ps in all_phrases(self.domain, self.scenario) for p in ps if p.where == problem.where),
            None,
        )
        line = line_of(self.path, source) if source and problem.where.startswith(self.label) else None
        return Problem(problem.where.replace(self.label, f"{self.label}:{line}", 1), problem.what) if line else problem

    def _unknown(self) -> Iterator[Problem]:
        known = {*self.scenario.slots, "value", "wrong", "hail"}
        texts = [p for _, phrases in all_phrases(self.domain, self.scenario) for p in phrases]
        for phrase in (*texts, self.scenario.goal, *(f.text for f in (*self.scenario.facts, *self.domain.facts))):
            for name in sorted(phrase.names - known):
                yield Problem(phrase.where, f"there is no slot {name!r}.")
            for part in sorted(phrase.parts):
                if f"part.{part}" not in self.domain.acts:
                    yield Problem(phrase.where, f"part({part!r}) is not there. Write [part.{part}] in acts.j2.")
        conditions = [(x.name, c) for x in self.scenario.steps for c in (x.condition, x.bad_condition)]
        conditions += [(x.name, x.condition) for x in self.scenario.questions]
        conditions += [(x.name, x.condition) for x in self.scenario.refusals]
        for owner, condition in conditions:
            for name in sorted(condition_names(condition) - known):
                yield Problem(f"{self.label} {owner}.when", f"there is no slot {name!r}.")

    def _grounding(self) -> Iterator[Problem]:
        """Slots that the agent states although no fact holds them and no caller has given them by then."""
        scenario = self.scenario
        in_facts = names_of(tuple(f.text for f in (*scenario.facts, *self.domain.facts))) | ALWAYS_KNOWN
        if self.domain.spec.customer_known or "customer" in in_facts:
            in_facts |= {"customer", "first_name", "last_name"}
        given: set[str] = set()
        for step in scenario.steps:
            said = given | ({step.slot} if step.kind in ("ask", "offer") else set())
            # What the agent asks comes before the caller's answer, so only what it says afterwards may use it.
            before, after = (step.agent, step.again), (step.confirm, step.found)
            yield from self._states(before, in_facts | given)
            yield from self._states(after, in_facts | said)
            given = said
        by_step = [s.slot for s in scenario.steps if s.kind in ("ask", "offer")]
        for question in scenario.questions:
            yield from self._states(
                (question.agent,), in_facts | self._given_before(question.after, by_step) | _always_said(question.user)
            )
        for refusal in scenario.refusals:
            known = in_facts | self._given_before(refusal.after, by_step) | _always_said(refusal.user)
            yield from self._states((refusal.agent, refusal.offer, refusal.done), known)

    def _given_before(self, after: str, slots: list[str]) -> frozenset[str]:
        """The slots that callers have given by the time that something after step `after` comes up."""
        names = [s.name for s in self.scenario.steps]
        informs = [i for i, s in enumerate(self.scenario.steps) if s.kind in ("lookup", "tell", "do")]
        end = names.index(after) if after in names else min(informs, default=0)
        return frozenset(
            s.slot for s in self.scenario.steps[: end + 1] if s.kind in ("ask", "offer") and not s.condition
        )

    def _states(self, groups: tuple[Phrases, ...], known: frozenset[str] | set[str]) -> Iterator[Problem]:
        for phrase in (p for group in groups for p in group):
            for name in sorted(phrase.stated - known - ACT_NAMES):
                if name in self.scenario.slots:
                    yield Problem(
                        phrase.where,
                        f"the agent states {name!r}, which is in no fact and which the caller has not said by then.",
                    )
            yield from _literals(phrase)

    def _counts(self) -> Iterator[Problem]:
        scenario, label = self.scenario, self.label
        for name, phrases, least in [("opening", scenario.opening, MIN_OPENINGS)] + [
            (f"steps.{s.name}.agent", s.agent, MIN_OPENINGS) for s in scenario.steps if s.kind == "ask"
        ]:
            n = sum(n_expansions(p.source) for p in phrases)
            if n < least:
                yield Problem(f"{label} {name}", f"{n} phrasings, at least {least} are needed; <a|b> counts as two.")
        lists = [
            (f"steps.{s.name}", p) for s in scenario.steps for p in (s.user, s.found, s.agent, *s.choices.values()) if p
        ]
        lists += [(f"questions.{q.name}", p) for q in scenario.questions for p in (q.user, q.agent)]
        lists += [(f"refusals.{r.name}", p) for r in scenario.refusals for p in (r.user, r.agent, r.offer)]
        for name, phrases in lists:
            n = sum(n_expansions(p.source) for p in phrases)
            if n < MIN_PHRASINGS:
                yield Problem(
                    f"{label} {name}",
                    f"{n} phrasings in one list, at least {MIN_PHRASINGS} are needed; <a|b> counts as two.",
                )
        if len(scenario.questions) < MIN_QUESTIONS:
            yield Problem(
                f"{label} questions", f"{len(scenario.questions)} questions, at least {MIN_QUESTIONS} are needed."
            )
        if len(scenario.refusals) < MIN_REFUSALS:
            yield Problem(f"{label} refusals", "no refusal; something that the caller cannot have is needed.")

    def _references(self) -> Iterator[Problem]:
        scenario = self.scenario
        names = [s.name for s in scenario.steps]
        for twice in sorted({n for n in names if names.count(n) > 1}):
            yield Problem(f"{self.label} steps.{twice}", "two steps have this name.")
        shared = {x.name for x in self.domain.questions} | {x.name for x in self.domain.refusals}
        for owner, after in [(q.name, q.after) for q in scenario.questions] + [
            (r.name, r.after) for r in scenario.refusals
        ]:
            if after and after not in names and owner not in shared:
                yield Problem(
                    f"{self.label} {owner}.after", f"there is no step {after!r}. There are: {', '.join(names)}."
                )
        for step in scenario.steps:
            told = [p for p in step.found if p.names & set(step.result.values())]
            if step.result and not told:
                yield Problem(
                    f"{self.label} steps.{step.name}",
                    f"no phrasing says anything of what {step.tool} gives ({', '.join(step.result.values())}).",
                )
            values = scenario.tables[step.slot].get("values", ()) if step.choices else ()
            for value in values:
                if value not in step.choices and not step.user:
                    yield Problem(f"{self.label} steps.{step.name}.user", f"no phrasing for the value {value!r}.")
        if not any(s.kind in ("lookup", "tell", "do") for s in scenario.steps):
            yield Problem(f"{self.label} steps", "the agent never looks up, tells or does anything.")

    def _unused(self) -> Iterator[Problem]:
        used = _names_used(self.domain, self.scenario)
        for slot in self.scenario.tables:
            if (
                slot not in used
                and slot not in self.domain.spec.slots
                and slot not in ("customer", "first_name", "last_name")
            ):
                yield Problem(
                    f"{self.label} slots.{slot}", "is used nowhere. Use it in a fact or a phrasing, or remove it."
                )

    def _instances(self) -> Iterator[Problem]:
        """What drawing shows: slots that cannot be drawn, role contexts that are too long, steps that never come."""
        reached: set[str] = set()
        for i in range(N_INSTANCES):
            try:
                instance = self.domain.instance(self.scenario.name, Split.TRAIN, (0.9, 0.05, 0.05), rng("check", i))
                context = self.domain.role_context(self.scenario.name, instance)
                reached |= {s.name for s in self.scenario.steps if s.when(instance)}
            except (UserError, ArithmeticError, ValueError, TypeError) as error:
                yield Problem(self.label, f"an instance cannot be drawn: {error}")
                return
            if len(context.split()) > MAX_CONTEXT_WORDS:
                yield Problem(
                    f"{self.label} facts",
                    f"a role context of {len(context.split())} words, at most {MAX_CONTEXT_WORDS} fit. Shorten the facts.",
                )
                break
        for step in self.scenario.steps:
            if step.name not in reached:
                yield Problem(
                    f"{self.label} steps.{step.name}",
                    f"`when` held in none of {N_INSTANCES} instances; the step is never reached.",
                )


def _always_said(phrases: Phrases) -> frozenset[str]:
    """The slots that every one of the phrasings names."""
    return frozenset.intersection(*(p.names for p in phrases)) if phrases else frozenset()
