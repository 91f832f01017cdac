"""The composite on the page: each number with who measured it, and a line on what is missing."""

from dataclasses import replace
from pathlib import Path

import outputs

from datagen.records.quality import QualityPart, SpeechQuality
from datagen.report.quality import quality

WER = QualityPart(95.0, 0.05, 12, "sphinx:en-us@5.1")
MOS = QualityPart(70.0, 3.5, 40, "dnsmos:P.835@file-ab")
ALIKE = QualityPart(60.0, 0.6, 30, "acoustic:Praat@1")


def test_a_row_names_the_part_its_score_and_who_measured_it(tmp_path: Path) -> None:
    build = outputs.make(tmp_path, 3, 0, audio=False)
    shown = quality(replace(build, speech_quality=SpeechQuality(WER, MOS, ALIKE, 75.0, 40)))
    assert shown["composite"] == 75.0
    assert shown["missing"] == ""
    assert [row[2:] for row in shown["rows"]] == [
        [95.0, 0.05, 12, "sphinx:en-us@5.1"],
        [70.0, 3.5, 40, "dnsmos:P.835@file-ab"],
        [60.0, 0.6, 30, "acoustic:Praat@1"],
    ]


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    build = outputs.make(tmp_path, 3, 0, audio=False)
    lacking = SpeechQuality(QualityPart(measured_by="sphinx:en-us@5.1"), QualityPart(), ALIKE, None, 40)
    shown = quality(replace(build, speech_quality=lacking))
    assert shown["composite"] is None
    assert shown["missing"] == (
        "There is no composite, since sphinx:en-us@5.1 measured word errors of none of the 40 turns (speak.asr_share: the share that "
        "is heard; of few turns it may be none); nobody measures opinion scores (recipe: mos.engine)."
    )
    assert shown["rows"][1][2:] == [None, None, 0, "nobody"]
