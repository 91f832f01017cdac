"""The ASR round trip of a spoken text: which texts take it, how it is asked for, and what its answer comes to."""

from collections.abc import Sequence
from dataclasses import dataclass

from datagen.protocols import HearRequest, SpeakRequest
from datagen.records.speech import Audio
from datagen.store.ids import unit_hash
from datagen.text.wer import errors, words_of


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """What the ASR heard, in how many words it differs from the text's `n_words`, and what phrase it heard twice in a row.

    `n_lost_at_edge` counts the words that are missing at its beginning, or at its end if there are more.
    """

    heard: str
    n_words: int
    n_errors: int
    repeated: tuple[str, ...] = ()
    n_lost_at_edge: int = 0

    @property
    def wer(self) -> float:
        return round(self.n_errors / max(self.n_words, 1), 6)


def sampled(share: float, *place: str | int) -> bool:
    """Whether the text at a place (a dialogue, a turn, a mark) is heard: by a hash of the place alone, so every attempt at it is,
    and a larger share hears the same ones and more."""
    return unit_hash("asr", *place) < share


HUMS = frozenset({"mhm", "mm", "hm", "hmm", "uh", "huh", "ah", "oh", "um"})
"""Sounds that are no words to an ASR: each writes them as it likes, or leaves them out."""


def hearable(spoken: Sequence[str]) -> bool:
    """Whether a text has a word that an ASR writes in one way."""
    return any(w not in HUMS for w in words_of(" ".join(spoken)))


def request(speak: SpeakRequest, audio: Audio, near: Sequence[str]) -> HearRequest:
    """What the recogniser gets: the sound as it will be kept, the spoken text, and the texts around it."""
    return HearRequest(audio, speak.spoken, tuple(near))


def round_trip(spoken: Sequence[str], heard: str) -> RoundTrip:
    """The word errors of what was heard against the spoken text, and a phrase that it has twice in a row and the text has not."""
    wanted, got = words_of(" ".join(spoken)), words_of(heard)
    found = errors(wanted, got)
    lost = max(_lost(found.pairs), _lost(found.pairs[::-1]))
    return RoundTrip(" ".join(got), len(wanted), found.count, repeated_phrase(wanted, got), lost)


def _lost(pairs: Sequence[tuple[int | None, int | None]]) -> int:
    """How many words there are of the text before the first one that has a counterpart, or is put in."""
    return next((n for n, (_, there) in enumerate(pairs) if there is not None), len(pairs))


def repeated_phrase(wanted: Sequence[str], heard: Sequence[str]) -> tuple[str, ...]:
    """The longest phrase that is heard twice in a row and that the text does not say twice in a row; () for none."""
    for n in range(len(heard) // 2, 0, -1):
        said = {tuple(wanted[i : i + n]) for i in range(len(wanted) - 2 * n + 1) if _doubled(wanted, i, n)}
        for i in range(len(heard) - 2 * n + 1):
            if _doubled(heard, i, n) and (phrase := tuple(heard[i : i + n])) not in said:
                return phrase
    return ()


def _doubled(words: Sequence[str], at: int, n: int) -> bool:
    return list(words[at : at + n]) == list(words[at + n : at + 2 * n])
