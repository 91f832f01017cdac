"""The scores of a spoken text held against their limits: what fails, how bad that is, and which of several candidates is best."""

import math
from collections.abc import Iterator, Sequence

from datagen.protocols import Failure
from datagen.records.speech import Scores
from datagen.stages.speak.gates.heard import RoundTrip
from datagen.stages.speak.gates.options import GateOptions


def sound_faults(where: str, scores: Scores, options: GateOptions) -> tuple[Failure, ...]:
    """What is wrong with the sound, the gravest first; () where nothing is.

    Failures: `inner_silence`, `stray_sound`, `squeezed_words`, `noise`, `too_quiet`, `too_loud`, `band_limited`.
    """
    return tuple(Failure(reason, f"{where}: {text}") for reason, text in _sound(scores, options))


def _sound(scores: Scores, options: GateOptions) -> Iterator[tuple[str, str]]:
    if _over(scores.inner_silence_s, options.max_inner_silence_s):
        limit = f"limit {options.max_inner_silence_s:g}, speak.gates.max_inner_silence_s"
        yield "inner_silence", f"{scores.inner_silence_s:.2f} s of silence inside ({limit})."
    if _over(scores.stray_s, options.max_stray_s):
        limit = f"limit {options.max_stray_s:g}, speak.gates.max_stray_s"
        yield "stray_sound", f"{scores.stray_s:.2f} s of sound between two words ({limit})."
    if _under(scores.edge_s_per_letter, options.min_edge_s_per_letter):
        limit = f"limit {options.min_edge_s_per_letter:g}, speak.gates.min_edge_s_per_letter"
        yield "squeezed_words", f"the first or last word has {scores.edge_s_per_letter:.3f} s a letter ({limit})."
    if _over(scores.noise_s, options.max_noise_s):
        limit = f"limit {options.max_noise_s:g}, speak.gates.max_noise_s"
        yield "noise", f"{scores.noise_s:.2f} s of noise as loud as speech ({limit})."
    if _under(scores.level_db, options.min_level_db):
        limit = f"limit {options.min_level_db:g}, speak.gates.min_level_db"
        yield "too_quiet", f"{scores.level_db:.1f} dB of full scale ({limit})."
    if _over(scores.level_db, options.max_level_db):
        limit = f"limit {options.max_level_db:g}, speak.gates.max_level_db"
        yield "too_loud", f"{scores.level_db:.1f} dB of full scale ({limit})."
    if _under(scores.bandwidth_hz, options.min_bandwidth_hz):
        limit = f"limit {options.min_bandwidth_hz:g}, speak.gates.min_bandwidth_hz"
        yield "band_limited", f"its sound ends at {scores.bandwidth_hz:.0f} Hz ({limit})."


def heard_faults(
    where: str, scores: Scores, trip: RoundTrip | None, same_from: float, options: GateOptions
) -> tuple[Failure, ...]:
    """What the engines that listen say is wrong: `repeated`, `lost_edge`, `wer`, `similarity`, `mos`.

    All of it is soft: an engine may be wrong itself, so where all candidates have such faults alone, `keep_best` keeps the best of
    them. A fault of the sound or of the word times is none that a corpus should have.
    `trip` is the ASR's, where it heard the text; `same_from` is the embedder's own limit.
    """
    found = [] if trip is None else list(_heard(trip, options))
    least = same_from if options.min_similarity is None else options.min_similarity
    if _under(scores.similarity, least):
        found.append(
            ("similarity", f"{scores.similarity:.2f} like its voice (limit {least:g}, speak.gates.min_similarity).")
        )
    if _under(scores.mos, options.min_mos):
        found.append(("mos", f"a predicted MOS of {scores.mos:.2f} (limit {options.min_mos:g}, speak.gates.min_mos)."))
    return tuple(Failure(reason, f"{where}: {text}") for reason, text in found)


def _heard(trip: RoundTrip, options: GateOptions) -> Iterator[tuple[str, str]]:
    heard = _short(trip.heard)
    if len(trip.repeated) > options.max_repeated_words:
        limit = f"limit {options.max_repeated_words}, speak.gates.max_repeated_words"
        yield "repeated", f"{' '.join(trip.repeated)!r} is heard twice in a row ({limit}), in {heard!r}."
    if trip.n_lost_at_edge > options.max_lost_edge_words:
        limit = f"limit {options.max_lost_edge_words}, speak.gates.max_lost_edge_words"
        yield "lost_edge", f"{trip.n_lost_at_edge} words are missing at an end ({limit}): heard is {heard!r}."
    if trip.n_errors > options.max_wer * trip.n_words + options.wer_slack_words:
        limit = f"limit {options.max_wer:g} and {options.wer_slack_words:g}, speak.gates.max_wer and wer_slack_words"
        yield "wer", f"{trip.n_errors} word errors in {trip.n_words} words ({limit}): heard is {heard!r}."


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"


_OF_ASR = frozenset(("repeated", "lost_edge", "wer"))
"""Faults that one engine finds, often of one cause."""


def badness(scores: Scores, failures: Sequence[Failure], attempt: int) -> tuple[float, ...]:
    """What candidates are sorted by, the best first: how many engines speak against it, WER, then unlikeness to the voice, then MOS,
    then the attempt."""
    return (
        len({"asr" if f.reason in _OF_ASR else f.reason for f in failures}),
        math.inf if scores.wer is None else scores.wer,
        math.inf if scores.similarity is None else -scores.similarity,
        math.inf if scores.mos is None else -scores.mos,
        attempt,
    )


def _over(score: float | None, limit: float) -> bool:
    return score is not None and score > limit


def _under(score: float | None, limit: float) -> bool:
    # A score that is no number says that nobody could tell.
    return score is not None and score < limit
