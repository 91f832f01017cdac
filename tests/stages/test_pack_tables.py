"""The tables of a shard: what the rows say, what the bytes weigh, and what is refused."""

import io
import itertools
from dataclasses import replace
from pathlib import Path

import factories
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen.errors import DataError
from datagen.records.enums import Heard, Split
from datagen.stages.pack import rows, tables
from datagen.stages.pack.arrays import codes_of
from datagen.stages.pack.options import PackOptions
from datagen.stages.pack.schema import SPECS, Table, leaf_paths, schema, token_file_name

DIALOGS = [factories.rendered(i) for i in range(4)]


def made(dialogs=DIALOGS, shard="train-00000"):
    return rows.shard_tables(dialogs, shard, factories.MAKERS, "c0ffee")


def parquet(table, kind):
    sink = io.BytesIO()
    tables.write_table(table, sink, kind)
    return sink.getvalue()


def test_tokens_hold_the_codes_and_the_heard_words():
    table = made()[Table.TOKENS]
    for row, dialog in enumerate(DIALOGS):
        for name in ("agent_codes", "user_codes", "voice_prompt_codes", "user_voice_prompt_codes"):
            assert np.array_equal(codes_of(table.column(name).combine_chunks(), row), getattr(dialog, name))
        words = table.column("words")[row].as_py()
        assert [w["word"] for w in words] == [w.word for w in dialog.timeline.agent_words()]
        assert [w["start_s"] for w in words] == sorted(w["start_s"] for w in words)
        assert "mhm" in [w["word"] for w in words]


@pytest.mark.parametrize(("heard_s", "kept"), [(0.14, False), (0.16, True)])
def test_a_partly_heard_word_gets_tokens_from_half_on(heard_s, kept):
    line = factories.timeline()
    cut = replace(line.turns[2], end_s=line.turns[2].words[3].start_s + heard_s)
    words = cut.track_words()
    assert cut.words[3].heard is Heard.PARTIAL
    assert len(words) == 3 + kept
    if kept:
        assert words[-1].end_s == cut.end_s


def test_dialogs_count_what_happens():
    row = made()[Table.DIALOGS].to_pylist()[1]
    assert (row["n_turns"], row["n_barge_in"], row["n_backchannel"], row["n_turns_cut"]) == (6, 1, 1, 0)
    assert row["agent_speech_s"] + row["user_speech_s"] - row["overlap_s"] + row["silence_s"] == pytest.approx(
        row["duration_s"]
    )
    assert (row["company"], row["agent_name"], row["snr_db"]) == ("Harbor Train Bank", "Ana", 12.5)
    assert row["codec"] == "melrvq:melrvq@abc123"


def test_turns_left_off_by_stitch_are_counted():
    dialog = DIALOGS[0]
    shorter = replace(dialog, timeline=replace(dialog.timeline, turns=dialog.timeline.turns[:4], n_turns_cut=2))
    row = made([shorter])[Table.DIALOGS].to_pylist()[0]
    assert (row["n_turns"], row["n_turns_cut"]) == (4, 2)


def test_turns_say_which_one_barges_in():
    turns = [t for t in made()[Table.TURNS].to_pylist() if t["dialog_id"] == "bank-000000"]
    assert [t["barge_in"] for t in turns] == [False, False, False, True, False, False]
    assert turns[2]["unheard_text"]
    assert turns[2]["events"][0]["attrs"] == (
        '{"cut":true,"overlap_s":0.35,"partial_share":0.6667,"position":0.25,"sampled":false,"word":2,"yield_s":0.35}'
    )
    assert {w["heard"] for w in turns[2]["words"]} == {"yes", "partial", "no"}


