"""The distributions of a build's turn-taking and voices, as histograms: JSON types that the page draws."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datagen.report.corpus import Corpus

MEASURED = 10_000
"""Dialogues that the histograms are made of; of a larger build every k-th, and the page says so (memory stays bounded)."""
MIN_PAUSE_S = 0.2
"""Shorter silences between a turn's words are articulation, not pauses (Heldner & Edlund 2010 use 180 ms)."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Axis:
    """A histogram's title and range; what lies outside is counted in the first or the last bin."""

    title: str
    unit: str
    low: float
    high: float
    step: float
    note: str


FTO = Axis(
    "Floor-transfer offset",
    "s",
    -2.0,
    3.0,
    0.1,
    "below 0 the turns overlap; the line is the target. Cuts and long silences are not among them",
)
PAUSE = Axis("Pauses inside turns", "s", 0.2, 2.0, 0.05, f"between two words, from {MIN_PAUSE_S:g} s")
OVERLAP = Axis("Overlaps", "s", 0.0, 2.0, 0.05, "barge-ins included")
LENGTH = Axis("Turn length", "s", 0.0, 12.0, 0.25, "what was heard of it")
PITCH = Axis("Pitch of the voices", "Hz", 60.0, 320.0, 5.0, "median F0 of each side")


def histograms(corpus: Corpus) -> list[dict[str, Any]]:
    """The distributions of the page that are made of the turns and voices; that of the FTOs is in build.json."""
    turns = corpus.turns_in(_measured(corpus))
    return [
        histogram(PAUSE, pauses(turns)),
        histogram(OVERLAP, overlaps(turns)),
        histogram(LENGTH, _numbers(turns["end_s"] - turns["start_s"])),
        histogram(PITCH, pitches(corpus)),
    ]


def every(corpus: Corpus) -> int:
    """k where the histograms are made of every k-th dialogue; 1 is all of them."""
    return max(1, -(-corpus.dialogs.height // MEASURED))


def _measured(corpus: Corpus) -> pl.Series | None:
    k = every(corpus)
    return None if k == 1 else corpus.dialogs["dialog_id"].sort().gather_every(k)


def pauses(turns: pl.DataFrame) -> Numbers:
    """Silences of at least MIN_PAUSE_S between two heard words of a turn, in seconds."""
    word = pl.element().struct
    gap = word.field("start_s") - word.field("end_s").shift(1)
    heard = turns.select(
        pl.col("words").list.eval(gap.filter((gap >= MIN_PAUSE_S) & (word.field("heard") == "yes"))).alias("gap")
    )
    return _numbers(heard["gap"].explode())


def overlaps(turns: pl.DataFrame) -> Numbers:
    """Lengths of the overlaps and barge-ins, in seconds."""
    event = pl.element().struct
    length = event.field("end_s") - event.field("start_s")
    wanted = event.field("type").is_in(["overlap", "barge_in"])
    return _numbers(turns.select(pl.col("events").list.eval(length.filter(wanted)).alias("s"))["s"].explode())


def pitches(corpus: Corpus) -> Numbers:
    """Median F0 in Hz of the voice of each side of each dialogue."""
    f0 = dict(corpus.voices.select("id", "f0_hz").iter_rows())
    sides = (corpus.dialogs[side].to_list() for side in ("agent_voice", "user_voice"))
    return np.asarray([f0[voice] for side in sides for voice in side if voice in f0], dtype=np.float64)


def histogram(axis: Axis, values: Numbers) -> dict[str, Any]:
    """Counts a bin, the 5th, 50th and 95th percentile, and how many values lie beyond either end."""
    bins = round((axis.high - axis.low) / axis.step)
    inside = np.clip(values, axis.low, np.nextafter(axis.high, axis.low))
    counts, _ = np.histogram(inside, bins, (axis.low, axis.high))
    quantiles = np.quantile(values, [0.05, 0.5, 0.95]).tolist() if len(values) else []
    digits = 0 if axis.unit == "Hz" else 2
    return {
        "title": axis.title, "unit": axis.unit, "note": axis.note, "n": len(values), "from": axis.low, "to": axis.high,
        "step": axis.step, "counts": counts.tolist(), "quantiles": [round(q, digits) for q in quantiles],
        "beyond": [int((values < axis.low).sum()), int((values >= axis.high).sum())],
    }  # fmt: skip


def _numbers(column: pl.Series) -> Numbers:
    return column.drop_nulls().to_numpy().astype(np.float64)
