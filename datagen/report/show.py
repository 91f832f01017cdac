"""A dialogue in the terminal: role context, a time line of both channels, and the transcript with its events."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table
from rich.text import Text

from datagen.audio.files import write_wav
from datagen.engines import registry
from datagen.errors import DataError, UserError
from datagen.report.corpus import Corpus, open_corpus
from datagen.store.files import atomic

_LISTED = 200
_STYLE = {"agent": "cyan", "user": "yellow"}
_SIGNS = {"barge_in": "×", "backchannel": "•", "pause": "·"}


def print_list(out: Path) -> None:
    """Prints the build's dialogues, one a line."""
    corpus = open_corpus(out)
    table = Table(box=None, padding=(0, 2, 0, 0))
    columns = (
        "dialog_id",
        "split",
        "scenario",
        "n_turns",
        "duration_s",
        "overlap_s",
        "n_barge_in",
        "n_backchannel",
        "snr_db",
    )
    for name in columns:
        table.add_column(name)
    for row in corpus.dialogs.select(columns).head(_LISTED).iter_rows():
        table.add_row(*("" if v is None else f"{v:.1f}" if isinstance(v, float) else _safe(str(v)) for v in row))
    console = _console()
    console.print(table)
    if corpus.dialogs.height > _LISTED:
        console.print(f"… and {corpus.dialogs.height - _LISTED} more in {out}/manifests/dialogs.parquet")


def print_dialog(out: Path, dialog_id: str) -> None:
    """Prints one dialogue; UserError where there is none of that id."""
    corpus = open_corpus(out)
    dialog, turns = corpus.dialog(dialog_id), corpus.turns_of(dialog_id)
    console = _console()
    where = (
        f"{dialog['split']} · {dialog['kind']} · {dialog['domain']}/{dialog['scenario']} · {dialog['duration_s']:.1f} s"
    )
    console.print(Text(f"{dialog_id}  {where}", style="bold"))
    console.print(
        Text(
            f"agent {dialog['agent_voice']} · user {dialog['user_voice']} · user's channel {_effects(dialog)}",
            style="dim",
        )
    )
    console.print(Text(_safe(dialog["role_context"])), soft_wrap=False)
    console.print()
    for line in time_line(turns, dialog["duration_s"], max(40, min(console.width, 160) - 7)):
        console.print(line)
    console.print()
    for turn in turns:
        console.print(_told(turn))


def write_audio(out: Path, dialog_id: str, target: Path) -> None:
    """Writes the dialogue's stereo audio as WAV; UserError where the build kept none."""
    corpus = open_corpus(out)
    audio = corpus.audio(corpus.dialog(dialog_id))
    if audio is None:
        raise UserError(
            f"{out}: this build keeps no audio. Build with --set pack.audio=true, or use --decode for what the tokens hold."
        )
    with atomic(target) as beside:
        write_wav(beside, audio)
    sys.stdout.write(f"{target}: {audio.shape[1] / 24_000:.1f} s, left agent, right user\n")


def write_decoded(out: Path, dialog_id: str, target: Path) -> None:
    """Writes what the dialogue's tokens decode to, as stereo WAV, by the codec that made them."""
    corpus = open_corpus(out)
    dialog = corpus.dialog(dialog_id)
    path = out / "tokens" / f"{dialog['shard']}.parquet"
    rows = pq.read_table(
        path, columns=["agent_codes", "user_codes"], filters=[("dialog_id", "=", dialog_id)]
    ).to_pylist()
    if not rows:
        raise DataError(f"{path}: holds no tokens of {dialog_id}. Run `datagen check {out}`.")
    codec = _codec(corpus)
    codes = [np.asarray(rows[0][name], dtype=np.int16) for name in ("agent_codes", "user_codes")]
    audio = np.stack(codec.decode(codes))
    with atomic(target) as beside:
        write_wav(beside, audio)
    sys.stdout.write(f"{target}: {audio.shape[1] / 24_000:.1f} s decoded by {codec.name}, left agent, right user\n")


def _codec(corpus: Corpus) -> Any:
    made, chosen = corpus.build.engines["codec"], dict(corpus.build.recipe["codec"])
    name = chosen.pop("engine")
    codec = registry.make("codec", name, registry.options_of("codec", name, chosen))
    if codec.maker.revision != made.revision:
        raise DataError(
            f"{corpus.out}: its tokens were made by {name} revision {made.revision}, and this is {codec.maker.revision}. Build it again."
        )
    return codec


def time_line(turns: list[dict[str, Any]], duration_s: float, width: int) -> list[Text]:
    """Three lines: the agent's and the user's speech as blocks, with events above where they happen, and seconds."""
    scale = width / max(duration_s, 0.1)
    lines = []
    for channel, side in enumerate(("agent", "user")):
        cells = [" "] * width
        for turn in turns:
            if turn["speaker"] == side:
                for word in turn["words"]:
                    if word["heard"] != "no":
                        _fill(cells, word["start_s"] * scale, word["end_s"] * scale, "█")
            for event in turn["events"]:
                if event["channel"] == channel and event["type"] in _SIGNS:
                    _fill(cells, event["start_s"] * scale, event["start_s"] * scale, _SIGNS[event["type"]])
        lines.append(Text.assemble(f"{side:<6} ", ("".join(cells), _STYLE[side])))
    marks = [" "] * width
    step = next(s for s in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600) if s * scale >= 8 or s == 600)
    for second in range(0, int(duration_s) + 1, step):
        for i, character in enumerate(str(second)):
            _fill(marks, second * scale + i, second * scale + i, character)
    lines.append(Text("s      " + "".join(marks), style="dim"))
    lines.append(Text("       × barge-in  • backchannel  · pause", style="dim"))
    return lines


def _fill(cells: list[str], start: float, end: float, sign: str) -> None:
    for i in range(max(0, int(start)), min(len(cells), int(end) + 1)):
        cells[i] = sign


def _told(turn: dict[str, Any]) -> Text:
    """A turn as a line: time, offset, speaker, what was heard, what was not, and what happened in it."""
    fto = "      " if turn["fto_s"] is None else f"{turn['fto_s']:+6.2f}"
    line = Text.assemble((f"{turn['start_s']:7.2f} {fto}  ", "dim"), (f"{turn['speaker']:<6}", _STYLE[turn["speaker"]]))
    line.append(_safe(turn["heard_text"]))
    if turn["unheard_text"]:
        line.append(" " + _safe(turn["unheard_text"]), style="dim strike")
    for event in turn["events"]:
        line.append(f"  [{_event(event)}]", style="magenta")
    return line


def _event(event: dict[str, Any]) -> str:
    attrs = json.loads(event["attrs"] or "{}")
    said = f" “{_safe(str(attrs['text']))}”" if "text" in attrs else ""
    return f"{event['type'].replace('_', ' ')}{said} {event['start_s']:.2f}–{event['end_s']:.2f}"


def _effects(dialog: dict[str, Any]) -> str:
    found = json.loads(dialog["effects"] or "{}")
    snr = f" at {dialog['snr_db']:.0f} dB SNR" if dialog["snr_db"] is not None else ""
    return ", ".join(f"{name}{snr if name == 'noise' else ''}" for name in found) or "clean"


def _safe(text: str) -> str:
    """Text without control characters: a transcript may not steer the terminal."""
    return "".join(c if c.isprintable() else "�" for c in text)


def _console() -> Console:
    width = None if sys.stdout.isatty() else max(shutil.get_terminal_size((120, 24)).columns, 100)
    return Console(width=width, markup=False, highlight=False, emoji=False)