def test_voices_and_rejects_are_rows_too():
    voices = rows.voices_table([factories.voice("user"), factories.voice("agent")], {"agent-train": 3})
    assert voices.column("n_dialogs").to_pylist() == [3, 0]
    plans = {p.dialog_id: p for p in (factories.plan(i) for i in (8, 9))}
    rejects = rows.rejects_table([factories.reject(9), factories.reject(8)], plans, "train-00000").to_pylist()
    assert [r["dialog_id"] for r in rejects] == ["bank-000008", "bank-000009"]
    assert (rejects[0]["stage"], rejects[0]["scenario"]) == ("speak", "charge-train")


@pytest.mark.parametrize("kind", [Table.TOKENS, Table.DIALOGS, Table.TURNS])
def test_the_same_rows_give_the_same_bytes_in_any_order(kind):
    bytes_of = {parquet(made(order)[kind], kind) for order in itertools.permutations(DIALOGS[:3])}
    table = made(DIALOGS[:3])[kind]
    bytes_of.add(parquet(pa.concat_tables([table.slice(2), table.slice(0, 2)]), kind))
    assert len(bytes_of) == 1


@pytest.mark.parametrize("kind", list(Table))
def test_an_empty_table_is_a_table(kind, tmp_path):
    path = tmp_path / "empty.parquet"
    tables.write_table(schema(kind).empty_table(), path, kind)
    assert tables.read_table(path, kind).num_rows == 0
    assert pl.read_parquet(path).columns == [c.name for c in SPECS[kind].columns]


def test_random_codes_take_about_eleven_bits(tmp_path):
    dialogs = []
    for i in range(32):
        base = factories.rendered(i)
        line = replace(base.timeline, n_samples=750 * 1920)
        dialogs.append(
            replace(base, timeline=line, agent_codes=factories.codes(750, i, 5), user_codes=factories.codes(750, i, 6))
        )
    path = tmp_path / "tokens.parquet"
    tables.write_table(made(dialogs)[Table.TOKENS], path, Table.TOKENS)
    meta = pq.ParquetFile(path).metadata
    column = next(
        meta.row_group(0).column(i)
        for i in range(meta.num_columns)
        if meta.row_group(0).column(i).path_in_schema.startswith("agent_codes")
    )
    assert column.has_dictionary_page
    assert 11.0 < column.total_compressed_size * 8 / (32 * 8 * 750) < 11.6


def test_leaf_paths_are_those_of_parquet(tmp_path):
    for kind in Table:
        path = tmp_path / f"{kind}.parquet"
        tables.write_table(schema(kind).empty_table(), path, kind)
        found = pq.ParquetFile(path).schema
        assert tuple(found.column(i).path for i in range(len(found))) == leaf_paths(kind)
        assert set(SPECS[kind].plain) <= set(leaf_paths(kind))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 7)), min_size=1, max_size=4, unique_by=lambda p: p[0]))
def test_what_is_written_is_read(tmp_path_factory, drawn):
    folder = tmp_path_factory.mktemp("round")
    for kind, table in made([factories.rendered(i, n_turns=n) for i, n in drawn]).items():
        tables.write_table(table, folder / kind, kind)
        assert tables.read_table(folder / kind, kind).equals(table, check_metadata=True)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, 30), max_size=6))
def test_concat_depends_on_the_rows_alone(tmp_path_factory, cuts):
    folder = tmp_path_factory.mktemp("concat")
    table = pa.concat_tables([made([factories.rendered(i)])[Table.TURNS] for i in range(5)])
    edges = [0, *sorted(c for c in cuts if c < len(table)), len(table)]
    parts = [table.slice(a, b - a) for a, b in itertools.pairwise(edges)]
    assert tables.concat(parts, folder / "parts", Table.TURNS) == len(table)
    tables.concat([table], folder / "whole", Table.TURNS)
    assert (folder / "parts").read_bytes() == (folder / "whole").read_bytes()


