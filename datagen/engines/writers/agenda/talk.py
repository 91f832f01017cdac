"""What the qa and casual writers share: how a draft becomes turns with hesitations, and marks of who listens and who cuts in."""

from collections.abc import Mapping
from dataclasses import replace

from datagen.domains.phrasing import Dice
from datagen.domains.qa import SECONDS
from datagen.engines.writers.agenda.draft import Draft
from datagen.engines.writers.agenda.options import AgendaOptions
from datagen.engines.writers.agenda.surface import add_filler, add_restart, backchannels
from datagen.records.enums import MarkType, Speaker
from datagen.records.transcript import Mark, Turn

LISTENING = ("mhm", "uh-huh", "yeah", "right", "mhm")
"""An agent that chats listens like a friend; "sure" and "okay" are for callers who give orders."""
FILLED = ("ask", "reply", "own", "tale", "topic", "thank", *SECONDS)
"""The acts that a hesitation may open; a reaction comes at once."""
FIRST_CUT = 5
"""Words of a turn that are always heard."""


def last_sentence(words: list[str]) -> int:
    """The index of the first word of the last sentence."""
    return max((i + 1 for i, w in enumerate(words[:-1]) if w.endswith((".", "?", "!"))), default=0)


def cut_word(text: str, dice: Dice) -> int | None:
    """A word of the last sentence at which the other may cut in, so that what was heard stands by itself; None without one."""
    words = text.split()
    start = last_sentence(words)
    first, last = max(start + 2, FIRST_CUT), len(words) - 2
    return dice.between(first, last) if start > 0 and first <= last else None


def spoken_turns(
    draft: Draft, dice: Dice, options: AgendaOptions, safe: Mapping[int, bool], more: float = 1.0
) -> tuple[Turn, ...]:
    """The draft's turns with fillers, restarts and marks. `safe` says of a turn that stitch may cut its last sentence;
    `more` multiplies the user's hesitations."""
    turns = []
    for index, part in enumerate(draft.turns):
        user = part.speaker is Speaker.USER
        text, marks = part.text, []
        if part.cut is None:
            pauses: list[int | None] = []
            filler = options.filler_user * more if user else options.filler_agent
            restart = options.repair_user * more if user else options.repair_agent
            if dice.chance(filler) and part.act.split("+")[0] in FILLED:
                text, at = add_filler(text, dice, Speaker.USER)
                pauses.append(at)
            elif dice.chance(restart):
                text, at = add_restart(text, dice)
                pauses.append(at)
            marks += [Mark(MarkType.PAUSE, at) for at in pauses if at is not None]
        else:
            marks.append(Mark(MarkType.BARGE_IN, part.cut))
        words = text.split()
        rate = options.backchannel_agent if user else options.backchannel_user
        taken = {m.word for m in marks}
        heard = (
            backchannels(words, dice, rate, part.speaker, end=part.cut)
            if part.act.split("+")[0] not in ("greet", "bye")
            else []
        )
        if user:
            heard = [replace(m, text=dice.pick(LISTENING)) for m in heard]
        marks += [m for m in heard if not taken & {m.word, m.word + 1}]
        if options.safe_cuts and safe.get(index) and part.cut is None and not user:
            at = cut_word(text, dice)
            if at is not None and all(abs(m.word - at) > 2 and m.word < at for m in marks):
                marks.append(Mark(MarkType.SAFE_CUT, at))
        marks.sort(key=lambda m: (m.word, m.type))
        turns.append(Turn(index, part.speaker, text, part.type, part.act, tuple(marks), part.tags))
    return tuple(turns)
