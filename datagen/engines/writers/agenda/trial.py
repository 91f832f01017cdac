"""A trial of a service domain: dialogues of every scenario, written and looked at, for `datagen domains check`."""

from collections import Counter

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
MAX_TURN_WORDS = 50
MAX_FAILED = 0.05


def try_domain(domain: ServiceDomain, n: int = 30, options: AgendaOptions | None = None) -> list[Problem]:
    """What goes wrong in `n` dialogues of every scenario: failures, steps that no dialogue reaches, and bad lengths."""
    found: list[Problem] = []
    for name in domain.scenario_by_name:
        found += _try_scenario(domain, name, n, options or AgendaOptions())
    for info in domain.scenarios_of(Kind.TOOL):
        found += _try_scenario(domain, info.name, n, options or AgendaOptions(), Kind.TOOL)
    return list(dict.fromkeys(found))


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
) -> list[Problem]:
    where = f"{domain.name}/scenarios/{name}.toml" + (f" (kind {kind})" if kind is not Kind.SERVICE else "")
    maker = Maker("agenda", "trial", "", "")
    written: list[Transcript] = []
    failed: Counter[str] = Counter()
    last: dict[str, str] = {}
    for i in range(n):
        plan = trial_plan(domain, name, i, kind=kind)
        try:
            result = write_service(domain, WriteRequest(plan, plan.seed), options, maker)
        except UserError as error:
            return [Problem(where, f"dialogue {i} cannot be written: {error}")]
        if isinstance(result, Failure):
            failed[result.reason] += 1
            last[result.reason] = result.detail
        else:
            written.append(result)
    found = [
        Problem(where, f"{count} of {n} dialogues fail ({reason}), e.g. {last[reason]}")
        for reason, count in sorted(failed.items())
        if reason != "too_long" or count > MAX_FAILED * n
    ]
    return found + _lengths(where, written)


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
