"""Where the caller cuts into the agent's turn, and why: to correct, to object, to ask, or having heard enough."""

from dataclasses import dataclass

from datagen.engines.writers.agenda.session import Expect, Session
from datagen.engines.writers.agenda.surface import has_value

MIN_HEARD, MIN_UNHEARD = 4, 2
"""Words of the agent's turn that are heard before a cut, and that are lost by it, at least."""

EAGER = 0.6
"""How often a caller who will cut in does so where it is merely possible; to correct or to object, nearly always."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The caller takes the floor as `word` of the agent's turn begins."""

    word: int
    reason: str


def choose(s: Session, waiting: Expect) -> Cut | None:
    """The cut of the agent's last turn, None where the caller lets it finish."""
    if s.agenda.barge_ins < 1:
        return None
    places = {
        "readback": _correct,
        "alternative": _object,
        "react": _ask_or_enough,
        "slot": _enough,
        "check": _enough,
        "open": _enough,
    }
    place = places.get(waiting.kind)
    cut = place(s, waiting) if place else None
    if cut is None:
        return None
    n_words = len(s.draft.last.text.split())
    if not MIN_HEARD <= cut.word <= n_words - MIN_UNHEARD:
        return None
    return cut if s.dice.chance(0.9 if cut.reason in ("correct", "object") else EAGER) else None


def _correct(s: Session, waiting: Expect) -> Cut | None:
    """Right after a wrong value was read back."""
    step = waiting.step
    if step is None or s.told[step.slot] == s.instance[step.slot]:
        return None
    words = [w.strip(",.?!").casefold() for w in s.draft.last.text.split()]
    value = [w.strip(",.?!") for w in s.told[step.slot].casefold().split()]
    for start in range(len(words) - len(value), -1, -1):
        if words[start : start + len(value)] == value:
            return Cut(start + len(value), "correct")
    return None


def _object(s: Session, waiting: Expect) -> Cut | None:
    """As the agent turns from the refusal to what it can do."""
    if not s.traits["push"] or s.room() < 25:
        return None
    start, _ = s.draft.last.spans()[-1]
    return Cut(start + 1 + s.dice.index(3), "object")


def _ask_or_enough(s: Session, waiting: Expect) -> Cut | None:
    """In the middle of what the agent tells: with a question of the caller's own, or because the rest is plain."""
    turn = s.draft.last
    start, end = turn.spans()[-1]
    if end - start < 8:
        return None
    asks = s.room() > 45 and any(s.ready(q.after) and q.when(s.view) for q in s.agenda.questions)
    if asks:
        return Cut(start + int((end - start) * (0.4 + 0.3 * s.dice.unit())), "ask")
    words = turn.text.split()
    word = start + int((end - start) * 0.7)
    if has_value(words[word:]) or s.mood not in ("hurried", "annoyed", "neutral"):
        return None
    turn.segments[-1].must = False
    return Cut(word, "enough")


def _enough(s: Session, waiting: Expect) -> Cut | None:
    """Near the end of a question, when it is clear what is asked."""
    start, end = s.draft.last.spans()[-1]
    if end - start < 8:
        return None
    share = 0.6 if waiting.kind == "open" else 0.75
    first = start + int((end - start) * share + 0.99)
    return Cut(s.dice.between(first, max(first, end - MIN_UNHEARD)), "answer")
