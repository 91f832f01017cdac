"""Where in a turn a speaker hesitates, repeats a word or begins anew: at the start of clauses, and before what is looked for."""

import re
from collections.abc import Mapping, Sequence

from datagen.records.enums import TurnType
from datagen.records.transcript import Turn
from datagen.stages.write.edits import opens_sentence
from datagen.text.lexicon import MONTHS, OPENERS, WEEKDAYS
from datagen.text.wordlist import words

Place = tuple[int, float]
"""A word before which something may be put, and its weight among all places of the dialogue."""

VALUE, CLAUSE, CONTENT, OPENING, LATER_OPENING, REACTION = 4.0, 1.5, 1.0, 3.0, 1.0, 0.3
"""Weights. Hesitations are most frequent where a speaker starts, and before words that are hard to find."""

SHORT = 8
"""Words of a statement that says more than that something was heard."""
SILENT = 5
"""Words of a turn, and of a sentence of it, in which a speaker may fall silent: less is said in one go."""

_STOPS = (",", ".", "?", "!")
_NOT_OPENED = words(
    "thank thanks bye goodbye great perfect awesome cool oh ah hmm um uh er well so okay ok alright wait hold hang sorry "
    "wow nice lovely good excuse please hey exactly absolutely excellent wonderful fantastic terrific cheers"
)
"""Words that no hesitation comes before: they are said at once, or are one already."""
_FUNCTION = words(
    "i i'm i'd i've i'll you you're we we're we'd it it's its that that's this these those there there's they they're he she "
    "what what's where where's when who who's which why how how's is are was were do does did can could would will "
    "should may might have has had am if and but because or my your our their his her the a an any some in on at for "
    "from with about to not no yes yeah yep nope actually just maybe let's let is isn't don't didn't can't couldn't after before"
)
_LOOKED_FOR = words("is it's was for at on about from of the in my around like that's by until since ends under than")
_CONTENT = words("about for with was that's it's is from says like called")
_NO_CONTENT = words(
    "me you us it them that this him her now sure all what so not there here just a an the my your our to been being today "
    "tomorrow one some any going gonna"
)
_ASKING = words("what where who how when which why there here it that this he she")
_JOINING = words("and but because so or")
_SUBJECTS = words(
    "i i'm i'd i've i'll we we're it it's they they're he she my the that there's that's you is are can do does how what "
    "if when then maybe"
)
_REPEATED = words("i i'm i'd i've the my we we're it's and but there's that's to in on for they your this if our")
_REPEATED_FIRST = _REPEATED | words("can could do is what's how would did are does what it")
_ANSWERED = words("yes yeah yep yup no nope sure right correct exactly mm-hmm uh-huh true")
"""Openings of an answer that was not looked for."""
_HEARD = words("yes yeah yep yup no okay alright sure great good fine right perfect thanks oh ah mm-hmm uh-huh well")
_FIXED = tuple(
    tuple(line.split())
    for line in (
        "just so i know",
        "just so you know",
        "just so we're clear",
        "as far as i know",
        "let me know",
        "by the way",
        "if you don't mind",
        "if that's okay",
        "if that's alright",
        "if that's how it is",
        "if you say so",
        "if it's quick",
        "for some reason",
        "for now",
        "for sure",
        "for me",
        "at the moment",
        "at least",
        "at all",
        "in front of me",
        "in a row",
        "in a rush",
        "in a hurry",
        "on hold",
        "to be honest",
        "what about",
        "how about",
        "that's all",
        "that's it",
        "that's fine",
        "that's okay",
        "that's alright",
        "here it is",
        "you got it",
        "you know",
        "i think so",
        "i guess so",
        "i hope so",
        "i'm not sure",
        "or something",
        "or so",
        "and so on",
        "but thanks",
        "but thank you",
    )
)
"""Phrases that are said in one go: nothing stands inside them."""
_FIXED_BY_FIRST = {first: tuple(p for p in _FIXED if p[0] == first) for first in {p[0] for p in _FIXED}}
"""By their first words: every place of every turn is looked at."""
_PAIRS = words(
    "i_was i_want i_wanted i_have i_need i_just i_got can_i can_you could_i could_you do_you do_i is_there is_it it_was in_the "
    "on_the for_the on_my for_my i_think i_don't i_didn't if_i and_i but_i we_were we_have i'm_not would_it are_you did_you "
    "how_do what_if to_the of_the and_the with_the how_much how_long what's_the"
)
_VALUE = re.compile(r"[\d$@]")


def is_value(word: str) -> bool:
    """Whether a word is something to be looked up or recalled: it holds a digit, a sum or an address, or is a day or a month."""
    low = word.lower().strip(",.?!")
    return bool(_VALUE.search(word)) or (word[:1].isupper() and (low in WEEKDAYS or low in MONTHS) and low != "may")


def fillers(turn: Turn) -> list[Place]:
    """Places of fillers: before the turn or a later sentence, at clause starts, before values and content phrases."""
    said = turn.words
    found: list[Place] = []
    inside = inside_phrases(said)
    # A short statement is a reaction, which comes at once.
    opening = REACTION if turn.type is TurnType.STATEMENT and len(said) < SHORT else OPENING
    for i, word in enumerate(said):
        if opens_sentence(said, i):
            if _can_open(turn, i):
                found.append((i, opening if i == 0 else LATER_OPENING))
            continue
        weight = 0.0 if i in inside else _inside(said, i, word)
        if weight and len(said) - i > 1 - bool(weight == VALUE):
            found.append((i, weight))
    return found


