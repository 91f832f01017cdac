"""nu-dialogue/moshi-finetune: parquet files of finished text rows and codes, [9][n_frames] a side, undelayed.

Read from its tools/prepare_dataset.py and utils/data.py: columns dialogue_id, A and B; row 0 is text, the others the first
eight books; the trainer puts A's nine rows over B's eight, delays them itself, and takes A for the model's side.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from datagen.config import Options, knob
from datagen.errors import UserError
from datagen.export.base import ExportDialog, Format, Part, Written
from datagen.load import tokenizers
from datagen.load.builds import OpenBuild
from datagen.load.sequence import TextCounts
from datagen.load.spec import MOSHI, ModelSpec
from datagen.load.streams import sides
from datagen.load.text_row import text_row

MOST_DIALOGS = 100_000
"""Dialogues a file, at most: what its prepare_dataset.py puts into one."""
GROUP_ROWS = 64
SCHEMA = pa.schema(
    [("dialogue_id", pa.string()), *((side, pa.list_(pa.list_(pa.int32()))) for side in ("A", "B"))],
)

Rows = NDArray[np.int32]


class NuDialogueOptions(Options):
    """The options of the nu-dialogue export."""

    tokenizer: str = knob(
        "",
        "the text tokenizer: a SentencePiece file or a Hugging Face tokenizer.json; `trying` takes the small one that ships",
        changes_output=False,  # its contents do, and they are in the export's identity
    )
    policy: Literal["shift", "drop"] = knob(
        "shift", "what a word's tokens do that have no room before the next: shift moves them on, drop leaves them out"
    )
    codec: str = knob("mimi", "whose tokens the model understands; empty takes any")
    file_dialogs: int = knob(
        MOST_DIALOGS, "dialogues a file at most, in whole shards", "dialogues", ge=1, le=MOST_DIALOGS
    )


class NuDialogue(Format):
    """SPLIT-001-of-003.parquet: A is the agent, B the user, each with its own words in the text row."""

    name: ClassVar[str] = "nu-dialogue"
    audio = False
    cannot_hold: ClassVar[tuple[str, ...]] = (
        "the voice prompts and role contexts, so no prefix: the trainer feeds the dialogue alone",
        "the audio, and books of codes after the eighth",
        "another text tokenizer than the one it was exported with: the text row holds its tokens",
        "word times within a frame of 80 ms, the turns with their texts, and the events (barge-ins, backchannels, pauses)",
    )
    use: ClassVar[str] = (
        "Name the files by pattern: `--train_data_files train-*.parquet --eval_data_files valid-*.parquet`."
    )
    Options: ClassVar[type[Options]] = NuDialogueOptions

    @cached_property
    def _tokenizer(self) -> tokenizers.Tokenizer:
        return tokenizers.open_tokenizer(self.options.tokenizer)

    @cached_property
    def _spec(self) -> ModelSpec:
        if self.options.tokenizer != tokenizers.TRYING:
            return replace(MOSHI, codec=self.options.codec)
        asked = self.options.codec if "codec" in self.options.model_fields_set else ""
        return replace(tokenizers.for_trying(MOSHI), codec=asked)

    def identity(self) -> Mapping[str, Any]:
        """The options, with the tokenizer by its name and contents."""
        self._need_tokenizer()
        return {**super().identity(), "tokenizer": tokenizers.name_of(self._tokenizer)}

    def check(self, build: OpenBuild) -> None:
        """UserError where the tokenizer is not the model's, or the build's tokens are another codec's."""
        self._need_tokenizer()
        tokenizers.check_vocabulary(self._tokenizer, self._spec)
        if self._spec.codec and build.codec.engine != self._spec.codec:
            raise UserError(
                f"{build.root}: its tokens are {build.codec.engine}'s, and Moshi takes {self._spec.codec}'s. Build with "
                f"codec.engine={self._spec.codec}; to export these anyway: --set codec={build.codec.engine}"
            )

    def _need_tokenizer(self) -> None:
        if not self.options.tokenizer:
            raise UserError(
                f"{self.name}: the text rows need the model's tokenizer: --set tokenizer=FILE. {tokenizers.FETCH} brings it; "
                f"for trying, --set tokenizer={tokenizers.TRYING} takes a small one that ships."
            )

    def parts(self, build: OpenBuild, split: str) -> list[Part]:
        """A part a file: whole shards, `file_dialogs` dialogues at most (a shard of more is a file by itself)."""
        files: list[list[Any]] = []
        n = 0
        for shard in build.shards(split):
            if not files or n + shard.n_dialogs > self.options.file_dialogs:
                files.append([])
                n = 0
            files[-1].append(shard)
            n += shard.n_dialogs
        return [
            Part(
                f"{split}-{i + 1:03d}-of-{len(files):03d}", split, i, len(files), tuple(s.name for s in shards),
                sum(s.n_dialogs for s in shards),
            )
            for i, shards in enumerate(files)
        ]  # fmt: skip

    def write(self, part: Part, dialogs: Iterator[ExportDialog], out: Path) -> Written:
        name = f"{part.name}.parquet"
        counts, n = {"agent": TextCounts(), "user": TextCounts()}, 0
        with (out / name).open("wb") as file, pq.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
            while group := [self._rows(found, counts) for found in islice(dialogs, GROUP_ROWS)]:
                writer.write_table(_table(group), row_group_size=len(group))
                n += len(group)
        return Written((name,), n, _named(counts))

    def _rows(self, found: ExportDialog, counts: dict[str, TextCounts]) -> tuple[str, Rows, Rows]:
        dialog = found.dialog
        both = []
        for side, codes, words in zip(
            counts, sides(dialog, self._spec), (dialog.words, dialog.user_words), strict=True
        ):
            text, laid = text_row(
                words, dialog.n_frames, self._tokenizer, self._spec, self.options.policy, dialog.where
            )
            counts[side] += laid
            both.append(np.concatenate([text[None], codes]).astype(np.int32))
        return dialog.dialog_id, both[0], both[1]


def _table(group: list[tuple[str, Rows, Rows]]) -> pa.Table:
    ids, agent, user = zip(*group, strict=True)
    return pa.Table.from_arrays([pa.array(ids, pa.string()), _nested(agent), _nested(user)], schema=SCHEMA)


def _nested(matrices: tuple[Rows, ...]) -> pa.ListArray:
    """A list<list<int32>> array of matrices [n_rows, n_frames], without a loop over tokens."""
    rows = [len(m) for m in matrices]
    frames = np.repeat([m.shape[1] for m in matrices], rows)
    flat = pa.array(np.concatenate([m.reshape(-1) for m in matrices]))
    inner = pa.ListArray.from_arrays(pa.array(np.r_[0, np.cumsum(frames)].astype(np.int32)), flat)
    return pa.ListArray.from_arrays(pa.array(np.r_[0, np.cumsum(rows)].astype(np.int32)), inner)


def _named(counts: Mapping[str, TextCounts]) -> dict[str, int]:
    """The counts of both sides by name, `max_…` first where the largest stands."""
    found: dict[str, int] = {}
    for side, c in counts.items():
        found |= {
            f"{side}_words": c.words, f"{side}_tokens": c.tokens, f"{side}_tokens_dropped": c.dropped,
            f"{side}_words_dropped": c.dropped_words, f"{side}_tokens_shifted": c.shifted, f"{side}_tokens_off_end": c.off_end,
            f"max_{side}_shift_frames": c.max_shift_frames,
        }  # fmt: skip
    return found
