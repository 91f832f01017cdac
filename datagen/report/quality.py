"""The composite of Seed-TTS-eval as the page shows it: its parts, who measured them on how much, and what is missing."""

from typing import Any

from datagen.records.build import BuildSummary
from datagen.records.quality import QualityPart

_PARTS = (
    ("intelligibility", "100 − WER %", "asr", "word errors"),
    ("acoustic", "20 × mean opinion score", "mos", "opinion scores"),
    ("similarity", "100 × speaker similarity", "embedder", "speaker similarity"),
)


def quality(build: BuildSummary) -> dict[str, Any]:
    """The composite (None where a part lacks), a row a part (what, score, the mean behind it, turns, by whom), and a line on the rest."""
    found = build.speech_quality
    rows = [[name, told, *_row(getattr(found, name))] for name, told, _, _ in _PARTS]
    return {"composite": found.composite, "rows": rows, "missing": _missing(build), "n_turns": found.n_turns}


def _row(part: QualityPart) -> list[Any]:
    return [part.score, part.mean, part.n_turns, part.measured_by or "nobody"]


def _missing(build: BuildSummary) -> str:
    """What there is no score of and what would bring it; empty where all three are there."""
    lines = []
    for name, _, kind, what in _PARTS:
        part: QualityPart = getattr(build.speech_quality, name)
        if part.score is not None:
            continue
        lines.append(_lacking(kind, what, part.measured_by, build.speech_quality.n_turns))
    return f"There is no composite, since {'; '.join(lines)}." if lines else ""


def _lacking(kind: str, what: str, by: str, n_turns: int) -> str:
    if not by:
        return f"nobody measures {what} (recipe: {kind}.engine)"
    sampled = " (speak.asr_share: the share that is heard; of few turns it may be none)" if kind == "asr" else ""
    return f"{by} measured {what} of none of the {n_turns} turns{sampled}"
