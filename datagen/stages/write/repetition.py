"""The gate on saying things again: what a speaker says twice, nearly twice, or takes word for word from the other."""

import re
from dataclasses import dataclass, field

from datagen.protocols import Failure
from datagen.records.enums import MarkType, Speaker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript, Turn
from datagen.stages.write.options import WriteOptions
from datagen.stages.write.said import Said, said
from datagen.stages.write.stems import stem
from datagen.text.tokens import CARDS, ORDINALS, SCALES
from datagen.text.wordlist import words

_ASKS_AGAIN = re.compile(
    r"\b(?:again|repeat|what was that|say that|didn't (?:catch|hear|get)|come again|one more time|missed that|breaking up|can't hear|"
    r"what did you|slower|slow down)\b"
)
_ASKING = words("again repeat what say catch hear get come time missed breaking slower slow")
"""Words of which a text that asks to hear something again has one."""
_PARDON = words("sorry pardon excuse huh hello")
"""… or it begins a question with one of these."""
_WHICH = words("what what's when when's where where's who who's how how's which until")
"""What a question for a value has in it."""
_NUMBERS = frozenset((*CARDS, *ORDINALS, *SCALES))


@dataclass(slots=True)
class _Spoken:
    """What one speaker has said so far: sentences as they were, long ones as sets of their words, and repeated ones that answered."""

    whole: set[tuple[str, ...]] = field(default_factory=set)
    answered: set[tuple[str, ...]] = field(default_factory=set)
    long: list[frozenset[str]] = field(default_factory=list)


def repetition(transcript: Transcript, plan: DialogPlan, options: WriteOptions) -> Failure | None:
    """Rejects a dialogue in which a speaker says long sentences again that nobody asked to hear again (`repetition`), or again in
    nearly the same words with the same values (`near_repetition`), or takes them from the other (`echo`). What a cut left
    unheard was not said.
    """
    spoken = {side: _Spoken() for side in Speaker}
    n_exact, n_near, n_echoes = 0, 0, 0
    owed, wanted = dict.fromkeys(Speaker, False), _NOTHING
    for turn in transcript.turns:
        cut = next((m.word for m in turn.marks if m.type is MarkType.BARGE_IN), None) if turn.marks else None
        text = said(turn.text if cut is None else " ".join(turn.words[:cut]))
        side = turn.speaker
        for words_ in text.sentences:
            if len(words_) < options.repeated_sentence_words:
                continue
            sentence = tuple(words_)
            kind = "" if owed[side] else _kind(sentence, side, spoken, wanted, options)
            _note(sentence, spoken[side], options)
            if not kind:
                continue
            n_echoes += kind == "echo"
            n_exact += kind == "repetition"
            n_near += kind in ("repetition", "near_repetition")
            fault = _fault(n_exact, n_near, n_echoes, options)
            if fault:
                return Failure(fault[0], _told(fault, sentence, turn, transcript.dialog_id))
        whole = text if cut is None else said(turn.text)
        if cut is None:
            owed[side] = False  # an answer that was cut is said again once more
        if _asks_again(whole):
            owed[side.other] = True
        wanted = _asked_for(whole)
    return None


def _fault(n_exact: int, n_near: int, n_echoes: int, options: WriteOptions) -> tuple[str, int, int] | None:
    """The reason, the count and the limit; a sentence that is repeated as it was counts as nearly repeated too."""
    if n_exact > options.max_repeats:
        return "repetition", n_exact, options.max_repeats
    if n_near > options.max_near_repeats:
        return "near_repetition", n_near, options.max_near_repeats
    if n_echoes > options.max_echoes:
        return "echo", n_echoes, options.max_echoes
    return None


def _asks_again(text: Said) -> bool:
    """Whether somebody asks to hear something again."""
    if not _ASKING.isdisjoint(text.words) and _ASKS_AGAIN.search(text.low):
        return True
    if not text.questions:
        return False
    return any(asks and (s[0] in _PARDON or s == ["what"]) for s, asks in zip(text.sentences, text.asks, strict=True))


_NOTHING = frozenset[str]()


def _asked_for(text: Said) -> frozenset[str]:
    """What a question is about: its longer words, and "?" where it asks for a value in general ("How much?")."""
    if not text.questions:
        return _NOTHING
    found: set[str] = set()
    for sentence, asks in zip(text.sentences, text.asks, strict=True):
        if asks:
            found.update(w for w in sentence if len(w) > 3 and stem(w))
            if not _WHICH.isdisjoint(sentence):
                found.add("?")
    return frozenset(found)


def _kind(
    sentence: tuple[str, ...], side: Speaker, spoken: dict[Speaker, _Spoken], wanted: frozenset[str], options: WriteOptions
) -> str:  # fmt: skip
    """As what a sentence repeats something said before, "" where it does not. A value that was asked for is free once."""
    own, other = spoken[side], spoken[side.other]
    long = len(sentence) >= options.near_sentence_words
    if sentence in other.whole:
        return "echo"
    if sentence in own.whole:
        kind = "repetition"
    elif long and own.long and _is_near(sentence, own.long, options.near_sentence_jaccard):
        kind = "near_repetition"
    else:
        return ""
    answers = bool(wanted) and any("0" <= c <= "9" for w in sentence for c in w)
    if answers and ("?" in wanted or not wanted.isdisjoint(sentence)) and sentence not in own.answered:
        own.answered.add(sentence)
        return ""
    return kind


def _is_near(sentence: tuple[str, ...], before: list[frozenset[str]], least: float) -> bool:
    """Whether a sentence has nearly the words of one before it, and no other number."""
    bag = frozenset(sentence)
    for other in before:
        n_common = len(bag & other)
        if n_common >= least * (len(bag) + len(other) - n_common) and not any(map(_is_number, bag ^ other)):
            return True
    return False


def _is_number(word: str) -> bool:
    return word in _NUMBERS or any("0" <= c <= "9" for c in word)


def _note(sentence: tuple[str, ...], own: _Spoken, options: WriteOptions) -> None:
    own.whole.add(sentence)
    if len(sentence) >= options.near_sentence_words:
        own.long.append(frozenset(sentence))


def _told(fault: tuple[str, int, int], sentence: tuple[str, ...], turn: Turn, dialog_id: str) -> str:
    reason, n, limit = fault
    how = {"repetition": "again", "near_repetition": "again in nearly the same words", "echo": "as the other did"}[
        reason
    ]
    return (
        f"{dialog_id} turn {turn.index}: the {turn.speaker} says {' '.join(sentence)!r} {how} "
        f"({n} repeated sentences, the limit is {limit})."
    )
