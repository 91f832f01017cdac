"""Full-Duplex-Bench v1 from a build's own events: folders that the benchmark's inference and evaluation scripts read.

`v1_0/TASK/ID/` with input.wav and the task's annotation, as the released set has them. Beside v1_0/: examples.jsonl says where each
example is from and what its agent is told; icc_gt_distribution.json is the reference of the backchannel measure for these IDs.
Each example also has reference.json, what the build's own agent said in its place, in the form of a model's output.json.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from datagen.config import Options
from datagen.errors import DataError, UserError
from datagen.export.archive import json_line
from datagen.export.base import ExportDialog, Format, Part, Written
from datagen.export.fdb_examples import Chooser, Example, ExampleOptions, Piece, Task
from datagen.export.fdb_words import Lane, Said
from datagen.export.sound import write_wav_file
from datagen.load.builds import OpenBuild
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.store.files import atomic, write_bytes

ROOT = "v1_0"
INDEX = "examples.jsonl"
DISTRIBUTION = "icc_gt_distribution.json"
WINDOW_S = 0.2
"""The bins of the backchannel measure (`window_size` of eval_backchannel.py)."""
TURNS_AN_INDEX = 1_000
"""An ID is the dialogue's index times this plus the turn: digits alone, which the evaluation asks of a folder."""


class FullDuplexBench(Format):
    """Evaluation folders of the test split, an example a user's turn that fits a task."""

    name = "full-duplex-bench"
    audio = True
    default_splits = ("test",)
    use = (
        "Full-Duplex-Bench: point inference at DIR/v1_0/TASK, then `evaluate.py --task … --root_dir DIR/v1_0/TASK`; for backchannel, put "
        f"DIR/{DISTRIBUTION} in the place of evaluate.py's own, which knows none of these IDs"
    )
    cannot_hold = (
        "role prompts and voice prompts: the benchmark has none (examples.jsonl says the role context and the voice of each)",
        "the dialogue before an example: each begins with the user's turn alone, a question without its history",
        "people: the released sets are recordings of people (CANDOR, ICC) or their own synthesis; these are synthetic voices",
        "long monologues: ICC's inputs last 20 to 80 s, a turn here seldom more than 10; an ID's reference for backchannels is "
        "this one agent's, where ICC's is of many listeners, so its JSD is not comparable",
        "candor_pause_handling (no recordings of people), and version 1.5 of the benchmark",
    )
    Options: ClassVar[type[Options]] = ExampleOptions

    def write(self, part: Part, dialogs: Iterator[ExportDialog], out: Path) -> Written:
        """The folders of the part's examples; a DataError where two would have one name."""
        files: dict[str, None] = {}
        lines: list[str] = []
        counts: dict[str, int] = {task.value: 0 for task in Task}
        n_dialogs = 0
        for dialog in dialogs:
            n_dialogs += 1
            chooser = Chooser(dialog.turns, Lane(dialog), self.options)
            found = list(chooser.examples())
            user = dialog.channels()[1] if found else np.zeros(0, np.float32)
            for example in found:
                name = f"{ROOT}/{example.task}/{_number(dialog, example)}"
                for file in _write(out / name, example, user):
                    if f"{name}/{file}" in files:
                        raise DataError(
                            f"{dialog.dialog.where}: two examples are {name}. Dialogue ids have to end in different numbers."
                        )
                    files[f"{name}/{file}"] = None
                counts[example.task.value] += 1
                lines.append(json.dumps(_line(dialog, example), ensure_ascii=False, allow_nan=False))
            for reason, n in chooser.skipped.items():
                counts[reason] = counts.get(reason, 0) + n
        return Written(tuple(files), n_dialogs, counts, tuple(lines))

    def finish(self, build: OpenBuild, done: Sequence[tuple[Part, Written]], out: Path) -> Iterator[str]:
        """The index and the backchannel reference; UserError where there is no example at all."""
        reference: dict[str, list[float]] = {}
        n_dialogs, n_examples = 0, 0
        with atomic(out / INDEX) as beside, beside.open("wb") as index:
            for _, written in done:
                n_dialogs += written.n_dialogs
                for line in written.lines:
                    row = json.loads(line)
                    n_examples += 1
                    index.write(json_line(row))
                    if row["task"] == Task.BACKCHANNEL:
                        reference[row["id"]] = _distribution(row)
            if not n_examples:
                raise UserError(
                    f"{build.root}: no example of Full-Duplex-Bench in {n_dialogs} dialogues. Take more splits with --split, or lower "
                    "min_turn_s, min_pause_s, min_listen_s."
                )
        yield INDEX
        if reference:
            write_bytes(out / DISTRIBUTION, json_line(reference))
            yield DISTRIBUTION


