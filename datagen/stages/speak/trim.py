"""Silence at both ends of a spoken text: found, cut, and the word times moved with the cut.

pydub finds it too (detect_leading_silence), at a like cost; what decided against it is its threshold in dB of full scale, one for every
voice and level, so that the breathy onset of a soft voice is cut, and its chunks, which round a cut to 10 ms from either end. Here
10 ms frames each 5 ms are held against the text's own loudest, with a floor in dB of full scale; a test holds both together.
"""

from dataclasses import dataclass, replace

import numpy as np

from datagen.records.speech import SAMPLE_RATE_HZ, Audio, Speech, Word

HOP = SAMPLE_RATE_HZ // 200


@dataclass(frozen=True, slots=True)
class Loud:
    """The first sample that is not silence and the one after the last; `first == end` where all is silence."""

    first: int
    end: int


def loud_part(audio: Audio, below_peak_db: float, floor_db: float) -> Loud:
    """Where the frames lie that are louder than both the loudest less `below_peak_db`, and `floor_db` of full scale."""
    n_hops = -(-len(audio) // HOP)
    padded = np.zeros((n_hops + 1) * HOP, dtype=np.float64)
    padded[: len(audio)] = audio
    power = np.square(padded.reshape(-1, HOP)).mean(axis=1)
    frames = (power[:-1] + power[1:]) / 2
    threshold = max(frames.max(initial=0.0) * 10 ** (-below_peak_db / 10), 10 ** (floor_db / 10))
    found = np.flatnonzero(frames > threshold)
    if len(found) == 0:
        return Loud(0, 0)
    first, last = int(found[0]), int(found[-1])
    return Loud(first * HOP, min((last + 2) * HOP, len(audio)))


def trimmed(speech: Speech, loud: Loud, pad_s: float) -> Speech:
    """The loud part with at most `pad_s` on either side. Words move with it, and are clamped to what is left."""
    pad = round(pad_s * SAMPLE_RATE_HZ)
    first, end = max(loud.first - pad, 0), min(loud.end + pad, len(speech.audio))
    moved = tuple(_moved(w, first / SAMPLE_RATE_HZ, (end - first) / SAMPLE_RATE_HZ) for w in speech.words)
    return replace(speech, audio=speech.audio[first:end].copy(), words=moved)


def _moved(word: Word, first_s: float, duration_s: float) -> Word:
    def clamp(seconds: float) -> float:
        return min(max(seconds - first_s, 0.0), duration_s)

    return replace(word, start_s=clamp(word.start_s), end_s=clamp(word.end_s))
