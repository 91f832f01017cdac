"""From spoken turns to shapes: words in samples, and everything that is drawn, drawn."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datagen.protocols import Failure
from datagen.records.enums import MarkType, Speaker, TurnType
from datagen.records.plan import DialogPlan
from datagen.records.speech import SAMPLE_RATE_HZ, Speech, SpokenDialog, SpokenTurn
from datagen.stages.stitch.lognormal import Lognormal, normal_cdf, normal_quantile
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.shapes import Listening, Span, TurnShape

GOLDEN = (math.sqrt(5) - 1) / 2
"""Its multiples, modulo 1, fill 0…1 evenly however many are taken: pairs are spread by the dialogue's index."""
SLACK_S = 0.002
"""How far a word may reach beyond its audio before it counts as wrong: aligners round."""


@dataclass(frozen=True, slots=True)
class Shaped:
    """A dialogue's turns as shapes, which of them are cut at a sampled place, the silence around them in samples, and
    how many marks of each could not be used (a pause before the first word, a word that is not there)."""

    shapes: tuple[TurnShape, ...]
    sampled: tuple[bool, ...]
    lead: int
    tail: int
    n_marks_dropped: tuple[int, ...]


def samples(seconds: float) -> int:
    """Seconds as a whole number of samples at 24 kHz."""
    return round(seconds * SAMPLE_RATE_HZ)


def shape(plan: DialogPlan, spoken: SpokenDialog, options: StitchOptions, rng: np.random.Generator) -> Shaped | Failure:
    """The dialogue as shapes, or a Failure where words or marks contradict the audio or the turns."""
    if not spoken.turns:
        return Failure("no_turns", "the dialogue has no turns.")
    lead, tail = (samples(rng.uniform(*r)) for r in (options.lead_s, options.tail_s))
    quantiles = _quantiles(plan, spoken, options, rng)
    shapes, sampled, n_dropped = [], [], []
    for position, turn in enumerate(spoken.turns):
        after = spoken.turns[position + 1] if position + 1 < len(spoken.turns) else None
        # A generator a turn: what one turn draws moves nothing in the next.
        one = _shape_turn(turn, after, quantiles[position], options, np.random.default_rng(rng.integers(2**63)))
        if isinstance(one, Failure):
            return one
        shapes.append(one[0])
        sampled.append(one[1])
        n_dropped.append(one[2])
    return Shaped(tuple(shapes), tuple(sampled), lead, tail, tuple(n_dropped))


def _quantiles(plan: DialogPlan, spoken: SpokenDialog, options: StitchOptions, rng: np.random.Generator) -> list[float]:
    """A quantile a turn, evenly spread over a build, but alike within a pair and within a speaker.

    A normal copula: the latent value is the pair's, plus the speaker's, plus the turn's own, by their shares of the
    variance. So the build keeps the preset's distribution while dialogues differ as pairs do (arXiv 2505.24736).
    """
    pair_share, speaker_share = options.variance_shares()
    pair = normal_quantile((0.5 + plan.index * GOLDEN) % 1) * math.sqrt(pair_share)
    speakers = {
        side: float(z) * math.sqrt(speaker_share) for side, z in zip(Speaker, rng.standard_normal(2), strict=True)
    }
    n, scale = len(spoken.turns), math.sqrt(1 - pair_share - speaker_share)
    # A turn's own part is drawn from one of n equal strata each, in any order: a dialogue has its share of everything.
    own = (rng.permutation(n) + rng.random(n)) / n
    return [
        normal_cdf(pair + speakers[t.turn.speaker] + scale * normal_quantile(float(u)))
        for t, u in zip(spoken.turns, own, strict=True)
    ]


