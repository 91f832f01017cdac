"""What makes written turns sound spoken: fillers, restarts, pauses, backchannels and places where a cut does no harm."""

import re
from collections.abc import Sequence

from datagen.domains.phrasing import Dice, small
from datagen.records.enums import MarkType, Speaker
from datagen.records.transcript import Mark

USER_FILLERS = ("um,", "uh,", "well,", "yeah,", "let's see,")
AGENT_FILLERS = ("so,", "well,", "let's see,")
INNER = ("uh,", "um,", "like,", "you know,")
BACKCHANNELS = ("mhm", "uh-huh", "right", "okay", "I see", "yeah")
AGENT_BACKCHANNELS = ("mhm", "okay", "right", "I see", "uh-huh", "sure")

LONG_WORDS, VERY_LONG_WORDS = 10, 20
"""Words of a turn that is long enough for a backchannel, and for a second one."""

APART = 8
"""Words between two backchannels, at least."""

FIRST_BACKCHANNEL = 6
"""Words of what is told that come before a backchannel, at least."""

CLAUSE = 4
"""Words of a clause on either side of its comma, at least: less is a list, a date, or a name that is called."""

_JOINING = frozenset(("and", "but", "so", "because", "which", "if", "when", "unless"))
"""Words that a phrase ends before, comma or not."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SPOKEN_START = _words(
    "um uh well so yeah oh ah hmm hm okay alright right hi hey hello thanks thank sorry no nope yes yep yeah "
    "sure great perfect wait actually and but mm-hmm uh-huh hold hang let"
)
_RESTARTS = _words("i i'm i'd i've can could do is it's the what how my what's we does would will there's")
_HINGES = _words("it's is was about for that's says from")
"""Words after which a speaker stops to think: what follows is what they are looking for."""

_VALUE = re.compile(r"[\d$@]")
_KEEP = re.compile(r"^(I|I'.*|[A-Z]{2,}.*)$")


def lower_start(text: str) -> str:
    """`text` with a small first letter, unless its first word is I or an abbreviation."""
    first = text.split()[0]
    return text if _KEEP.match(first.rstrip(",.")) or first[:1].isdigit() else small(text)


def starts_plain(words: Sequence[str]) -> bool:
    """Whether a turn starts without a discourse word, so that a filler before it is no second one."""
    return words[0].lower().strip(",.?!") not in _SPOKEN_START


def add_filler(text: str, dice: Dice, speaker: Speaker) -> tuple[str, int | None]:
    """`text` with a filler before it or before what the speaker is looking for, and the word that a pause comes before."""
    words = text.split()
    hinges = [
        i
        for i, w in enumerate(words[:-1])
        if w.lower() in _HINGES and i > 0 and not words[i + 1].endswith((".", "?", ",")) and not _starts(words, i, w)
    ]
    if speaker is Speaker.USER and hinges and dice.chance(0.5):
        at = dice.pick(hinges)
        filler = dice.pick(INNER[:2])
        filled = [*words[:at], words[at] + ",", filler, *words[at + 1 :]]
        return " ".join(filled), at + 2
    if not starts_plain(words) or not _is_common(words[0]):
        return text, None
    heads = {w.lower().strip(",.?!") for w in words[:5]}
    fillers: tuple[str, ...] = USER_FILLERS if speaker is Speaker.USER else AGENT_FILLERS
    if next((w for w in words if w.endswith((".", "?", "!"))), "").endswith("?"):
        fillers = USER_FILLERS[:2]
    filler = dice.pick([f for f in fillers if not heads & set(f.strip(",").split())])
    return f"{filler[:1].upper()}{filler[1:]} {lower_start(text)}", len(filler.split())


def _starts(words: Sequence[str], at: int, word: str) -> bool:
    """Whether a verb stands first in its sentence or clause, and so asks: nobody hesitates after it."""
    return word.lower() in ("is", "was") and words[at - 1].endswith((".", "?", ",", "!"))


def _is_common(word: str) -> bool:
    """Whether a first word has its capital from the sentence alone: short function words and contractions do."""
    plain = word.lower().strip(",.?!")
    return plain in _RESTARTS or plain in _COMMON or bool(_VALUE.search(word))


_COMMON = _words(
    "you your that that's this they are did any when where why which who if at in on have has a an for to it "
    "let's was were also there with your under"
)


def add_restart(text: str, dice: Dice) -> tuple[str, int | None]:
    """`text` with the first one or two words of a sentence said twice ("I was, I was wondering"), and where a pause goes."""
    words = text.split()
    starts = [0] + [i + 1 for i, w in enumerate(words[:-1]) if w.endswith((".", "?"))]
    open_starts = [
        i
        for i in starts
        if i + 4 < len(words)
        and words[i].lower() in _RESTARTS
        and all(w.replace("'", "").isalpha() for w in words[i : i + 3])
    ]
    if not open_starts:
        return text, None
    at = dice.pick(open_starts)
    n = 1 + dice.index(2)
    again = words[at : at + n]
    head = [*again[:-1], again[-1] + ","]
    return " ".join([*words[:at], *head, lower_start(" ".join(again)), *words[at + n :]]), at + n


def backchannels(
    words: Sequence[str],
    dice: Dice,
    rate: float,
    speaker: Speaker,
    end: int | None = None,
    within: Sequence[range] | None = None,
) -> list[Mark]:
    """Backchannels of the listener at clause ends, each with probability `rate`: one, in a turn of twenty words two.

    Only `within` some words (None: all of them); none in a short turn, in a question, before six words of a stretch have
    been heard, near the turn's end, or near a cut at word `end`.
    """
    limit = (end - 2 if end is not None else len(words) - 1) - 2
    pool = BACKCHANNELS if speaker is Speaker.AGENT else AGENT_BACKCHANNELS
    marks: list[Mark] = []
    if len(words) < LONG_WORDS:
        return marks
    places = [
        i
        for span in ([range(len(words))] if within is None else within)
        for i in span[FIRST_BACKCHANNEL - 1 :]
        if FIRST_BACKCHANNEL - 1 <= i < limit and _ends_clause(words, i)
    ]
    for i in places:
        if marks and i - marks[-1].word < APART:
            continue
        if dice.chance(rate):
            marks.append(Mark(MarkType.BACKCHANNEL, i, dice.pick(pool)))
        if len(marks) == (2 if len(words) >= VERY_LONG_WORDS else 1):
            break
    return marks


def _ends_clause(words: Sequence[str], at: int) -> bool:
    """Whether a listener may make themselves heard after a word: a told clause is over, and one of some length follows."""
    after = next((i for i in range(at + 1, len(words)) if words[i].endswith((",", ".", "?", "!"))), len(words) - 1)
    stop = next((w for w in words[at:] if w.endswith((".", "?", "!"))), ".")
    before = max((i for i in range(at) if words[i].endswith((",", ".", "?", "!"))), default=-1)
    if _is_filler(words[at]) or stop.endswith("?") or at - before < CLAUSE or in_date(words, at):
        return False
    if words[at].endswith("."):
        return True
    joined = words[at + 1].lower() in _JOINING and words[at][-1].isalnum()
    return after - at >= CLAUSE and (words[at].endswith(",") or joined)


_WEEKDAYS = _words("monday, tuesday, wednesday, thursday, friday, saturday, sunday,")


def in_date(words: Sequence[str], at: int) -> bool:
    """Whether the comma after a word stands within a date ("Monday, March 3rd", "March 3rd, 1986")."""
    return at + 1 < len(words) and (
        (words[at].lower() in _WEEKDAYS and words[at + 1][:1].isupper())
        or (words[at].endswith(("st,", "nd,", "rd,", "th,")) and words[at + 1][:4].isdigit())
    )


def clause_starts(words: Sequence[str], start: int, end: int) -> list[int]:
    """The words in [start, end) at which a clause begins: after a comma or a stop, or with a word that joins."""
    return [
        i
        for i in range(start + 1, end)
        if (words[i - 1].endswith((",", ".")) and not in_date(words, i - 1)) or words[i].lower() in _JOINING
    ]


def _is_filler(word: str) -> bool:
    return word.lower().strip(",.") in {"um", "uh", "well", "so", "like", "know", "okay", "no", "wait"}


def safe_cut(words: Sequence[str], dice: Dice, tail_from: int) -> Mark | None:
    """A word after `tail_from` at which the turn may be cut without loss: what follows is a courtesy, not a fact."""
    first, last = max(3, tail_from), len(words) - 3
    if first > last:
        return None
    return Mark(MarkType.SAFE_CUT, dice.between(first, last))


def has_value(words: Sequence[str]) -> bool:
    """Whether a number, price, date or address stands among the words."""
    return any(_VALUE.search(w) for w in words)
