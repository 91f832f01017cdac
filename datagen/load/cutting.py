"""Where a dialogue that is too long may be cut: where the floor changes, else between two words, never inside one."""

from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from datagen.errors import DataError
from datagen.load.dialog import Words
from datagen.load.text_row import start_frames
from datagen.records.speech import FRAME_RATE_HZ

MIN_FRAMES = 125
"""Ten seconds: a piece of a longer dialogue is not made shorter than this, nor cut for a shorter room."""
_LISTENER_WORDS, _LISTENER_S = 2, 1.0
"""Up to so many words in less than this take no floor (the limits of Full-Duplex-Bench's backchannels)."""
_PAUSE_S = 0.2
"""What is shorter between two words is no pause that the other side could answer in."""
_RESUMES_S = 1.0
"""Who speaks again so soon after the other has begun has not given up the floor."""

Gap: TypeAlias = tuple[int, int]
"""Between two turns: the first and the last frame before which a cut splits no word."""


class Cuts:
    """The places where one dialogue may be cut. A cut before frame c leaves frames 0 to c - 1 in front of it.

    A word belongs to the frames from its start to its end; one that starts at or after frame c comes behind the cut.
    DataError, which names `where` and the word, where a side's words are not in order or end before they begin.
    """

    def __init__(self, words: Words, user_words: Words, n_frames: int, where: str = ""):
        self._n_frames = n_frames
        self._free = ~(_under_way(words, n_frames, where) | _under_way(user_words, n_frames, where))
        self._gaps = _between_turns(words, user_words, n_frames)

    def last(self, earliest: int, latest: int) -> int | None:
        """The last place from `earliest` to `latest` where the floor changes, else between two words; None where there is none.

        Between two turns it is one frame before the next word where there is room: EPAD goes there.
        """
        for first, end in reversed(self._gaps):
            place = self._last_free(max(first, earliest), min(max(first, end - 1), latest))
            if place is not None:
                return place
        return self._last_free(earliest, latest)

    def pieces(self, room: int) -> list[tuple[int, int]] | None:
        """The dialogue in pieces of at most `room` frames, each (first frame, frame after the last); None where a word is in the way.

        Each is as long as it can be, but the last is left MIN_FRAMES where the room allows.
        """
        pieces, first = [], 0
        while (left := self._n_frames - first) > room:
            # The end is not left in crumbs: a cut a little earlier, where one is to be had.
            early = room if left - room >= MIN_FRAMES else left - MIN_FRAMES
            place = self.last(first + MIN_FRAMES, first + early) or self.after(first, room)
            if place is None:
                return None
            pieces.append((first, place))
            first = place
        return [*pieces, (first, self._n_frames)]

    def after(self, first: int, room: int) -> int | None:
        """The best place for a cut within `room` frames of frame `first`, MIN_FRAMES behind it where words leave one there."""
        return self.last(first + MIN_FRAMES, first + room) or self.last(first + 1, first + room)

    def _last_free(self, earliest: int, latest: int) -> int | None:
        free = np.flatnonzero(self._free[earliest : latest + 1])
        return earliest + int(free[-1]) if len(free) else None


def within(words: Words, first: int, last: int) -> Words:
    """The words that start in frames `first` to `last` (exclusive), in seconds from the start of frame `first`.

    A word stays in its frame whatever the rounding: its start is kept a thousandth of a frame off the frame's borders.
    """
    starts = words.start_s * FRAME_RATE_HZ
    frames = np.floor(starts)
    chosen = np.flatnonzero((frames >= first) & (frames < last))
    inside = np.clip((starts - frames)[chosen], 1e-3, 1 - 1e-3)
    start_s = (frames[chosen] - first + inside) / FRAME_RATE_HZ
    end_s = np.maximum(words.end_s[chosen] - first / FRAME_RATE_HZ, start_s)
    return Words(tuple(words.texts[i] for i in chosen), start_s, end_s)


def _under_way(words: Words, n_frames: int, where: str) -> NDArray[np.bool_]:
    """Before which frames a cut would split a word, bool [n_frames + 1]."""
    first = np.clip(start_frames(words, where) + 1, 0, n_frames + 1)
    if not (words.end_s >= words.start_s).all():
        at = int(np.flatnonzero(~(words.end_s >= words.start_s))[0])
        raise DataError(
            f"{where}: word {at} ({words.texts[at]!r}) is from {words.start_s[at]} s to {words.end_s[at]} s, and has to end "
            f"after it begins."
        )
    end = np.clip(np.ceil(words.end_s * FRAME_RATE_HZ).astype(np.int64), first, n_frames + 1)
    steps = np.zeros(n_frames + 2, np.int64)
    np.add.at(steps, first, 1)
    np.add.at(steps, end, -1)
    return np.cumsum(steps[:-1]) > 0


def _between_turns(words: Words, user_words: Words, n_frames: int) -> list[Gap]:
    """The gaps where the floor changes, in order, and the silence after the last word.

    The floor changes where one side has ended, the other begins a turn, and the first does not go on within a second.
    """
    sides = (words, user_words)
    turns = sorted((*_turns(words, user_words, 0), *_turns(user_words, words, 1)))
    gaps, floor_s, holder = [], 0.0, turns[0][2] if turns else 0
    for start_s, end_s, side in turns:
        if side != holder and not _speaks(sides[holder], start_s, start_s + _RESUMES_S):
            gaps.append((int(np.ceil(floor_s * FRAME_RATE_HZ)), int(start_s * FRAME_RATE_HZ)))
        if end_s > floor_s:
            floor_s, holder = end_s, side
    last = max((float(w.end_s.max()) for w in sides if len(w)), default=0.0)
    return [g for g in (*gaps, (int(np.ceil(last * FRAME_RATE_HZ)), n_frames)) if g[0] <= g[1]]


def _speaks(side: Words, start_s: float, end_s: float) -> bool:
    """Whether a word of the side begins in the time given."""
    first, stop = np.searchsorted(side.start_s, (start_s, end_s))
    return bool(first < stop)


def _turns(own: Words, other: Words, side: int) -> list[tuple[float, float, int]]:
    """(start_s, end_s, side) of one side's turns: its words as far as the other says nothing in a pause between two of them.

    A listener's "mhm" is none.
    """
    if not len(own):
        return []
    begun = np.searchsorted(other.start_s, own.start_s[1:])
    over = np.searchsorted(other.end_s, own.end_s[:-1], side="right")
    parted = (begun > over) & (own.start_s[1:] - own.end_s[:-1] >= _PAUSE_S)
    turns = []
    for first, stop in pairwise((0, *(np.flatnonzero(parted) + 1).tolist(), len(own))):
        start_s, end_s = float(own.start_s[first]), float(own.end_s[first:stop].max())
        if stop - first > _LISTENER_WORDS or end_s - start_s >= _LISTENER_S:
            turns.append((start_s, end_s, side))
    return turns
