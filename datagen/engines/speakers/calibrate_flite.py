"""Makes the voices of voices/flite.toml: speaks every candidate of its grid, measures it, and keeps voices that differ.

    python -m datagen.engines.speakers.calibrate_flite [--voices 80] [--jobs 2]

Two voices differ by the distance of voices/distance.toml, which espeak's set; the share of one voice's own distances over it is logged.
Voices that the family lists as `unclear` are left out after that. Same inputs, same file.
"""

import argparse
import logging
import tomllib
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from datagen import resources
from datagen.audio.speaker_distance import read_distance
from datagen.engines.speakers.calibrate import LOG, confusion, cover, held_out_features, measured
from datagen.engines.speakers.voice_files import write_family
from datagen.records.plan import Voice
from datagen.store.ids import unit_hash

FAMILY = "flite"
FLOOR, CEILING = 0.62, 2.2
"""Where Praat looks for the pitch, as shares of the base's median: espeak's family has the same."""


def candidates(family: Mapping[str, Any]) -> Iterator[Voice]:
    """Every voice of the grid, unmeasured: F0 as wanted, formants zero."""
    for base, grid in family["grid"]["bases"].items():
        for sex in ("female", "male"):
            kind = grid[sex]
            for ratio in kind["formant_ratios"]:
                for f0_hz in kind["f0_hz"]:
                    name = f"{base}-{sex[0]}{f0_hz}-r{round(100 * ratio)}"
                    transform = {
                        "formant_ratio": ratio,
                        "pitch_median_hz": float(f0_hz),
                        "pitch_range_ratio": _pick(kind["range_ratios"], "range", name),
                        "floor_hz": float(round(FLOOR * grid["f0_hz"])),
                        "ceiling_hz": float(round(CEILING * grid["f0_hz"])),
                        "rate": _pick(grid["rates"], "rate", name),
                    }
                    yield Voice(
                        name, family["engine"], base, transform, sex, f0_hz, (0.0,) * 3, family["licence"], FAMILY
                    )


def _pick(values: list[float], what: str, name: str) -> float:
    return float(values[int(unit_hash("voices", what, name) * len(values))])


def run(n_voices: int, jobs: int) -> None:
    path = resources.voices() / f"{FAMILY}.toml"
    family = tomllib.loads(path.read_text(encoding="utf-8"))
    distance = read_distance(resources.voices() / "distance.toml")
    asked = list(candidates(family))
    with ProcessPoolExecutor(jobs) as pool:
        found = [m for m in pool.map(measured, asked, chunksize=4) if m is not None]
        LOG.info("measured %d of %d candidates", len(found), len(asked))
        covered = cover(found, distance.matrix, distance.threshold, n_voices)
        chosen = [m for m in covered if m.voice.id not in family["grid"]["unclear"]]
        write_family(path, [m.voice for m in chosen])
        held = [g for g in pool.map(held_out_features, [m.voice for m in chosen], chunksize=4) if g is not None]
    LOG.info("%d voices, confusion %.4f and %.4f", len(chosen), *confusion(held, distance.matrix, distance.threshold))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voices", type=int, default=80)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)8d ms  %(message)s")
    run(arguments.voices, arguments.jobs)


if __name__ == "__main__":
    main()
