"""What `datagen domains check` says of a domain of instructions."""

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from datagen.domains.base import Problem
from datagen.domains.fitting import fitted
from datagen.domains.instruction import FIRST_NAME
from datagen.domains.phrasing import Dice
from datagen.store.ids import rng
from datagen.text.constraints import keeps

if TYPE_CHECKING:
    from datagen.domains.instruction import Constraint, InstructionDomain

MIN_ITEMS = 25
"""Questions that can be answered under each form of a constraint, at least: else its dialogues are all alike."""
MIN_PHRASINGS = 3


def problems(domain: "InstructionDomain") -> list[Problem]:
    """Every fault that the models let through."""
    return [
        Problem(f"{domain.name}/constraints/{c.name}.toml: {where}", what)
        for c in domain.constraints.values()
        for where, what in _constraint(domain, c)
    ]


def _constraint(domain: "InstructionDomain", constraint: "Constraint") -> Iterator[tuple[str, str]]:
    known: dict[str, set[str]] = {
        "set": set(),
        "ack": set(),
        "remind": set(),
        "head": set(),
        "tail": {"key", "spelled"},
        "example": set(),
    }
    lines = {name: getattr(constraint, name) for name in ("set", "ack", "remind")}
    lines |= {name: getattr(constraint.frame, name) for name in ("head", "tail", "example")}
    for name, group in lines.items():
        for line in group:
            for slot in sorted(line.slots - set(constraint.parameters) - known[name]):
                yield name, f"{slot!r} is no parameter here, in {line.source!r}."
                return
    if sum(line.n_forms for line in constraint.set) < MIN_PHRASINGS:
        yield "set", f"fewer than {MIN_PHRASINGS} phrasings; <a|b> counts as two."
    for i in range(max((len(v) for v in constraint.parameters.values()), default=1)):
        values: dict[str, Any] = {
            "type": constraint.type,
            **{k: v[i % len(v)] for k, v in constraint.parameters.items()},
        }
        values = {k: "Dana" if v == FIRST_NAME else v for k, v in values.items()}
        yield from _under(domain, constraint, values)


def _under(domain: "InstructionDomain", constraint: "Constraint", values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    dice = Dice(rng("check", domain.name, constraint.name))
    for line in constraint.ack:
        slots = {k: str(v) for k, v in values.items()}
        broken = next((t for t in line.forms() if not keeps(values, _filled(t, slots))), None)
        if broken is not None:
            yield "ack", f"{_filled(broken, slots)!r} does not keep {values}."
    questions = sorted(domain.plain_questions())
    items = [i for q in questions for i in (domain.item(q), *domain.seconds(q))]
    answered = (item for item in items if fitted(item, values, constraint.frame, dice) is not None)
    n = sum(1 for _ in islice(answered, MIN_ITEMS))
    if n < MIN_ITEMS:
        yield (
            "parameters",
            f"{n} questions of {domain.topics.name} can be answered under {values}, at least {MIN_ITEMS} are needed.",
        )


def _filled(text: str, slots: dict[str, str]) -> str:
    for name, value in slots.items():
        text = text.replace(f"{{{{ {name} }}}}", value)
    return text[:1].upper() + text[1:]
