"""The composite of Seed-TTS-eval from the scores in turns.parquet: the mean of 100 - WER %, an acoustic score and speaker similarity.

The benchmark names no scale for the acoustic score; here it is 20 times a predicted mean opinion score. Each number depends on the
models that measured it, so each bears their names: scores of other recognisers, predictors or speaker models are not comparable.
"""

import math
from array import array
from collections.abc import Callable, Mapping
from pathlib import Path

from datagen.records.maker import Maker
from datagen.records.quality import QualityPart, SpeechQuality
from datagen.stages.pack.schema import Table
from datagen.stages.pack.tables import read_batches

Scale = Callable[[float], float]

PARTS: Mapping[str, tuple[str, str, Scale]] = {
    "intelligibility": ("wer", "asr", lambda wer: max(0.0, 100 - 100 * wer)),
    "acoustic": ("mos", "mos", lambda mos: 20 * mos),
    "similarity": ("similarity", "embedder", lambda alike: 100 * max(0.0, alike)),
}
"""Each part's column of turns.parquet, the kind of engine that fills it, and how the column's mean becomes 0 to 100."""
DIGITS = 3


def speech_quality(turns: Path, engines: Mapping[str, Maker]) -> SpeechQuality:
    """The three parts and their mean over a manifest of turns, read a row group at a time; DataError where it is not readable.

    A part that no turn has is None, and the composite with it. Sums are exact, so the order of the shards does not show.
    """
    columns = [column for column, _, _ in PARTS.values()]
    values = {column: array("d") for column in columns}
    n_turns = 0
    for table in read_batches(turns, Table.TURNS, columns):
        n_turns += table.num_rows
        for column in columns:
            values[column].extend(table.column(column).drop_null().to_pylist())
    parts = {name: _part(values[column], engines.get(kind), scale) for name, (column, kind, scale) in PARTS.items()}
    scores = [part.score for part in parts.values() if part.score is not None]
    composite = round(math.fsum(scores) / len(PARTS), DIGITS) if len(scores) == len(PARTS) else None
    return SpeechQuality(**parts, composite=composite, n_turns=n_turns)


def _part(values: "array[float]", maker: Maker | None, scale: Scale) -> QualityPart:
    by = f"{maker.engine}:{maker.model}@{maker.revision}" if maker else ""
    if not values:
        return QualityPart(measured_by=by)
    mean = math.fsum(values) / len(values)
    return QualityPart(round(scale(mean), DIGITS), round(mean, 6), len(values), by)