def _shape_turn(
    spoken: SpokenTurn, after: SpokenTurn | None, u: float, options: StitchOptions, rng: np.random.Generator
) -> tuple[TurnShape, bool, int] | Failure:
    turn = spoken.turn
    words = word_spans(spoken.speech)
    if words is None or len(words) != len(turn.words) or not words:
        return Failure(
            "bad_words",
            f"turn {turn.index}: {len(spoken.speech.words)} word times for {len(turn.words)} words in "
            f"{spoken.speech.duration_s:.2f} s of audio, or times out of order or outside of it.",
        )
    found = _cut_word(spoken, after, words, options, rng)
    if isinstance(found, Failure):
        return found
    cut_word, is_sampled = found
    pauses, n_bad_pauses = _pauses(spoken, len(words), options, rng)
    listening, n_bad = _listening(spoken, options, rng)
    barge_in, pause = options.barge_in, options.pause
    yields = Lognormal(barge_in.yield_median_s, barge_in.yield_sigma, *barge_in.yield_s)
    between = Lognormal(pause.between_turns_median_s, pause.between_turns_sigma, 0.0, options.fto.max_gap_s)
    shift_s = options.shift_s(turn.type)
    latency_s = options.fto.agent_latency_s if turn.speaker is Speaker.AGENT else 0.0
    shape = TurnShape(
        speaker=turn.speaker,
        length=len(spoken.speech.audio),
        words=words,
        u=u,
        shift=samples(shift_s + latency_s),
        pause_before=samples(between.quantile(rng.random()) + max(shift_s, 0.0)),
        is_question=turn.type is TurnType.QUESTION,
        key_word=max((i for i, word in enumerate(turn.words) if any(c.isdigit() for c in word)), default=None),
        cut_word=cut_word,
        yield_after=samples(yields.quantile(rng.random())),
        finish_word=bool(rng.random() < barge_in.finish_word_share),
        pauses=pauses,
        listening=listening,
    )
    return shape, is_sampled, n_bad + n_bad_pauses


def word_spans(speech: Speech) -> tuple[Span, ...] | None:
    """The words' spans in samples, in order and inside the audio; None where the times are not.

    What two neighbours share is taken from the first of them.
    """
    length, slack = len(speech.audio), samples(SLACK_S)
    spans: list[Span] = []
    for word in speech.words:
        start, end = samples(word.start_s), samples(word.end_s)
        if start < -slack or end > length + slack or end < start or (spans and start < spans[-1][0]):
            return None
        start, end = min(max(start, 0), length), min(max(end, 0), length)
        if spans and spans[-1][1] > start:
            spans[-1] = (spans[-1][0], start)
        spans.append((start, end))
    return tuple(spans)


def _cut_word(
    spoken: SpokenTurn,
    after: SpokenTurn | None,
    words: Sequence[Span],
    options: StitchOptions,
    rng: np.random.Generator,
) -> tuple[int | None, bool] | Failure:
    """The word at which the next turn barges in, and whether that was sampled; (None, False) without a barge-in."""
    turn = spoken.turn
    wanted = rng.random() < options.barge_in.sampled_share
    pick = rng.random()
    answered = after is not None and after.turn.speaker is not turn.speaker
    for mark in turn.marks:
        if mark.type is not MarkType.BARGE_IN:
            continue
        if not answered:
            return Failure(
                "bad_barge_in", f"turn {turn.index}: a barge-in is marked, and no turn of the other speaker follows."
            )
        if not _cuttable(mark.word, words):
            return Failure(
                "bad_barge_in",
                f"turn {turn.index}: a barge-in at word {mark.word} of {len(words)} leaves nothing heard, or does not exist.",
            )
        return mark.word, False
    safe = [m.word for m in turn.marks if m.type is MarkType.SAFE_CUT and _cuttable(m.word, words)]
    if answered and safe and wanted:
        return safe[int(pick * len(safe))], True
    return None, False


def _cuttable(word: int, words: Sequence[Span]) -> bool:
    return 1 <= word < len(words) and words[word][0] > words[0][0]


def _pauses(
    spoken: SpokenTurn, n_words: int, options: StitchOptions, rng: np.random.Generator
) -> tuple[tuple[tuple[int, int], ...], int]:
    """(word, samples) a pause, in order, and how many marks ask for one where none can be."""
    lengths = Lognormal(options.pause.median_s, options.pause.sigma, *options.pause.length_s)
    marked = [m.word for m in spoken.turn.marks if m.type is MarkType.PAUSE]
    places = sorted({word for word in marked if 1 <= word < n_words})
    return tuple((word, samples(lengths.quantile(rng.random()))) for word in places), len(marked) - len(places)


def _listening(
    spoken: SpokenTurn, options: StitchOptions, rng: np.random.Generator
) -> tuple[tuple[Listening, ...], int]:
    """The turn's backchannels, in its order; one whose words contradict its audio keeps its place with a word that is
    never there, so it is dropped and counted like one without room."""
    found = []
    for heard in spoken.asides:
        delay = samples(rng.uniform(*options.backchannel.delay_s))
        words = word_spans(heard.speech)
        word = heard.mark.word if words and heard.mark.word >= 0 else len(spoken.turn.words)
        found.append(Listening(word, delay, len(heard.speech.audio), words or ()))
    n_unspoken = sum(m.type is MarkType.BACKCHANNEL for m in spoken.turn.marks) - len(found)
    return tuple(found), max(n_unspoken, 0)
