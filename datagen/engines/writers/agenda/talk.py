"""What the qa and casual writers share: how a draft becomes turns, with marks of who listens and who cuts in."""

from collections.abc import Mapping

from datagen.domains.phrasing import Dice
from datagen.domains.qa import SECONDS
from datagen.engines.writers.agenda.draft import Draft
from datagen.engines.writers.agenda.options import AgendaOptions
from datagen.engines.writers.agenda.session import listening
from datagen.engines.writers.agenda.surface import add_filler, backchannels, ramble_cut
from datagen.records.enums import MarkType, Speaker, TurnType
from datagen.records.transcript import Mark, Turn

FILLED = ("ask", "reply", "own", "tale", "topic", "thank", *SECONDS)
"""The acts that a discourse word of the agent's may open; a reaction comes at once."""
FIRST_CUT = 4
"""Words of a turn that are always heard."""


def cut_word(text: str, dice: Dice, *, early: bool = False) -> int | None:
    """A word of the last sentence at which the other may cut in, so that what was heard stands by itself; None without one.
    `early`: of any sentence but the first."""
    words = text.split()
    starts = [i + 1 for i, w in enumerate(words[:-1]) if w.endswith((".", "?", "!"))]
    start = (dice.pick(starts) if early else starts[-1]) if starts else 0
    end = next((i for i in range(start, len(words)) if words[i].endswith((".", "?", "!"))), len(words) - 1)
    first, last = max(start + 2, FIRST_CUT), min(end, len(words) - 2)
    return dice.between(first, last) if start > 0 and first <= last else None


def spoken_turns(draft: Draft, dice: Dice, options: AgendaOptions, safe: Mapping[int, bool]) -> tuple[Turn, ...]:
    """The draft's turns with their marks. `safe` says of a turn that stitch may cut its last sentence: the agent's to let the
    user in, the user's to let the agent in."""
    texts = listening(options.domain_folders)
    turns = []
    for index, part in enumerate(draft.turns):
        user = part.speaker is Speaker.USER
        text, acts = part.text, part.act.split("+")
        if part.cut is None and not user and acts[0] in FILLED and dice.chance(options.filler_agent):
            text = add_filler(text, dice)
        words = text.split()
        unheard = acts[0] in ("greet", "bye") or part.type is TurnType.GREETING
        marks = [] if unheard else backchannels(words, dice, texts[part.speaker.other], part.cut)
        if part.cut is not None:
            marks.append(Mark(MarkType.BARGE_IN, part.cut))
        elif options.safe_cuts and safe.get(index):
            marks += _cut(words, draft.agent_after(index) if user else None, marks, dice)
        marks.sort(key=lambda m: (m.word, m.type))
        turns.append(Turn(index, part.speaker, text, part.type, part.act, tuple(marks), part.tags))
    return tuple(turns)


def _cut(words: list[str], following: str | None, marks: list[Mark], dice: Dice) -> list[Mark]:
    """Where a turn may be cut, after all that is marked in it; `following` is all that the agent says after a turn of the user's."""
    if following is not None:
        found = ramble_cut(words, following, dice)
        at = found.word if found else None
    else:
        at = cut_word(" ".join(words), dice)
    return [] if at is None or any(at - m.word <= 2 for m in marks) else [Mark(MarkType.SAFE_CUT, at)]
