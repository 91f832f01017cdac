"""Spoken turns with faults that speech engines have, made by code of good ones: what the gates of the speak stage are measured on.

A turn is what an engine gave and where an aligner that makes no mistake of its own finds the words: words that are not there are
squeezed to a frame each, sound that is in no word stays in none. Everything is drawn from a generator that is an argument.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from datagen.protocols import Failure, SpeakRequest
from datagen.records.plan import Voice
from datagen.records.speech import SAMPLE_RATE_HZ, Audio, Speech, Word
from datagen.store.ids import seed_of
from datagen.text.say import spoken_words

LOST_LETTER_S = 0.02
"""What a CTC aligner gives a letter that was not said: a frame (an HMM gives a phone three of 10 ms)."""


@dataclass(frozen=True)
class Case:
    """One spoken turn: what was asked, what came back, the aligner's words; `fault` is "" for a good one. `near` are other turns'
    texts of the dialogue."""

    name: str
    request: SpeakRequest
    speech: Speech
    fault: str
    near: tuple[str, ...] = ()


@dataclass(frozen=True)
class Said:
    """A good turn and what faults are made with: its engine, another turn's words, another voice."""

    request: SpeakRequest
    speech: Speech
    speak: Callable[[SpeakRequest], Speech]
    other_text: str
    other_voice: Voice


