"""What a build's speech scores in the composite of Seed-TTS-eval: three parts of 0 to 100, by whom, and on how much."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QualityPart:
    """One part. `score` is its 0 to 100, made of `mean`, what the engine `measured_by` gives on average over `n_turns` turns.

    `score` and `mean` are None where nobody measured it, or no turn: never a stand-in. `measured_by` is engine:model@revision,
    empty without an engine.
    """

    score: float | None = None
    mean: float | None = None
    n_turns: int = 0
    measured_by: str = ""


@dataclass(frozen=True, slots=True)
class SpeechQuality:
    """The three parts, of the published turns, and their mean; `composite` is None where a part is.

    `intelligibility` is 100 - WER %, at least 0, of the mean of the turns' word error rates; `acoustic` 20 times the mean opinion
    score, so that 5 is 100; `similarity` the mean speaker similarity to the voice's reference times 100, at least 0. `n_turns` are all.
    """

    intelligibility: QualityPart = QualityPart()
    acoustic: QualityPart = QualityPart()
    similarity: QualityPart = QualityPart()
    composite: float | None = None
    n_turns: int = 0
