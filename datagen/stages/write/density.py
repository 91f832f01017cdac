"""The gate on how much is said: in a turn, in the dialogue, by whom, and whether the agent's turns grow."""

import re

from datagen.protocols import Failure
from datagen.records.enums import Kind, Speaker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript, Turn
from datagen.stages.write.options import WriteOptions

_ENDS = re.compile(r"[.?!…]+[\"”')]*\s+")
_TEACHING = (Kind.QA, Kind.INSTRUCTION)
_FEW_WORDS = 60
_FEW_TURNS = 4
"""In shorter talks, shares and thirds say nothing."""
_THIRD = 2
"""Turns of the agent's that a third has at least, for its mean to say something."""
_FRAGMENT = 2
"""Sentences of so few words ("Okay.", "Got it.") do not count as such."""


def length(transcript: Transcript, plan: DialogPlan, options: WriteOptions) -> Failure | None:
    """Rejects a turn or a dialogue that is too long to be spoken as one, an agent's turn of many sentences or questions, a dialogue
    that says next to nothing, one that the agent speaks nearly alone, and one whose agent's turns grow."""
    agent: list[int] = []
    total = 0
    for turn in transcript.turns:
        n_words = len(turn.text.split())
        fault = _turn(turn, n_words, options)
        if fault:
            return Failure(fault[0], f"{transcript.dialog_id} turn {turn.index}: {fault[1]}")
        total += n_words
        if turn.speaker is Speaker.AGENT:
            agent.append(n_words)
    fault = _total(total, options) or _share(sum(agent), total, len(transcript.turns), plan.kind, options)
    # A constraint may ask for longer answers, and a teacher's first turn is a greeting.
    if fault is None and plan.kind not in _TEACHING:
        fault = _growth(agent, options)
    return Failure(fault[0], f"{transcript.dialog_id}: {fault[1]}") if fault else None


def _turn(turn: Turn, n_words: int, options: WriteOptions) -> tuple[str, str] | None:
    is_agent = turn.speaker is Speaker.AGENT
    limit = options.max_agent_words if is_agent else options.max_user_words
    if n_words > limit:
        return "long_turn", (
            f"the {turn.speaker} says {n_words} words, the limit is {limit}. Raise write.max_{turn.speaker}_words if intended."
        )
    if not is_agent or n_words <= options.max_agent_sentences:
        return None
    n_questions = turn.text.count("?")
    if n_questions > options.max_agent_questions:
        return "many_questions", f"the agent asks {n_questions} questions, the limit is {options.max_agent_questions}."
    if n_words > _FRAGMENT * options.max_agent_sentences:
        n = sum(piece.count(" ") >= _FRAGMENT for piece in _ENDS.split(turn.text))
        if n > options.max_agent_sentences:
            return "many_sentences", f"the agent says {n} sentences, the limit is {options.max_agent_sentences}."
    return None


def _total(total: int, options: WriteOptions) -> tuple[str, str] | None:
    if total < options.min_dialog_words:
        return "short_dialog", f"{total} words in all, at least {options.min_dialog_words} are needed."
    if total > options.max_dialog_words:
        return "long_dialog", (
            f"{total} words in all, the limit is {options.max_dialog_words}. Raise write.max_dialog_words if intended."
        )
    return None


def _share(agent: int, total: int, n_turns: int, kind: Kind, options: WriteOptions) -> tuple[str, str] | None:
    if n_turns < _FEW_TURNS or total < _FEW_WORDS or agent <= options.max_agent_share * total:
        return None
    return "talkative", (
        f"{agent / total:.0%} of the words are the agent's, the limit is {options.max_agent_share:.0%}."
    )


def _growth(agent: list[int], options: WriteOptions) -> tuple[str, str] | None:
    """Models take late monologues over: the density of the agent's talk is to fall, as people's does."""
    n = len(agent) // 3
    if n < _THIRD:
        return None
    early, late = sum(agent[:n]) / n, sum(agent[-n:]) / n
    if late <= options.long_agent_words or late <= options.max_growth * early:
        return None
    return "growing_turns", (
        f"the agent's last {n} turns have {late:.0f} words on average, its first {n} {early:.0f}; the limit is "
        f"{options.max_growth:g} times as many."
    )
