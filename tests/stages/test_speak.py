"""The speak unit: requests from a transcript, the trim, the gates with seeded faults, the dialogue put together."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen.config import read_options
from datagen.domains.asides import asides
from datagen.errors import DataError, UserError
from datagen.protocols import Failure, SpeakRequest
from datagen.records.enums import Kind, MarkType, Speaker, Split, Tag, Vocal
from datagen.records.maker import Maker
from datagen.records.plan import DialogPlan, Voice
from datagen.records.speech import SAMPLE_RATE_HZ, Speech, Word
from datagen.records.transcript import Mark, Transcript, Turn
from datagen.stages.speak.trim import loud_part, trimmed
from datagen.stages.speak.unit import SpeakOptions, Utterance, finish, gather, rates, utterances, voice_prompt_request

AGENT, USER = (
    Voice(n, "espeak", "en-us", {}, s, 100.0, (1.0, 2.0, 3.0), "", "") for n, s in (("anna", "female"), ("bob", "male"))
)
VOICES = {v.id: v for v in (AGENT, USER)}
PLAN = DialogPlan(0, "bank-000412", Kind.SERVICE, "bank", "s", Split.TRAIN, 99, Speaker.AGENT, "anna", "bob")
TRANSCRIPT = Transcript(
    "bank-000412",
    "You work for a bank.",
    (
        Turn(
            0,
            Speaker.AGENT,
            "That is $12.50 today.",
            marks=(Mark(MarkType.SAFE_CUT, 1), Mark(MarkType.BACKCHANNEL, 2, "well well")),
        ),
        Turn(1, Speaker.USER, "Fine, thanks.", tags=(Tag.ANGRY,)),
    ),
    Maker("agenda", "m", "1", "x"),
)
OPTIONS = SpeakOptions()
CLIPS = asides()
WORDS = ("One", "two", "three", "four.")


def an_utterance(mark: int | None = None, words: tuple[str, ...] = WORDS) -> Utterance:
    return Utterance("bank-000412", 7, mark, 2, SpeakRequest(words, words, AGENT, 5))


def speech_of(seconds: float = 1.6, lead_s: float = 0.25, tail_s: float = 0.4, level: float = 0.1) -> Speech:
    """Noise with silence around it, and the four words evenly in it."""
    n, lead, tail = (round(s * SAMPLE_RATE_HZ) for s in (seconds, lead_s, tail_s))
    noise = np.random.default_rng(3).uniform(-level, level, n)
    audio = np.concatenate([np.zeros(lead), noise, np.zeros(tail)]).astype(np.float32)
    edges = lead_s + np.linspace(0, seconds, len(WORDS) + 1)
    words = tuple(Word(w, w, float(a), float(b)) for w, a, b in zip(WORDS, edges, edges[1:], strict=False))
    return Speech(audio, words, "espeak", 5)


def test_a_dialogue_becomes_requests_in_order() -> None:
    asked = utterances(PLAN, TRANSCRIPT, VOICES, OPTIONS, CLIPS)
    assert [u.key for u in asked] == [(0, None), (0, 1), (1, None)]
    assert [(u.request.voice.id, u.request.side) for u in asked] == [
        ("anna", "agent"),
        ("bob", "user"),
        ("bob", "user"),
    ]
    assert asked[0].request.words == ("That", "is", "$12.50", "today.")
    assert asked[0].request.spoken == ("That", "is", "twelve dollars and fifty cents", "today.")
    assert asked[2].request.tags == (Tag.ANGRY,)
    assert len({u.request.seed for u in asked}) == 3


def test_another_attempt_has_other_seeds_and_only_what_is_asked_for() -> None:
    first, again = (utterances(PLAN, TRANSCRIPT, VOICES, OPTIONS, CLIPS, attempt, {(0, 1)}) for attempt in (0, 1))
    assert [u.key for u in first] == [u.key for u in again] == [(0, 1)]
    assert first[0].request.seed != again[0].request.seed
    assert first[0] == utterances(PLAN, TRANSCRIPT, VOICES, OPTIONS, CLIPS)[1]


def test_a_voice_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match=r"bank-000412: the user is cast with voice 'bob'"):
        utterances(PLAN, TRANSCRIPT, {"anna": AGENT}, OPTIONS, CLIPS)


def test_good_speech_is_trimmed_and_kept() -> None:
    result = finish(an_utterance(), speech_of(), OPTIONS)
    assert isinstance(result, Speech)
    assert result.attempt == 2
    assert result.duration_s == pytest.approx(1.6 + 2 * OPTIONS.trim_pad_s, abs=0.011)
    assert result.words[0].start_s == pytest.approx(OPTIONS.trim_pad_s, abs=0.006)
    assert result.words[-1].end_s == pytest.approx(1.6 + OPTIONS.trim_pad_s, abs=0.006)


def test_words_stay_on_their_sound_through_the_trim() -> None:
    speech = speech_of()
    result = finish(an_utterance(), speech, OPTIONS)
    assert isinstance(result, Speech)
    for before, after in zip(speech.words, result.words, strict=True):
        a, b = (round(w.start_s * SAMPLE_RATE_HZ) for w in (before, after))
        assert np.array_equal(speech.audio[a : a + 5_000], result.audio[b : b + 5_000])


SEEDED = {
    "silent": replace(speech_of(), audio=np.zeros(40_000, dtype=np.float32)),
    "clipped": replace(speech_of(), audio=np.clip(speech_of().audio * 12, -1, 1)),
    "too_long": speech_of(seconds=4.05),
    "too_short": speech_of(seconds=0.3),
    "silent_words": replace(speech_of(), audio=speech_of().audio[: round(0.25 * 24_000) + round(0.8 * 24_000)]),
}


@pytest.mark.parametrize("reason", SEEDED)
def test_a_seeded_fault_is_found(reason: str) -> None:
    result = finish(an_utterance(), SEEDED[reason], OPTIONS)
    assert isinstance(result, Failure), result
    assert result.reason == reason
    assert result.detail.startswith("bank-000412 turn 7: ")


def test_a_laugh_that_was_asked_for_takes_its_time() -> None:
    asked = an_utterance()
    laughs = replace(asked, request=replace(asked.request, vocals=((2, Vocal.LAUGH),)))
    assert isinstance(finish(laughs, SEEDED["too_long"], OPTIONS), Speech)


def test_the_detail_has_the_numbers() -> None:
    result = finish(an_utterance(), SEEDED["too_long"], OPTIONS)
    assert isinstance(result, Failure)
    assert result.detail == "bank-000412 turn 7: 4.1 s of audio for 4 words (1.0 s/word, limit 0.55)."


def test_what_is_said_beside_a_turn_is_spoken_by_its_own_side_unless_the_voices_clips_have_it() -> None:
    marks = (
        Mark(MarkType.BACKCHANNEL, 1, "mhm"),
        Mark(MarkType.BACKCHANNEL, 1, "really now"),
        Mark(MarkType.FAILED_BARGE_IN, 2, "But my card"),
        Mark(MarkType.PAUSE, 2),
        Mark(MarkType.FAILED_BARGE_IN, 3),
    )
    turns = (
        Turn(0, Speaker.AGENT, "That is fine today.", marks=marks),
        Turn(1, Speaker.USER, "Fine, thanks a lot.", marks=(Mark(MarkType.SIDE_TALK, 1, "Put it down, now."),)),
    )
    asked = utterances(PLAN, replace(TRANSCRIPT, turns=turns), VOICES, OPTIONS, CLIPS)
    assert [(u.key, u.request.voice.id) for u in asked] == [
        ((0, None), "anna"), ((0, 1), "bob"), ((0, 2), "bob"), ((1, None), "bob"), ((1, 0), "bob"),
    ]  # fmt: skip


def test_a_speaker_keeps_one_rate_through_a_dialogue() -> None:
    drawn = rates(PLAN, OPTIONS)
    assert {u.request.rate for u in utterances(PLAN, TRANSCRIPT, VOICES, OPTIONS, CLIPS)} == set(drawn.values())
    assert drawn == rates(PLAN, OPTIONS)
    assert rates(PLAN, SpeakOptions(rate_spread=0)) == {Speaker.AGENT: 1.0, Speaker.USER: 1.0}


def test_rates_spread_as_asked() -> None:
    options = SpeakOptions(rate_spread=0.06, rate_limits=(0.5, 2.0))
    logs = np.log([r for seed in range(2000) for r in rates(replace(PLAN, seed=seed), options).values()])
    assert np.std(logs) == pytest.approx(0.06, rel=0.05)
    assert np.mean(logs) == pytest.approx(0, abs=0.005)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**63 - 1), st.floats(0.01, 0.5), st.floats(0.5, 1), st.floats(1, 2))
def test_a_rate_lies_inside_its_limits(seed: int, spread: float, low: float, high: float) -> None:
    drawn = rates(replace(PLAN, seed=seed), SpeakOptions(rate_spread=spread, rate_limits=(low, high)))
    assert all(low - 1e-4 <= r <= high + 1e-4 for r in drawn.values())


def test_rate_limits_that_leave_out_the_voices_own_rate_are_refused() -> None:
    with pytest.raises(UserError, match=r"speak.rate_limits: 1.1 to 1.3 is no range around 1"):
        read_options(SpeakOptions, {"rate_limits": [1.1, 1.3]}, "speak")


def test_the_trim_agrees_with_pydub() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # pydub looks for ffmpeg, which nothing here needs
        from pydub import AudioSegment
        from pydub.silence import detect_leading_silence
    audio = speech_of().audio
    segment = AudioSegment(
        (audio * 32767).astype(np.int16).tobytes(), frame_rate=SAMPLE_RATE_HZ, sample_width=2, channels=1
    )
    loud = loud_part(audio, below_peak_db=200.0, floor_db=-50.0)
    lead_s = detect_leading_silence(segment, silence_threshold=-50.0, chunk_size=10) / 1000
    tail_s = detect_leading_silence(segment.reverse(), silence_threshold=-50.0, chunk_size=10) / 1000
    assert loud.first / SAMPLE_RATE_HZ == pytest.approx(lead_s, abs=0.011)
    assert (len(audio) - loud.end) / SAMPLE_RATE_HZ == pytest.approx(tail_s, abs=0.011)


@settings(deadline=None, max_examples=60)
@given(st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0, 0.1))
def test_trimmed_words_lie_inside_in_order(lead_s: float, tail_s: float, pad_s: float) -> None:
    speech = speech_of(lead_s=lead_s, tail_s=tail_s)
    result = trimmed(speech, loud_part(speech.audio, 40.0, -55.0), pad_s)
    times = [t for w in result.words for t in (w.start_s, w.end_s)]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= result.duration_s
    assert result.duration_s <= speech.duration_s


def test_the_dialogue_is_put_together() -> None:
    finished = {
        u.key: replace(speech_of(), seed=n) for n, u in enumerate(utterances(PLAN, TRANSCRIPT, VOICES, OPTIONS, CLIPS))
    }
    dialog = gather(TRANSCRIPT, finished)
    assert [t.speech.seed for t in dialog.turns] == [0, 2]
    assert [(b.mark.text, b.speech.seed) for b in dialog.turns[0].asides] == [("well well", 1)]
    del finished[0, 1], finished[1, None]
    with pytest.raises(DataError, match=r"1 turns were not spoken, the first is turn 1"):
        gather(TRANSCRIPT, finished)


def test_a_voice_prompt_depends_on_its_voice_alone() -> None:
    assert voice_prompt_request(AGENT) == voice_prompt_request(AGENT)
    assert voice_prompt_request(AGENT).seed != voice_prompt_request(USER).seed
    assert voice_prompt_request(AGENT).words == voice_prompt_request(USER).words