def test_concat_cuts_row_groups_anew_and_reads_files(tmp_path):
    small = made()[Table.DIALOGS]
    tables.concat([small] * 100, tmp_path / "a.parquet", Table.DIALOGS)
    n = tables.concat([tmp_path / "a.parquet"] * 12, tmp_path / "all.parquet", Table.DIALOGS)
    meta = pq.ParquetFile(tmp_path / "all.parquet").metadata
    assert n == meta.num_rows == 4_800
    assert [meta.row_group(i).num_rows for i in range(meta.num_row_groups)] == [2_048, 2_048, 704]


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (np.zeros((33, 10), np.int16), r"codes are int16 \[33, 10\]"),
        (np.zeros((8, 10), np.int32), "codes are int32"),
        (np.full((8, 10), 2048, np.int16), "codes from 2048 to 2048"),
        (np.full((8, 10), -1, np.int16), "codes from -1 to -1"),
    ],
)
def test_wrong_codes_are_refused(codes, message):
    with pytest.raises(DataError, match=f"bank-000000 voice_prompt_codes: {message}"):
        made([replace(DIALOGS[0], voice_prompt_codes=codes)])


def test_dialogues_of_one_table_have_as_many_books():
    short = {name: np.zeros((7, 10), np.int16) for name in ("voice_prompt_codes", "user_voice_prompt_codes")}
    with pytest.raises(DataError, match="bank-000001 voice_prompt_codes: 7 books, and the table's first row has 8"):
        made([DIALOGS[0], replace(DIALOGS[1], **short)])


def test_codes_of_another_length_are_refused():
    with pytest.raises(DataError, match=r"bank-000000 agent_codes: 5 frames for \d+ samples"):
        made([replace(DIALOGS[0], agent_codes=factories.codes(5, 1))])


def _truncate(path: Path):
    path.write_bytes(path.read_bytes()[:-100])


def _flip(path: Path):
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (_truncate, "not readable as parquet"),
        (lambda p: p.write_bytes(b""), "not readable as parquet"),
        (lambda p: p.write_text("hello"), "not readable as parquet"),
        (Path.unlink, "there is no such file"),
        (
            lambda p: pq.write_table(pa.table({"x": [1]}), p),
            "not a dialogs table: it lacks dialog_id.* and has foreign x",
        ),
        (lambda p: pq.write_table(pq.read_table(p).drop(["seed"]), p), "it lacks seed"),
        (lambda p: pq.write_table(_recast(pq.read_table(p)), p), "column n_turns is int64, and has to be int32"),
        (lambda p: pq.write_table(_emptied(pq.read_table(p)), p), "column shard has 4 nulls, and may have none"),
        (lambda p: pq.write_table(pq.read_table(p).select(schema(Table.DIALOGS).names[::-1]), p), "in another order"),
    ],
)
def test_a_file_that_is_not_the_table_is_one_line(harm, message, tmp_path):
    path = tmp_path / "dialogs.parquet"
    tables.write_table(made()[Table.DIALOGS], path, Table.DIALOGS)
    harm(path)
    with pytest.raises(DataError, match=message) as caught:
        tables.read_table(path, Table.DIALOGS)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def _emptied(table):
    at = table.schema.get_field_index("shard")
    return table.set_column(at, "shard", pa.nulls(len(table), pa.string()))


def _recast(table):
    at = table.schema.get_field_index("n_turns")
    return table.set_column(at, "n_turns", table.column("n_turns").cast(pa.int64()))


def test_sortedness_needs_rising_keys():
    table = made()[Table.TURNS]
    assert tables.is_sorted(table, Table.TURNS)
    assert not tables.is_sorted(pa.concat_tables([table.slice(1), table.slice(0, 1)]), Table.TURNS)
    assert not tables.is_sorted(pa.concat_tables([table.slice(0, 1), table]), Table.TURNS)


def test_names_and_audio():
    assert token_file_name(Split.VALID, 3) == "tokens/valid-00003.parquet"
    assert [PackOptions().keeps_audio(h) for h in (9.9, 10.0)] == [True, False]
    assert PackOptions(audio=True).keeps_audio(1e6)
