"""What makes written turns sound spoken: discourse words, places for backchannels, and places where a cut does no harm."""

import re
from collections.abc import Sequence

from datagen.domains.phrasing import Dice, small
from datagen.records.enums import MarkType
from datagen.records.transcript import Mark

FILLERS = ("so,", "well,", "let's see,")
"""What an agent opens a turn with now and then; how users hesitate is the write stage's."""

LONG_WORDS = 10
"""Words of a turn that is long enough for a backchannel."""

RAMBLING = 12
"""Words of a user's turn that is long enough for the agent to cut in on."""

LEFT_UNSAID = 5
"""Words that a rambling user may lose, at most: the agent reacts to the rest."""

STEM = 5
"""Letters by which words are taken for forms of one: decline, declined."""

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
_EVERYDAY = _words(
    "that this they them then than there here with from have just like what when where your yours mine about really would could "
    "should will does done been were some something anything nothing everything much more most many very well only even also "
    "still into over other because know think mean want need make made take good okay sure right thing things time back going "
    "sorry please thanks thank every each which while after before again help"
)
"""Words of more than three letters that say nothing of what a turn is about."""
_VALUE = re.compile(r"[\d$@]")
_KEEP = re.compile(r"^(I|I'.*|[A-Z]{2,}.*)$")


def lower_start(text: str) -> str:
    """`text` with a small first letter, unless its first word is I or an abbreviation."""
    first = text.split()[0]
    return text if _KEEP.match(first.rstrip(",.")) or first[:1].isdigit() else small(text)


def starts_plain(words: Sequence[str]) -> bool:
    """Whether a turn starts without a discourse word, so that a filler before it is no second one."""
    return words[0].lower().strip(",.?!") not in _SPOKEN_START


def add_filler(text: str, dice: Dice) -> str:
    """An agent's turn with a discourse word before it; the same text where it begins with one, or with what may be a name."""
    words = text.split()
    if not starts_plain(words) or not _is_common(words[0]):
        return text
    heads = {w.lower().strip(",.?!") for w in words[:5]}
    filler = dice.pick([f for f in FILLERS if not heads & set(f.strip(",").split())])
    return f"{filler[:1].upper()}{filler[1:]} {lower_start(text)}"


def _is_common(word: str) -> bool:
    """Whether a first word has its capital from the sentence alone: short function words and contractions do."""
    plain = word.lower().strip(",.?!")
    return plain in _RESTARTS or plain in _COMMON or bool(_VALUE.search(word))


_COMMON = _words(
    "you your that that's this they are did any when where why which who if at in on have has a an for to it "
    "let's was were also there with your under"
)


def backchannels(
    words: Sequence[str],
    dice: Dice,
    texts: Sequence[str],
    end: int | None = None,
    within: Sequence[range] | None = None,
) -> list[Mark]:
    """Every place where a listener may make themselves heard, some words apart, with one of the texts: stitch takes of them
    what the recipe's rate a minute asks for.

    Only `within` some words (None: all of them); none in a short turn, in a question, before six words of a stretch have
    been heard, near the turn's end, or near a cut at word `end`.
    """
    limit = (end - 2 if end is not None else len(words) - 1) - 2
    marks: list[Mark] = []
    if len(words) < LONG_WORDS:
        return marks
    for span in [range(len(words))] if within is None else within:
        for i in span[FIRST_BACKCHANNEL - 1 :]:
            near = marks and i - marks[-1].word < APART
            if FIRST_BACKCHANNEL - 1 <= i < limit and not near and _ends_clause(words, i):
                marks.append(Mark(MarkType.BACKCHANNEL, i, dice.pick(texts)))
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
    half = words[at + 1 : at + 4] == ["and", "a", "half"]
    joined = words[at + 1].lower() in _JOINING and words[at][-1].isalnum() and not half
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


def ramble_cut(words: Sequence[str], following: str, dice: Dice) -> Mark | None:
    """One of the last words of a long user turn at which the agent may cut in without loss: its last sentence holds no value,
    name or question, and no content word that the agent says later (`following`: all its turns after this one)."""
    start = max((i + 1 for i, w in enumerate(words[:-1]) if w.endswith((".", "?", "!"))), default=0)
    clause = max((i + 1 for i, w in enumerate(words[:-1]) if w.endswith(",")), default=0)
    first, last = max(start + 2, clause + 2, len(words) - LEFT_UNSAID), len(words) - 3
    if len(words) < RAMBLING or start == 0 or first > last:
        return None
    tail = words[start:]
    taken_up = _content(following.split())
    told = has_value(tail) or tail[-1].endswith("?") or any(w[0].isupper() and not w.startswith("I") for w in tail[1:])
    if told or taken_up & _content(tail):
        return None
    return Mark(MarkType.SAFE_CUT, dice.between(first, last))


def _content(words: Sequence[str]) -> frozenset[str]:
    """The stems of the words that carry news, roughly: the first letters of all but short and everyday ones."""
    plain = (w.strip(",.?!").lower().split("'")[0] for w in words)
    return frozenset(w[:STEM] for w in plain if len(w) > 3 and w not in _EVERYDAY)


def has_value(words: Sequence[str]) -> bool:
    """Whether a number, price, date or address stands among the words."""
    return any(_VALUE.search(w) for w in words)
