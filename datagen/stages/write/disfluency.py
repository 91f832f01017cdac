"""The user's hesitations: fillers, repetitions, self-corrections and silent pauses, put into any writer's dialogue."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist

from datagen.domains.phrasing import Dice
from datagen.domains.spontaneous import Spontaneous
from datagen.records.enums import MarkType, Speaker, Tag, TurnType
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Mark, Transcript, Turn
from datagen.stages.write import edits, places, slips
from datagen.stages.write.edits import Edit
from datagen.stages.write.options import WriteOptions
from datagen.text.values import values_of
from datagen.text.wordlist import words

APART = 4
"""Words between two disfluencies of one turn, at least."""
WORDS_EACH = 8
"""Words of a turn that bear one disfluency; a turn of any length bears one."""
MOODS: Mapping[str, float] = {"hesitant": 1.8, "anxious": 1.4}
"""How much more a user of such a mood hesitates than the rates say."""
SLIP = 8.0
"""The weight of a value said wrong first, against one of a sentence begun anew: values are rarer than sentences."""
TWICE = 0.4
"""How often two words are said again where two go together."""
REPEATED_PAUSE = 0.4
"""How often a speaker falls silent before saying a word again, against after a filler."""
TERM = 0.15
"""How often a sentence begun anew says "I mean" or "sorry" in between."""

_SPOKEN_FILLERS = words("um uh er erm uhm")
_GREETINGS = words("hi hello hey good")
"""Words that an "um" may come before, but no "well" or "so"."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that may be put into a turn; `make` draws its words, None where none fit."""

    turn: int
    at: int
    weight: float
    make: Callable[[Dice], Edit | None]


def hesitate(
    transcript: Transcript, plan: DialogPlan, options: WriteOptions, texts: Spontaneous, dice: Dice
) -> Transcript:
    """The dialogue with its user's hesitations, marked; the same one where the recipe's share leaves it alone.

    Without the words that the marks call disfluent, every turn says what it said, but for a capital or comma where something
    was put in.
    """
    wanted = options.disfluency
    if not dice.chance(wanted.share):
        return transcript
    turns = [_marked(t) if t.speaker is Speaker.USER else t for t in transcript.turns]
    user = [t for t in turns if t.speaker is Speaker.USER and not _is_farewell(t)]
    said = sum(len(t.words) for t in turns if t.speaker is Speaker.USER)
    z = NormalDist().inv_cdf(min(max(dice.unit(), 1e-6), 1 - 1e-6))
    factor = math.exp(wanted.speaker_sigma * z - wanted.speaker_sigma**2 / 2) * MOODS.get(
        str(plan.traits.get("mood")), 1.0
    )
    chosen = _Chosen(transcript, options)
    there = sum(m.type is MarkType.FILLER for t in user for m in t.marks)
    kinds: tuple[tuple[float, int, Callable[[], list[Candidate]]], ...] = (
        (wanted.corrections_per_100, 0, lambda: _corrections(transcript, user, texts, wanted.pause_share)),
        (wanted.repetitions_per_100, 0, lambda: _repetitions(user, wanted.pause_share)),
        (wanted.fillers_per_100, there, lambda: _fillers(user, texts, wanted.pause_share)),
        (wanted.silent_pauses_per_100, 0, lambda: _pauses(user)),
    )
    for rate, n_there, candidates in kinds:
        n = poisson(rate * factor * said / 100, dice) - n_there
        if n > 0:
            chosen.draw(n, candidates(), dice)
    done = [_edited(t, chosen.edits[t.index]) if t.index in chosen.edits else t for t in turns]
    return transcript if tuple(done) == transcript.turns else replace(transcript, turns=tuple(done))


def poisson(mean: float, dice: Dice) -> int:
    """A Poisson draw (Knuth's product of uniforms; means here are a few)."""
    limit, product, n = math.exp(-mean), dice.unit(), 0
    while product > limit:
        product *= dice.unit()
        n += 1
    return n


class _Chosen:
    """The edits that were drawn, by turn, with what keeps a turn from being stuttered to pieces."""

    def __init__(self, transcript: Transcript, options: WriteOptions) -> None:
        self.edits: dict[int, list[Edit]] = {}
        self._turns = transcript.turns
        self._per_turn = options.max_user_words
        self._room = options.max_dialog_words - sum(len(t.words) for t in transcript.turns)

    def draw(self, n: int, candidates: list[Candidate], dice: Dice) -> None:
        """Takes `n` of the candidates by weight; fewer, where no more fit."""
        left = list(candidates)
        while n > 0 and left:
            one = dice.weighted(left, [c.weight for c in left])
            left.remove(one)
            if not self._fits(one.turn, one.at):
                continue
            edit = one.make(dice)
            if edit is None or not self._fits(one.turn, edit.at, len(edit.words)):
                continue
            self.edits.setdefault(one.turn, []).append(edit)
            self._room -= len(edit.words)
            n -= 1

    def _fits(self, index: int, at: int, n_words: int = 1) -> bool:
        turn, there = self._turns[index], self.edits.get(index, [])
        n_said = len(turn.words) + sum(len(e.words) for e in there)
        if n_said + n_words > self._per_turn or n_words > self._room or len(there) > len(turn.words) // WORDS_EACH:
            return False
        taken = [e.at for e in there] + [m.word for m in turn.marks if m.type in (*edits.DISFLUENT, MarkType.PAUSE)]
        return all(abs(at - other) >= APART for other in taken)


