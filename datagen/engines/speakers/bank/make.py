"""One voice: the transform of its base's clip, what came out against what was asked, and its two files' audio."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from datagen.audio.files import quantise
from datagen.audio.levels import fade, integrated_lufs
from datagen.audio.speaker_distance import measure
from datagen.engines.speakers.bank.bases import Source
from datagen.engines.speakers.bank.draw import Wanted
from datagen.engines.speakers.bank.envelope import envelope_ratio
from datagen.engines.speakers.bank.options import BankOptions
from datagen.engines.speakers.bank.schema import CLIP_S, LEVEL_LUFS, PROMPT_S
from datagen.engines.speakers.bank.sound import Sound, Spectrum, formant_ceiling, hear, mean_ratio
from datagen.engines.speakers.bank.transform import change_gender
from datagen.engines.speakers.praat import Gender
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.store.ids import canonical, seed_of

FADE_S = 0.01
"""At both ends of a file: a cut inside room noise would click."""
F0_SPAN = (0.45, 2.2)
"""Between these factors of the wanted median the pitch of the result is sought, so that octave jumps are seen."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why a drawn voice is not in the bank: a reason code, and one line with the numbers."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Made:
    """A voice that holds what was asked: its row of voices.parquet but for what all voices together decide, and its audio."""

    row: Mapping[str, Any]
    clip: Audio = field(repr=False)
    prompt: Audio | None = field(repr=False)


def voice_id(wanted: Wanted) -> str:
    """`SOURCE-fa00042`: the clip that it is made of, sex and age, its place."""
    return f"{wanted.base.name}-{wanted.sex[0]}{wanted.profile.age[0]}{wanted.place:05d}"


def make(wanted: Wanted, source: Source, options: BankOptions) -> Made | Rejected:
    """The voice, or why not.

    Reasons: `length`, `clipped`, `unvoiced`, `f0_off`, `formants_off`, `envelope_off`, `out_of_range`, `noisy`, `pitch_jumps`.
    """
    clip = transformed(source.clip, wanted.gender, wanted.place, "clip", CLIP_S)
    if isinstance(clip, Rejected):
        return clip
    found = hear_voice(clip, wanted.gender.pitch_median_hz, source.sex, wanted.gender.formant_ratio)
    if found is None:
        return Rejected("unvoiced", "under a second of the clip is voiced")
    fault = amiss(found, wanted, source, options)
    if fault is not None:
        return fault
    shift = envelope_ratio(source.clip, clip, wanted.gender.duration_ratio, max(found.f0_hz, source.f0_hz))
    off = shift / wanted.gender.formant_ratio - 1
    if abs(off) > options.envelope_tolerance:
        return Rejected(
            "envelope_off", f"the envelope's factor is {shift:.3f}, {off:+.1%} off {wanted.gender.formant_ratio:g}"
        )
    features = measure(clip, wanted.sex)
    if features is None:
        return Rejected("unvoiced", "under half a second of the clip is voiced by the speaker distance's measure")
    prompt = _prompt(wanted, source, options)
    if isinstance(prompt, Rejected):
        return prompt
    row = _row(wanted, source, found, [float(f) for f in features.features], clip, prompt)
    return Made({**row, "envelope_ratio": round(shift, 4)}, clip, prompt)


def _prompt(wanted: Wanted, source: Source, options: BankOptions) -> Audio | Rejected | None:
    if source.prompt is None:
        return None
    prompt = transformed(source.prompt, wanted.gender, wanted.place, "prompt", PROMPT_S)
    if isinstance(prompt, Rejected):
        return prompt
    f0_hz = wanted.gender.pitch_median_hz
    found = Spectrum(prompt).pitch(F0_SPAN[0] * f0_hz, F0_SPAN[1] * f0_hz)
    if found is None or abs(found.f0_hz / f0_hz - 1) > options.f0_tolerance:
        return Rejected(
            "f0_off", f"the voice prompt's F0 is {found.f0_hz if found else 0:.1f} Hz, and {f0_hz:g} was asked"
        )
    return prompt


