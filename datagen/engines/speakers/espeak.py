"""The embedded speaker: espeak-ng in process, made into many people by Praat and by a change of sampling rate.

A voice's formants move in one of two ways. A voice of the `praat` sort goes through Praat's `Change
gender`. A voice of the `shift` sort is spoken slower (or faster) and lower (or higher) than wanted, and the change of
sampling rate that is due anyway (22.05 to 24 kHz) brings rate and pitch to where they belong, and the formants with
them: the same formant shift without taking the periods apart, in a tenth of the time.
"""

import hashlib
import importlib.metadata
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from datagen.engines.speakers import praat
from datagen.engines.speakers.delivery import Delivery, SpokenOptions, delivery
from datagen.engines.speakers.espeak_library import RATE_HZ, EspeakLibrary, RawSpeech, Tone
from datagen.engines.speakers.finished import timed_words, to_pcm16
from datagen.engines.speakers.resampling import resample
from datagen.engines.speakers.respelling import respelled
from datagen.engines.speakers.sayable import refusal
from datagen.engines.speakers.voice_bank import voices_of
from datagen.engines.speakers.word_spans import text_of, word_spans
from datagen.errors import EngineError
from datagen.protocols import Failure, SpeakRequest
from datagen.records.enums import Tag, Vocal
from datagen.records.maker import Maker
from datagen.records.plan import Voice
from datagen.records.speech import SAMPLE_RATE_HZ, Speech
from datagen.store.ids import digest

UP, DOWN = 160, 147
"""24000 / 22050."""
REVISION = 4
"""Raised when this file and its helpers give other samples or word times for the same request and espeak-ng."""
LICENCE = "GPL-3.0-or-later"


class EspeakOptions(SpokenOptions):
    """Knobs of the espeak speaker."""


class EspeakSpeaker:
    """Speech of espeak-ng's variants, mono 24 kHz in steps of 1/32768, with a span a word; the same request gives the same samples."""

    kind: ClassVar[str] = "speaker"
    name: ClassVar[str] = "espeak"
    Options: ClassVar[type[EspeakOptions]] = EspeakOptions

    def __init__(self, options: EspeakOptions) -> None:
        self.options = options
        self._library = EspeakLibrary()

    @cached_property
    def maker(self) -> Maker:
        return Maker(
            engine=self.name,
            model=f"espeak-ng {self._library.version()}",
            revision=_revision(self._library),
            licence=LICENCE,
            options=digest(self.options.output_options()),
            deterministic=True,
            note="The licence is the program's and its voice data's; speech made with it is not covered by it.",
        )

    @property
    def renders(self) -> frozenset[Tag | Vocal]:
        """Every tag, by rate, pitch and level; no vocal sound: a formant synthesiser's laugh is none."""
        return frozenset(Tag)

    def voices(self) -> tuple[Voice, ...]:
        """The voices of voices/*.toml whose engine is espeak, sorted by id."""
        return voices_of(self.name)

    def speak(self, requests: Sequence[SpeakRequest]) -> list[Speech | Failure]:
        """A Speech a request, each from its own request alone. Failures: `unspeakable`, `too_long_text`, `unknown_voice`."""
        return [refusal(request, self.options.max_chars) or self._spoken(request) for request in requests]

    def _spoken(self, request: SpeakRequest) -> Speech | Failure:
        moved = delivery(request.tags, request.seed, self.options.jitter, request.rate)
        said = [respelled(s) for s in request.spoken]
        raw = self._library.say(text_of(said), tone_of(request.voice, moved, request.seed))
        if raw is None:
            return Failure(
                "unknown_voice", f"voice {request.voice.id}: espeak-ng has no variant {request.voice.base!r}."
            )
        if raw.n_samples == 0:
            return Failure("unspeakable", f"espeak-ng made no sound of {text_of(request.spoken)[:60]!r}.")
        up, down = ratio_of(request.voice)
        samples = rendered(raw, request.voice, moved, request.seed)
        spans = word_spans(said, raw)
        return Speech(to_pcm16(samples), timed_words(request, spans, up, down, len(samples)), self.name, request.seed)


