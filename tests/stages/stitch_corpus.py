"""Many dialogues as stitch lays them, without their sound: what the measures of timing are tried on."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from stitch_factories import plan, speech, turn

from datagen.records.enums import ClipKind, EventType, Heard, MarkType, Speaker, TurnType
from datagen.records.speech import SAMPLE_RATE_HZ, Clip, SpokenDialog, SpokenTurn
from datagen.records.timeline import Timeline
from datagen.records.transcript import Mark
from datagen.stages.stitch.activity import activity
from datagen.stages.stitch.bearing import bear
from datagen.stages.stitch.columns import DialogColumns, EventColumns, Part, TurnColumns, WordColumns
from datagen.stages.stitch.measures import TimingSums
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.placing import place
from datagen.stages.stitch.records import timeline
from datagen.stages.stitch.shaping import Shaped, shape
from datagen.stages.stitch.timing import Timing, timing
from datagen.stages.stitch.unit import rules_of

KINDS = (TurnType.QUESTION, TurnType.ANSWER, TurnType.STATEMENT, TurnType.CONFIRMATION, TurnType.AFTER_LOOKUP)


def simulated(options: StitchOptions, n_dialogs: int) -> Timing:
    """The timing of so many dialogues of twenty uneven turns."""
    sums = TimingSums(options)
    for one in parts(options, n_dialogs):
        sums.add(one)
    return timing(sums)


def parts(options: StitchOptions, n_dialogs: int, shard: int = 1) -> Iterator[Part]:
    """The dialogues, so many a part."""
    lines = [_laid(options, index) for index in range(n_dialogs)]
    for at in range(0, n_dialogs, shard):
        yield part_of(lines[at : at + shard], range(at, at + shard))


def _laid(options: StitchOptions, index: int) -> Timeline:
    """A dialogue's time line, as `stitch` makes it before it mixes."""
    spoken = _said(index)
    shaped = shape(plan(index), spoken, options, np.random.default_rng(index), _clips)
    assert isinstance(shaped, Shaped)
    rules = rules_of(options)
    placement = place(bear(shaped.shapes, rules), rules, shaped.lead, shaped.tail, 10**9, shaped.rates)
    return timeline(spoken.dialog_id, placement, shaped, spoken.turns)


def _clips(voice: str, kind: ClipKind) -> list[Clip]:
    """Three utterances a voice and kind, of a length that the kind has."""
    seconds = {ClipKind.BACKCHANNEL: [[0.3], [0.4], [0.2, 0.2]]}.get(kind, [[0.3] * 3, [0.25] * 4, [0.3] * 5])
    return [Clip(kind, "mhm", speech(s, level=0)) for s in seconds]


def _said(index: int) -> SpokenDialog:
    """Twenty turns, the agent's longer, some of both of one word; one in seven goes on with the same speaker."""
    rng, side = np.random.default_rng(1_000 + index), Speaker.AGENT
    turns: list[SpokenTurn] = []
    for position in range(20):
        n_words = int(np.clip(rng.lognormal(2.6 if side is Speaker.AGENT else 2.0, 0.6), 1, 40))
        words = rng.uniform(0.15, 0.45, n_words)
        kind = KINDS[int(rng.choice(5, p=(0.25, 0.25, 0.3, 0.1, 0.1)))]
        goes_on = position < 19 and rng.random() < 0.15
        turns.append(
            _paused(
                turn(position, side, words, kind, _marks(n_words, goes_on or position == 19, rng), level=0, clause=4),
                rng,
            )
        )
        side = side if goes_on else side.other
    return SpokenDialog(f"bank-{index:06d}", tuple(turns))


def _marks(n_words: int, goes_on: bool, rng: np.random.Generator) -> list[Mark]:
    what = rng.random()
    if n_words > 6 and what < 0.08 and not goes_on:
        return [Mark(MarkType.BARGE_IN, int(rng.integers(2, n_words)))]
    if n_words > 6 and what < 0.2:
        return [Mark(MarkType.PAUSE, int(rng.integers(1, n_words)))]
    return [Mark(MarkType.LONG_SILENCE, 0)] if what > 0.99 else []


