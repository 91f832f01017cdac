"""A dialogue in the terminal: role context, a time line of both channels, and the transcript with its events."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from datagen.report.corpus import Corpus, open_corpus

_LISTED = 200
_STYLE = {"agent": "cyan", "user": "yellow"}
_SIGNS = {
    "barge_in": "×",
    "failed_barge_in": "×",
    "agent_interruption": "×",
    "backchannel": "•",
    "pause": "·",
}
_COLUMNS = {
    "dialog_id": "dialogue", "split": "split", "scenario": "scenario", "n_turns": "turns", "duration_s": "s", "overlap_s": "overlap s",
    "n_barge_in": "barge-ins", "n_backchannel": "backchannels", "snr_db": "SNR dB",
}  # fmt: skip
_NARROW = 90
"""In fewer columns the list leaves out what comes after the duration."""
_CELLS_A_SECOND = 4
_MAX_STRIPS = 8
_KEPT = "\u200c\u200d"  # joiners: some scripts and emoji need them, and they move nothing


def print_list(out: Path) -> None:
    """Prints the build's dialogues, one a line."""
    corpus, console = open_corpus(out), _console()
    columns = list(_COLUMNS)[: 5 if console.width < _NARROW else None]
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(_COLUMNS[name], justify="right" if corpus.dialogs.schema[name].is_numeric() else "left")
    for row in corpus.dialogs.sort("dialog_id").select(columns).head(_LISTED).iter_rows():
        table.add_row(*("" if v is None else f"{v:.1f}" if isinstance(v, float) else _safe(str(v)) for v in row))
    console.print(table)
    if corpus.dialogs.height > _LISTED:
        console.print(f"… and {corpus.dialogs.height - _LISTED} more in {out}/manifests/dialogs.parquet")


def print_dialog(corpus: Corpus, dialog_id: str) -> None:
    """Prints one dialogue; UserError where there is none of that id."""
    dialog, turns = corpus.dialog(dialog_id), corpus.turns_of(dialog_id)
    console = _console()
    where = (
        f"{dialog['split']} · {dialog['kind']} · {dialog['domain']}/{dialog['scenario']} · {dialog['duration_s']:.1f} s"
    )
    voices = f"agent {dialog['agent_voice']} · user {dialog['user_voice']} · user's channel {_effects(dialog)}"
    console.print(Text(_safe(f"{dialog_id}  {where}"), style="bold"))
    console.print(Text(_safe(voices), style="dim"))
    console.print(Text(_safe(dialog["role_context"])))
    console.print()
    for line in time_lines(turns, dialog["duration_s"], max(20, min(console.width, 160) - 7)):
        console.print(line, no_wrap=True, crop=True)
    console.print()
    console.print(_transcript(turns))


def time_lines(turns: list[dict[str, Any]], duration_s: float, width: int) -> list[Text]:
    """Strips of three lines: the agent's and the user's speech as blocks with the events on them, and seconds.

    As many strips as give a backchannel a cell of its own, and at most eight.
    """
    n = min(_MAX_STRIPS, max(1, math.ceil(duration_s * _CELLS_A_SECOND / width)))
    scale = width * n / max(duration_s, 0.1)
    rows = [_channel(turns, channel, scale, width * n) for channel in (0, 1)]
    marks = _seconds(duration_s, scale, width * n)
    lines = []
    for at in range(0, width * n, width):
        for side, row in zip(("agent", "user"), rows, strict=True):
            lines.append(Text.assemble(f"{side:<6} ", ("".join(row[at : at + width]).rstrip(), _STYLE[side])))
        lines.append(Text("s      " + "".join(marks[at : at + width]).rstrip(), style="dim"))
    return [*lines, Text("       × barge-in  • backchannel  · pause", style="dim")]


def _channel(turns: list[dict[str, Any]], channel: int, scale: float, width: int) -> list[str]:
    cells = [" "] * width
    for turn in turns:
        if turn["speaker"] == ("agent", "user")[channel]:
            for word in turn["words"]:
                if word["heard"] != "no":
                    _fill(cells, word["start_s"] * scale, min(word["end_s"], turn["end_s"]) * scale, "█")
    for turn in turns:  # after all words, so that no sign is covered
        for event in turn["events"]:
            if event["channel"] == channel and event["type"] in _SIGNS:
                _fill(cells, event["start_s"] * scale, event["start_s"] * scale, _SIGNS[event["type"]])
    return cells


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


def _transcript(turns: list[dict[str, Any]]) -> Table:
    """A row a turn: time, offset, speaker, and what was said, wrapped under itself."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True, justify="right")
    table.add_column(no_wrap=True, justify="right")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for turn in turns:
        fto = "" if turn["fto_s"] is None else f"{turn['fto_s']:+.2f}"
        start = Text(f"{turn['start_s']:.2f}", style="dim")
        table.add_row(start, Text(fto, style="dim"), Text(turn["speaker"], style=_STYLE[turn["speaker"]]), _said(turn))
    return table


def _said(turn: dict[str, Any]) -> Text:
    """What was heard, what was not, and what happened meanwhile."""
    line = Text(_safe(turn["heard_text"]))
    if turn["unheard_text"]:
        line.append(" ⟨unheard: " + _safe(turn["unheard_text"]) + "⟩", style="dim")
    for event in turn["events"]:
        line.append(f" [{_event(event)}]", style="magenta")
    return line


def _event(event: dict[str, Any]) -> str:
    attrs = json.loads(event["attrs"] or "{}")
    said = f" “{_safe(str(attrs['text']))}”" if "text" in attrs else ""
    return f"{event['type'].replace('_', '-')}{said} {event['start_s']:.2f}–{event['end_s']:.2f}"


def _effects(dialog: dict[str, Any]) -> str:
    found = json.loads(dialog["effects"] or "{}")
    snr = f" at {dialog['snr_db']:.0f} dB SNR" if dialog["snr_db"] is not None else ""
    return ", ".join(f"{name}{snr if name == 'noise' else ''}" for name in found) or "clean"


def _safe(text: str) -> str:
    """Text in one line that cannot steer a terminal: no escapes, no control characters, no reversed directions."""
    return "".join(c if c.isprintable() or c in _KEPT else " " if c.isspace() else "�" for c in text)


def _console() -> Console:
    """As wide as the terminal, or as COLUMNS says; 120 where neither is there."""
    return Console(
        width=max(30, shutil.get_terminal_size((120, 24)).columns), markup=False, highlight=False, emoji=False
    )
