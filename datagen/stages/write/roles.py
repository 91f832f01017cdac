"""The gate on role mix-ups: the user talks as the agent does, or the agent as the one who calls. Calls alone; a chat has no such roles."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from datagen.protocols import Failure
from datagen.records.enums import Kind, Speaker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.stages.write.options import WriteOptions
from datagen.stages.write.role_rules import AGENT_RULES, USER_RULES, Rule
from datagen.stages.write.said import Said, said

_NAMED = re.compile(r" your name is ([A-Z][\w'-]+)")
_COMPANY = re.compile(r"^You work for (.+?)(?: which is (?:an? |the )?(.+?))? and your name is ")
_OWN_NAME = re.compile(r"\bname of your ([a-z -]+)|\bwhich ([a-z ]+?) (?:is this|am i (?:calling|speaking))")
_THANKED = re.compile(
    r"\b(?:thanks|thank you|welcome|bye|goodbye|appreciate it)(?: so much| very much| a lot)?(?: for (?:all )?(?:your|the) help)? NAME$"
)
_INTRODUCED = re.compile(r"\b(?:this is|my name is|my name's) NAME\b(?!'s| [a-z]+'s)|\bNAME (?:speaking|here)\b")
_FOR_CALLING = re.compile(r"\bthank(?:s| you) .*\b(?:with|at|choosing|calling|for) NAME$")
_ANSWERS = re.compile(r"NAME (?:.*\b(?:speaking|this is|how (?:can|may)|what can)\b)")
_QUESTIONS = frozenset(("role_offer", "role_lookup", "role_company"))
"""Mix-ups that are questions as often as not; the others are none in one ("So my ticket is T-80215?")."""


def _compiled(rules: Iterable[Rule]) -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    found: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for reason, triggers, pattern in rules:
        for trigger in triggers.split():
            found.setdefault(trigger, []).append((reason, re.compile(pattern)))
    return found


_BY_TRIGGER = {Speaker.USER: _compiled(USER_RULES), Speaker.AGENT: _compiled(AGENT_RULES)}
_TRIGGERS = {side: frozenset(rules) for side, rules in _BY_TRIGGER.items()}
_WHY = {
    "role_thanks": "only the agent thanks",
    "role_offer": "only the agent offers",
    "role_act": "only the agent can have done",
    "role_code": "only the agent tells",
    "role_lookup": "only the agent looks things up",
    "role_name": "the other one's name",
    "role_address": "it would call the other one",
    "role_swap": "the one who calls",
    "role_company": "it should know",
}


@dataclass(frozen=True, slots=True)
class _People:
    """Who talks, in small letters: first names, the agent's company, and the words of what it is; empty where two names are one."""

    agent: str
    user: str
    company: str
    business: frozenset[str]


def mixed_up(transcript: Transcript, plan: DialogPlan, options: WriteOptions) -> Failure | None:
    """Rejects a call whose user greets, offers, looks up, acts or thanks as the agent does, or whose agent asks for or gives what is the
    caller's, or calls itself by name."""
    if plan.kind not in (Kind.SERVICE, Kind.TOOL):
        return None
    people = _people(transcript.role_context, str(plan.instance.get("customer", "")))
    for turn in transcript.turns:
        text = said(turn.text)
        fault = _by_rules(turn.speaker, text) or _by_names(turn.speaker, text, people)
        if fault:
            where = f"{transcript.dialog_id} turn {turn.index}: the {turn.speaker}"
            return Failure(fault[0], f"{where} says {fault[1]!r}, as {_WHY[fault[0]]}.")
    return None


def _by_rules(side: Speaker, text: Said) -> tuple[str, str] | None:
    if _TRIGGERS[side].isdisjoint(text.words):
        return None
    low = text.low
    for trigger in sorted(_TRIGGERS[side].intersection(text.words)):
        for reason, pattern in _BY_TRIGGER[side][trigger]:
            if not pattern.search(low):
                continue
            for words, asks in zip(text.sentences, text.asks, strict=True):
                found = pattern.search(" ".join(words))
                if found and (reason in _QUESTIONS or not asks):
                    return reason, found[0]
    return None


def _by_names(side: Speaker, text: Said, people: _People) -> tuple[str, str] | None:
    """What tells by the names of the dialogue that a speaker is taken for the other."""
    own = people.agent if side is Speaker.AGENT else people.user
    if own and own in text.words and (found := _found(_THANKED, text, own)):
        return "role_address", found
    if side is Speaker.USER:
        if people.agent in text.words and (found := _found(_INTRODUCED, text, people.agent)):
            return "role_name", found
        if people.company and people.company.split(" ")[0] in text.words and people.company in text.low:
            if _ANSWERS.match(text.low.replace(people.company, "NAME")):
                return "role_name", " ".join(text.sentences[0])
            if found := _found(_FOR_CALLING, text, people.company):
                return "role_thanks", found
    elif text.questions and ("name" in text.words or "which" in text.words):
        asked = _OWN_NAME.search(text.low)
        if asked and not people.business.isdisjoint((asked[1] or asked[2]).split()):
            return "role_company", asked[0]
    return None


def _found(pattern: re.Pattern[str], text: Said, name: str) -> str:
    """The part of a sentence that a pattern about a name finds, "" where it finds none; "…, right?" only wonders."""
    for words in text.sentences:
        if words[-1] != "right" and (
            found := pattern.search(re.sub(rf"\b{re.escape(name)}\b", "NAME", " ".join(words)))
        ):
            return found[0].replace("NAME", name)
    return ""


@lru_cache(maxsize=256)
def _people(context: str, customer: str) -> _People:
    named, told = _NAMED.search(context), _COMPANY.match(context)
    agent = named[1].lower() if named else ""
    user = customer.split(" ")[0].lower()
    company = said(told[1]).low if told else ""
    business = frozenset(w for w in f"{company} {told[2] or ''}".lower().split() if len(w) > 3) if told else frozenset()
    return _People("", "", company, business) if agent == user else _People(agent, user, company, business)
