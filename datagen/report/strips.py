"""Both channels of a dialogue as strips of characters, with a sign for everything that happens."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from rich.text import Text

from datagen.records.enums import EventType

SIDE_STYLE = {"agent": "cyan", "user": "yellow"}
SIGNS = {
    EventType.LONG_SILENCE: "─",
    EventType.PAUSE: "·",
    EventType.OVERLAP: "▒",
    EventType.DISFLUENCY: "~",
    EventType.BACKCHANNEL: "•",
    EventType.FAILED_BARGE_IN: "!",
    EventType.SIDE_TALK: "○",
    EventType.SOUND: "♪",
    EventType.AGENT_INTERRUPTION: "+",
    EventType.BARGE_IN: "×",
}
"""A character a type, in the order in which they are drawn: what comes later covers what came before."""
_CALL = "»"
"""A tool call, from the call to its result."""
_POINTS = (EventType.SOUND, EventType.AGENT_INTERRUPTION, EventType.BARGE_IN)
"""Drawn where they begin; the others for as long as they last."""
_CELLS_A_SECOND = 4
_MAX_STRIPS = 8
_LEFT = 7
"""Columns of the names of the sides."""
_KEPT = "\u200c\u200d"  # joiners: some scripts and emoji need them, and they move nothing


def time_lines(turns: Sequence[dict[str, Any]], duration_s: float, width: int) -> list[Text]:
    """Strips of three lines: the agent's and the user's speech as blocks with the events on them, and seconds; then a legend
    of the events that there are.

    As many strips as give a backchannel a cell of its own, and at most eight.
    """
    n = min(_MAX_STRIPS, max(1, math.ceil(duration_s * _CELLS_A_SECOND / width)))
    scale = width * n / max(duration_s, 0.1)
    rows = [_channel(turns, channel, scale, width * n) for channel in (0, 1)]
    marks = _seconds(duration_s, scale, width * n)
    lines = []
    for at in range(0, width * n, width):
        for side, row in zip(SIDE_STYLE, rows, strict=True):
            lines.append(Text.assemble(f"{side:<{_LEFT}}", ("".join(row[at : at + width]).rstrip(), SIDE_STYLE[side])))
        lines.append(Text(f"{'s':<{_LEFT}}" + "".join(marks[at : at + width]).rstrip(), style="dim"))
    return [*lines, *_legend(turns, width)]


def _channel(turns: Sequence[dict[str, Any]], channel: int, scale: float, width: int) -> list[str]:
    cells = [" "] * width
    for turn in turns:
        if turn["speaker"] == ("agent", "user")[channel]:
            for word in turn["words"]:
                if word["heard"] != "no":
                    _fill(cells, word["start_s"] * scale, min(word["end_s"], turn["end_s"]) * scale, "█")
    for call in (c for turn in turns if channel == 0 for c in turn.get("tool_calls") or ()):
        _fill(cells, call["call_s"] * scale, call["result_s"] * scale, _CALL)
    events = [e for turn in turns for e in turn["events"] if e["channel"] == channel]
    for kind, sign in SIGNS.items():  # after all words, so that no sign is covered
        for event in events:
            if event["type"] == kind:
                end_s = event["start_s"] if kind in _POINTS else event["end_s"]
                _fill(cells, event["start_s"] * scale, end_s * scale, sign)
    return cells


def _legend(turns: Sequence[dict[str, Any]], width: int) -> Iterator[Text]:
    """The signs of the events that happen, in lines of the strips' width."""
    found = {event["type"] for turn in turns for event in turn["events"]}
    line = f"{_CALL} tool-call" if any(turn.get("tool_calls") for turn in turns) else ""
    for kind, sign in reversed(SIGNS.items()):
        entry = f"{sign} {kind.replace('_', '-')}"
        if kind in found:
            if line and len(line) + 2 + len(entry) > width:
                yield Text(" " * _LEFT + line, style="dim")
                line = ""
            line += f"{'  ' if line else ''}{entry}"
    if line:
        yield Text(" " * _LEFT + line, style="dim")


def _seconds(duration_s: float, scale: float, width: int) -> list[str]:
    marks = [" "] * width
    step = next(s for s in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600) if s * scale >= 8 or s == 600)
    for second in range(0, int(duration_s) + 1, step):
        for i, character in enumerate(str(second)):
            _fill(marks, int(second * scale) + i, int(second * scale) + i, character)
    return marks


def _fill(cells: list[str], start: float, end: float, sign: str) -> None:
    for i in range(max(0, int(start)), min(len(cells), max(int(start) + 1, math.ceil(end)))):
        cells[i] = sign


def safe(text: str) -> str:
    """Text in one line that cannot steer a terminal: no escapes, no control characters, no reversed directions."""
    return "".join(c if c.isprintable() or c in _KEPT else " " if c.isspace() else "�" for c in text)
