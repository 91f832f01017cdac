import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen.engines.speakers.espeak_library import RawSpeech
from datagen.engines.speakers.word_spans import word_spans


def a_raw(n: int, words: list[tuple[int, int]], sounds: tuple[int, ...] = (), ends: tuple[int, ...] = ()) -> RawSpeech:
    pcm = (np.sin(np.arange(n)) * 8000).astype(np.int16).tobytes()
    return RawSpeech(pcm, tuple(words), sounds, ends)


def test_a_word_without_an_event_takes_its_share_at_a_sound() -> None:
    raw = a_raw(10_000, [(0, 0), (7, 4_000)], sounds=(0, 1_000, 1_900, 3_000, 4_000))
    assert word_spans(["of", "the", "hill"], raw) == [(0, 1_900), (1_900, 4_000), (4_000, 10_000)]


def test_several_events_in_one_form_are_one_word() -> None:
    raw = a_raw(9_000, [(0, 0), (4, 2_000), (10, 5_000)])
    assert word_spans(["two fifty", "ok"], raw) == [(0, 5_000), (5_000, 9_000)]


def test_a_clause_end_closes_a_word() -> None:
    raw = a_raw(9_000, [(0, 0), (5, 5_000)], ends=(3_000, 9_000))
    assert word_spans(["stop", "go"], raw)[0] == (0, 3_000)


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.text("abc'", min_size=1, max_size=6), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(-2, 90), st.integers(0, 5_000)), max_size=20),
    st.lists(st.integers(0, 5_000), max_size=10),
)
def test_whatever_the_events_spans_are_in_order_and_inside(
    spoken: list[str], events: list[tuple[int, int]], ends: list[int]
) -> None:
    spans = word_spans(spoken, a_raw(5_000, events, tuple(sorted(ends)), tuple(sorted(ends))))
    assert len(spans) == len(spoken)
    flat = [sample for span in spans for sample in span]
    assert flat == sorted(flat)
    assert flat[0] >= 0
    assert flat[-1] <= 5_000