def tone_of(voice: Voice, moved: Delivery, seed: int) -> Tone:
    """espeak-ng's own settings for a voice and a delivery, each inside its range."""
    settings = voice.transform
    return Tone(
        voice=voice.base,
        pitch=_within(settings["pitch"] + PITCH_STEPS * np.log2(moved.pitch), 0, 99),
        range=_within(settings["range"] * moved.range, 0, 99),
        rate_wpm=_within(setting_for(voice.base, settings["rate_wpm"], moved.rate), 80, 450),
        seed=seed,
    )


def setting_for(base: str, rate_wpm: float, factor: float) -> float:
    """The rate setting that makes a voice's speech `factor` as fast as at `rate_wpm`."""
    if not base.endswith(SLUGGISH):
        return rate_wpm * factor
    wanted = _true_rate(rate_wpm) * factor
    return (
        wanted
        if wanted <= SLUGGISH_FROM_WPM
        else SLUGGISH_FROM_WPM * (wanted / SLUGGISH_FROM_WPM) ** (1 / SLUGGISH_POWER)
    )


def _true_rate(setting_wpm: float) -> float:
    over = setting_wpm / SLUGGISH_FROM_WPM
    return setting_wpm if over <= 1 else SLUGGISH_FROM_WPM * over**SLUGGISH_POWER


SLUGGISH = ("+f2", "+f5")
SLUGGISH_FROM_WPM, SLUGGISH_POWER = 150.0, 0.82
"""Variants whose speech does not keep up with espeak-ng's rate setting above 150: measured, a sentence takes (setting)^-0.82 of the
time there (the exponent differs by 0.05 between texts), where all others' takes (setting)^-1 within 1 %."""
PITCH_STEPS = 48.0
"""Steps of espeak-ng's pitch setting an octave, near its middle."""


def ratio_of(voice: Voice) -> tuple[int, int]:
    """By how much the number of samples grows between espeak-ng and 24 kHz: `up / down`, in lowest terms of the voice."""
    return int(voice.transform.get("shift_up", UP)), int(voice.transform.get("shift_down", DOWN))


def rendered(raw: RawSpeech, voice: Voice, moved: Delivery, seed: int) -> NDArray[np.float64]:
    """The samples in the voice's formants, pitch and level at 24 kHz."""
    samples = np.frombuffer(raw.pcm, dtype=np.int16) / 32768
    gender = gender_of(voice, moved)
    gain = 10 ** ((voice.transform.get("gain_db", 0.0) + moved.gain_db) / 20)
    if gender is None:
        return resample(samples, *ratio_of(voice)) * gain
    return praat.change_gender(samples, RATE_HZ, gender, seed, SAMPLE_RATE_HZ) * gain


def gender_of(voice: Voice, moved: Delivery) -> praat.Gender | None:
    """Praat's settings for a voice of the `praat` sort, None for one of the `shift` sort."""
    settings = voice.transform
    if "formant_ratio" not in settings:
        return None
    return praat.Gender(
        formant_ratio=settings["formant_ratio"],
        pitch_median_hz=settings.get("pitch_median_hz", 0.0) * moved.pitch,
        pitch_range_ratio=settings.get("pitch_range_ratio", 1.0),
        duration_ratio=settings.get("duration_ratio", 1.0),
        floor_hz=settings["floor_hz"],
        ceiling_hz=settings["ceiling_hz"],
    )


def _within(value: float, low: int, high: int) -> int:
    return min(max(round(float(value)), low), high)


def _revision(library: EspeakLibrary) -> str:
    """REVISION, the wheels' versions and a digest of the library and of the data that English is spoken from."""
    data = Path(library.data_path)
    files = [Path(library.path), *(data / n for n in ("phondata", "phonindex", "phontab", "intonations", "en_dict"))]
    files += sorted((data / "voices" / "!v").iterdir())
    hashed = hashlib.blake2b(digest_size=8)
    try:
        for file in files:
            hashed.update(file.read_bytes())
    except OSError as error:
        raise EngineError(f"speaker espeak: {error}. Reinstall espeakng-loader.") from None
    versions = "+".join(
        f"{name}-{importlib.metadata.version(name)}" for name in ("espeakng-loader", "praat-parselmouth")
    )
    return f"{REVISION}+{versions}+{hashed.hexdigest()}"
