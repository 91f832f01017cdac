"""The gates on a spoken turn: what is cut at the ends, what is measured, what fails, what is soft, and which candidate is best."""

from dataclasses import replace

import numpy as np
import pytest

from datagen.audio import quality
from datagen.config import read_options
from datagen.errors import UserError
from datagen.protocols import Failure, SpeakRequest
from datagen.records.plan import Voice
from datagen.records.speech import SAMPLE_RATE_HZ, Scores, Speech, Word
from datagen.stages.pack.schema import SCORE_COLUMNS
from datagen.stages.speak.gates import ends, heard, judge
from datagen.stages.speak.gates.measure import edge_s_per_letter, measured, shows_bandwidth, stray_s
from datagen.stages.speak.gates.options import GateOptions

OPTIONS = GateOptions()
VOICE = Voice("anna", "espeak", "en-us", {}, "female", 200.0, (1.0, 2.0, 3.0), "", "")
WORDS = ("Perfect,", "found", "your", "table.")
REQUEST = SpeakRequest(WORDS, WORDS, VOICE, 1)


def buzz(seconds: float, level_db: float = -20.0) -> np.ndarray:
    """A voice's kind of sound: harmonics of 150 Hz up to 11 kHz, falling by 6 dB an octave, with a little hiss."""
    t = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    sound = sum(np.sin(2 * np.pi * 150 * k * t + k * k) / k for k in range(1, 74))
    return (sound * 10 ** (level_db / 20) / np.sqrt(np.mean(np.square(sound)))).astype(np.float32)


def spoken(before_s: float = 0.0, after_s: float = 0.0, gap_s: float = 0.0, level_db: float = -20.0) -> Speech:
    """Four words of 0.4 s each, sound before and after them, and silence between the second and the third."""
    audio = buzz(before_s + 1.6 + after_s, level_db)
    at = round((before_s + 0.8) * SAMPLE_RATE_HZ)
    audio = np.concatenate([audio[:at], np.zeros(round(gap_s * SAMPLE_RATE_HZ), np.float32), audio[at:]])
    starts = [before_s, before_s + 0.4, before_s + 0.8 + gap_s, before_s + 1.2 + gap_s]
    words = tuple(Word(w, w, s, s + 0.4) for w, s in zip(WORDS, starts, strict=True))
    return Speech(audio, words, "espeak", 1)


def faults(speech: Speech, options: GateOptions = OPTIONS) -> list[str]:
    within = ends.within("bank-000412 turn 7", speech, speech.words, options)
    if isinstance(within, Failure):
        return [within.reason]
    kept = replace(within.speech, words=within.words)
    return [f.reason for f in judge.sound_faults("x", measured(within, kept, REQUEST, options), options)]


def test_good_speech_passes_with_its_scores() -> None:
    assert faults(spoken()) == []
    within = ends.within("x", spoken(), spoken().words, OPTIONS)
    assert isinstance(within, ends.Ends)
    scores = measured(within, spoken(), REQUEST, OPTIONS)
    assert scores.words_per_s == 2.5
    assert scores.level_db == pytest.approx(-20, abs=0.1)
    assert scores.bandwidth_hz is not None
    assert scores.bandwidth_hz > 9_000
    assert (scores.wer, scores.similarity, scores.mos) == (None, None, None)


def test_short_sound_beyond_the_words_is_cut_and_the_words_move_along() -> None:
    speech = spoken(before_s=0.3, after_s=0.4)
    within = ends.within("x", speech, speech.words, OPTIONS)
    assert isinstance(within, ends.Ends)
    assert (within.head_s, within.tail_s) == pytest.approx((0.3, 0.4), abs=1e-4)
    assert within.speech.duration_s == pytest.approx(1.6 + OPTIONS.head_pad_s + OPTIONS.tail_pad_s, abs=1e-3)
    assert within.words[0].start_s == pytest.approx(OPTIONS.head_pad_s, abs=1e-4)
    first = round(speech.words[2].start_s * SAMPLE_RATE_HZ), round(within.words[2].start_s * SAMPLE_RATE_HZ)
    assert np.array_equal(speech.audio[first[0] :][:5_000], within.speech.audio[first[1] :][:5_000])
    assert abs(within.speech.audio[-1]) < 1e-3


