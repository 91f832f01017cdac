"""Lhotse supervisions: JSON lines with recording_id, start, duration, speaker and channel."""

import json
from pathlib import Path
from typing import Any

from datagen.fit.lines import fault, numbered_lines, span
from datagen.fit.measured import Segment


def read(path: Path) -> dict[str, list[Segment]]:
    """Segments by recording; the speaker is `speaker`, else `channel`. UserError with file, line and text otherwise."""
    found: dict[str, list[Segment]] = {}
    for number, text in numbered_lines(path):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            what = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deep or a number too long"
            raise fault(path, number, text, f"no JSON ({what})", "Every line holds one supervision.") from None
        recording, speaker = _who(path, number, text, value)
        start_s, end_s = span(path, number, text, value["start"], value["duration"])
        if end_s > start_s:
            found.setdefault(recording, []).append(Segment(speaker, start_s, end_s))
    return found


def _who(path: Path, number: int, text: str, value: Any) -> tuple[str, str]:
    fix = "A supervision has recording_id, start, duration, and speaker or channel."
    if not isinstance(value, dict):
        raise fault(path, number, text, "no JSON object", fix)
    if "supervisions" in value:
        raise fault(
            path,
            number,
            text,
            "a cut, not a supervision",
            "Write its supervisions: cuts.decompose() of Lhotse gives them.",
        )
    missing = [key for key in ("recording_id", "start", "duration") if value.get(key) is None]
    speaker = value.get("speaker")
    if speaker in (None, ""):
        speaker = value.get("channel")
        if speaker in (None, ""):
            missing.append("speaker")
        else:
            speaker = f"channel {speaker}"
    if missing:
        raise fault(path, number, text, f"no {' and no '.join(missing)}", fix)
    return str(value["recording_id"]), str(speaker)
