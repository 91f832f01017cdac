"""CTM, the word-time format: `file channel start duration word [confidence [type [speaker]]]`."""

from pathlib import Path

from datagen.fit.lines import fault, numbered_lines, span
from datagen.fit.measured import Segment

SILENT_TYPES = frozenset(("non-lex", "misc", "noscore"))
"""Types of what is no speech (noise, silence)."""
NO_SPEAKER = frozenset(("", "unknown", "<na>", "na", "-"))


def read(path: Path) -> dict[str, list[Segment]]:
    """A segment a word, by recording; the speaker is column 8, else the channel.

    UserError with file, line and text where a line is no CTM, or where a speaker's words go back in time.
    """
    found: dict[str, list[Segment]] = {}
    latest: dict[tuple[str, str], tuple[float, int]] = {}
    for number, text in numbered_lines(path):
        if text.startswith(";;"):
            continue
        columns = text.split()
        if not 5 <= len(columns) <= 8:
            raise fault(
                path, number, text, f"{len(columns)} columns, and a CTM line has 5 to 8",
                "file channel start duration word [confidence [type [speaker]]]",
            )  # fmt: skip
        start_s, end_s = span(path, number, text, columns[2], columns[3])
        named = columns[7] if len(columns) == 8 else ""
        speaker = f"channel {columns[1]}" if named.lower() in NO_SPEAKER else named
        before_s, before = latest.get((columns[0], speaker), (0.0, 0))
        if start_s < before_s:
            raise fault(
                path, number, text, f"begins at {start_s:g} s, before the word of line {before} at {before_s:g} s",
                "The words of a speaker come in order: sort the file by file, channel and start.",
            )  # fmt: skip
        latest[columns[0], speaker] = (start_s, number)
        if end_s > start_s and not (len(columns) > 6 and columns[6].lower() in SILENT_TYPES):
            found.setdefault(columns[0], []).append(Segment(speaker, start_s, end_s))
    return found
