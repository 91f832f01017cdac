"""Makes the voices of voices/espeak-*.toml: speaks every candidate of their grids, measures it, and keeps voices that differ.

    python -m datagen.engines.speakers.calibrate [--voices 260] [--candidates 640] [--jobs 2] [--recount]

The threshold at which two clips count as two people is the 99th percentile of the distances of one voice saying different texts. A
greedy cover then takes, half female and half male, the candidate farthest from all taken ones, until there are enough or the next
would lie within the threshold of one. Voices that a family lists as `unclear` are left out after that. Same inputs, same files.

With --recount the voices stay as they are, without those that were listed since, and only the confusion is counted again.
"""

import argparse
import logging
import tomllib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datagen import resources
from datagen.audio.levels import integrated_lufs
from datagen.audio.speaker_distance import Distance, distances, measure, read_distance, whitening
from datagen.engines import registry
from datagen.engines.speakers.calibration_texts import CALIBRATED, HELD_OUT, MEASURED, texts_for
from datagen.engines.speakers.candidates import PitchCurve, candidates, pitch_curve
from datagen.engines.speakers.espeak_library import EspeakLibrary
from datagen.engines.speakers.voice_bank import voices_of
from datagen.engines.speakers.voice_files import write_distance, write_family
from datagen.protocols import Speaker, SpeakRequest
from datagen.records.plan import Voice
from datagen.records.speech import Speech
from datagen.store.ids import seed_of, unit_hash

LOG = logging.getLogger("voices")
LEVEL_LUFS = -24.0
"""Every voice's gain brings it here, the loudness that the codec's voice prompts have (PersonaPlex)."""
PERCENTILE = 99.0
DISTANCE = "distance.toml"
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """A voice with its measures filled in, and its features, a row a text."""

    voice: Voice
    features: Matrix


@cache
def _speaker(engine: str, jitter: float) -> Speaker:
    made: Speaker = registry.make("speaker", engine, registry.options_of("speaker", engine, {"jitter": jitter}))
    return made


def clip(voice: Voice, text: str, jitter: float) -> Speech | None:
    """A voice saying a text as a build would have it say it; None where it cannot."""
    words = tuple(text.split())
    spoken = _speaker(voice.engine, jitter).speak(
        [SpeakRequest(words, words, voice, seed_of("calibrate", voice.id, text))]
    )[0]
    return spoken if isinstance(spoken, Speech) else None


def measured(voice: Voice) -> Measured | None:
    """The voice with F0, formants and gain as measured over the MEASURED texts; None where it is not voiced enough."""
    clips = [clip(voice, text, 0.0) for text in MEASURED]
    if any(c is None for c in clips):
        return None
    found = [measure(c.audio, voice.sex) for c in clips if c is not None]
    kept = [f for f in found if f is not None]
    if len(kept) < len(MEASURED):
        return None
    f1, f2, f3 = (round(float(np.mean([m.formants_hz[n] for m in kept]))) for n in range(3))
    level = integrated_lufs(np.concatenate([c.audio for c in clips if c is not None]))
    filled = replace(
        voice,
        f0_hz=round(float(np.mean([m.f0_hz for m in kept])), 1),
        formants_hz=(float(f1), float(f2), float(f3)),
        transform={**voice.transform, "gain_db": round(LEVEL_LUFS - level, 2)},
    )
    return Measured(filled, np.stack([m.features for m in kept]))


def features_on(texts: Sequence[str], voice: Voice) -> Matrix | None:
    """Features of a voice on texts, a row each, jittered as a build's turns are."""
    rows = [measure(c.audio, voice.sex) for c in (clip(voice, t, 0.03) for t in texts) if c is not None]
    kept = [r.features for r in rows if r is not None]
    return np.stack(kept) if len(kept) == len(texts) else None


def calibration_features(voice: Voice) -> Matrix | None:
    return features_on(texts_for(voice.id, CALIBRATED, 5), voice)


def held_out_features(voice: Voice) -> Matrix | None:
    return features_on(texts_for(voice.id, HELD_OUT, 2), voice)


def cover(found: Sequence[Measured], matrix: Matrix, threshold: float, n_voices: int) -> list[Measured]:
    """At most `n_voices`, half of either sex, each farther than `threshold` from every other one. Farthest first."""
    means = np.stack([m.features.mean(axis=0) for m in found])
    apart = distances(means, means, matrix)
    nearest = np.full(len(found), np.inf)
    chosen: list[int] = []
    for turn in range(n_voices):
        sex = ("female", "male")[turn % 2]
        open_to = np.array([m.voice.sex == sex for m in found])
        score = np.where(open_to, nearest, -np.inf)
        best = int(np.argmin(np.where(open_to, apart.mean(axis=1), np.inf))) if not chosen else int(np.argmax(score))
        if chosen and score[best] < threshold:
            LOG.info("only %d voices lie %.2f apart", len(chosen), threshold)
            break
        chosen.append(best)
        nearest = np.minimum(nearest, apart[best])
        nearest[best] = -np.inf
    return [found[i] for i in sorted(chosen)]


