"""A dialogue in the terminal: role context, a time line of both channels, and the transcript with its events."""

import json
import shutil
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from datagen.records.enums import EventType
from datagen.report.corpus import Corpus
from datagen.report.effects import told_effects
from datagen.report.events import Shown, shown_events
from datagen.report.strips import SIDE_STYLE, safe, time_lines

_LISTED = 200
_COLUMNS = {
    "dialog_id": "dialogue", "split": "split", "scenario": "scenario", "n_turns": "turns", "duration_s": "s", "overlap_s": "overlap s",
    "n_barge_in": "barge-ins", "n_backchannel": "backchannels", "snr_db": "SNR dB",
}  # fmt: skip
_NARROW = 90
"""In fewer columns the list leaves out what comes after the duration."""


def print_list(corpus: Corpus) -> None:
    """Prints the build's dialogues, one a line."""
    console = _console()
    columns = list(_COLUMNS)[: 5 if console.width < _NARROW else None]
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(_COLUMNS[name], justify="right" if corpus.dialogs.schema[name].is_numeric() else "left")
    for row in corpus.dialogs.sort("dialog_id").select(columns).head(_LISTED).iter_rows():
        table.add_row(*("" if v is None else f"{v:.1f}" if isinstance(v, float) else safe(str(v)) for v in row))
    console.print(table)
    if corpus.dialogs.height > _LISTED:
        console.print(f"… and {corpus.dialogs.height - _LISTED} more in {corpus.out}/manifests/dialogs.parquet")


def print_dialog(corpus: Corpus, dialog_id: str) -> None:
    """Prints one dialogue; UserError where there is none of that id."""
    dialog, turns = corpus.dialog(dialog_id), corpus.turns_of(dialog_id)
    console = _console()
    where = (
        f"{dialog['split']} · {dialog['kind']} · {dialog['domain']}/{dialog['scenario']} · {dialog['duration_s']:.1f} s"
    )
    told = told_effects(json.loads(dialog["effects"] or "{}"), dialog["masked_word_share"])
    agent = f"{dialog['agent_voice']}, latency {dialog['agent_latency_s']:+.2f} s"
    voices = f"agent {agent} · user {dialog['user_voice']} · user's channel {told}"
    console.print(Text(safe(f"{dialog_id}  {where}"), style="bold"))
    console.print(Text(safe(voices), style="dim"))
    console.print(Text(safe(dialog["role_context"])))
    if dialog["constraint"]:
        console.print(Text(f"constraint {safe(dialog['constraint'])}", style="dim"))
    console.print()
    for line in time_lines(turns, dialog["duration_s"], max(20, min(console.width, 160) - 7)):
        console.print(line, no_wrap=True, crop=True)
    console.print()
    console.print(_transcript(turns))


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
        table.add_row(
            start, Text(fto, style="dim"), Text(turn["speaker"], style=SIDE_STYLE[turn["speaker"]]), _said(turn)
        )
    return table


def _said(turn: dict[str, Any]) -> Text:
    """What was heard, with what happened meanwhile at its word, and what was not heard."""
    heard, line = turn["heard_text"].split(), Text()
    events = shown_events(turn)
    for at in range(len(heard) + 1):
        for event in events:
            if event.at == at:
                line.append(f"[{_event(event)}] ", style="magenta")
        if at < len(heard):
            line.append(f"{safe(heard[at])} ")
    if turn["unheard_text"]:
        line.append("⟨unheard: " + safe(turn["unheard_text"]) + "⟩", style="dim")
    line.rstrip()
    return line


def _event(event: Shown) -> str:
    sound = event.type == EventType.SOUND
    said = f" {safe(event.text)}" if sound and event.text else f" “{safe(event.text)}”" if event.text else ""
    return f"{safe(event.type).replace('_', '-')}{said} {event.start_s:.2f}–{event.end_s:.2f}"


def _console() -> Console:
    """As wide as the terminal, or as COLUMNS says; 120 where neither is there."""
    return Console(
        width=max(30, shutil.get_terminal_size((120, 24)).columns), markup=False, highlight=False, emoji=False
    )