def _is_farewell(turn: Turn) -> bool:
    return turn.type in (TurnType.CLOSING, TurnType.GREETING) and len(turn.words) < 2 * WORDS_EACH


def _marked(turn: Turn) -> Turn:
    """The turn with the fillers marked that its writer wrote without a mark."""
    known = {m.word for m in turn.marks if m.type in edits.DISFLUENT}
    found = [
        Mark(MarkType.FILLER, i, w)
        for i, w in enumerate(turn.words)
        if i not in known and w.lower().strip(",.") in _SPOKEN_FILLERS
    ]
    return edits.mark(turn, found) if found else turn


def _edited(turn: Turn, made: list[Edit]) -> Turn:
    """The turn with its edits; without them where a value would read as another one for what stands before it."""
    result = edits.apply(turn, made)
    before, after = (values_of(" ".join(edits.fluent_words(t))) for t in (turn, result))
    return result if [(v.type, v.canonical) for v in before] == [(v.type, v.canonical) for v in after] else turn


def _corrections(transcript: Transcript, user: list[Turn], texts: Spontaneous, pause_share: float) -> list[Candidate]:
    said = slips.Said(transcript)
    terms = texts.spec.repair

    def term(dice: Dice) -> str:
        return str(dice.weighted(list(terms), list(terms.values())))

    def slip_at(turn_words: list[str], at: int) -> Callable[[Dice], Edit | None]:
        def make(dice: Dice) -> Edit | None:
            found = slips.slip(turn_words, at, term(dice), said, dice)
            if found is None:
                return None
            pauses = (
                (next(i + 1 for i, w in enumerate(found[1]) if w.endswith(",")),) if dice.chance(pause_share) else ()
            )
            return Edit(found[0], MarkType.CORRECTION, found[1], pauses)

        return make

    def restart_at(at: int, start: str, share: float) -> Callable[[Dice], Edit | None]:
        def make(dice: Dice) -> Edit | None:
            first = f"{dice.pick(texts.spec.restarts[start])},"
            again = f"{term(dice)}," if dice.chance(TERM) else ""
            put = tuple(f"{first} {again}".split())
            return Edit(at, MarkType.CORRECTION, put, (len(put),) if dice.chance(share) else ())

        return make

    found = []
    for turn in user:
        turn_words = turn.words
        found += [Candidate(turn.index, i, SLIP, slip_at(turn_words, i)) for i in slips.sites(turn_words, turn.text)]
        silent = pause_share * places.may_fall_silent(turn)
        for i, start in places.restarts(turn, texts.spec.restarts):
            found.append(Candidate(turn.index, i, 1.0, restart_at(i, start, silent)))
    return found


def _repetitions(user: list[Turn], pause_share: float) -> list[Candidate]:
    def again(turn: Turn, at: int, most: int) -> Callable[[Dice], Edit | None]:
        turn_words, share = turn.words, REPEATED_PAUSE * pause_share * places.may_fall_silent(turn)

        def make(dice: Dice) -> Edit | None:
            n = most if dice.chance(TWICE) else 1
            put = [edits.uncapitalised(turn_words[at]), *turn_words[at + 1 : at + n]]
            put[-1] += ","
            return Edit(at, MarkType.REPETITION, tuple(put), (n,) if dice.chance(share) else ())

        return make

    return [Candidate(t.index, i, weight, again(t, i, most)) for t in user for i, weight, most in places.repetitions(t)]


def _fillers(user: list[Turn], texts: Spontaneous, pause_share: float) -> list[Candidate]:
    def filler_at(turn: Turn, at: int) -> Callable[[Dice], Edit | None]:
        def make(dice: Dice) -> Edit | None:
            opens = edits.opens_sentence(turn.words, at)
            known = texts.spec.fillers
            table = (known.lookup if places.looks_up(turn, at) else known.start) if opens else known.inside
            if "?" in turn.text and opens:
                table = {t: w for t, w in table.items() if len(t.split()) == 1 and t not in ("well", "okay")} or table
            if opens and turn.words[at].lower().strip(",.!") in _GREETINGS:
                table = {t: w for t, w in table.items() if t in _SPOKEN_FILLERS} or table
            put = tuple(f"{dice.weighted(list(table), list(table.values()))},".split())
            thinks = places.may_fall_silent(turn) or (turn.type is TurnType.ANSWER and places.is_value(turn.words[at]))
            silent = dice.chance(pause_share * thinks)
            before = at > 0 and dice.chance(0.3)
            return Edit(at, MarkType.FILLER, put, ((0,) if before else (len(put),)) if silent else (), comma=True)

        return make

    found = []
    for turn in user:
        more = 1.5 if Tag.HESITANT in turn.tags else 1.0
        found += [Candidate(turn.index, i, weight * more, filler_at(turn, i)) for i, weight in places.fillers(turn)]
    return found


def _pauses(user: list[Turn]) -> list[Candidate]:
    def silence_at(at: int) -> Callable[[Dice], Edit | None]:
        return lambda dice: Edit(at, MarkType.PAUSE, (), (0,))

    return [Candidate(t.index, i, weight, silence_at(i)) for t in user for i, weight in places.pauses(t)]
