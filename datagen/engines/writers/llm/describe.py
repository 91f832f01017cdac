"""A scenario in general, as a language model tells it, and a role context in its words: asked for, and refused where they say more."""

import re
from collections.abc import Sequence
from typing import Any, cast

from datagen.domains.casual import CasualDomain
from datagen.domains.phrasing import Dice
from datagen.domains.qa import QaDomain
from datagen.domains.service import ServiceDomain
from datagen.engines.writers.llm import calls, context
from datagen.engines.writers.llm.options import WriterOptions
from datagen.engines.writers.llm.templates import Templates
from datagen.protocols import DescribeRequest, Failure
from datagen.records.enums import Kind
from datagen.store.ids import rng
from datagen.text.values import values_of

WORDS = (15, 160)
"""Fewest and most words of a description; it is asked for in 40 to 90."""
ROLE_WORDS = 260
_MARKUP = re.compile(r"[\[\]{}<>*#`|_]|^\s*[-•]\s", re.M)
_VALUE = re.compile(r"\d|\$")
_UNSAID = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\ufffd]")
"""Control characters, marks of direction, and what was no character: nobody sees them, and a prompt would hold them."""
_LABEL = re.compile(r"^\s*(?:\*\*)?(?:description|scenario|briefing|paragraph)(?:\*\*)?\s*:(?:\*\*)?\s*", re.I)


def describe_view(request: DescribeRequest, options: WriterOptions, templates: Templates) -> dict[str, Any]:
    """What describe.j2 sees: the scenario without the values of any instance, and the variant's angle."""
    plan = request.plan
    domain = context.domain_of(plan.domain, options.domain_folders)
    angles = templates.asks.describe.angles
    # The angles in an order of the scenario's own, so that variant 0 of all scenarios is not the same one.
    order = rng(plan.domain, plan.scenario, "angles").permutation(len(angles))
    angle = templates.line(angles[int(order[request.variant % len(angles)])], {})
    own = {"kind": str(plan.kind), "angle": angle, "domain": domain.title, "goal": "", "outline": ""}
    if plan.kind in (Kind.SERVICE, Kind.TOOL):
        return {
            **own,
            **calls.describe_view(cast(ServiceDomain, domain), plan.scenario, Dice(rng(request.seed, "goal"))),
        }
    if plan.kind is Kind.QA:
        asked = cast(QaDomain, domain).questions[plan.scenario]
        return {**own, "title": f"They want to understand something: {asked.asks[0].forms(1)[0]}"}
    if plan.kind is Kind.CASUAL:
        return {**own, "title": f"A chat about {cast(CasualDomain, domain).subjects[plan.scenario].title}"}
    title = next((s.title for s in domain.scenarios if s.name == plan.scenario), plan.scenario.replace("_", " "))
    return {**own, "title": f"A talk in which the user asks for something, and the agent keeps to it: {title}"}


def read_description(text: str, where: str) -> str | Failure:
    """The description of a reply, one paragraph; a Failure (`description`) for one with values, markup, or of a wrong length."""
    found = _paragraph(text)
    n_words = len(found.split())
    if not WORDS[0] <= n_words <= WORDS[1]:
        return Failure(
            "description", f"{where}: a description of {n_words} words, {WORDS[0]} to {WORDS[1]} are needed."
        )
    fault = _MARKUP.search(found) or _VALUE.search(found) or _UNSAID.search(found)
    if fault:
        return Failure(
            "description", f"{where}: a description that holds {fault[0].strip()!r}; it has to fit every dialogue."
        )
    return found


def read_role_context(text: str, opening: str, facts: Sequence[str], where: str) -> str | Failure:
    """The role context of a reply; a Failure (`role_context`) where it does not open as it has to, says a value that no fact has, or
    leaves one out."""
    found = _paragraph(text)
    if not found.startswith(opening):
        return Failure(
            "role_context", f"{where}: the role context begins {found[:40]!r}, it has to begin {opening[:40]!r}…."
        )
    body, given = found[len(opening) :], " ".join(facts)
    if _MARKUP.search(body) or len(found.split()) > ROLE_WORDS:
        return Failure("role_context", f"{where}: the role context has markup, or over {ROLE_WORDS} words.")
    wanted, there = _canonical(given), _canonical(body)
    allowed = wanted | _canonical(opening)
    if more := sorted(there - allowed):
        return Failure("role_context", f"{where}: the role context says {more[0][1]}, which no fact does.")
    if lacking := sorted(wanted - there - _canonical(opening)):
        return Failure("role_context", f"{where}: the role context leaves out {lacking[0][1]}.")
    return found


def _canonical(text: str) -> set[tuple[str, str]]:
    return {(str(v.type), v.canonical) for v in values_of(text) if not v.idiom}


def _paragraph(text: str) -> str:
    return " ".join(_LABEL.sub("", text.strip().strip('"')).replace("’", "'").split())