def _paused(spoken: SpokenTurn, rng: np.random.Generator) -> SpokenTurn:
    """The turn with a speaker's own silences: one word in six is cut short by what would be a breath."""
    words = tuple(
        replace(w, end_s=w.start_s + 0.4 * (w.end_s - w.start_s))
        if rng.random() < 1 / 6 and i < len(spoken.speech.words) - 1
        else w
        for i, w in enumerate(spoken.speech.words)
    )
    return replace(spoken, speech=replace(spoken.speech, words=words))


def part_of(lines: Sequence[Timeline], indices: Iterable[int]) -> Part:
    """Time lines as columns."""
    measured = [activity(line) for line in lines]
    turns = [(i, t) for i, line in enumerate(lines) for t in line.turns]
    words = [(k, w, t.end_s) for k, (_, t) in enumerate(turns) for w in t.words if w.heard is not Heard.NO]
    events = [(k, e) for k, (_, t) in enumerate(turns) for e in t.events]
    return Part(
        DialogColumns(
            _ints(indices)[: len(lines)], _ints(line.n_samples for line in lines), _samples(m.agent_s for m in measured),
            _samples(m.user_s for m in measured), _samples(m.overlap_s for m in measured), _samples(m.silence_s for m in measured),
            _samples(line.room.user_backchannel_s for line in lines), _samples(line.room.agent_backchannel_s for line in lines),
            _samples(line.room.failed_barge_in_s for line in lines),
        ),
        TurnColumns(
            _ints(i for i, _ in turns), np.array([t.speaker is Speaker.AGENT for _, t in turns], bool),
            _ints(tuple(TurnType).index(t.type) for _, t in turns), _samples(t.start_s for _, t in turns),
            _samples(t.end_s for _, t in turns), np.array([t.fto_s is not None for _, t in turns], bool),
        ),
        WordColumns(
            _ints(k for k, _, _ in words), _samples(w.start_s for _, w, _ in words), _samples(min(w.end_s, end) for _, w, end in words)
        ),
        EventColumns(
            _ints(k for k, _ in events), np.array([e.type for _, e in events], np.str_), _ints(e.channel for _, e in events),
            _samples(e.start_s for _, e in events), _samples(e.end_s for _, e in events),
        ),
    )  # fmt: skip


def part(
    turns: Sequence[tuple[str, float, float]],
    events: Sequence[tuple[int, EventType, int, float, float]] = (),
    duration_s: float | None = None,
    n_dialogs: int = 1,
) -> Part:
    """One dialogue by hand: (speaker, start, end) a turn, each of one word and with room for anything; (turn, type, channel,
    start, end) an event."""
    agent = np.array([side == "agent" for side, _, _ in turns], bool)
    starts, ends = _samples(s for _, s, _ in turns), _samples(e for _, _, e in turns)
    n_samples = _samples([duration_s or (turns[-1][2] + 1.0 if turns else 0.0)] * n_dialogs)
    spoken = [_ints([int((ends - starts)[agent == side].sum())] * n_dialogs) for side in (True, False)]
    overlap = int(np.maximum(ends[:-1] - starts[1:], 0)[agent[1:] != agent[:-1]].sum()) if len(turns) else 0
    overlaps = _ints([overlap] * n_dialogs)
    changes = np.concatenate([np.zeros(min(1, len(turns)), bool), agent[1:] != agent[:-1]])
    order = np.arange(len(turns), dtype=np.int64)
    kinds = np.full(len(turns), tuple(TurnType).index(TurnType.STATEMENT), np.int64)
    return Part(
        DialogColumns(
            _ints(range(n_dialogs)), n_samples, *spoken, overlaps, n_samples - sum(spoken) + overlaps, *spoken, spoken[0]
        ),
        TurnColumns(np.zeros(len(turns), np.int64), agent, kinds, starts, ends, changes),
        WordColumns(order, starts, ends),
        EventColumns(
            _ints(e[0] for e in events), np.array([e[1] for e in events], np.str_), _ints(e[2] for e in events),
            _samples(e[3] for e in events), _samples(e[4] for e in events),
        ),
    )  # fmt: skip


def _ints(values: Iterable[int]) -> np.ndarray:
    return np.fromiter(values, np.int64)


def _samples(seconds: Iterable[float]) -> np.ndarray:
    return np.rint(np.fromiter(seconds, np.float64) * SAMPLE_RATE_HZ).astype(np.int64)
