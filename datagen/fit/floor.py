"""Who has the floor: from stretches of speech to turns, floor transfers, pauses and backchannels.

A turn is what one speaker says until another takes the floor. Speech wholly inside another's stretch takes no floor,
however long; nor does short speech between two stretches of one speaker. Both follow Heldner and Edlund (2010), who
count a transfer only where the one speaker stops and the other goes on; the length of a backchannel is
Full-Duplex-Bench's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from datagen.fit.measured import Measured, Segment, Transfer

JOIN_S = 0.2
"""Silence below this is not perceived as a pause (Heldner and Edlund 2010: 0.18 to 0.2 s); it lies inside a stretch."""
BACKCHANNEL_S = 1.0
"""Shorter speech that does not take the floor is a backchannel (Full-Duplex-Bench)."""
BETWEEN_TURNS_S = 2.0
"""A speaker who goes on after a longer silence has begun another turn."""
LAPSE_S = 10.0
"""Further apart, in either direction, two turns do not follow each other: the talk had stopped."""


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
    for index, next_ in enumerate(stretches[1:], start=1):
        if next_.speaker == turn.speaker:
            turn = _gone_on(turn, next_, found)
        elif next_.end_s <= turn.end_s:
            _count_inside(next_, found)
        elif _is_backchannel(stretches, index, turn.speaker):
            found.n_backchannels += 1
        else:
            _close(turn, found)
            fto_s = next_.start_s - turn.end_s
            if abs(fto_s) > LAPSE_S:
                found.n_excluded += 1
            else:
                found.transfers.append(Transfer(recording, next_.speaker, fto_s))
            turn = _Turn(next_.speaker, next_.start_s, next_.end_s)
    _close(turn, found)
    return found


def _gone_on(turn: _Turn, next_: Segment, found: Measured) -> _Turn:
    silence_s = next_.start_s - turn.end_s
    if silence_s <= BETWEEN_TURNS_S:
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


def _is_backchannel(stretches: Sequence[Segment], index: int, holder: str) -> bool:
    """Whether all that is said here before the holder goes on is short. Speech that nobody follows is no backchannel."""
    first = stretches[index]
    if first.end_s - first.start_s >= BACKCHANNEL_S:
        return False
    for later in stretches[index + 1 :]:
        if later.speaker == holder:
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
