import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen.engines.speakers.espeak_library import RawSpeech
from datagen.engines.speakers.word_spans import word_spans


def a_raw(
    n: int, words: list[tuple[int, int]], sounds: tuple[int, ...] = (), quiet: tuple[tuple[int, int], ...] = ()
) -> RawSpeech:
    samples = (np.sin(np.arange(n)) * 8000).astype(np.int16)
    for first, end in quiet:
        samples[first:end] = 0
    return RawSpeech(samples.tobytes(), tuple(words), sounds)


def test_a_word_without_an_event_takes_its_share_at_a_sound() -> None:
    raw = a_raw(10_000, [(0, 0), (7, 4_000)], sounds=(0, 1_000, 1_900, 3_000, 4_000))
    assert word_spans(["of", "the", "hill"], raw) == [(0, 1_900), (1_900, 4_000), (4_000, 10_000)]


def test_several_events_in_one_form_are_one_word() -> None:
    raw = a_raw(9_000, [(0, 0), (4, 2_000), (10, 5_000)])
    assert word_spans(["two fifty", "ok"], raw) == [(0, 5_000), (5_000, 9_000)]


def test_a_pause_after_a_form_is_in_no_word() -> None:
    raw = a_raw(9_000, [(0, 0), (5, 5_000)], quiet=((3_300, 5_000),))
    assert word_spans(["stop", "go"], raw) == [(0, 3_300), (5_000, 9_000)]


def test_a_pause_inside_a_form_is_its_own() -> None:
    """`W3-5609.` is said with a comma: two clauses of espeak-ng, one display word."""
    raw = a_raw(13_200, [(0, 0), (7, 4_400), (13, 8_800)], quiet=((2_200, 4_400), (6_600, 8_800)))
    assert word_spans(["three, five.", "go"], raw) == [(0, 6_600), (8_800, 13_200)]


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.text("abc'", min_size=1, max_size=6), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(-2, 90), st.integers(0, 5_000)), max_size=20),
    st.lists(st.integers(0, 5_000), max_size=10),
    st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 5_000)), max_size=3),
)
def test_whatever_the_events_spans_are_in_order_and_inside(
    spoken: list[str], events: list[tuple[int, int]], sounds: list[int], quiet: list[tuple[int, int]]
) -> None:
    spans = word_spans(spoken, a_raw(5_000, events, tuple(sorted(sounds)), tuple(quiet)))
    assert len(spans) == len(spoken)
    flat = [sample for span in spans for sample in span]
    assert flat == sorted(flat)
    assert flat[0] >= 0
    assert flat[-1] <= 5_000
