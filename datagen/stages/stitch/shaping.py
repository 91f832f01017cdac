"""From spoken turns to shapes: words in samples, and everything that is drawn, drawn."""

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

import numpy as np

from datagen.protocols import Failure
from datagen.records.enums import MarkType, Speaker, TurnType
from datagen.records.plan import DialogPlan
from datagen.records.speech import Clips, SpokenDialog, SpokenTurn
from datagen.stages.stitch.asides import Said, draw_asides, merged, no_clips
from datagen.stages.stitch.keywords import is_formula, is_name, is_number
from datagen.stages.stitch.latency import latency_s
from datagen.stages.stitch.lognormal import Lognormal, normal_cdf, normal_quantile
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.shapes import Rates, Span, TurnShape
from datagen.stages.stitch.spread import spread
from datagen.stages.stitch.tool_times import draw_latencies
from datagen.stages.stitch.words import samples, word_spans


@dataclass(frozen=True, slots=True)
class Shaped:
    """A dialogue's turns as shapes, which of them are cut at a sampled place, the silence around them in samples, and
    how many marks of each could not be used (a pause before the first word, a word that is not there).

    `said` is the sound of each turn's asides, `rates` how many of them are to be heard. `agent_latency_s` is the median FTO
    that the agent has in this dialogue.
    """

    shapes: tuple[TurnShape, ...]
    sampled: tuple[bool, ...]
    lead: int
    tail: int
    n_marks_dropped: tuple[int, ...]
    said: tuple[tuple[Said, ...], ...]
    rates: Rates
    agent_latency_s: float


def shape(
    plan: DialogPlan,
    spoken: SpokenDialog,
    options: StitchOptions,
    rng: np.random.Generator,
    clips: Clips = no_clips,
) -> Shaped | Failure:
    """The dialogue as shapes, or a Failure where words or marks contradict the audio or the turns."""
    if not spoken.turns:
        return Failure("no_turns", "the dialogue has no turns.")
    lead, tail = (samples(rng.uniform(*r)) for r in (options.lead_s, options.tail_s))
    offsets = _offsets(plan, options, rng)
    quantiles = _quantiles(offsets, spoken, options, rng)
    added_s = latency_s(plan.index, options)
    awaiting = {c.result_turn for t in spoken.turns for c in t.turn.calls}
    asides = draw_asides(plan, spoken, options, clips, np.random.default_rng(rng.integers(2**63)))
    shapes, sampled, n_dropped = [], [], []
    for position, turn in enumerate(spoken.turns):
        after = spoken.turns[position + 1] if position + 1 < len(spoken.turns) else None
        # A generator a turn: what one turn draws moves nothing in the next.
        own = np.random.default_rng(rng.integers(2**63))
        one = _shape_turn(turn, after, quantiles[position], added_s, options, own, awaiting)
        if isinstance(one, Failure):
            return one
        shape, was_sampled, n_bad = one
        pauses = merged(shape.pauses, asides.pauses[position])
        shapes.append(
            replace(shape, pauses=pauses, openings=asides.openings[position], asides=tuple(asides.shapes[position]))
        )
        sampled.append(was_sampled)
        n_dropped.append(n_bad + asides.n_dropped[position])
    shapes = draw_latencies(shapes, spoken, options, rng)
    return Shaped(
        tuple(shapes),
        tuple(sampled),
        lead,
        tail,
        tuple(n_dropped),
        tuple(tuple(asides.said[i]) for i in range(len(shapes))),
        asides.rates,
        added_s + options.fto_model().quantile(normal_cdf(offsets[Speaker.AGENT])),
    )


def _offsets(plan: DialogPlan, options: StitchOptions, rng: np.random.Generator) -> dict[Speaker, float]:
    """Each speaker's latent offset: the pair's, which both share, plus the speaker's own, by their shares of the variance."""
    pair_share, speaker_share = options.variance_shares()
    pair = normal_quantile(spread(plan.index, "pair")) * math.sqrt(pair_share)
    own = rng.standard_normal(2)
    return {side: pair + float(z) * math.sqrt(speaker_share) for side, z in zip(Speaker, own, strict=True)}


