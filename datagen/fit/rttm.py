"""RTTM, the diarisation format: `SPEAKER file channel start duration <NA> <NA> speaker <NA> [<NA>]`."""

from pathlib import Path

from datagen.fit.lines import fault, numbered_lines, span
from datagen.fit.measured import Segment

OTHER_TYPES = frozenset(
    ("SEGMENT", "SPKR-INFO", "LEXEME", "NON-LEX", "NON-SPEECH", "FILLER", "EDIT", "SU", "IP", "CB", "A/P", "NOSCORE", "NO_RT_METADATA")
)  # fmt: skip
"""The types of the format that say nothing about who speaks when."""


def read(path: Path) -> dict[str, list[Segment]]:
    """Segments by recording; UserError with file, line and text where a line is no RTTM."""
    found: dict[str, list[Segment]] = {}
    for number, text in numbered_lines(path):
        if text.startswith(";"):
            continue
        columns = text.split()
        if columns[0] in OTHER_TYPES:
            continue
        if columns[0] != "SPEAKER":
            raise fault(
                path, number, text, f"unknown type {columns[0][:30]!r}", "Lines of an RTTM file begin with SPEAKER."
            )
        if len(columns) not in (9, 10):
            raise fault(
                path, number, text, f"{len(columns)} columns, and a SPEAKER line has 9 or 10",
                "SPEAKER file channel start duration <NA> <NA> speaker <NA> <NA>",
            )  # fmt: skip
        start_s, end_s = span(path, number, text, columns[3], columns[4])
        if end_s > start_s:
            found.setdefault(columns[1], []).append(Segment(columns[7], start_s, end_s))
    return found
