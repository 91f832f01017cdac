"""The prepared layout of the public PersonaPlex LoRA trainers: a folder a dialogue, with its prompts and both sides' words.

Read from ngocbao220/personaplex-finetune (its src/personaplex_finetuning/data.py and the format's page, 2026): `sample_id`,
`sample_dir` (relative, inside) and `duration` a line of train.jsonl, val.jsonl for validation; words of both sides by start,
each with start < end; one word of the agent at least; the trainer itself puts <system> around the text prompt.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from datagen.errors import DataError
from datagen.export.base import ExportDialog, Format, Part, Written
from datagen.export.moshi_finetune import write_lines
from datagen.export.sound import write_wav_file
from datagen.load.builds import OpenBuild
from datagen.load.dialog import Dialog, Words
from datagen.records.speech import SAMPLE_RATE_HZ

INDEX = {"valid": "val"}
"""Splits whose jsonl the trainer calls otherwise."""


class Prepared(Format):
    """train.jsonl, val.jsonl, test.jsonl, and samples/ID/ with everything of a dialogue."""

    name: ClassVar[str] = "prepared"
    audio = True
    cannot_hold: ClassVar[tuple[str, ...]] = (
        "the codec tokens: the trainer encodes the WAV files itself",
        "the turns with their texts, and the events (barge-ins, backchannels, pauses)",
        "a text prompt of the user's side where the build wrote none: swapping roles needs one for every dialogue",
    )
    use: ClassVar[str] = (
        "Point `data.prepared_dir` at this folder; it reads `train.jsonl`, and `val.jsonl` for validation. `test.jsonl` it leaves alone."
    )

    def write(self, part: Part, dialogs: Iterator[ExportDialog], out: Path) -> Written:
        files: list[str] = []
        lines: list[str] = []
        counts = {"agent_words": 0, "user_words": 0, "without_user_prompt": 0}
        for found in dialogs:
            dialog = found.dialog
            here = f"samples/{dialog.dialog_id}"
            sample = out / here
            audio = found.channels()
            write_wav_file(sample / "conversation.wav", audio)
            write_wav_file(sample / "voice_prompt_left.wav", found.voice_prompt())
            write_wav_file(sample / "voice_prompt_right.wav", found.voice_prompt(user=True))
            _write_json(sample / "words.json", _words(dialog))
            _write_json(sample / "metadata.json", _metadata(found))
            names = (
                "conversation.wav",
                "voice_prompt_left.wav",
                "voice_prompt_right.wav",
                "words.json",
                "metadata.json",
            )
            files += [f"{here}/{name}" for name in names]
            entry = {"sample_id": dialog.dialog_id, "sample_dir": here, "duration": audio.shape[1] / SAMPLE_RATE_HZ}
            lines.append(json.dumps(entry))
            counts["agent_words"] += len(dialog.words)
            counts["user_words"] += len(dialog.user_words)
            counts["without_user_prompt"] += not dialog.user_role_context.strip()
        return Written(tuple(files), len(lines), counts, tuple(lines))

    def finish(self, build: OpenBuild, done: Sequence[tuple[Part, Written]], out: Path) -> Iterator[str]:
        yield from write_lines(done, out, INDEX)


def _metadata(found: ExportDialog) -> dict[str, Any]:
    """The keys that the trainer reads, and after them what a person asks for."""
    dialog, row = found.dialog, found.row
    if not dialog.role_context.strip():
        raise DataError(
            f"{dialog.where}: {dialog.dialog_id} has no role context, and text_prompt_left may not be empty."
        )
    metadata: dict[str, Any] = {
        "sample_id": dialog.dialog_id,
        "conversation_id": dialog.dialog_id,
        "language": "en",
        "agent_channel": "left",
        "user_channel": "right",
        "text_prompt_left": dialog.role_context.strip(),
    }
    if user := dialog.user_role_context.strip():
        metadata["text_prompt_right"] = user
    voices = {"voice_left": row["agent_voice"], "voice_right": row["user_voice"]}
    return metadata | {"split": dialog.split, "kind": dialog.kind, "domain": dialog.domain} | voices


def _words(dialog: Dialog) -> list[dict[str, Any]]:
    """Both sides' words by start; DataError where the trainer would refuse the sample for them."""
    if not len(dialog.words):
        raise DataError(
            f"{dialog.where}: {dialog.dialog_id} has no word of the agent, and the trainer refuses such a sample."
        )
    both = [*_side("agent", dialog.words), *_side("user", dialog.user_words)]
    if bad := next((w for w in both if w["end"] <= w["start"] or not w["word"].strip()), None):
        raise DataError(
            f"{dialog.where}: a word of {dialog.dialog_id} has no text or lasts no time: {bad}. Build it again."
        )
    return sorted(both, key=lambda w: (w["start"], w["end"], w["speaker"]))


def _side(speaker: str, words: Words) -> Iterator[dict[str, Any]]:
    for text, start, end in zip(words.texts, words.start_s.tolist(), words.end_s.tolist(), strict=True):
        yield {"speaker": speaker, "word": text, "start": start, "end": end}


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
