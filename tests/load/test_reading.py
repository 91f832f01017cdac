"""Token shards read back: what was written, or one line that names file and row."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_build import BOOKS, made_build

from datagen.errors import DataError
from datagen.load.builds import open_build
from datagen.load.reading import GROUP_ROWS, ShardReader
from datagen.stages.pack.schema import Table, schema
from datagen.stages.pack.tables import write_table

SHARD = "tokens/train-00001.parquet"
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_build(tmp_path_factory.mktemp("made") / "out")


def test_a_real_shard_is_what_pyarrow_reads(built: Path) -> None:
    build = open_build(built)
    for shard in build.summary.shards:
        rows = pq.read_table(built / f"tokens/{shard.name}.parquet").to_pylist() if shard.n_dialogs else []
        for dialog, row in zip(ShardReader(build).dialogs(shard) if rows else [], rows, strict=True):
            assert dialog.dialog_id == row["dialog_id"]
            for name in ("agent_codes", "user_codes", "voice_prompt_codes", "user_voice_prompt_codes"):
                codes = getattr(dialog, name)
                assert codes.dtype == np.int16
                assert codes.tolist() == row[name]
            for mine, name in ((dialog.words, "words"), (dialog.user_words, "user_words")):
                assert list(mine.texts) == [w["word"] for w in row[name]]
                assert mine.start_s.tolist() == [w["start_s"] for w in row[name]]
                assert mine.end_s.tolist() == [w["end_s"] for w in row[name]]
            assert (dialog.role_context, dialog.user_role_context) == (row["role_context"], row["user_role_context"])


def test_rows_by_number_across_row_groups(tmp_path: Path) -> None:
    build = open_build(made_build(tmp_path / "out", (2 * GROUP_ROWS + 7, 4), frames=1))
    shard = build.shards("train")[0]
    in_order = [d.dialog_id for d in ShardReader(build).dialogs(shard)]
    assert len(in_order) == 2 * GROUP_ROWS + 7
    reader = ShardReader(build)
    rows = [130, 0, 64, 63, 130, 134]
    found = [next(reader.rows(shard, r // GROUP_ROWS)).dialog(r) for r in rows]
    assert [d.dialog_id for d in found] == [in_order[r] for r in rows]
    assert [d.where.rpartition(" ")[2] for d in found] == [str(r) for r in rows]
    assert all((d.agent_codes == int(d.dialog_id[2:]) % 7).all() for d in found)


def test_dialogues_without_words_and_prompts_are_read(made: Path, tmp_path: Path) -> None:
    def without(rows: Rows) -> None:
        rows[0] |= {"words": [], "user_words": [], "voice_prompt_codes": [[]] * BOOKS}
        rows[2]["words"] = []

    out = changed(made, tmp_path, without)
    build = open_build(out)
    found = list(ShardReader(build).dialogs(build.shards("train")[1]))
    assert [len(d.words) for d in found] == [0, 2, 0]
    assert found[0].voice_prompt_codes.shape == (BOOKS, 0)


def changed(made: Path, tmp_path: Path, change: Callable[[Rows], None]) -> Path:
    """The build with the rows of its second train shard changed."""
    out = shutil.copytree(made, tmp_path / "out")
    rows = pq.read_table(out / SHARD).to_pylist()
    change(rows)
    write_table(pa.Table.from_pylist(rows, schema(Table.TOKENS)), out / SHARD, Table.TOKENS)
    return Path(out)


def put(row: int, **values: Any) -> Callable[[Rows], None]:
    return lambda rows: rows[row].update(values)


def word(start_s: float, end_s: float) -> dict[str, Any]:
    return {"word": "x", "start_s": start_s, "end_s": end_s}


@pytest.mark.parametrize(
    ("change", "row", "message"),
    [
        (put(1, codec_engine="mimi"), 1, "codec_engine is 'mimi', and build.json's codec is 'toy'"),
        (put(2, codec_model="toy-2"), 2, "codec_model is 'toy-2'"),
        (put(0, codec_revision="r2"), 0, "codec_revision is 'r2'"),
        (put(1, content_id="c9"), 1, "content_id is 'c9', and build.json's is 'c0'"),
        (put(1, split="test"), 1, "split is 'test', and the shard's is 'train'"),
        (put(2, dialog_id="d-000099"), 2, "is d-000099, and manifests/dialogs.parquet has d-000005 there"),
        (put(1, n_frames=4), 1, "agent_codes has 6 frames, and n_frames is 4"),
        (put(0, agent_codes=[[], []], user_codes=[[], []], n_frames=0), 0, "agent_codes has 0 frames, and n_frames is 0"),
        (put(2, user_codes=[[1] * 4] * BOOKS), 2, "user_codes has 4 frames, and n_frames is 7"),
        (put(1, user_codes=[[1] * 6]), 1, "user_codes has 1 books, and the build's codec 2"),
        (put(1, agent_codes=[[1] * 6] * 3), 1, "agent_codes has 3 books"),
        (put(2, agent_codes=[[1] * 7, [1] * 6]), 2, "agent_codes has books of 6 to 7 frames"),
        (put(2, voice_prompt_codes=[[1], []]), 2, "voice_prompt_codes has books of 0 to 1 frames"),
        (put(1, agent_codes=[[1] * 6, [1] * 5 + [8]]), 1, "agent_codes has the code 8, and codes are 0 to 7"),
        (put(1, user_voice_prompt_codes=[[-1], [0]]), 1, "user_voice_prompt_codes has the code -1"),
        (put(0, words=[word(float("nan"), 1)]), 0, "words has a word from nan to 1.0 s"),
        (put(0, words=[word(1, float("inf"))]), 0, "words has a word from 1.0 to inf s"),
        (put(2, user_words=[word(0, 1), word(-1, 1)]), 2, "user_words has a word from -1.0 to 1.0 s"),
        (put(2, words=[word(2, 1)]), 2, "words has a word from 2.0 to 1.0 s"),
        (put(1, words=[word(2, 3), word(1, 4)]), 1, "words is not by start: a word from 1.0 to 4.0 s"),
    ],
)  # fmt: skip
def test_a_wrong_row_is_one_line_with_file_and_row(
    made: Path, tmp_path: Path, change: Callable[[Rows], None], row: int, message: str
) -> None:
    build = open_build(changed(made, tmp_path, change))
    with pytest.raises(DataError) as caught:
        list(ShardReader(build).dialogs(build.shards("train")[1]))
    told = str(caught.value)
    assert told.startswith(f"{tmp_path}/out/{SHARD} row {row}: ")
    assert message in told
    assert "\n" not in told


def test_shards_that_are_no_such_table(made: Path, tmp_path: Path) -> None:
    out = shutil.copytree(made, tmp_path / "out")
    build = open_build(out)

    def told() -> str:
        with pytest.raises(DataError) as caught:
            list(ShardReader(build).dialogs(build.shards("train")[1]))
        assert "\n" not in str(caught.value)
        assert SHARD in str(caught.value)
        return str(caught.value)

    whole = (out / SHARD).read_bytes()
    for damaged in (
        whole[: len(whole) // 2],
        whole[:-3],
        b"",
        b"PAR1",
        b"version https://git-lfs",
        whole[:400] + whole[500:],
    ):
        (out / SHARD).write_bytes(damaged)
        assert "not readable as parquet" in told()
    pq.write_table(pa.table({"a": [1]}), out / SHARD)
    assert "not a tokens table: it lacks dialog_id" in told()
    shutil.copy(out / "tokens/train-00002.parquet", out / SHARD)
    assert "1 rows, and build.json says 3" in told()
    shutil.copy(out / "tokens/train-00000.parquet", out / SHARD)
    assert "row 0: is d-000000, and manifests/dialogs.parquet has d-000003 there" in told()


def test_row_groups_of_something_else_are_refused(made: Path, tmp_path: Path) -> None:
    out = shutil.copytree(made, tmp_path / "out")
    pq.write_table(pq.read_table(out / SHARD), out / SHARD, row_group_size=2)
    build = open_build(out)
    with pytest.raises(DataError, match="row groups of 2 rows, and a shard has 64 in each"):
        list(ShardReader(build).dialogs(build.shards("train")[1]))


def test_a_manifest_of_other_dialogues_is_refused(made: Path, tmp_path: Path) -> None:
    out = shutil.copytree(made, tmp_path / "out")
    other = made_build(tmp_path / "other", (3, 2, 2))
    shutil.copy(other / "manifests/dialogs.parquet", out / "manifests/dialogs.parquet")
    build = open_build(out)
    with pytest.raises(
        DataError, match=r"dialogs.parquet: its 8 rows are not the dialogues of the shards in build.json"
    ):
        list(ShardReader(build).dialogs(build.shards("train")[0]))


def test_verify_reads_each_file_against_its_checksum(made: Path, tmp_path: Path) -> None:
    out = changed(made, tmp_path, put(1, role_context="You are somebody else."))
    build = open_build(out)
    shards = build.shards("train")
    assert len(list(ShardReader(build).dialogs(shards[1]))) == 3  # nothing else tells it
    reader = ShardReader(build, verify=True)
    assert sum(len(g) for g in reader.rows(shards[0])) == 3
    with pytest.raises(DataError, match=r"train-00001.parquet: its SHA-256 is"):
        list(reader.rows(shards[1]))