def within_pairs(groups: Sequence[Matrix], matrix: Matrix) -> Matrix:
    """The distances of every two clips of one voice, all voices together."""
    upper = [distances(g, g, matrix)[np.triu_indices(len(g), 1)] for g in groups]
    return np.concatenate(upper)


def confusion(groups: Sequence[Matrix], matrix: Matrix, threshold: float) -> tuple[float, float]:
    """The shares of wrong verdicts on held-out texts: one voice taken for two, and two voices for one."""
    first, second = np.stack([g[0] for g in groups]), np.stack([g[1] for g in groups])
    apart = distances(first, second, matrix)
    same = np.diag(apart)
    different = apart[~np.eye(len(groups), dtype=bool)]
    return float((same > threshold).mean()), float((different <= threshold).mean())


def run(n_voices: int, n_candidates: int, jobs: int) -> None:
    files = _families()
    families = {p.stem: tomllib.loads(p.read_text(encoding="utf-8")) for p in files}
    asked = _asked(families, n_candidates)
    with ProcessPoolExecutor(jobs) as pool:
        found = [m for m in pool.map(measured, asked, chunksize=8) if m is not None]
        LOG.info("measured %d of %d candidates", len(found), len(asked))
        sample = sorted((m.voice for m in found), key=lambda v: unit_hash("within", v.id))[:80]
        groups = [g for g in pool.map(calibration_features, sample, chunksize=4) if g is not None]
        matrix = whitening(groups)
        threshold = round(float(np.percentile(within_pairs(groups, matrix), PERCENTILE)), 3)
        unclear = {name for family in families.values() for name in family["grid"]["unclear"]}
        chosen = [m for m in cover(found, matrix, threshold, n_voices) if m.voice.id not in unclear]
    voices = [m.voice for m in chosen]
    for path in files:
        write_family(path, [v for v in voices if v.family == path.stem])
    _count(voices, Distance(threshold, 0, 0, len(groups), 0, matrix), jobs)


def recount(jobs: int) -> None:
    """Takes out the voices that their families list as unclear, and counts the confusion of the others."""
    kept = []
    for path in _families():
        unclear = tomllib.loads(path.read_text(encoding="utf-8"))["grid"]["unclear"]
        voices = [v for v in voices_of("espeak", path.parent) if v.family == path.stem and v.id not in unclear]
        write_family(path, voices)
        kept += voices
    _count(kept, read_distance(resources.voices() / DISTANCE), jobs)


def _count(voices: Sequence[Voice], distance: Distance, jobs: int) -> None:
    """Writes the distance with its confusion over some voices."""
    with ProcessPoolExecutor(jobs) as pool:
        held = [g for g in pool.map(held_out_features, voices, chunksize=4) if g is not None]
    split, merged = confusion(held, distance.matrix, distance.threshold)
    LOG.info("%d voices, threshold %.3f, confusion %.4f and %.5f", len(voices), distance.threshold, split, merged)
    counted = replace(distance, one_taken_for_two=split, two_taken_for_one=merged, n_held_out_voices=len(held))
    write_distance(resources.voices() / DISTANCE, counted)


def _families() -> list[Path]:
    return sorted(resources.voices().glob("espeak-*.toml"))


def _asked(families: dict[str, dict[str, object]], n_candidates: int) -> list[Voice]:
    library = EspeakLibrary()
    curves: dict[str, PitchCurve] = {}
    grids = [f["grid"] for f in families.values()]
    for base in sorted({b for g in grids if isinstance(g, dict) for b in g["bases"]}):
        curves[base] = pitch_curve(library, base, MEASURED[0])
    asked: list[Voice] = []
    for name, family in families.items():
        every = sorted(candidates(family, name, curves), key=lambda v: unit_hash("candidate", v.id))
        LOG.info("%s: %d candidates", name, len(every))
        asked += every[: n_candidates // len(families)]
    return asked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voices", type=int, default=260)
    parser.add_argument("--candidates", type=int, default=640)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--recount", action="store_true")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)8d ms  %(message)s")
    if arguments.recount:
        recount(arguments.jobs)
    else:
        run(arguments.voices, arguments.candidates, arguments.jobs)


if __name__ == "__main__":
    main()
