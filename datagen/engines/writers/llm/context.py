"""A plan's brief: its role context, who is who, what has to be called, and what its prompt sees."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

from datagen.domains import load
from datagen.domains.asides import asides
from datagen.domains.casual import CasualDomain
from datagen.domains.instruction import InstructionDomain
from datagen.domains.phrasing import Dice
from datagen.domains.qa import QaDomain
from datagen.domains.service import ServiceDomain
from datagen.engines.writers.llm import calls, rules, talks
from datagen.engines.writers.llm.brief import Brief
from datagen.engines.writers.llm.drawing import Drawing
from datagen.engines.writers.llm.options import WriterOptions
from datagen.engines.writers.llm.reader import Names
from datagen.engines.writers.llm.templates import Templates
from datagen.errors import UserError
from datagen.records.enums import ClipKind, Kind, Speaker
from datagen.records.plan import DialogPlan
from datagen.store.ids import rng

WRITTEN = (Kind.SERVICE, Kind.TOOL, Kind.QA, Kind.CASUAL, Kind.INSTRUCTION)
"""The kinds that a language model writes; a probe is the domain's own text."""


def brief_of(
    plan: DialogPlan, options: WriterOptions, templates: Templates, description: str = "", role: str = ""
) -> Brief:
    """The brief of a plan. `role` is a role context to be taken in place of the domain's facts; UserError for a kind or domain that
    this writer does not write."""
    domain = domain_of(plan.domain, options.domain_folders)
    if plan.kind not in WRITTEN:
        raise UserError(
            f"writer: a language model does not write dialogues of kind {plan.kind}. Use writer.engine = agenda for them."
        )
    if plan.kind not in domain.kinds:
        raise UserError(f"{plan.domain} has no dialogues of kind {plan.kind}.")
    drawing = Drawing.of(plan, options, templates)
    if plan.kind in (Kind.SERVICE, Kind.TOOL):
        return _call(cast(ServiceDomain, domain), drawing, description, role)
    if plan.kind is Kind.QA:
        return _talk(cast(QaDomain, domain).role_context, talks.qa_view(domain, drawing), drawing, description)
    if plan.kind is Kind.INSTRUCTION:
        ruled = cast(InstructionDomain, domain)
        return _talk(ruled.role_context, rules.Rules(ruled, drawing).view(), drawing, description)
    # The role's own draws come after no others, so that it does not change with what is asked for.
    context = talks.casual_role(cast(CasualDomain, domain), plan, Dice(rng(plan.seed, "role context")))
    return _talk(context, talks.casual_view(domain, drawing), drawing, description)


@lru_cache(maxsize=256)
def domain_of(name: str, folders: tuple[str, ...]) -> Any:
    """A domain, looked for once a process: `load` walks every folder each time."""
    return load(name, folders)


def _call(domain: ServiceDomain, drawing: Drawing, description: str, role: str) -> Brief:
    plan = drawing.plan
    instance = plan.instance
    context = role or domain.role_context(plan.scenario, instance)
    view = calls.Outline(domain, drawing).view()
    planned = calls.planned_calls(domain, plan.scenario, instance) if plan.kind is Kind.TOOL else ()
    agent = str(instance["agent_name"])
    names = Names(
        _called(agent),
        _called(str(instance["customer"]), str(instance["first_name"]), str(instance["last_name"])),
        _listens(drawing),
    )
    return Brief(
        plan.dialog_id, plan.kind, plan.first_speaker, context, names, domain.user_context(plan.scenario, instance), planned,
        n_turns=(view["turns"]["least"], view["turns"]["most"]), view=_whole(view, context, plan, description),
    )  # fmt: skip


def _talk(context: str, view: Mapping[str, Any], drawing: Drawing, description: str) -> Brief:
    plan, turns = drawing.plan, view["turns"]
    names = Names(user=_called(str(plan.instance.get("name", ""))), listens=_listens(drawing))
    return Brief(
        plan.dialog_id, plan.kind, plan.first_speaker, context, names, instance=plan.instance,
        n_turns=(turns["least"], turns["most"]), view=_whole(view, context, plan, description),
    )  # fmt: skip


def _whole(view: Mapping[str, Any], context: str, plan: DialogPlan, description: str) -> dict[str, Any]:
    own = {"kind": str(plan.kind), "instance": plan.instance, "traits": plan.traits}
    return {**own, **view, "role_context": context, "description": description}


def _called(*names: str) -> frozenset[str]:
    return frozenset(n.lower() for n in names if n)


def _listens(drawing: Drawing) -> dict[Speaker, tuple[str, ...]]:
    return listens(drawing.options)


def listens(options: WriterOptions) -> dict[Speaker, tuple[str, ...]]:
    """What each side may say as a listener."""
    texts = asides(options.domain_folders)
    return {side: texts.texts(ClipKind.BACKCHANNEL, side) for side in Speaker}
