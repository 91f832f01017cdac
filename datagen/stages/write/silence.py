"""A user who says nothing for long when asked, and an agent that checks in or waits."""

import re
from dataclasses import replace

from datagen.domains.lines import Line
from datagen.domains.phrasing import Dice
from datagen.domains.spontaneous import Spontaneous
from datagen.records.enums import MarkType, Speaker, Tag, TurnType
from datagen.records.transcript import Mark, Transcript, Turn
from datagen.stages.write import edits
from datagen.stages.write.options import WriteOptions
from datagen.text.constraints import shifted

LOOKING = 3.0
"""The weight of a question whose answer holds a value, against any other: who has to find something is silent for longer."""
LEAD_WORDS = 8
"""Words that a lead-in has at most, kept free of the limits."""
_GIVES_LEAVE = ("yes", "yeah", "no", "nope", "okay", "sure", "sorry", "oh", "thanks", "alright")
"""Openings of an answer after which a lead-in that opens alike would sound twice."""


_YES = re.compile(r"\b(?:yes|yeah)\b", re.I)
_BESIDE = frozenset(("calm", "still_angry", "rude", "correct", "object", "lead", "late", "wait", "verify_retry"))
"""What a turn may hold beside its answer, that does not follow "sorry, I'm here"."""
_KNOWN_BY_HEART = re.compile(r"\b(?:birth\w*|born|name|how many|how big|old|what (?:day|time)|when)\b", re.I)
"""Questions whose answer nobody gets up to look for."""


def fall_silent(transcript: Transcript, options: WriteOptions, texts: Spontaneous, dice: Dice) -> Transcript:
    """The dialogue with one long silence after a question of the agent's; the same one where the recipe's share leaves it
    alone, or where no question fits.

    With a check-in the agent has two turns in a row: the mark stands on the second. Else it stands on the user's turn.
    """
    wanted = options.long_silence
    if not dice.chance(wanted.share):
        return transcript
    turns = transcript.turns
    found = [i for i in range(len(turns) - 1) if _fits(turns, i, options)]
    if not found:
        return transcript
    at = dice.weighted(found, [LOOKING if _looks_up(turns[i + 1]) else 1.0 for i in found])
    room = options.max_dialog_words - sum(len(t.words) for t in turns)
    checks_in = dice.chance(wanted.check_in_share) and options.max_turns_in_a_row > 1
    new = _checked_in(turns, at, texts, dice) if checks_in else _borne(turns, at, wanted.lead_in_share, texts, dice)
    if sum(len(t.words) for t in new) - sum(len(t.words) for t in turns) > room:
        return transcript
    if len(new) == len(turns):
        return replace(transcript, turns=tuple(new))
    constraint = transcript.constraint and shifted(transcript.constraint, at + 1)
    return replace(transcript, turns=edits.renumbered(new, at + 1), constraint=constraint)


def _fits(turns: tuple[Turn, ...], at: int, options: WriteOptions) -> bool:
    """Whether the agent asks something in turn `at` that the user answers, uncut, with room for a lead-in."""
    turn, following = turns[at], turns[at + 1]
    return (
        0 < at < len(turns) - 2
        and turn.speaker is Speaker.AGENT
        and following.speaker is Speaker.USER
        and _is_plain(following)
        and turns[at - 1].speaker is Speaker.USER
        and turn.text.endswith("?")
        and turn.type not in (TurnType.GREETING, TurnType.CLOSING)
        and not any(m.type in (MarkType.BARGE_IN, MarkType.LONG_SILENCE) for m in (*turn.marks, *following.marks))
        and len(following.words) + LEAD_WORDS <= options.max_user_words
    )


def _is_plain(answer: Turn) -> bool:
    """Whether the user merely answers: who has just said sorry for a silence is not rude, asks nothing and talks of nothing else."""
    said = answer.act.split("+")
    typed = answer.type in (TurnType.ANSWER, TurnType.CONFIRMATION) or (
        answer.type is TurnType.STATEMENT and not answer.act
    )
    return typed and "?" not in answer.text and not _BESIDE.intersection(said)


def _looks_up(answer: Turn) -> bool:
    """Whether the answer holds a number, which may have to be found first; whoever says yes or no has not looked."""
    return any(c.isdigit() for c in answer.text) and _opening(answer) not in _GIVES_LEAVE[:4]


def _checked_in(turns: tuple[Turn, ...], at: int, texts: Spontaneous, dice: Dice) -> list[Turn]:
    asked, answer = _uncut(turns[at]), turns[at + 1]
    kinds = [
        c for c in texts.check_ins if not c.looking or (_looks_up(answer) and not _KNOWN_BY_HEART.search(asked.text))
    ]
    kind = dice.pick(kinds or texts.check_ins)
    said = dice.pick(kind.agent).say(dice)
    type_ = TurnType.QUESTION if "?" in said else TurnType.STATEMENT
    silence = Mark(MarkType.LONG_SILENCE, 0)
    check_in = Turn(at + 1, Speaker.AGENT, said, type_, "check_in", (silence,), (Tag.WARM,))
    opening = _opening(answer)
    leads = [x for x in kind.user if not (opening in _GIVES_LEAVE and _doubles(x, opening))]
    lead = dice.pick(leads).say(dice) if leads else ""
    led = edits.led_in(answer, lead) if lead else answer
    return [*turns[:at], asked, check_in, led, *turns[at + 2 :]]


def _borne(turns: tuple[Turn, ...], at: int, share: float, texts: Spontaneous, dice: Dice) -> list[Turn]:
    answer = turns[at + 1]
    if dice.chance(share) and _opening(answer) not in _GIVES_LEAVE:
        answer = edits.led_in(answer, dice.pick(texts.lead_ins).say(dice))
    silent = edits.mark(answer, [Mark(MarkType.LONG_SILENCE, 0)])
    return [*turns[:at], _uncut(turns[at]), silent, *turns[at + 2 :]]


def _doubles(lead: Line, opening: str) -> bool:
    """Whether a lead-in may open as the answer after it does, or with a yes before its yes."""
    return any(_first(form) == opening or _YES.search(form) for form in lead.forms())


def _uncut(turn: Turn) -> Turn:
    """The agent's question without places to cut it: nobody cuts in who then is silent."""
    return replace(turn, marks=tuple(m for m in turn.marks if m.type is not MarkType.SAFE_CUT))


def _opening(turn: Turn) -> str:
    return _first(" ".join(edits.fluent_words(turn)) or turn.text)


def _first(text: str) -> str:
    return text.split()[0].lower().strip(",.?!")
