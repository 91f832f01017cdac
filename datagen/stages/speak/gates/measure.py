"""The scores of a spoken, aligned text that its sound alone gives; the engines' are put beside them later."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from datagen.audio import quality
from datagen.audio.levels import rms_db
from datagen.protocols import SpeakRequest
from datagen.records.speech import SAMPLE_RATE_HZ, Scores, Speech, Word
from datagen.stages.speak.gates.ends import Ends
from datagen.stages.speak.gates.options import GateOptions

EDGE_LETTERS = 3
"""The first and the last words that have so many letters between them make an edge: a single letter may well be quick."""
STRAY_BELOW_DB = 18.0
"""Sound between words counts from this far below the loudest: a breath, or a voice that rings on, is quieter."""


def measured(ends: Ends, speech: Speech, request: SpeakRequest, options: GateOptions) -> Scores:
    """What the sound of one text tells. `speech` is the finished one of `ends`, its words in order and inside the audio."""
    frames = quality.frames_of(speech.audio)
    n_words = sum(len(s.split()) for s in request.spoken)
    wide = speech.duration_s >= options.bandwidth_from_s
    return Scores(
        words_per_s=_rounded(n_words / speech.duration_s),
        head_s=_rounded(ends.head_s),
        tail_s=_rounded(ends.tail_s),
        inner_silence_s=_rounded(quality.longest_silence_s(frames, options.inner_silence_db)),
        stray_s=_rounded(stray_s(speech.words, frames)),
        edge_s_per_letter=_rounded(request.rate * edge_s_per_letter(speech.words)),
        clipped_share=_rounded(quality.clipped_share(speech.audio)),
        level_db=_rounded(rms_db(speech.audio)),
        bandwidth_hz=quality.bandwidth_hz(frames) if wide else None,
        noise_s=_rounded(quality.noise_s(frames)),
    )


def _rounded(value: float) -> float:
    # Six digits are more than is meant, and the same on every machine.
    return round(value, 6)


def stray_s(words: Sequence[Word], frames: quality.Frames) -> float:
    """The longest stretch of sound between two words, in seconds."""
    loud = frames.above(STRAY_BELOW_DB)
    outside = np.zeros(len(loud), dtype=bool)
    for before, after in pairwise(words):
        # A frame is a gap's where all of it lies in the gap.
        first = -(-round(before.end_s * SAMPLE_RATE_HZ) // quality.HOP)
        last = (round(after.start_s * SAMPLE_RATE_HZ) - quality.SIZE) // quality.HOP
        outside[first : max(last + 1, first)] = True
    return quality.longest(loud & outside) * quality.HOP_S


def edge_s_per_letter(words: Sequence[Word]) -> float:
    """The quicker of both edges: the time of the first words that have EDGE_LETTERS together, a letter, and of the last ones."""
    return min(_edge(words), _edge(words[::-1]))


def _edge(words: Sequence[Word]) -> float:
    seconds, letters = 0.0, 0
    for word in words:
        seconds += word.end_s - word.start_s
        letters += sum(c.isalnum() for c in word.spoken)
        if letters >= EDGE_LETTERS:
            break
    return seconds / max(letters, 1)