def _number(dialog: ExportDialog, example: Example) -> str:
    index = dialog.dialog.dialog_id.rpartition("-")[2]
    if not index.isdecimal():
        raise DataError(
            f"{dialog.dialog.where}: {dialog.dialog.dialog_id} does not end in a number, and an example's ID has to be one."
        )
    return str(int(index) * TURNS_AN_INDEX + example.turns[-1])


def _write(folder: Path, example: Example, user: Audio) -> list[str]:
    """Writes an example's files, and returns their names."""
    folder.mkdir(parents=True)
    audios = {"input.wav": _input(example, user)}
    texts: dict[str, Any] = {
        "transcription.json": _transcript(example.said),
        "reference.json": _transcript(example.reference),
    }
    if example.task is Task.PAUSE:
        texts["pause.json"] = [{"text": "[PAUSE]", "timestamp": _span(*span)} for span in example.spans]
    elif example.task is Task.TURN_TAKING:
        texts["turn_taking.json"] = [{"text": "[TURN-TAKING]", "timestamp": _span(*span)} for span in example.spans]
    elif example.task is Task.INTERRUPTION:
        texts["interrupt.json"] = [{**example.texts, "timestamp": _span(*example.spans[0])}]
        audios |= {"context.wav": _cut(user, example.pieces[0]), "interrupt.wav": _cut(user, example.pieces[1])}
    for name, audio in audios.items():
        write_wav_file(folder / name, audio)
    for name, value in texts.items():
        (folder / name).write_text(json.dumps(value, ensure_ascii=False, indent=4) + "\n", encoding="utf-8")
    return [*audios, *texts]


def _input(example: Example, user: Audio) -> Audio:
    """The pieces where they belong, and digital silence around them, as in the released set."""
    made = np.zeros(_samples(example.length_s), np.float32)
    for piece in example.pieces:
        cut, at = _cut(user, piece), _samples(piece.at_s)
        made[at : at + len(cut)] = cut[: len(made) - at]
    return made


def _cut(user: Audio, piece: Piece) -> Audio:
    return user[_samples(piece.start_s) : _samples(piece.end_s)]


def _samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE_HZ)


def _span(start_s: float, end_s: float) -> list[float]:
    """A stretch of the input, without the digits that adding and taking away leaves."""
    return [round(start_s, 6), round(end_s, 6)]


def _transcript(words: Sequence[Said]) -> dict[str, Any]:
    chunks = [{"text": w.text, "timestamp": _span(w.start_s, w.end_s)} for w in words]
    return {"text": " ".join(w.text for w in words), "chunks": chunks}


def _line(dialog: ExportDialog, example: Example) -> dict[str, Any]:
    first = example.pieces[0]
    return {
        "id": _number(dialog, example),
        "task": example.task.value,
        "dialog_id": dialog.dialog.dialog_id,
        "split": dialog.dialog.split,
        "turns": list(example.turns),
        "start_s": first.start_s,
        "length_s": example.length_s,
        "domain": dialog.row["domain"],
        "agent_voice": dialog.row["agent_voice"],
        "role_context": dialog.dialog.role_context,
        "backchannels": [_span(*span) for span in example.backchannels],
    }


def _distribution(row: dict[str, Any]) -> list[float]:
    """Where the build's agent said its backchannels: a share a bin of 0.2 s, as eval_backchannel.py counts a model's own."""
    counts = np.full(int(row["length_s"] / WINDOW_S) + 1, 1e-10)
    for start_s, end_s in row["backchannels"]:
        counts[int(start_s / WINDOW_S) : int(end_s / WINDOW_S) + 1] += 1
    shares: list[float] = (counts / counts.sum()).tolist()
    return shares
