"""A voice's clips: which short utterances are its own, how they are asked for, the gates on them, and the best of those that pass."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from datagen.audio.levels import rms_db
from datagen.audio.pitch import FLOOR_HZ, STEP_S, pitch_of
from datagen.protocols import Failure, SpeakRequest
from datagen.records.enums import ClipKind, Speaker
from datagen.records.plan import Voice
from datagen.records.speech import SAMPLE_RATE_HZ, Audio, Clip, Speech
from datagen.stages.speak.trim import loud_part, trimmed
from datagen.stages.speak.unit import SpeakOptions, checked
from datagen.store.ids import seed_of, unit_hash
from datagen.text.say import spoken_words

LEVEL_TEXT = "The light on the water turns to copper."
"""A whole sentence that no dialogue says: its level is the voice's."""


PITCH_REACH = (0.5, 2.5)
"""F0 is looked for between these shares of the voice's own: an octave off is found, and short windows are quick."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One try at a clip: the `number`-th time that the voice says the text."""

    kind: ClipKind
    text: str
    number: int
    request: SpeakRequest

    @property
    def where(self) -> str:
        """`voice f1-f165-p89 backchannel 'mhm', candidate 0`: what details of failures open with."""
        return f"voice {self.request.voice.id} {self.kind.value} {self.text!r}, candidate {self.number}"


@dataclass(frozen=True, slots=True)
class Passed:
    """A candidate that passed its gates, and how far it lies from the voice: 0 is its level and pitch, 1 a limit."""

    candidate: Candidate
    speech: Speech
    distance: float


def own_texts(voice_id: str, kind: ClipKind, texts: Sequence[str], options: SpeakOptions) -> tuple[str, ...]:
    """The texts that are this voice's habit, in the order of `texts`: the first by a hash, so another text in the list moves few."""
    ranked = sorted(texts, key=lambda text: unit_hash("clip text", voice_id, kind, text))
    own = set(ranked[: options.clips.n_texts(kind)])
    return tuple(t for t in texts if t in own)


def candidates(
    voice: Voice, side: Speaker, kind: ClipKind, texts: Sequence[str], options: SpeakOptions
) -> list[Candidate]:
    """Every try at every text, text by text."""
    return [
        Candidate(kind, text, number, _request(voice, side, text, seed_of("clip", voice.id, kind, text, number)))
        for text in texts
        for number in range(options.clips.candidates)
    ]


def level_request(voice: Voice) -> SpeakRequest:
    """The sentence that a voice's level is measured of."""
    return _request(voice, Speaker.USER, LEVEL_TEXT, seed_of("level", voice.id))


def _request(voice: Voice, side: Speaker, text: str, seed: int) -> SpeakRequest:
    return SpeakRequest(tuple(text.split()), spoken_words(text), voice, seed, side)


def level_of(voice_id: str, sentence: Speech, options: SpeakOptions) -> float | Failure:
    """The level in dB of full scale of a voice's sentence, trimmed; a Failure where it is silent."""
    loud = loud_part(sentence.audio, options.trim_below_peak_db, options.silence_db)
    if loud.first == loud.end:
        return Failure("silent", f"voice {voice_id} is silent where its level is measured (speak.silence_db).")
    return rms_db(trimmed(sentence, loud, options.trim_pad_s).audio)


def finish(candidate: Candidate, speech: Speech, voice_db: float, options: SpeakOptions) -> Passed | Failure:
    """The candidate trimmed, or why it is none of the voice's clips.

    Failures: those of any speech (`silent`, `clipped`, `too_long`, `too_short`, `silent_words`), and `level`, `unvoiced`, `pitch`.
    """
    kept = checked(candidate.where, candidate.request, speech, options)
    if isinstance(kept, Failure):
        return kept
    limits, where, voice = options.clips, candidate.where, candidate.request.voice
    shortest_s, longest_s = limits.min_s, limits.max_s(candidate.kind)
    if not shortest_s <= kept.duration_s <= longest_s:
        reason = "too_short" if kept.duration_s < shortest_s else "too_long"
        return Failure(
            reason, f"{where}: {kept.duration_s:.2f} s (limits {shortest_s:g} to {longest_s:g}, speak.clips)."
        )
    off_db = rms_db(kept.audio) - voice_db
    if abs(off_db) > limits.level_db:
        return Failure(
            "level",
            f"{where}: {off_db:+.1f} dB from the voice's level (limit {limits.level_db:g}, speak.clips.level_db).",
        )
    hz = _pitch(kept.audio, max(PITCH_REACH[0] * voice.f0_hz, FLOOR_HZ), PITCH_REACH[1] * voice.f0_hz)
    voiced_s = len(hz) * STEP_S
    if voiced_s < limits.min_voiced_s:
        limit = f"limit {limits.min_voiced_s:g}, speak.clips.min_voiced_s"
        return Failure("unvoiced", f"{where}: {voiced_s:.2f} s are voiced ({limit}).")
    f0_hz = float(np.median(hz))
    off = abs(math.log(f0_hz / voice.f0_hz)) / math.log(limits.f0_ratio)
    if off > 1:
        limit = f"limit a ratio of {limits.f0_ratio:g}, speak.clips.f0_ratio"
        return Failure("pitch", f"{where}: F0 {f0_hz:.0f} Hz, the voice's is {voice.f0_hz:.0f} ({limit}).")
    kept = replace(kept, attempt=candidate.number)
    return Passed(candidate, kept, max(off, abs(off_db) / limits.level_db))


def _pitch(audio: Audio, floor_hz: float, ceiling_hz: float) -> NDArray[np.float64]:
    """F0 of the voiced frames, from a third of the samples: within 0.4 % of what all give, in two thirds of the time."""
    third = audio[: len(audio) // 3 * 3].reshape(-1, 3).mean(axis=1)
    return pitch_of(third, SAMPLE_RATE_HZ / 3, floor_hz, ceiling_hz)


def best(passed: Sequence[Passed], options: SpeakOptions) -> list[Clip]:
    """The clips of a voice: of each text the `keep` that lie closest to it, closest first, texts in their order."""
    by_text: dict[str, list[Passed]] = {}
    for one in passed:
        by_text.setdefault(one.candidate.text, []).append(one)
    return [
        Clip(p.candidate.kind, text, p.speech)
        for text, tried in by_text.items()
        for p in sorted(tried, key=lambda p: (p.distance, p.candidate.number))[: options.clips.keep]
    ]