def test_a_laugh_that_was_asked_for_stays_where_it_is() -> None:
    laugh = spoken(before_s=1.2)
    within = ends.within("x", laugh, laugh.words, OPTIONS, opens_with_vocal=True)
    assert isinstance(within, ends.Ends)
    assert within.speech is laugh
    assert isinstance(ends.within("x", laugh, laugh.words, OPTIONS), Failure)
    too_long = spoken(before_s=2.7)
    assert isinstance(ends.within("x", too_long, too_long.words, OPTIONS, opens_with_vocal=True), Failure)
    words = (laugh.words[0], *(replace(w, start_s=w.start_s + 0.2) for w in laugh.words[1:2]), *laugh.words[2:])
    frames = quality.frames_of(laugh.audio)
    assert stray_s(words, frames) == pytest.approx(0.2, abs=0.02)
    assert stray_s(words, frames, but_before={1}) == 0


def test_what_is_within_the_words_is_not_touched() -> None:
    speech = spoken(before_s=0.1, after_s=0.1)
    within = ends.within("x", speech, speech.words, OPTIONS)
    assert isinstance(within, ends.Ends)
    assert within.speech is speech


def squeezed(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """As an aligner places them where the first one was not said."""
    return replace(words[0], end_s=0.14), replace(words[1], start_s=0.14), *words[2:]


def narrow(words: tuple[Word, ...], letter_s: float = 0.02) -> tuple[Word, ...]:
    """As a CTC model places them that gives each letter one frame: in the middle of their sound."""
    spans = [(w, (w.start_s + w.end_s - letter_s * len(w.spoken)) / 2) for w in words]
    return tuple(replace(w, start_s=at, end_s=at + letter_s * len(w.spoken)) for w, at in spans)


NOISE = np.random.default_rng(0).normal(0, 0.1, 4_800).astype(np.float32)
SEEDED = {
    "tail": spoken(after_s=0.8),
    "head": spoken(before_s=0.8),
    "inner_silence": spoken(gap_s=1.2),
    "stray_sound": replace(spoken(), words=tuple(replace(w, end_s=w.start_s + 0.05) for w in spoken().words)),
    "squeezed_words": replace(spoken(), words=squeezed(spoken().words)),
    "noise": replace(spoken(), audio=np.concatenate([spoken().audio[:9_600], NOISE, spoken().audio[14_400:]])),
    "too_quiet": spoken(level_db=-46),
    "too_loud": spoken(level_db=-6),
    "band_limited": replace(
        spoken(), audio=np.convolve(spoken().audio, np.hanning(48) / 24, "same").astype(np.float32)
    ),
}


@pytest.mark.parametrize("reason", SEEDED)
def test_a_fault_fails_for_its_reason(reason: str) -> None:
    assert reason in faults(SEEDED[reason])


@pytest.mark.parametrize("n_words", [1, 2, 4])
def test_narrow_words_with_their_sound_around_them_are_not_squeezed(n_words: int) -> None:
    speech, frames = spoken(), quality.frames_of(spoken().audio)
    words = narrow(speech.words)[:n_words]
    assert all((w.end_s - w.start_s) / len(w.spoken) < OPTIONS.min_edge_s_per_letter for w in words)
    assert edge_s_per_letter(words, frames) > OPTIONS.min_edge_s_per_letter
    assert edge_s_per_letter(squeezed(speech.words), frames) < OPTIONS.min_edge_s_per_letter


def test_silence_beside_a_word_is_none_of_its_time() -> None:
    words = spoken(gap_s=0.5).words
    first, second = replace(words[1], start_s=0.7), words[2]
    assert edge_s_per_letter((first, second), quality.frames_of(spoken(gap_s=0.5).audio)) == pytest.approx(
        0.1 / 5, abs=0.005
    )


def test_a_phrase_with_a_stop_in_it_is_stray_sound_as_a_whole() -> None:
    audio = buzz(2.0)
    audio[round(0.95 * SAMPLE_RATE_HZ) : round(1.05 * SAMPLE_RATE_HZ)] = 0
    words = tuple(Word(w, w, s, s + 0.4) for w, s in zip(WORDS, (0.0, 0.4, 1.2, 1.6), strict=True))
    assert stray_s(words, quality.frames_of(audio)) == pytest.approx(0.3, abs=0.03)


def test_a_detail_has_the_numbers_and_the_knob() -> None:
    speech = spoken(after_s=0.8)
    assert ends.within("bank-000412 turn 7", speech, speech.words, OPTIONS) == Failure(
        "tail", "bank-000412 turn 7: 0.80 s of sound after the last word (limit 0.5, speak.gates.max_tail_s)."
    )


def test_clipping_is_found_when_it_was_turned_down_afterwards() -> None:
    loud = buzz(1.0, 3.0)
    assert quality.clipped_share(buzz(1.0)) == 0
    assert quality.clipped_share(np.clip(loud, -1, 1)) > 0.01
    assert quality.clipped_share(0.3 * np.clip(loud, -1, 1)) > 0.01
    assert quality.clipped_share(np.zeros(100, np.float32)) == 0 == quality.clipped_share(np.zeros(0, np.float32))


def test_silence_and_crumbs_are_measured_too() -> None:
    for audio in (np.zeros(24_000, np.float32), np.zeros(3, np.float32), np.ones(1, np.float32)):
        frames = quality.frames_of(audio)
        assert quality.noise_s(frames) == 0
        assert 0 <= quality.bandwidth_hz(frames) <= 12_000
        assert quality.longest_silence_s(frames, 40) >= 0


def test_a_larger_sample_hears_the_same_turns_and_more() -> None:
    places = [("bank-000001", turn, -1) for turn in range(2_000)]
    few, many = ({p for p in places if heard.sampled(share, *p)} for share in (0.02, 0.3))
    assert few < many
    assert len(few) == pytest.approx(40, abs=20)
    assert {p for p in places if heard.sampled(1.0, *p)} == set(places)
    assert not any(heard.sampled(0.0, *p) for p in places)


def test_a_hum_is_not_listened_to() -> None:
    assert not heard.hearable(("mm-hm",))
    assert not heard.hearable(())
    assert heard.hearable(("oh", "okay."))


def test_a_phrase_said_twice_is_heard_unless_the_text_says_it_twice() -> None:
    text = ("Come", "in,", "come", "in,", "the", "soup", "is", "hot.")
    assert heard.round_trip(text, "come in come in the soup is hot").repeated == ()
    again = heard.round_trip(text, "come in come in the soup the soup is hot")
    assert again.repeated == ("the", "soup")
    assert (again.n_words, again.n_errors, again.wer) == (8, 2, 0.25)


def test_what_is_heard_is_judged() -> None:
    good, wrong = (heard.round_trip(WORDS, said) for said in ("perfect found your table", "a parrot crowned the cable"))
    assert judge.heard_faults("x", Scores(wer=good.wer), good, 0.5, OPTIONS) == ()
    assert [f.reason for f in judge.heard_faults("x", Scores(wer=wrong.wer), wrong, 0.5, OPTIONS)] == ["wer"]
    for said in ("your table", "perfect found"):
        assert [f.reason for f in judge.heard_faults("x", Scores(), heard.round_trip(WORDS, said), 0.5, OPTIONS)][
            :1
        ] == ["lost_edge"]
    middle = heard.round_trip(WORDS, "perfect your table")
    assert (middle.n_errors, middle.n_lost_at_edge, judge.heard_faults("x", Scores(), middle, 0.5, OPTIONS)) == (
        1,
        0,
        (),
    )
    assert judge.heard_faults("x", Scores(), None, 0.5, OPTIONS) == ()
    found = judge.heard_faults("x", Scores(similarity=0.3, mos=1.4), None, 0.5, OPTIONS)
    assert [f.reason for f in found] == ["similarity", "mos"]
    assert judge.heard_faults("x", Scores(similarity=0.3), None, 0.5, GateOptions(min_similarity=0.2)) == ()


def test_the_best_candidate_has_the_fewest_faults_then_the_fewest_word_errors() -> None:
    soft = Failure("wer", ""), Failure("similarity", "")
    tried = [
        judge.badness(Scores(wer=0.1, similarity=0.9), soft, 0),
        judge.badness(Scores(wer=0.5, similarity=0.4), soft[:1], 1),
        judge.badness(Scores(wer=0.4, similarity=0.3), soft[:1], 2),
        judge.badness(Scores(wer=0.4, similarity=0.3), soft[:1], 3),
    ]
    assert sorted(tried) == [tried[2], tried[3], tried[1], tried[0]]


def test_every_score_is_a_column() -> None:
    assert set(SCORE_COLUMNS) == set(Scores.__dataclass_fields__)


def test_limits_that_leave_nothing_are_refused() -> None:
    with pytest.raises(UserError, match=r"tail_pad_s = 0\.6 has to be below max_tail_s = 0\.5"):
        read_options(GateOptions, {"tail_pad_s": 0.6}, "speak.gates")


@pytest.mark.parametrize(
    ("spoken", "shows"),
    [
        (("And", "you.", "Bye-bye."), False),
        (("Your", "name?"), False),
        (("nice",), True),
        (("Just", "a", "moment."), True),
    ],
)
def test_only_a_text_with_a_hiss_shows_its_bandwidth(spoken: tuple[str, ...], shows: bool) -> None:
    assert shows_bandwidth(spoken) is shows