def cut_tail(said: Said, rng: np.random.Generator) -> Speech:
    """The last words are missing: at least one, at most a third; half of the time the engine fades out."""
    words = said.speech.words
    first_lost = len(words) - int(rng.integers(1, max(2, len(words) // 3 + 1)))
    end_s = words[first_lost].start_s + rng.uniform(0, 0.3) * (words[first_lost].end_s - words[first_lost].start_s)
    audio = _faded(said.speech.audio[: _at(end_s)], 0.0, rng.choice([0.0, 0.01]))
    placed, end_s = list(words), len(audio) / SAMPLE_RATE_HZ
    for n in reversed(range(len(words))):
        end_s = min(placed[n].end_s, end_s)
        start_s = min(placed[n].start_s, end_s - (_lost_s(words[n]) if n >= first_lost else 0))
        placed[n] = replace(placed[n], start_s=start_s, end_s=end_s)
        end_s = start_s
    return replace(said.speech, audio=audio, words=tuple(placed))


def cut_head(said: Said, rng: np.random.Generator) -> Speech:
    """The first words are missing: at least one, at most a third; half of the time the engine fades in."""
    words = said.speech.words
    n_lost = int(rng.integers(1, max(2, len(words) // 3 + 1)))
    last = words[n_lost - 1]
    begin_s = last.end_s - rng.uniform(0, 0.3) * (last.end_s - last.start_s)
    audio = _faded(said.speech.audio[_at(begin_s) :], rng.choice([0.0, 0.01]), 0.0)
    moved = [_moved(w, -begin_s) for w in words]
    start_s = 0.0
    for n, word in enumerate(moved):
        start_s = max(word.start_s, start_s)
        end_s = max(word.end_s, start_s + (_lost_s(word) if n < n_lost else 0))
        moved[n] = replace(word, start_s=start_s, end_s=end_s)
        start_s = end_s
    return replace(said.speech, audio=audio, words=tuple(moved))


def _lost_s(word: Word) -> float:
    return LOST_LETTER_S * sum(c.isalnum() for c in word.spoken)


def repeated(said: Said, rng: np.random.Generator) -> Speech:
    """Two to five words are said twice, the second time as well as the first; the aligner takes the first."""
    words = said.speech.words
    n = int(rng.integers(2, min(6, len(words))))
    first = int(rng.integers(0, len(words) - n + 1))
    start_s, end_s = words[first].start_s, words[first + n - 1].end_s
    phrase = _faded(said.speech.audio[_at(start_s) : _at(end_s)], 0.005, 0.005)
    return with_sound(said.speech, end_s, phrase, after=first + n)


def noise_burst(said: Said, rng: np.random.Generator) -> Speech:
    """80 to 300 ms of noise, white or coloured, about as loud as the loudest speech, in its place or over it."""
    audio = said.speech.audio.copy()
    n = _at(rng.uniform(0.08, 0.3))
    at = int(rng.integers(0, max(1, len(audio) - n)))
    loudest = np.sqrt(np.max(np.convolve(np.square(audio), np.full(480, 1 / 480), "same")))
    noise = rng.normal(size=n)
    if rng.random() < 0.5:  # duller: 3 dB an octave
        spectrum = np.fft.rfft(noise)
        noise = np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1)), n)
    noise *= loudest * 10 ** (rng.uniform(-3, 6) / 20) / np.sqrt(np.mean(np.square(noise)))
    n = min(n, len(audio) - at)
    under = audio[at : at + n] * float(rng.random() < 0.5)
    audio[at : at + n] = np.clip(under + noise[:n], -0.99, 0.99)
    return replace(said.speech, audio=audio)


def wrong_voice(said: Said, rng: np.random.Generator) -> Speech:
    """The right words in another voice."""
    return said.speak(replace(said.request, voice=said.other_voice))


def inner_silence(said: Said, rng: np.random.Generator) -> Speech:
    """1.2 to 3 s of silence between two words."""
    words = said.speech.words
    after = int(rng.integers(1, len(words)))
    return with_sound(said.speech, words[after - 1].end_s, np.zeros(_at(rng.uniform(1.2, 3)), np.float32), after)


def wrong_words(said: Said, rng: np.random.Generator) -> Speech:
    """Half of the time other words from beginning to end, else a third of them; an aligner spreads its own over what it hears."""
    wanted, other = list(said.request.words), said.other_text.split()
    if rng.random() < 0.5:
        wrong = (other * len(wanted))[: len(wanted)]
    else:
        n = max(2, -(-len(wanted) // 3))
        at = int(rng.integers(0, len(wanted) - n + 1))
        wrong = [*wanted[:at], *(other * n)[:n], *wanted[at + n :]]
    text = " ".join(wrong)
    spoken = said.speak(replace(said.request, words=tuple(text.split()), spoken=spoken_words(text)))
    placed = zip(said.speech.words, spoken.words, strict=True)
    words = tuple(replace(mine, start_s=its.start_s, end_s=its.end_s) for mine, its in placed)
    return replace(spoken, words=words)


def invented_tail(said: Said, rng: np.random.Generator) -> Speech:
    """0.8 s and more of other speech, or of a hum, after the last word and a short pause."""
    gap = np.zeros(_at(rng.uniform(0.05, 0.4)), np.float32)
    if rng.random() < 0.7:
        words = tuple(said.other_text.split()[: int(rng.integers(3, 8))])
        extra = said.speak(replace(said.request, words=words, spoken=spoken_words(" ".join(words)))).audio
    else:
        t = np.arange(_at(rng.uniform(0.8, 2.0))) / SAMPLE_RATE_HZ
        hum = sum(np.sin(2 * np.pi * said.request.voice.f0_hz * k * t) / k for k in range(1, 12))
        extra = (0.03 * hum).astype(np.float32)
    kept = said.speech.audio[: _at(said.speech.words[-1].end_s)]
    return replace(said.speech, audio=np.concatenate([kept, gap, extra]).astype(np.float32))


def clipping(said: Said, rng: np.random.Generator) -> Speech:
    """Overdriven by 12 to 20 dB over full scale; half of the time turned down again afterwards."""
    audio = said.speech.audio
    driven = np.clip(audio * (10 ** (rng.uniform(12, 20) / 20) / np.max(np.abs(audio))), -1, 1)
    return replace(said.speech, audio=(driven * rng.choice([1.0, 0.4])).astype(np.float32))


def muffled(said: Said, rng: np.random.Generator) -> Speech:
    """Low-passed at 0.9 to 2 kHz, 24 dB an octave."""
    return replace(said.speech, audio=_low_passed(said.speech.audio, rng.uniform(900, 2_000)))


def too_quiet(said: Said, rng: np.random.Generator) -> Speech:
    """Turned down by 22 to 35 dB."""
    return replace(said.speech, audio=said.speech.audio * np.float32(10 ** (-rng.uniform(22, 35) / 20)))


def too_fast(said: Said, rng: np.random.Generator) -> Speech:
    """2 to 2.6 times as fast as it was asked for: squeezed together, as an engine does that skips sounds."""
    return _at_rate(said.speech, rng.uniform(2.0, 2.6))


def too_slow(said: Said, rng: np.random.Generator) -> Speech:
    """Drawn out to 2.5 to 3.5 times its length."""
    return _at_rate(said.speech, 1 / rng.uniform(2.5, 3.5))


FAULTS: dict[str, Callable[[Said, np.random.Generator], Speech]] = {
    f.__name__: f
    for f in (
        cut_tail, cut_head, repeated, noise_burst, wrong_voice, inner_silence, wrong_words, invented_tail, clipping, muffled,
        too_quiet, too_fast, too_slow,
    )
}  # fmt: skip
"""Every fault by its name."""


def spoken_by(engine: object) -> Callable[[SpeakRequest], Speech]:
    """One request spoken by an engine; an AssertionError where it cannot."""

    def speak(request: SpeakRequest) -> Speech:
        found = engine.speak([request])[0]  # type: ignore[attr-defined]
        assert not isinstance(found, Failure), found
        return found

    return speak


def faulty(said: Said, names: Sequence[str], seed: int, near: tuple[str, ...], label: str) -> list[Case]:
    """A case a fault, all of one good turn, each by draws of its own."""
    draws = {n: np.random.default_rng(seed_of(seed, n)) for n in names}
    return [Case(f"{label} {n}", said.request, FAULTS[n](said, draws[n]), n, near) for n in names]


def _at(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE_HZ)


def _moved(word: Word, by_s: float) -> Word:
    return replace(word, start_s=max(word.start_s + by_s, 0.0), end_s=max(word.end_s + by_s, 0.0))


def with_sound(speech: Speech, at_s: float, extra: Audio, after: int) -> Speech:
    """The speech with `extra` put in at a time; the words from index `after` on move."""
    at = _at(at_s)
    audio = np.concatenate([speech.audio[:at], extra, speech.audio[at:]]).astype(np.float32)
    by_s = len(extra) / SAMPLE_RATE_HZ
    return replace(speech, audio=audio, words=(*speech.words[:after], *(_moved(w, by_s) for w in speech.words[after:])))


def _faded(audio: Audio, in_s: float, out_s: float) -> Audio:
    faded = audio.copy()
    for n, ramp in ((_at(in_s), slice(None)), (_at(out_s), slice(None, None, -1))):
        if n and len(faded) > n:
            shape = np.linspace(0, 1, n, dtype=np.float32)[ramp]
            part = slice(0, n) if ramp.step is None else slice(len(faded) - n, None)
            faded[part] *= shape
    return faded


def _low_passed(audio: Audio, hz: float) -> Audio:
    """Fourth-order Butterworth by its magnitude, in the frequency domain."""
    n = len(audio) + SAMPLE_RATE_HZ // 4
    spectrum = np.fft.rfft(audio, n)
    spectrum /= np.sqrt(1 + (np.fft.rfftfreq(n, 1 / SAMPLE_RATE_HZ) / hz) ** 8)
    return np.fft.irfft(spectrum, n)[: len(audio)].astype(np.float32)


def _at_rate(speech: Speech, factor: float) -> Speech:
    """The speech `factor` as fast in its own pitch: 40 ms pieces, overlapped and added."""
    size, hop = 960, 480
    n_out = int(len(speech.audio) / factor)
    out, weight = np.zeros(n_out + size), np.full(n_out + size, 1e-6)
    window = np.hanning(size)
    source = np.pad(speech.audio, (0, size))
    for start in range(0, n_out, hop):
        piece = source[int(start * factor) :][:size]
        out[start : start + len(piece)] += window[: len(piece)] * piece
        weight[start : start + len(piece)] += window[: len(piece)]
    words = tuple(replace(w, start_s=w.start_s / factor, end_s=w.end_s / factor) for w in speech.words)
    return replace(speech, audio=(out / weight)[:n_out].astype(np.float32), words=words)