def inside_phrases(said: Sequence[str]) -> set[int]:
    """The places before and after which the words belong to one fixed phrase."""
    found: set[int] = set()
    bare = [word.strip(",.?!") for word in " ".join(said).lower().split(" ")]
    for start, first in enumerate(bare):
        for phrase in _FIXED_BY_FIRST.get(first, ()):
            end = start + len(phrase)
            if tuple(bare[start:end]) == phrase:
                found.update(range(start + 1, end))
    return found


def looks_up(turn: Turn, at: int) -> bool:
    """Whether the sentence that word `at` opens gives a value or choice for which its speaker has to think: in an answer, and not
    after a yes or no, nor in the first words of a dialogue."""
    said = turn.words
    if turn.type is not TurnType.ANSWER or turn.index < 2 or said[0].lower().strip(",.?!") in _ANSWERED:
        return False
    end = next((k for k in range(at, len(said)) if said[k][-1] in ".?!"), len(said) - 1) + 1
    chooses = "choose" in turn.act.split("+")
    return chooses or (said[at].lower().strip(",.?!") not in _ANSWERED and any(is_value(w) for w in said[at:end]))


def _can_open(turn: Turn, at: int) -> bool:
    word = turn.words[at].lower().strip(",.?!;:")
    if turn.type in (TurnType.GREETING, TurnType.CLOSING, TurnType.CONFIRMATION) or word in _NOT_OPENED:
        return False
    rest = next((k for k in range(at, len(turn.words)) if turn.words[k][-1] in ".?!"), len(turn.words) - 1) - at + 1
    return is_value(turn.words[at]) or ((word in _FUNCTION or word in OPENERS) and (rest > 2 or at == 0))


def _inside(said: Sequence[str], i: int, word: str) -> float:
    """The weight of a place inside a sentence, 0 where nobody would hesitate."""
    before, low = said[i - 1], word.lower().strip(",.?!")
    plain = before.lower()
    if before.endswith(","):
        return CLAUSE if low in _SUBJECTS or low in _JOINING else 0.0
    if not before[-1].isalnum():
        return 0.0
    if is_value(word):
        return VALUE if plain in _LOOKED_FOR and not is_value(before) else 0.0
    if plain in _JOINING:
        return CLAUSE if low in _SUBJECTS else 0.0
    asks = plain in ("is", "was") and (opens_sentence(said, i - 1) or said[i - 2].lower().strip(",") in _ASKING)
    content = plain in _CONTENT and low not in _NO_CONTENT and word[0].islower() and word[-1].isalpha() and not asks
    return CONTENT if content and not opens_sentence(said, i - 1) else 0.0


def repetitions(turn: Turn) -> list[tuple[int, float, int]]:
    """Places of repetitions, with how many words may be said again: function words, mostly the first of a clause."""
    said = turn.words
    found: list[tuple[int, float, int]] = []
    inside = inside_phrases(said)
    for i in range(len(said) - 2):
        low, following = said[i].lower(), said[i + 1].lower().strip(",.?!")
        first = opens_sentence(said, i) or said[i - 1].endswith(",") or said[i - 1].lower() in _JOINING
        fits = low in (_REPEATED_FIRST if first else _REPEATED) and low != following and i + 1 not in inside
        if not fits or (i and said[i - 1].lower().strip(",") == low) or said[i + 1].endswith(_STOPS[1:]):
            continue
        n_words = 2 if f"{low}_{following}" in _PAIRS and said[i + 1][-1].isalnum() and i + 3 < len(said) else 1
        found.append((i, 2.0 if first else 0.6, n_words))
    return found


def restarts(turn: Turn, known: Mapping[str, Sequence[str]]) -> list[tuple[int, str]]:
    """Clause starts that may be begun with other words first, and the words of `known` that they begin with."""
    said = turn.words
    found = []
    inside = inside_phrases(said)
    for i in range(len(said) - 3):
        first = opens_sentence(said, i) or (said[i - 1].endswith(",") and not is_value(said[i - 1]))
        if not first or said[i][-1] in "".join(_STOPS) or i in inside or i + 1 in inside:
            continue
        pair = f"{said[i]} {said[i + 1]}".lower()
        start = pair if pair in known else said[i].lower()
        if start in known:
            found.append((i, start))
    return found


def pauses(turn: Turn) -> list[Place]:
    """Places of silent hesitation: those of fillers inside a sentence, but for the mere content phrase. None in what is said in one
    go: confirmations, short turns and sentences, and right after an "okay" or "yes"."""
    if not may_fall_silent(turn):
        return []
    return [(i, w) for i, w in fillers(turn) if i > 0 and w != CONTENT and _is_thought_of(turn.words, i)]


def may_fall_silent(turn: Turn) -> bool:
    """Whether a turn is of a kind and length in which its speaker may hesitate without a word."""
    return turn.type is not TurnType.CONFIRMATION and len(turn.words) >= SILENT


def _is_thought_of(said: Sequence[str], at: int) -> bool:
    start = max((i + 1 for i in range(at) if said[i][-1] in ".?!"), default=0)
    end = next((k for k in range(at, len(said)) if said[k][-1] in ".?!"), len(said) - 1) + 1
    heard = at == start + 1 and said[start].lower().strip(",.?!") in _HEARD
    return not heard and (end - start >= SILENT or is_value(said[at]))