def transformed(audio: Audio, gender: Gender, place: int, what: str, limits_s: tuple[float, float]) -> Audio | Rejected:
    """Audio through Praat, at -24 LUFS in 16 bits, no longer than the limit (`length`) and nowhere over full scale (`clipped`)."""
    changed = change_gender(audio, gender, seed_of("bank", place, what))
    seconds = len(changed) / SAMPLE_RATE_HZ
    if not limits_s[0] <= seconds <= limits_s[1]:
        return Rejected(
            "length", f"the {what} lasts {seconds:.1f} s, and has to last {limits_s[0]:g} to {limits_s[1]:g}"
        )
    changed = changed * np.float32(10 ** ((LEVEL_LUFS - integrated_lufs(changed)) / 20))
    peak = float(np.abs(changed).max())
    if not peak < 1.0:
        return Rejected("clipped", f"the {what} peaks at {peak:.2f} of full scale at {LEVEL_LUFS:g} LUFS")
    return quantise(fade(changed, FADE_S, FADE_S))


def hear_voice(audio: Audio, f0_hz: float, base_sex: str, formant_ratio: float) -> Sound | None:
    """A transformed clip's measures, sought around the F0 and under the ceiling that were asked for."""
    return hear(audio, F0_SPAN[0] * f0_hz, F0_SPAN[1] * f0_hz, formant_ceiling(base_sex, formant_ratio))


def amiss(found: Sound, wanted: Wanted, source: Source, options: BankOptions) -> Rejected | None:
    """What of a clip's measures is not what was asked."""
    gender, profile = wanted.gender, wanted.profile
    off = found.f0_hz / gender.pitch_median_hz - 1
    if abs(off) > options.f0_tolerance:
        return Rejected("f0_off", f"F0 is {found.f0_hz:.1f} Hz, {off:+.1%} off {gender.pitch_median_hz:g}")
    ratio = mean_ratio(found.formants_hz, source.formants_hz)
    off = ratio / gender.formant_ratio - 1
    if abs(off) > options.formant_tolerance:
        return Rejected("formants_off", f"the formants' factor is {ratio:.3f}, {off:+.1%} off {gender.formant_ratio:g}")
    low, high = profile.f0_hz
    if not low * 0.99 <= found.f0_hz <= high * 1.01:
        return Rejected(
            "out_of_range", f"F0 is {found.f0_hz:.1f} Hz, and {profile.age} {profile.sex} is {low:g} to {high:g}"
        )
    least = max(options.min_hnr_db, source.hnr_db - options.max_hnr_fall_db)
    if found.hnr_db < least:
        return Rejected("noisy", f"HNR is {found.hnr_db:.1f} dB, least {least:.1f} (the base's: {source.hnr_db:.1f})")
    if found.jumps > options.max_pitch_jumps:
        return Rejected("pitch_jumps", f"{found.jumps:.1%} of the voiced frames are an octave off")
    return None


def _row(
    wanted: Wanted, source: Source, found: Sound, features: list[float], clip: Audio, prompt: Audio | None
) -> dict[str, Any]:
    gender = wanted.gender
    f1, f2, f3 = source.formants_hz
    transform = {
        "formant_ratio": gender.formant_ratio,
        "pitch_median_hz": gender.pitch_median_hz,
        "pitch_range_ratio": gender.pitch_range_ratio,
        "duration_ratio": gender.duration_ratio,
        "floor_hz": gender.floor_hz,
        "ceiling_hz": gender.ceiling_hz,
        "base_f0_hz": round(source.f0_hz, 2),
        "base_f1_hz": round(f1, 2),
        "base_f2_hz": round(f2, 2),
        "base_f3_hz": round(f3, 2),
        "base_female": float(source.sex == "female"),
    }
    return {
        "id": voice_id(wanted),
        "person": source.person,
        "base": source.name,
        "engine": source.engine,
        "sex": wanted.sex,
        "age": wanted.profile.age,
        "transform": canonical(transform),
        "asked_f0_hz": gender.pitch_median_hz,
        "f0_hz": round(found.f0_hz, 2),
        "f0_low_hz": round(found.f0_low_hz, 2),
        "f0_high_hz": round(found.f0_high_hz, 2),
        "asked_formant_ratio": gender.formant_ratio,
        "formant_ratio": round(mean_ratio(found.formants_hz, source.formants_hz), 4),
        "formants_hz": [round(f, 1) for f in found.formants_hz],
        "hnr_db": round(found.hnr_db, 2),
        "clip_s": round(len(clip) / SAMPLE_RATE_HZ, 3),
        "prompt_s": round(len(prompt) / SAMPLE_RATE_HZ, 3) if prompt is not None else None,
        "features": [round(f, 5) for f in features],
        "licence": source.licence,
        "provenance": source.provenance,
    }
