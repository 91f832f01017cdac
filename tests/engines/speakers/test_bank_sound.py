"""What a bank measures of a clip: what was asked and done is found, what was only asked is not."""

from dataclasses import replace

import numpy as np
import pytest
from bank_speech import sources

from datagen.engines.speakers.bank.bases import Source
from datagen.engines.speakers.bank.draw import Base, Wanted
from datagen.engines.speakers.bank.envelope import envelope_ratio
from datagen.engines.speakers.bank.make import Rejected, amiss, hear_voice, make, transformed
from datagen.engines.speakers.bank.options import BankOptions
from datagen.engines.speakers.bank.profiles import PROFILES
from datagen.engines.speakers.bank.schema import CLIP_S
from datagen.engines.speakers.bank.sound import hear, mean_ratio
from datagen.engines.speakers.praat import Gender
from datagen.records.speech import SAMPLE_RATE_HZ, Audio

OPTIONS = BankOptions()


def female() -> Source:
    return next(s for s in sources() if s.sex == "female")


def wanted(source: Source, ratio: float = 1.0, f0_factor: float = 1.0, duration: float = 1.0) -> Wanted:
    f0_hz = round(source.f0_hz * f0_factor, 1)
    gender = Gender(ratio, f0_hz, 1.0, duration, round(0.6 * source.f0_hz), round(2.3 * source.f0_hz))
    base = Base(0, source.name, source.person, source.sex, source.age, source.f0_hz, 9.0, None)
    profile = next(p for p in PROFILES if p.age == "adult" and p.sex == source.sex)
    return Wanted(3, 0, base, profile, gender)


def done(source: Source, gender: Gender) -> Audio:
    clip = transformed(source.clip, gender, 3, "clip", CLIP_S)
    assert not isinstance(clip, Rejected), clip
    return clip


def verdict(clip: Audio, asked: Wanted, source: Source) -> str:
    found = hear_voice(clip, asked.gender.pitch_median_hz, source.sex, asked.gender.formant_ratio)
    assert found is not None
    fault = amiss(found, asked, source, OPTIONS)
    return fault.reason if fault else ""


@pytest.mark.parametrize(("ratio", "f0_factor"), [(0.92, 0.95), (1.08, 1.06)])
def test_what_was_asked_is_measured(ratio: float, f0_factor: float) -> None:
    source = female()
    asked = wanted(source, ratio, f0_factor)
    clip = done(source, asked.gender)
    assert verdict(clip, asked, source) == ""
    found = hear_voice(clip, asked.gender.pitch_median_hz, source.sex, ratio)
    assert found is not None
    assert found.f0_hz == pytest.approx(asked.gender.pitch_median_hz, rel=0.03)
    assert mean_ratio(found.formants_hz, source.formants_hz) == pytest.approx(ratio, rel=0.03)
    assert found.f0_low_hz < found.f0_hz < found.f0_high_hz


@pytest.mark.parametrize("claimed", [0.90, 1.10])
def test_formants_that_only_the_request_moved_are_found_out(claimed: float) -> None:
    """The tracker's ceiling goes with what was asked; what was not moved by it must not pass for that."""
    source = female()
    clip = done(source, wanted(source).gender)
    assert verdict(clip, wanted(source, claimed), source) == "formants_off"


def test_pitch_that_was_not_moved_is_found_out() -> None:
    source = female()
    assert verdict(done(source, wanted(source).gender), wanted(source, 1.0, 1.08), source) == "f0_off"


def test_a_rough_voice_is_noisy() -> None:
    source = female()
    asked = wanted(source)
    clip = done(source, asked.gender)
    noise = np.random.default_rng(0).normal(0, 0.03, len(clip)).astype(np.float32)
    clean, rough = (hear_voice(a, asked.gender.pitch_median_hz, source.sex, 1.0) for a in (clip, clip + noise))
    assert clean is not None
    assert rough is not None
    assert rough.hnr_db < clean.hnr_db - OPTIONS.max_hnr_fall_db
    fault = amiss(replace(clean, hnr_db=rough.hnr_db), asked, source, OPTIONS)
    assert fault is not None
    assert fault.reason == "noisy"
    assert amiss(clean, asked, source, OPTIONS) is None
    jumpy = amiss(replace(clean, jumps=0.1), asked, source, OPTIONS)
    assert jumpy is not None
    assert jumpy.reason == "pitch_jumps"


def test_octave_jumps_are_seen() -> None:
    rate = SAMPLE_RATE_HZ
    t = np.arange(2 * rate) / rate
    hz = np.where(t < 1.6, 120.0, 245.0)
    phase = 2 * np.pi * np.cumsum(hz) / rate
    audio = sum(np.sin(k * phase) / k for k in range(1, 12)).astype(np.float32) * 0.1  # type: ignore[union-attr]
    found = hear(audio, 60, 400, 5_000)
    assert found is not None
    assert found.jumps == pytest.approx(0.2, abs=0.03)
    assert found.f0_hz == pytest.approx(120, rel=0.01)
    assert found.hnr_db > 20


@pytest.mark.filterwarnings("ignore:There were no voiced segments")
def test_too_long_and_too_loud_are_rejected() -> None:
    source = female()
    slow = make(wanted(source, duration=1.8), source, OPTIONS)
    assert isinstance(slow, Rejected)
    assert (slow.reason, slow.detail.split(",")[1]) == ("length", " and has to last 6 to 12")
    spiky = np.zeros(8 * SAMPLE_RATE_HZ, dtype=np.float32)
    spiky[::2400] = 0.9  # crest factor over 24 dB
    loud = transformed(spiky, wanted(source).gender, 0, "clip", CLIP_S)
    assert isinstance(loud, Rejected)
    assert loud.reason == "clipped"


def test_silence_measures_nothing() -> None:
    assert hear(np.zeros(48_000, dtype=np.float32), 60, 400, 5_000) is None
    assert hear(np.ones(10, dtype=np.float32), 60, 400, 5_000) is None


@pytest.mark.parametrize("ratio", [0.9, 1.0, 1.1])
def test_the_envelope_tells_what_was_done(ratio: float) -> None:
    source = female()
    clip = done(source, wanted(source, ratio, duration=1.05).gender)
    assert envelope_ratio(source.clip, clip, 1.05, source.f0_hz) == pytest.approx(ratio, rel=0.03)
