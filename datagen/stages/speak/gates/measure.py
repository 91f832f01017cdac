"""The scores of a spoken, aligned text that its sound alone gives; the engines' are put beside them later."""

import re
from collections.abc import Collection, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from datagen.audio import quality
from datagen.audio.levels import rms_db
from datagen.protocols import SpeakRequest
from datagen.records.speech import SAMPLE_RATE_HZ, Scores, Speech, Word
from datagen.stages.speak.gates.ends import Ends
from datagen.stages.speak.gates.options import GateOptions

EDGE_BELOW_DB = 30.0
"""Sound between the first or last word and its neighbour is that word's, from this far below the loudest: a CTC aligner may give a
letter one frame, and leave the rest of a word in none."""
STRAY_BELOW_DB = 18.0
"""Sound between words counts from this far below the loudest: a breath, or a voice that rings on, is quieter."""


def measured(ends: Ends, speech: Speech, request: SpeakRequest, options: GateOptions) -> Scores:
    """What the sound of one text tells. `speech` is the finished one of `ends`, its words in order and inside the audio."""
    frames = quality.frames_of(speech.audio)
    n_words = sum(len(s.split()) for s in request.spoken)
    wide = speech.duration_s >= options.bandwidth_from_s and shows_bandwidth(request.spoken)
    return Scores(
        words_per_s=_rounded(n_words / speech.duration_s),
        head_s=_rounded(ends.head_s),
        tail_s=_rounded(ends.tail_s),
        inner_silence_s=_rounded(quality.longest_silence_s(frames, options.inner_silence_db)),
        stray_s=_rounded(stray_s(speech.words, frames, request.vocals_before)),
        edge_s_per_letter=_rounded(request.rate * edge_s_per_letter(speech.words, frames)),
        clipped_share=_rounded(quality.clipped_share(speech.audio)),
        level_db=_rounded(rms_db(speech.audio)),
        bandwidth_hz=quality.bandwidth_hz(frames) if wide else None,
        noise_s=_rounded(quality.noise_s(frames)),
    )


_HISSES = re.compile(r"[szxjft]|c[eiy]|ch", re.IGNORECASE)


def shows_bandwidth(spoken: Sequence[str]) -> bool:
    """Whether a text has a sound of the upper band: without an s, f or t a wide-band voice ends at 4 to 5 kHz ("Yep, no problem.")."""
    return any(_HISSES.search(s) for s in spoken)


def _rounded(value: float) -> float:
    # Six digits are more than is meant, and the same on every machine.
    return round(value, 6)


def stray_s(words: Sequence[Word], frames: quality.Frames, but_before: Collection[int] = ()) -> float:
    """The most sound in one gap between two words, in seconds: all of it, as a phrase has stops in it.

    Gaps before the words of the indices `but_before` are left out: what is there was asked for.
    """
    loud = frames.above(STRAY_BELOW_DB)
    gaps = (pair for n, pair in enumerate(pairwise(words), 1) if n not in but_before)
    return max((_sound_s(loud, a.end_s, b.start_s) for a, b in gaps), default=0.0)


def edge_s_per_letter(words: Sequence[Word], frames: quality.Frames) -> float:
    """The time of the first word or of the last one, a letter: the less of both. A word that is alone has all of the sound."""
    loud = frames.above(EDGE_BELOW_DB)
    if len(words) == 1:
        return np.count_nonzero(loud) * quality.HOP_S / _letters(words[0])
    first, second, *_ = words
    *_, before, last = words
    return min(
        (first.end_s - first.start_s + _sound_s(loud, first.end_s, second.start_s)) / _letters(first),
        (last.end_s - last.start_s + _sound_s(loud, before.end_s, last.start_s)) / _letters(last),
    )


def _letters(word: Word) -> int:
    return max(sum(c.isalnum() for c in word.spoken), 1)


def _sound_s(loud: NDArray[np.bool_], start_s: float, end_s: float) -> float:
    """How much of a stretch is loud, in seconds, of the frames whose middle lies in it."""
    first, end = (-(-(round(s * SAMPLE_RATE_HZ) - quality.SIZE // 2) // quality.HOP) for s in (start_s, end_s))
    return np.count_nonzero(loud[max(first, 0) : max(end, 0)]) * quality.HOP_S