def _quantiles(
    offsets: Mapping[Speaker, float], spoken: SpokenDialog, options: StitchOptions, rng: np.random.Generator
) -> list[float]:
    """A quantile a turn, evenly spread over a build, but alike within a pair and within a speaker.

    A normal copula: the latent value is the pair's, plus the speaker's, plus the turn's own, by their shares of the
    variance. So the build keeps the preset's distribution while dialogues differ as pairs do (arXiv 2505.24736).
    """
    n, scale = len(spoken.turns), math.sqrt(1 - sum(options.variance_shares()))
    # A turn's own part is drawn from one of n equal strata each, in any order: a dialogue has its share of everything.
    own = (rng.permutation(n) + rng.random(n)) / n
    return [
        normal_cdf(offsets[t.turn.speaker] + scale * normal_quantile(float(u)))
        for t, u in zip(spoken.turns, own, strict=True)
    ]


def _shape_turn(
    spoken: SpokenTurn,
    after: SpokenTurn | None,
    u: float,
    added_s: float,
    options: StitchOptions,
    rng: np.random.Generator,
    awaiting: Set[int],
) -> tuple[TurnShape, bool, int] | Failure:
    """The turn as a shape, whether a sampled place cuts it, and how many pauses found none; `awaiting` are the turns that wait for a
    tool's result, which adds what their type would add."""
    turn = spoken.turn
    words = word_spans(spoken.speech)
    if words is None or len(words) != len(turn.words) or not words:
        return Failure(
            "bad_words",
            f"turn {turn.index}: {len(spoken.speech.words)} word times for {len(turn.words)} words in "
            f"{spoken.speech.duration_s:.2f} s of audio, or times out of order or outside of it.",
        )
    # Who waits for a result does not cut in with it.
    waits = after is not None and after.turn.index in awaiting
    found = _cut_word(spoken, after, words, options, rng, may_sample=not waits)
    if isinstance(found, Failure):
        return found
    cut_word, is_sampled = found
    pauses, n_bad_pauses = _pauses(spoken, len(words), options, rng)
    barge_in, long = options.barge_in, options.long_silence
    yields = Lognormal(barge_in.yield_median_s, barge_in.yield_sigma, *barge_in.yield_s)
    shift_s = 0.0 if turn.index in awaiting else options.shift_s(turn.type)
    own_latency_s = added_s if turn.speaker is Speaker.AGENT else 0.0
    silences = Lognormal(long.median_s, long.sigma, *long.length_s)
    is_silent = any(m.type is MarkType.LONG_SILENCE for m in turn.marks)
    shape = TurnShape(
        speaker=turn.speaker,
        length=len(spoken.speech.audio),
        words=words,
        u=u,
        shift=samples(shift_s + own_latency_s),
        pause_before=samples(
            0.0 if turn.index in awaiting else options.between_turns().quantile(rng.random()) + max(shift_s, 0.0)
        ),
        is_question=turn.type is TurnType.QUESTION or (turn.text.rstrip().endswith("?") and not is_formula(turn)),
        key_word=max((i for i, word in enumerate(turn.words) if is_number(word)), default=None),
        name_word=max((i for i in range(len(turn.words)) if is_name(turn.words, i)), default=None)
        if not is_formula(turn)
        else None,
        cut_word=cut_word,
        yield_after=samples(yields.quantile(rng.random())),
        finish_word=bool(rng.random() < barge_in.finish_word_share),
        pauses=pauses,
        silence=samples(silences.quantile(rng.random())) if is_silent else 0,
    )
    return shape, is_sampled, n_bad_pauses


def _cut_word(
    spoken: SpokenTurn,
    after: SpokenTurn | None,
    words: Sequence[Span],
    options: StitchOptions,
    rng: np.random.Generator,
    *,
    may_sample: bool,
) -> tuple[int | None, bool] | Failure:
    """The word at which the next turn barges in, and whether that was sampled; (None, False) without a barge-in."""
    turn = spoken.turn
    agent_speaks = turn.speaker is Speaker.AGENT
    share = options.barge_in.sampled_share if agent_speaks else options.agent_interruption.share
    wanted = rng.random() < share
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
    if answered and safe and wanted and may_sample:
        return safe[int(pick * len(safe))], True
    return None, False


def _cuttable(word: int, words: Sequence[Span]) -> bool:
    return 1 <= word < len(words) and words[word][0] > words[0][0]


def _pauses(
    spoken: SpokenTurn, n_words: int, options: StitchOptions, rng: np.random.Generator
) -> tuple[tuple[tuple[int, int], ...], int]:
    """(word, samples) a pause, in order, and how many marks ask for one where none can be."""
    lengths = options.pause_lengths()
    marked = [m.word for m in spoken.turn.marks if m.type is MarkType.PAUSE]
    places = sorted({word for word in marked if 1 <= word < n_words})
    return tuple((word, samples(lengths.quantile(rng.random()))) for word in places), len(marked) - len(places)
