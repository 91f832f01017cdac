"""Sound before the first and after the last word: cut off where it is short, a fault where it is long."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from datagen.audio.levels import fade
from datagen.protocols import Failure
from datagen.records.speech import SAMPLE_RATE_HZ, Speech, Word
from datagen.stages.speak.gates.options import GateOptions

FADE_S = 0.01
"""Over which a cut comes to silence, so that it does not click."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Speech and words without what lies beyond them, and how much there was before, in seconds of the trimmed audio."""

    speech: Speech
    words: tuple[Word, ...]
    head_s: float
    tail_s: float


def within(
    where: str, speech: Speech, words: Sequence[Word], options: GateOptions, opens_with_vocal: bool = False
) -> Ends | Failure:
    """The speech from its first word to its last, with some of what is around them; an aligner's words move with the cut.

    Speech is trimmed already: what is beyond its words is sound. Where it opens with a vocal sound that was asked for, that stays.
    Failures: `head`, `tail`. Words that are out of order are left as they are: the align stage's own gate is for them.
    """
    if not words:
        return Ends(speech, tuple(words), 0.0, 0.0)
    head_s = max(words[0].start_s, 0.0)
    tail_s = max(speech.duration_s - words[-1].end_s, 0.0)
    for name, sound_s, limit_s, side in (
        ("head", head_s, options.max_head_s + opens_with_vocal * options.max_vocal_s, "before the first word"),
        ("tail", tail_s, options.max_tail_s, "after the last word"),
    ):
        if sound_s > limit_s:
            return Failure(
                name,
                f"{where}: {sound_s:.2f} s of sound {side} (limit {limit_s:g}, speak.gates.max_{name}_s).",
            )
    first = 0 if opens_with_vocal else _beyond(head_s, options.head_pad_s)
    spare = _beyond(tail_s, options.tail_pad_s)
    if not first and not spare:
        return Ends(speech, tuple(words), head_s, tail_s)
    audio = fade(speech.audio[first : len(speech.audio) - spare], FADE_S if first else 0.0, FADE_S if spare else 0.0)
    by_s = first / SAMPLE_RATE_HZ
    moved = tuple(replace(w, start_s=w.start_s - by_s, end_s=w.end_s - by_s) for w in words)
    return Ends(replace(speech, audio=audio), moved, head_s, tail_s)


def _beyond(sound_s: float, pad_s: float) -> int:
    """How many samples of the sound at an end are cut off."""
    return round(max(sound_s - pad_s, 0.0) * SAMPLE_RATE_HZ)
