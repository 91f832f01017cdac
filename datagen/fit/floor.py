"""Who has the floor: from stretches of speech to turns, floor transfers, pauses and backchannels.

A turn is what one speaker says until another takes the floor. Speech wholly inside another's stretch takes no floor,
however long; nor does short speech between two stretches of one speaker. Both follow Heldner and Edlund (2010), who
count a transfer only where the one speaker stops and the other goes on; the length of a backchannel is
Full-Duplex-Bench's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from datagen.fit.measured import Measured, Segment, Transfer
from datagen.stages.stitch.options import LAPSE_S

JOIN_S = 0.1
"""A shorter silence lies inside a stretch: a stop closure, a boundary between two words. Joining more would join what a
speaker says before and after a short turn that overlaps on both sides."""
PAUSE_S = 0.2
"""A shorter silence inside a turn is no pause: it is not perceived (Heldner and Edlund 2010)."""
BACKCHANNEL_S = 1.0
"""Shorter speech that does not take the floor is a backchannel (Full-Duplex-Bench)."""
TAIL_S = 0.6
"""Who says a little more this soon, while the other has just begun and keeps the floor, had only paused: it is the end of the
same turn, too soon for a backchannel to the other."""
HEAD_S = 2.0
HEAD_PAUSE_S = 0.4
"""Speech inside the other's turn is the beginning of the next turn (its first word, and a breath) this close to the end of
the one and to the rest of the other."""
BETWEEN_TURNS_S = 2.0
"""A speaker who goes on after a longer silence has begun another turn."""


@dataclass(slots=True)
class _Turn:
    """The floor from `start_s` on, held by `speaker` until `end_s`, as far as it is known."""

    speaker: str
    start_s: float
    end_s: float
    pauses_s: list[float] = field(default_factory=list)


def measure(recording: str, segments: Iterable[Segment]) -> Measured:
    """The turn-taking of one recording, of any number of speakers; without transfers where only one speaks."""
    stretches = _stretches(segments)
    found = Measured(n_recordings=1)
    if not stretches:
        return found
    found.duration_s = max(s.end_s for s in stretches) - stretches[0].start_s
    found.n_one_sided = int(len({s.speaker for s in stretches}) == 1)
    turn = _Turn(stretches[0].speaker, stretches[0].start_s, stretches[0].end_s)
    tails: set[int] = set()
    for index, next_ in enumerate(stretches):
        if index == 0 or index in tails:
            continue
        if next_.speaker == turn.speaker:
            turn = _gone_on(turn, next_, found)
        elif _stays_inside(stretches, index, turn):
            _count_inside(next_, found)
        else:
            tails |= _with_tail(turn, stretches, index)
            _close(turn, found)
            fto_s = next_.start_s - turn.end_s
            if abs(fto_s) > LAPSE_S:
                found.n_excluded += 1
            else:
                found.transfers.append(Transfer(recording, next_.speaker, fto_s))
            turn = _Turn(next_.speaker, next_.start_s, next_.end_s)
    _close(turn, found)
    return found


def _with_tail(turn: _Turn, stretches: Sequence[Segment], index: int) -> set[int]:
    """Adds to the turn what its speaker says on after a short pause in which the next turn began; which stretches."""
    taker = stretches[index]
    taken: set[int] = set()
    for later in range(index + 1, len(stretches)):
        one = stretches[later]
        if one.start_s > turn.end_s + TAIL_S:
            break
        if one.speaker != turn.speaker:
            continue
        short = one.end_s - one.start_s < BACKCHANNEL_S
        if not short or not _stays_inside(stretches, later, _Turn(taker.speaker, taker.start_s, taker.end_s)):
            break
        turn.end_s = one.end_s
        taken.add(later)
    return taken


def _gone_on(turn: _Turn, next_: Segment, found: Measured) -> _Turn:
    silence_s = next_.start_s - turn.end_s
    if silence_s <= BETWEEN_TURNS_S:
        if silence_s >= PAUSE_S:
            turn.pauses_s.append(silence_s)
        turn.end_s = next_.end_s
        return turn
    _close(turn, found)
    if silence_s <= LAPSE_S:
        found.between_s.append(silence_s)
    return _Turn(next_.speaker, next_.start_s, next_.end_s)


def _close(turn: _Turn, found: Measured) -> None:
    found.n_turns += 1
    found.turn_s += turn.end_s - turn.start_s
    found.pauses_s += turn.pauses_s


def _count_inside(speech: Segment, found: Measured) -> None:
    if speech.end_s - speech.start_s < BACKCHANNEL_S:
        found.n_backchannels += 1
    else:
        found.n_inside += 1


def _stays_inside(stretches: Sequence[Segment], index: int, turn: _Turn) -> bool:
    """Whether speech takes no floor, nor what its speaker says right after it: see `_takes_nothing`."""
    one = stretches[index]
    if one.end_s < turn.end_s - HEAD_S:
        return True
    for later in range(index + 1, len(stretches)):
        if stretches[later].start_s > one.end_s + HEAD_PAUSE_S:
            break
        if stretches[later].speaker == one.speaker:
            if not _takes_nothing(stretches, index, turn):
                return False
            index, one = later, stretches[later]
    return _takes_nothing(stretches, index, turn)


def _takes_nothing(stretches: Sequence[Segment], index: int, turn: _Turn) -> bool:
    """Whether a stretch is over before the holder's is, or is short and the holder goes on.

    Speech that nobody follows is no backchannel.
    """
    first = stretches[index]
    if first.end_s <= turn.end_s:
        return True
    if first.end_s - first.start_s >= BACKCHANNEL_S:
        return False
    for later in stretches[index + 1 :]:
        if later.speaker == turn.speaker:
            return True
        if later.speaker != first.speaker or later.end_s - first.start_s >= BACKCHANNEL_S:
            return False
    return False


def _stretches(segments: Iterable[Segment]) -> list[Segment]:
    """Every speaker's speech as stretches at least JOIN_S apart, by start."""
    by_speaker: dict[str, list[Segment]] = {}
    for segment in segments:
        by_speaker.setdefault(segment.speaker, []).append(segment)
    joined: list[Segment] = []
    for speaker, own in by_speaker.items():
        own.sort(key=lambda s: (s.start_s, s.end_s))
        start_s, end_s = own[0].start_s, own[0].end_s
        for segment in own[1:]:
            if segment.start_s - end_s < JOIN_S:
                end_s = max(end_s, segment.end_s)
            else:
                joined.append(Segment(speaker, start_s, end_s))
                start_s, end_s = segment.start_s, segment.end_s
        joined.append(Segment(speaker, start_s, end_s))
    return sorted(joined, key=lambda s: (s.start_s, s.end_s, s.speaker))
