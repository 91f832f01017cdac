"""A trial of a service domain: dialogues of every scenario, written and looked at, for `datagen domains check`."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from datagen.domains.base import Problem
from datagen.domains.service import ServiceDomain
from datagen.engines.writers.agenda.options import AgendaOptions
from datagen.engines.writers.agenda.service import write_service
from datagen.errors import UserError
from datagen.protocols import Failure, WriteRequest
from datagen.records.enums import Kind, Speaker, Split
from datagen.records.maker import Maker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.store.ids import rng, seed_of

SHARES = (0.9, 0.05, 0.05)
MIN_TURNS, MAX_TURNS = 8, 40
MAX_TURN_WORDS = 60
MAX_FAILED = 0.05
SAMPLE = 10
"""Dialogues of a scenario that variety is measured over."""
MIN_DISTINCT_2 = 0.25
"""Of 100 to 200 dialogues. The shipped domains have 0.30 to 0.42."""


@dataclass(slots=True)
class Trial:
    """What came of a domain's trial: its problems, and the dialogues with their plans, kind by kind and scenario by scenario."""

    problems: list[Problem] = field(default_factory=list)
    written: list[tuple[DialogPlan, Transcript]] = field(default_factory=list)

    def service(self) -> list[Transcript]:
        """The dialogues of kind service: what variety is compared over."""
        return [t for plan, t in self.written if plan.kind is Kind.SERVICE]


def try_domain(domain: ServiceDomain, n: int = 30, options: AgendaOptions | None = None) -> Trial:
    """`n` dialogues of every scenario and kind, and what goes wrong in them: failures, unreached steps, bad lengths, sameness."""
    found: list[Problem] = []
    trial = Trial()
    sample: list[Transcript] = []
    for kind in domain.kinds:
        for info in domain.scenarios_of(kind):
            problems, written = _try_scenario(domain, info.name, n, options or AgendaOptions(), kind)
            found += problems
            trial.written += written
            sample += [t for _, t in written[:SAMPLE] if kind is Kind.SERVICE]
    trial.problems = list(dict.fromkeys(found))
    variety = distinct_2(sample)
    if n >= SAMPLE and not trial.problems and variety < MIN_DISTINCT_2:
        what = f"{variety:.3f} of the pairs of words in {len(sample)} dialogues are distinct, at least {MIN_DISTINCT_2} are meant."
        trial.problems.append(Problem(domain.name, f"{what} Write more ways of saying it: more phrasings, more <a|b>."))
    return trial


def distinct_2(written: Sequence[Transcript]) -> float:
    """The share of distinct ones among all pairs of neighbouring words, small letters (Li et al. 2016, arXiv 1510.03055); 1 for none.

    It falls with the number of dialogues, so compare it for the same number.
    """
    words = [[w.strip(".,?!").lower() for t in d.turns for w in t.words] for d in written]
    n_pairs = sum(max(0, len(w) - 1) for w in words)
    return len({pair for w in words for pair in pairwise(w)}) / n_pairs if n_pairs else 1.0


def trial_plan(
    domain: ServiceDomain, scenario: str, index: int, split: Split = Split.TRAIN, kind: Kind = Kind.SERVICE
) -> DialogPlan:
    """A plan as the plan stage would make it, voices aside: every fifth one is opened by the caller."""
    draw = rng("trial", domain.name, scenario, index)
    return DialogPlan(
        index=index,
        dialog_id=f"{domain.name}-{scenario}-{index:06d}",
        kind=kind,
        domain=domain.name,
        scenario=scenario,
        split=split,
        seed=seed_of("trial", domain.name, scenario, index),
        first_speaker=Speaker.USER if index % 5 == 4 else Speaker.AGENT,
        agent_voice="",
        user_voice="",
        instance={**domain.instance(scenario, split, SHARES, draw), **domain.details(kind, scenario)},
        traits=domain.traits(scenario, draw),
    )


def _try_scenario(
    domain: ServiceDomain, name: str, n: int, options: AgendaOptions, kind: Kind = Kind.SERVICE
) -> tuple[list[Problem], list[tuple[DialogPlan, Transcript]]]:
    where = f"{domain.name}/scenarios/{name}.toml" + (f" (kind {kind})" if kind is not Kind.SERVICE else "")
    maker = Maker("agenda", "trial", "", "")
    written: list[tuple[DialogPlan, Transcript]] = []
    failed: Counter[str] = Counter()
    last: dict[str, str] = {}
    for i in range(n):
        plan = trial_plan(domain, name, i, kind=kind)
        try:
            result = write_service(domain, WriteRequest(plan, plan.seed), options, maker)
        except UserError as error:
            return [Problem(where, f"dialogue {i} cannot be written: {error}")], written
        if isinstance(result, Failure):
            failed[result.reason] += 1
            last[result.reason] = result.detail
        else:
            written.append((plan, result))
    found = [
        Problem(where, f"{count} of {n} dialogues fail ({reason}), e.g. {last[reason]}")
        for reason, count in sorted(failed.items())
        if reason != "too_long" or count > MAX_FAILED * n
    ]
    return found + _lengths(where, [t for _, t in written]), written


def _lengths(where: str, written: list[Transcript]) -> list[Problem]:
    found = []
    turns = [len(t.turns) for t in written]
    if turns and (min(turns) < MIN_TURNS or max(turns) > MAX_TURNS):
        found.append(
            Problem(
                where,
                f"dialogues of {min(turns)} to {max(turns)} turns; {MIN_TURNS} to {MAX_TURNS} are meant. Add or join steps.",
            )
        )
    longest = max((turn for t in written for turn in t.turns), key=lambda turn: len(turn.words), default=None)
    if longest is not None and len(longest.words) > MAX_TURN_WORDS:
        found.append(
            Problem(
                where, f"a turn of {len(longest.words)} words, at most {MAX_TURN_WORDS} are meant: {longest.text!r}"
            )
        )
    return found
