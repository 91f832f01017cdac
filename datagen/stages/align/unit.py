"""The align unit: what an aligner is asked of one spoken text, and the gate on what it answers."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from datagen.audio.levels import energy
from datagen.config import Options, knob
from datagen.protocols import AlignRequest, Failure
from datagen.records.speech import SAMPLE_RATE_HZ, Speech, Word

VERSION = 2
"""Goes into content keys: raised when the same input gives another output."""


class AlignOptions(Options):
    """Knobs of the align stage."""

    overlap_s: float = knob(
        0.02,
        "two words may overlap by this much; the later one's start is moved to the earlier one's end",
        "s",
        ge=0,
        le=0.2,
    )
    max_lost_share: float = knob(
        0.1,
        "more of a text's sound energy than this in no word means that the alignment slipped; silence between words counts nothing",
        "share",
        gt=0,
        le=1,
    )


def request(words: Sequence[str], spoken: Sequence[str], speech: Speech) -> AlignRequest:
    """What the aligner gets: the trimmed audio, the display words with how each is said, and the speaker's own times."""
    return AlignRequest(audio=speech.audio, words=tuple(words), spoken=tuple(spoken), native=speech.words)


def finish(
    speech: Speech,
    words: Sequence[Word],
    options: AlignOptions,
    where: str = "",
    sound_before: Collection[int] = (),
) -> Speech | Failure:
    """The speech with the aligner's words: all inside the audio, in order, none of negative length, none overlapping.

    Failures: `word_times`, `lost_sound`. `where` (`bank-000412 turn 7`) opens their details. Before the words of the indices
    `sound_before` a sound that is no word was asked for: it is not lost.
    """
    prefix = f"{where}: " if where else ""
    placed: list[Word] = []
    latest_s = 0.0
    for n, word in enumerate(words):
        start_s = max(word.start_s, latest_s) if latest_s - word.start_s <= options.overlap_s else word.start_s
        if not latest_s <= start_s <= word.end_s <= speech.duration_s:
            return Failure(
                "word_times",
                f"{prefix}word {n} {word.word!r} was placed at {word.start_s:.3f} to {word.end_s:.3f} s: it has to lie between"
                f" {latest_s:.3f} s, where the word before ends, and {speech.duration_s:.3f} s (align.overlap_s {options.overlap_s:g}).",
            )
        placed.append(replace(word, start_s=start_s))
        latest_s = word.end_s
    if not placed:
        return Failure("word_times", f"{prefix}the aligner gave no words for {speech.duration_s:.1f} s of audio.")
    lost = _lost_share(speech, placed, sound_before)
    if lost > options.max_lost_share:
        return Failure(
            "lost_sound",
            f"{prefix}{lost:.0%} of the sound in {speech.duration_s:.1f} s lies in no word (limit {options.max_lost_share:.0%},"
            " align.max_lost_share).",
        )
    return replace(speech, words=tuple(placed))


def _lost_share(speech: Speech, words: Sequence[Word], sound_before: Collection[int]) -> float:
    """The share of a speech's energy outside the spans of its words; 0 where all is silent."""
    whole = energy(speech.audio)
    if not whole:
        return 0.0
    spans = [(w.start_s, w.end_s) for w in words]
    spans += [(words[n - 1].end_s if n else 0.0, words[n].start_s) for n in sound_before if n < len(words)]
    edges = [(round(start_s * SAMPLE_RATE_HZ), round(end_s * SAMPLE_RATE_HZ)) for start_s, end_s in spans]
    return 1 - sum(energy(speech.audio[first:end]) for first, end in edges) / whole
