"""A display word runs from the first to the last sound of its spoken form, whatever pauses are inside it; silence is in none."""

from functools import cache

import numpy as np
import pytest

from datagen.domains import loader
from datagen.engines.speakers.espeak import EspeakOptions, EspeakSpeaker
from datagen.engines.writers.agenda import AgendaWriter
from datagen.protocols import SpeakRequest, WriteRequest
from datagen.records.enums import Speaker, Split
from datagen.records.plan import DialogPlan, Voice
from datagen.records.speech import SAMPLE_RATE_HZ, Speech
from datagen.records.transcript import Transcript
from datagen.stages.align.unit import AlignOptions, finish
from datagen.stages.speak.trim import loud_part, trimmed
from datagen.store.ids import rng, unit_hash
from datagen.text.say import spoken_words

LONG_WORDS = {
    "code": "The number is W3-5609. Is that all?",
    "code in two parts": "Um, C00-6176, and then we go on.",
    "phone": "Call 555-0142 today, please.",
    "long phone": "It's 1-800-555-0142. Anything else?",
    "e-mail": "Send it to jane.doe@example.com. Thank you.",
    "money": "You have $3,337.92. Anything else?",
    "date and time": "On 3/15/2026, at 7:30pm. Does that work?",
    "address": "It's 1240 Maple Street. And the card, 4417-2208-9931-5504, is new.",
}
N_TEXTS = 40
LOST_SHARE = 0.01
"""Largest share of a text's energy in no word: the most of 300 turns was 0.0025 (Sandro, a breathy voice)."""


@cache
def speaker() -> EspeakSpeaker:
    return EspeakSpeaker(EspeakOptions())


def voices() -> list[Voice]:
    """Three voices of each family, the one that echoes among them."""
    found = []
    for family in sorted({v.family for v in speaker().voices()}):
        of_it = [v for v in speaker().voices() if v.family == family]
        echo = [v for v in of_it if v.base.endswith("+f2")]
        found += [*of_it[:: len(of_it) // 2][:2], *(echo or of_it)[-1:]]
    return found


def said(text: str, voice: Voice, seed: int) -> Speech:
    (speech,) = speaker().speak([SpeakRequest(tuple(text.split()), spoken_words(text), voice, seed)])
    assert isinstance(speech, Speech), speech
    return trimmed(speech, loud_part(speech.audio, 50, -55), 0.02)


def lost_share(speech: Speech) -> float:
    power = np.square(speech.audio, dtype=np.float64)
    inside = sum(power[round(w.start_s * SAMPLE_RATE_HZ) : round(w.end_s * SAMPLE_RATE_HZ)].sum() for w in speech.words)
    return float(1 - inside / power.sum())


def texts() -> list[str]:
    """Turns of every domain, a few of each dialogue."""
    found: list[str] = []
    writer = AgendaWriter(AgendaWriter.Options())
    for name in loader.available():
        domain = loader.load(name)
        for index in range(4):
            draw = rng("words hold the sound", name, index)
            scenario = domain.scenarios[index * len(domain.scenarios) // 4].name
            instance = domain.instance(scenario, Split.TRAIN, (0.8, 0.1, 0.1), draw)
            dialog_id = f"{name}-{index:06d}"
            traits = domain.traits(scenario, draw)
            opener = (Speaker.AGENT, Speaker.USER)[index % 2]
            plan = DialogPlan(
                index, dialog_id, domain.kind, name, scenario, Split.TRAIN, index, opener, "a", "b", instance, traits
            )
            (transcript,) = writer.write([WriteRequest(plan, index)])
            if isinstance(transcript, Transcript):
                found += [t.text for t in transcript.turns]
    return sorted(set(found), key=lambda t: unit_hash("drawn", t))[:N_TEXTS]


@pytest.mark.parametrize("kind", LONG_WORDS)
def test_a_long_word_ends_where_its_last_sound_does(kind: str) -> None:
    for voice in voices():
        speech = said(LONG_WORDS[kind], voice, 3)
        assert lost_share(speech) < LOST_SHARE, voice.id
        for word, after in zip(speech.words, speech.words[1:], strict=False):
            n_said = len(word.spoken.split())
            assert word.end_s - word.start_s > 0.1 * n_said, (voice.id, word)
            pause_s = after.start_s - word.end_s
            assert pause_s < (0.5 if word.spoken[-1] in ".,?!" else 0.1), (voice.id, word, after)


def test_the_sound_of_forty_turns_lies_in_their_words() -> None:
    bank = speaker().voices()
    drawn = texts()
    assert len(drawn) == N_TEXTS
    for n, text in enumerate(drawn):
        voice = bank[n * 37 % len(bank)]
        speech = said(text, voice, n)
        assert lost_share(speech) < LOST_SHARE, (voice.id, text)
        assert isinstance(finish(speech, speech.words, AlignOptions()), Speech), (voice.id, text)


def test_a_word_cut_at_its_comma_is_turned_away() -> None:
    """What the gate of the align stage is for: all but the first clause of a code in no word."""
    speech = said(LONG_WORDS["code"], voices()[0], 3)
    code = speech.words[3]
    cut = [type(w)(w.word, w.spoken, w.start_s, w.start_s + 0.5 if w is code else w.end_s) for w in speech.words]
    assert getattr(finish(speech, cut, AlignOptions()), "reason", "") == "lost_sound"
