"""Base speakers: the people that a bank's voices are made of, each with a clip or several to transform."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from datagen.engines.speakers.bank.options import BankOptions
from datagen.engines.speakers.bank.sound import formant_ceiling, hear
from datagen.engines.speakers.bank.texts import PROMPT_TEXT, REFERENCE_TEXT
from datagen.errors import EngineError
from datagen.protocols import Failure, Speaker, SpeakRequest
from datagen.records.plan import Voice
from datagen.records.speech import Audio
from datagen.store.ids import seed_of, unit_hash
from datagen.text.say import spoken_words

PITCH_SPAN_HZ = (50.0, 500.0)
"""Between these F0 of a base's clip is sought."""


@dataclass(frozen=True, slots=True)
class Source:
    """One clip of a base speaker, and, where there is enough of it, another for the voice prompt; mono float32 at 24 kHz.

    `f0_hz`, `formants_hz` and `hnr_db` are the clip's own: what a transform is asked relative to.
    """

    name: str
    person: str
    engine: str
    sex: str
    age: str
    f0_hz: float
    formants_hz: tuple[float, float, float]
    hnr_db: float
    licence: str
    provenance: str
    clip: Audio = field(repr=False)
    prompt: Audio | None = field(repr=False, default=None)


def source_of(
    name: str, person: str, engine: str, sex: str, age: str, licence: str, provenance: str, clip: Audio, prompt: Audio | None,
) -> Source | None:  # fmt: skip
    """A source with its clip measured; None where too little of it is voiced."""
    found = hear(clip, *PITCH_SPAN_HZ, formant_ceiling(sex))
    if found is None:
        return None
    return Source(
        name, person, engine, sex, age, found.f0_hz, found.formants_hz, found.hnr_db, licence, provenance, clip, prompt
    )


def spoken_sources(speaker: Speaker, options: BankOptions) -> list[Source]:
    """Clips of every base speaker of a speaker engine, sorted by name. EngineError: it has no voice, or cannot speak the texts.

    A base speaker is a voice's person, or what it is based on where it has none. Of one's voices those are taken that Praat has
    not transformed yet, at most `sources`, spread over their pitch.
    """
    voices = [v for v in speaker.voices() if "formant_ratio" not in v.transform] or list(speaker.voices())
    if not voices:
        raise EngineError(
            f"speaker {speaker.name}: has no voices to make a bank of. Name another: --set speaker.engine=…"
        )
    people: dict[str, list[Voice]] = defaultdict(list)
    for voice in voices:
        people[voice.person or f"{voice.engine}:{voice.base}"].append(voice)
    found = []
    for person, members in sorted(people.items()):
        for voice in _spread(members, options.sources):
            clip, prompt = (_said(speaker, voice, text) for text in (REFERENCE_TEXT, PROMPT_TEXT))
            provenance = f"synthetic speech of {speaker.maker.model}, voice {voice.id}; moved by Praat's Change gender"
            source = source_of(
                _file_name(voice.id),
                person,
                speaker.name,
                voice.sex,
                voice.age,
                voice.licence,
                provenance,
                clip,
                prompt,
            )
            if source is not None:
                found.append(source)
    return sorted(found, key=lambda s: s.name)


def _file_name(voice_id: str) -> str:
    """A voice's id with nothing in it that a file's name could not have."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", voice_id)


def _spread(members: Sequence[Voice], n: int) -> list[Voice]:
    """At most `n` voices, over the whole pitch range: the ends first, then what is in between at even steps."""
    ordered = sorted(members, key=lambda v: (v.f0_hz, v.id))
    if len(ordered) <= n:
        return ordered
    at = sorted({round(i * (len(ordered) - 1) / max(n - 1, 1)) for i in range(n)})
    return [ordered[i] for i in at]


def _said(speaker: Speaker, voice: Voice, text: str) -> Audio:
    request = SpeakRequest(tuple(text.split()), spoken_words(text), voice, seed_of("voice bank", voice.id, text))
    spoken = speaker.speak([request])[0]
    if isinstance(spoken, Failure):
        raise EngineError(f"speaker {speaker.name}: voice {voice.id} cannot say a bank's text: {spoken.detail}")
    return trimmed(spoken.audio)


def trimmed(audio: Audio, edge_s: float = 0.1) -> Audio:
    """The audio from a tenth of a second before its first loud frame to the same after its last (loud: within 40 dB of the loudest)."""
    frame = 240
    n = len(audio) // frame
    if n == 0:
        return audio
    level = np.square(audio[: n * frame], dtype=np.float64).reshape(n, frame).mean(axis=1)
    loud = np.flatnonzero(level > level.max() * 1e-4)
    if len(loud) == 0:
        return audio
    edge = round(edge_s * 24_000)
    return audio[max(loud[0] * frame - edge, 0) : (loud[-1] + 1) * frame + edge]


def held_out_people(people: Sequence[str], share: float) -> frozenset[str]:
    """Which base speakers never occur in train: the first by a hash, so another base moves few. () for a share of 0, or of one person.

    Of three people and more two at least, since valid and test have nobody in common: with one, either would have no voice.
    """
    names = sorted(set(people), key=lambda p: (unit_hash("held out", p), p))
    if share <= 0 or len(names) < 2:
        return frozenset()
    return frozenset(names[: max(min(2, len(names) - 1), round(share * len(names)))])
