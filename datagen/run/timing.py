"""A build's timing against its target: measured on the shards' artefacts, before anything is published."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen.errors import DataError
from datagen.records.enums import Heard, Speaker, TurnType
from datagen.records.speech import SAMPLE_RATE_HZ
from datagen.stages.pack.schema import Table
from datagen.stages.pack.tables import read_batches, read_table
from datagen.stages.stitch.columns import CallColumns, DialogColumns, EventColumns, Ints, Part, TurnColumns, WordColumns
from datagen.stages.stitch.gate import missed
from datagen.stages.stitch.measures import TimingSums
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.timing import Timing, timing

_SECONDS = (
    "duration_s", "agent_speech_s", "user_speech_s", "overlap_s", "silence_s",
    "user_backchannel_room_s", "agent_backchannel_room_s", "failed_barge_in_room_s",
)  # fmt: skip
DIALOG_COLUMNS = ("dialog_id", *_SECONDS)
TURN_COLUMNS = ("dialog_id", "turn", "speaker", "type", "start_s", "end_s", "fto_s", "events", "words", "tool_calls")


def measure(parts: Iterable[tuple[pa.Table, pa.Table]], options: StitchOptions) -> Timing:
    """The timing of a build from its shards' dialogs and turns, each sorted. Memory: a shard's, and eight bytes a turn."""
    sums = TimingSums(options)
    for dialogs, turns in parts:
        sums.add(part_of(dialogs, turns))
    return timing(sums)


def measure_manifests(dialogs: Path, turns: Path, options: StitchOptions) -> Timing:
    """The timing of a published build, its turns read a row group at a time; DataError where a manifest is not readable."""
    try:
        return measure(_whole_dialogs(dialogs, turns), options)
    except (KeyError, ValueError, IndexError) as error:
        raise DataError(f"{turns}: holds what no build writes ({error!r}). Run the build again.") from None


def _whole_dialogs(dialogs: Path, turns: Path) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Rows of whole dialogues, in their order: a row group of turns may end inside one."""
    rows = read_table(dialogs, Table.DIALOGS, DIALOG_COLUMNS)
    waiting: pa.Table | None = None
    for group in read_batches(turns, Table.TURNS, TURN_COLUMNS):
        whole = group if waiting is None else pa.concat_tables([waiting, group])
        ids = whole.column("dialog_id").to_pylist()
        n_whole = ids.index(ids[-1])
        yield _of(rows, ids[:n_whole]), whole.slice(0, n_whole)
        waiting = whole.slice(n_whole)
    if waiting is not None:
        yield _of(rows, waiting.column("dialog_id").to_pylist()), waiting


def _of(dialogs: pa.Table, ids: Sequence[str]) -> pa.Table:
    """The rows of these dialogues."""
    return dialogs.filter(pc.is_in(dialogs.column("dialog_id"), value_set=pa.array(sorted(set(ids)), pa.string())))


def hold(output: Mapping[str, float], target: Mapping[str, float], options: StitchOptions) -> None:
    """DataError where a build's timing misses its target by more than `stitch.gate` allows."""
    line = missed(output, target, options.gate)
    if line:
        raise DataError(line)


def part_of(dialogs: pa.Table, turns: pa.Table) -> Part:
    """The columns that timing is measured on, from rows of whole dialogues, sorted."""
    position = {dialog_id: i for i, dialog_id in enumerate(dialogs.column("dialog_id").to_pylist())}
    kinds = tuple(TurnType)
    kind_of = {str(kind): i for i, kind in enumerate(kinds)}
    own = TurnColumns(
        dialog=_ints(position[i] for i in turns.column("dialog_id").to_pylist()),
        agent=pc.equal(turns.column("speaker"), str(Speaker.AGENT)).to_numpy(),
        kind=_ints(kind_of[k] for k in turns.column("type").to_pylist()),
        start=_samples(turns.column("start_s")),
        end=_samples(turns.column("end_s")),
        changes=turns.column("fto_s").is_valid().to_numpy(),
    )
    words, events = _words(turns.column("words"), own.end), _events(turns.column("events"))
    return Part(_dialogs(dialogs), own, words, events, kinds, _calls(turns.column("tool_calls"), turns.column("turn")))


def _dialogs(table: pa.Table) -> DialogColumns:
    indices = _ints(int(i.rsplit("-", 1)[1]) for i in table.column("dialog_id").to_pylist())
    return DialogColumns(indices, *(_samples(table.column(name)) for name in _SECONDS))


def _words(column: pa.ChunkedArray, ends: Ints) -> WordColumns:
    turn, word = _flat(column)
    heard = pc.not_equal(pc.struct_field(word, "heard"), str(Heard.NO)).to_numpy(zero_copy_only=False)
    start, end = (_samples(pc.struct_field(word, name)) for name in ("start_s", "end_s"))
    return WordColumns(turn[heard], start[heard], np.minimum(end, ends[turn])[heard])


def _events(column: pa.ChunkedArray) -> EventColumns:
    turn, event = _flat(column)
    return EventColumns(
        turn=turn,
        kind=np.array(pc.struct_field(event, "type").to_pylist(), np.str_),
        channel=_ints(pc.struct_field(event, "channel").to_pylist()),
        start=_samples(pc.struct_field(event, "start_s")),
        end=_samples(pc.struct_field(event, "end_s")),
    )


def _calls(column: pa.ChunkedArray, numbers: pa.ChunkedArray) -> CallColumns:
    turn, call = _flat(column)
    # Rows are whole dialogues in order: from a call's turn to the turn of its result it is as far as their numbers say.
    ahead = _ints(pc.struct_field(call, "result_turn").to_pylist()) - numbers.to_numpy()[turn]
    return CallColumns(turn + ahead, *(_samples(pc.struct_field(call, name)) for name in ("call_s", "result_s")))


def _flat(column: pa.ChunkedArray) -> tuple[Ints, Any]:
    """A column of lists as one array, and the row of each element."""
    whole = column.combine_chunks()
    return pc.list_parent_indices(whole).to_numpy(zero_copy_only=False).astype(np.int64), pc.list_flatten(whole)


def _ints(values: Iterable[int]) -> Ints:
    return np.fromiter(values, np.int64)


def _samples(seconds: pa.Array | pa.ChunkedArray) -> Ints:
    """Seconds as whole samples, which all times of a time line are."""
    return np.rint(np.asarray(seconds, np.float64) * SAMPLE_RATE_HZ).astype(np.int64)
