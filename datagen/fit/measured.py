"""What is measured of turn-taking: floor transfers, pauses, backchannels."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of one speaker's speech, in seconds from the recording's start."""

    speaker: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Transfer:
    """The floor goes to `speaker`, `fto_s` after the other's end (negative: before it)."""

    recording: str
    speaker: str
    fto_s: float


@dataclass(slots=True)
class Measured:
    """The turn-taking of one or several recordings.

    `pauses_s` are silences inside turns, `between_s` those between two turns of one speaker. `turn_s` is the length of all
    turns together, `duration_s` from the first sound to the last. `n_inside` are interjections inside the other's
    turn that are longer than a backchannel. `n_excluded` transfers are known and no matter of timing: after barge-ins and
    long silences, or too far apart.
    """

    transfers: list[Transfer] = field(default_factory=list)
    pauses_s: list[float] = field(default_factory=list)
    between_s: list[float] = field(default_factory=list)
    n_backchannels: int = 0
    n_inside: int = 0
    n_excluded: int = 0
    n_turns: int = 0
    n_recordings: int = 0
    n_one_sided: int = 0
    turn_s: float = 0.0
    duration_s: float = 0.0


def together(parts: Iterable[Measured]) -> Measured:
    """All of them in one, in their order."""
    total = Measured()
    for part in parts:
        total.transfers += part.transfers
        total.pauses_s += part.pauses_s
        total.between_s += part.between_s
        for name in ("n_backchannels", "n_inside", "n_excluded", "n_turns", "n_recordings", "n_one_sided"):
            setattr(total, name, getattr(total, name) + getattr(part, name))
        total.turn_s += part.turn_s
        total.duration_s += part.duration_s
    return total
