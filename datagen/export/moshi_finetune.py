"""kyutai-labs/moshi-finetune: a jsonl a split, a stereo WAV a dialogue, and beside it the agent's words with their times.

Read from its finetune/data/{dataset,interleaver}.py and annotate.py (2025-07): `path` is relative to the jsonl (sphn resolves
it), the JSON has the WAV's name, alignments are found by bisection and so lie by start, words without duration are left out.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

from datagen.config import Options, knob
from datagen.errors import DataError
from datagen.export.base import ExportDialog, Format, Part, Written
from datagen.export.sound import write_wav_file
from datagen.load.builds import OpenBuild
from datagen.records.speech import SAMPLE_RATE_HZ
from datagen.store.files import atomic

MAIN = "SPEAKER_MAIN"
"""The label of the words that the text row is made of (the interleaver's `main_speaker_label`)."""


class MoshiFinetuneOptions(Options):
    """The options of the moshi-finetune export."""

    text_conditions: str = knob(
        "",
        "key under which the role context is put into text_conditions; empty: left out. moshi-finetune of 2025-07 fails on any, "
        "since its models have no conditioner: for forks that read it",
    )


class MoshiFinetune(Format):
    """SPLIT.jsonl, and SHARD/ID.wav with SHARD/ID.json."""

    name: ClassVar[str] = "moshi-finetune"
    audio = True
    cannot_hold: ClassVar[tuple[str, ...]] = (
        "the voice prompts, so no prefix: the trainer feeds the dialogue alone",
        "the role contexts, unless text_conditions=KEY puts them where a fork reads them",
        "the codec tokens: the trainer encodes the WAV itself",
        "the user's words, the turns with their texts, and the events (barge-ins, backchannels, pauses)",
        "the whole of a dialogue that is longer than the trainer's duration_sec: it cuts at fixed times, also inside words",
    )
    use: ClassVar[str] = (
        "Point `data.train_data` at `train.jsonl` and `data.eval_data` at `valid.jsonl`: files, since of a folder the trainer "
        "takes every jsonl below it, held-out splits too."
    )
    Options: ClassVar[type[Options]] = MoshiFinetuneOptions

    def write(self, part: Part, dialogs: Iterator[ExportDialog], out: Path) -> Written:
        files, lines, n_words = [], [], 0
        for found in dialogs:
            stem = f"{part.name}/{found.dialog.dialog_id}"
            audio = found.channels()
            write_wav_file(out / f"{stem}.wav", audio)
            words = self._transcript(found)
            (out / f"{stem}.json").write_text(json.dumps(words, ensure_ascii=False), encoding="utf-8")
            files += [f"{stem}.wav", f"{stem}.json"]
            lines.append(json.dumps({"path": f"{stem}.wav", "duration": audio.shape[1] / SAMPLE_RATE_HZ}))
            n_words += len(words["alignments"])
        return Written(tuple(files), len(lines), {"words": n_words}, tuple(lines))

    def finish(self, build: OpenBuild, done: Sequence[tuple[Part, Written]], out: Path) -> Iterator[str]:
        yield from write_lines(done, out, {})

    def _transcript(self, found: ExportDialog) -> dict[str, Any]:
        dialog = found.dialog
        words = dialog.words
        if bad := int((words.end_s <= words.start_s).sum()):
            raise DataError(
                f"{dialog.where}: {bad} of the agent's words in {dialog.dialog_id} last no time. Build it again."
            )
        times = zip(words.texts, words.start_s.tolist(), words.end_s.tolist(), strict=True)
        transcript: dict[str, Any] = {"alignments": [[text, [start, end], MAIN] for text, start, end in times]}
        if self.options.text_conditions:
            transcript["text_conditions"] = {self.options.text_conditions: dialog.role_context}
        return transcript


def write_lines(done: Sequence[tuple[Part, Written]], out: Path, names: dict[str, str]) -> Iterator[str]:
    """A jsonl a split of the parts' lines, in order; yields the files' names. `names` renames a split's file.

    Each part's record is read once, and memory holds one.
    """
    for split, parts in groupby(done, key=lambda each: each[0].split):
        name = f"{names.get(split, split)}.jsonl"
        with atomic(out / name) as beside, beside.open("wb") as index:
            index.writelines(f"{line}\n".encode() for _, written in parts for line in written.lines)
        yield name
