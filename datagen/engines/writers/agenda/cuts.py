"""Where the caller cuts into the agent's turn, and why: to correct, to object, to ask, or having heard enough."""

from collections.abc import Sequence
from dataclasses import dataclass

from datagen.engines.writers.agenda.session import Expect, Session, plain
from datagen.engines.writers.agenda.surface import clause_starts, has_value

MIN_HEARD, MIN_UNHEARD = 3, 4
"""Words of the agent's turn before a cut, and from the cut word on, at least. The agent goes on for 0.2 to 0.7 s before it
yields, which is two words: of a shorter rest nothing would be lost."""

MIN_LONG = 8
"""Words of a segment that is long enough to be cut in its middle."""

PLAIN_REST = 9
"""Words of a rest that a caller who has heard enough can do without, at most."""

EAGER, GREETING, ANSWERED = 0.75, 0.2, 0.4
"""How often a caller who will cut in does so where it is merely possible, into the greeting, and before a question's last
courtesy; to correct, nearly always."""

THIRDS = (0.6, 0.25, 0.15)
"""Weights of the first, middle and last third of the agent's turn, where there is a choice: in much that is said there is none
early, since something has to have been heard."""

BUSY = frozenset({"ask", "correct", "object"})
"""Reasons of callers with something on their mind; the others have merely heard enough."""

MIN_LONG = 8
"""Words of a segment that is long enough to be cut in its middle."""

PLAIN_REST = 9
"""Words of a rest that a caller who has heard enough can do without, at most."""

EAGER, GREETING, ANSWERED = 0.75, 0.35, 0.4
"""How often a caller who will cut in does so where it is merely possible, into the greeting, and before a question's last
courtesy; to correct, nearly always."""

THIRDS = (6.0, 3.0, 1.5)
"""Weights of a place in the first, middle and last third of the agent's turn, where there is a choice: early ones are rare,
since something has to have been heard."""

COURTESY = frozenset(
    (
        *(
            "please",
            "for",
            "me",
            "us",
            "today",
            "on",
            "file",
            "the",
            "account",
            "your",
            "our",
            "we've",
            "we",
            "have",
            "you",
        ),
        *("you've", "gave", "left", "with", "if", "know", "don't", "mind", "just", "in", "case", "so", "there's", "no"),
        *(
            "mix-up",
            "again",
            "at",
            "all",
            "then",
            "though",
            "that",
            "is",
            "was",
            "it",
            "by",
            "any",
            "chance",
            "now",
            "here",
        ),
        *("do", "does", "help", "need", "needed", "did", "were", "wondering", "about", "else", "anything", "something"),
        *("right", "too", "to", "this", "a", "i", "can", "could", "may", "one", "quickly", "when", "second"),
    )
)
"""Words that end a question without saying what it is about."""

INFORMING = frozenset({"tell", "found", "done", "answer"})


@dataclass(frozen=True, slots=True)
class Cut:
    """The caller takes the floor as `word` of the agent's turn begins."""

    word: int
    reason: str


def choose(s: Session, waiting: Expect) -> Cut | None:
    """The cut of the agent's last turn, None where the caller lets it finish."""
    if s.agenda.barge_ins < 1:
        return None
    n_words = len(s.draft.last.text.split())
    places = {
        "readback": (_correct,),
        "alternative": (_object,),
        "react": (_ask_or_enough,),
        "slot": (_interject, _answer),
        "check": (_answer,),
        "choice": (_interject, _take),
        "leave": (_interject,),
        "open": (_greeting,),
        "more": (_answer,),
        "wait": (_interject, _into_hold) if s.calls_tools else (),
    }
    for place in places.get(waiting.kind, ()):
        cut = place(s, waiting)
        if cut is None or (s.agenda.busy and cut.reason not in BUSY):
            continue
        if MIN_HEARD <= cut.word <= n_words - MIN_UNHEARD and s.dice.chance(_share(cut)):
            if cut.reason == "enough":
                s.draft.last.segments[-1].must = False
            return cut
    return None


def _share(cut: Cut) -> float:
    return {"correct": 0.9, "object": 0.9, "greeting": GREETING, "answer": ANSWERED}.get(cut.reason, EAGER)


def _find(words: list[str], value: str) -> int | None:
    """The word after the last occurrence of a value among words; None where it is not said."""
    wanted = plain(value).split()
    said = [w.strip(",.?!;:").casefold() for w in words]
    for start in range(len(said) - len(wanted), -1, -1):
        if wanted and said[start : start + len(wanted)] == wanted:
            return start + len(wanted)
    return None


def _correct(s: Session, waiting: Expect) -> Cut | None:
    """Right after a wrong value was read back."""
    step = waiting.step
    if step is None or s.told[step.slot] == s.instance[step.slot]:
        return None
    after = _find(s.draft.last.text.split(), s.told[step.slot])
    return None if after is None else Cut(after, "correct")


def _object(s: Session, waiting: Expect) -> Cut | None:
    """As the agent turns from the refusal to what it can do."""
    if not s.traits["push"] or s.room() < 25:
        return None
    start, _ = s.draft.last.spans()[-1]
    return Cut(start + 1 + s.dice.index(3), "object")


def _can_ask(s: Session) -> bool:
    return s.room() > 45 and any(s.ready(q.after) and q.when(s.view) and s.has_answer(q) for q in s.agenda.questions)


def _turning(s: Session, span: tuple[int, int]) -> list[int]:
    """The words at which a caller may cut into what is told: as a clause begins, or a word later, when something was heard."""
    if "resume" in s.draft.last.act:
        return []  # It was cut once already.
    words = s.draft.last.text.split()
    start, end = span
    places = [i for i in clause_starts(words, start, end) if i - start > MIN_HEARD and i <= len(words) - MIN_UNHEARD]
    return [i + (i + 1 <= len(words) - MIN_UNHEARD and s.dice.chance(0.5)) for i in places]


def _place(s: Session, places: Sequence[int]) -> int:
    """One of the places: first the third of the turn, then a place in it."""
    n_words = len(s.draft.last.text.split())
    thirds: dict[int, list[int]] = {}
    for i in places:
        thirds.setdefault(min(2, 3 * i // n_words), []).append(i)
    third = s.dice.weighted(list(thirds), [THIRDS[t] for t in thirds])
    place: int = s.dice.pick(thirds[third])
    return place


def _informed(s: Session) -> list[int]:
    """The places inside what the agent's turn tells: early anywhere, later where clauses begin. What is lost by a cut there
    comes again."""
    turn = s.draft.last
    if "resume" in turn.act:
        return []  # It was cut once already.
    n_words = len(turn.text.split())
    places: dict[int, None] = {}
    for x, (start, end) in zip(turn.segments, turn.spans(), strict=True):
        if x.act in INFORMING and x.must and end - start >= MIN_LONG:
            early = range(max(MIN_HEARD, start + 2), min(end - MIN_UNHEARD, n_words // 3))
            places |= dict.fromkeys([*early, *_turning(s, (start, end))])
    return list(places)


def _ask_or_enough(s: Session, waiting: Expect) -> Cut | None:
    """In the middle of what the agent tells: with a question of the caller's own, or because the rest is plain."""
    turn = s.draft.last
    start, end = turn.spans()[-1]
    if _can_ask(s):
        places = _informed(s)
        if not places and turn.segments[-1].act in INFORMING and end - start >= MIN_LONG:
            places = _turning(s, (start, end))
        if places:
            return Cut(_place(s, places), "ask")
    words = turn.text.split()
    places = _turning(s, (start, end)) if end - start >= MIN_LONG else []
    plain_rest = [i for i in places if len(words) - i <= PLAIN_REST and not has_value(words[i:])]
    return Cut(plain_rest[-1], "enough") if plain_rest and s.mood != "anxious" else None


def _interject(s: Session, waiting: Expect) -> Cut | None:
    """A question of the caller's own in the middle of what comes before the agent's question."""
    places = _informed(s)
    return Cut(_place(s, places), "ask") if places and _can_ask(s) else None


def _into_hold(s: Session, waiting: Expect) -> Cut | None:
    """A question of the caller's own as the agent asks for a moment: the tool is not called yet."""
    start, end = s.draft.last.spans()[-1]
    places = list(range(start + MIN_HEARD, end - MIN_UNHEARD + 1))
    return Cut(_place(s, places), "ask") if places and _can_ask(s) else None


def _answer(s: Session, waiting: Expect) -> Cut | None:
    """After the last word that says what is asked, where courtesies follow."""
    words = s.draft.last.text.split()
    topic = ("else", "more", "everything", "all", "list", "mind") if waiting.kind == "more" else ()
    plain_words = [w.strip(",.?!").casefold() for w in words]
    last = max((i for i, w in enumerate(plain_words) if w in topic or w not in COURTESY), default=len(words))
    return Cut(last + 1, "answer")


def _take(s: Session, waiting: Expect) -> Cut | None:
    """After the option that the caller takes, before the others."""
    step = waiting.step
    words = s.draft.last.text.split()
    after = _find(words, s.instance[step.slot]) if step is not None else None
    start, _ = s.draft.last.spans()[-1]
    return None if after is None or after - start < MIN_HEARD else Cut(after, "answer")


def _greeting(s: Session, waiting: Expect) -> Cut | None:
    """Once the caller knows whom they called: as one of the greeting's clauses ends."""
    words = s.draft.last.text.split()
    clauses = [i + 2 for i, w in enumerate(words[:-1]) if w.endswith((".", ",", "?")) and i + 2 > MIN_HEARD]
    return Cut(_place(s, clauses), "greeting") if clauses else None
