"""Files of a few kilobytes that unpack to gigabytes: refused by what they say of themselves, or as soon as it shows."""

import gzip
import io
import resource
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from datagen.audio.files import MOST_SAMPLES, read_audio
from datagen.domains.evaluation_files import texts_of
from datagen.errors import DataError, UserError
from datagen.fit.turns import measure
from datagen.stages.pack.schema import Table, schema
from datagen.stages.pack.tables import read_table
from datagen.store import parquet_limits
from datagen.store.parquet_limits import TooLarge, check_file, read_group


def peak_mb() -> float:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def runs(path: Path, n_rows: int, value: str = "x") -> Path:
    """A parquet file of equal rows: about a hundred bytes of data whatever their number."""
    same = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n_rows, np.int32)), pa.array([value]))
    pq.write_table(pa.table({"text": same}), path, row_group_size=n_rows, compression="zstd", store_schema=False)
    return path


def test_more_rows_than_a_group_may_have(tmp_path: Path) -> None:
    path = runs(tmp_path / "a.parquet", parquet_limits.MOST_ROWS + 1)
    assert path.stat().st_size < 10_000
    with (
        pq.ParquetFile(path) as file,
        pytest.raises(TooLarge, match="row group 0 unpacks to 1048577 rows, and may to 1048576"),
    ):
        read_group(file, 0)
    with pytest.raises(UserError, match=r"a.parquet cannot be read: row group 0 unpacks to 1048577 rows"):
        list(texts_of(str(path)))


def test_a_text_that_stands_once_and_is_read_twenty_thousand_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100 kB of text in a dictionary and 20,000 rows of it are 2 GB; it stops at the limit, here of 64 MB."""
    monkeypatch.setattr(parquet_limits, "MOST_BYTES", 1 << 26)
    monkeypatch.setattr(parquet_limits, "_SURE_BYTES", 1 << 26)
    path = runs(tmp_path / "a.parquet", 20_000, "x" * 100_000)
    assert path.stat().st_size < 100_000
    before_mb = peak_mb()
    with pq.ParquetFile(path) as file, pytest.raises(TooLarge, match=r"row group 0 unpacks to over \d+ bytes of text"):
        read_group(file, 0)
    assert peak_mb() - before_mb < 1_000


def test_a_table_of_ours_that_says_to_hold_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rejects.parquet"
    pq.write_table(schema(Table.REJECTS).empty_table(), path)
    assert len(read_table(path, Table.REJECTS)) == 0
    row: dict[str, Any] = {f.name: "a" if pa.types.is_string(f.type) else 0 for f in schema(Table.REJECTS)}
    table = pa.Table.from_pylist([row] * 9, schema(Table.REJECTS))
    pq.write_table(table, path)
    monkeypatch.setattr(parquet_limits, "MOST_ROWS", 8)
    with pytest.raises(
        DataError, match=r"rejects.parquet: not readable as parquet \(row group 0 unpacks to 9 rows, and may to 8\)"
    ):
        read_table(path, Table.REJECTS)
    with pytest.raises(TooLarge):
        check_file(pq.read_metadata(path))


def test_a_group_in_steps_is_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"id": f"{i}", "words": [{"word": f"w{i}", "start_s": i * 0.1}] * (i % 4)} for i in range(300)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    with pq.ParquetFile(tmp_path / "a.parquet") as file:
        whole = read_group(file, 0)
        monkeypatch.setattr(parquet_limits, "_SURE_BYTES", 0)
        assert read_group(file, 0).equals(whole)
        assert read_group(file, 0, ["words"]).equals(whole.select(["words"]))


def test_a_flac_of_days_of_silence(tmp_path: Path) -> None:
    """One second of a FLAC whose head says that it has three days: 36 bits of its length stand in bytes 21 to 25."""
    made = io.BytesIO()
    soundfile.write(made, np.zeros(24_000, np.int16), 24_000, format="FLAC")
    data = bytearray(made.getvalue())
    n = MOST_SAMPLES + 1
    data[21:26] = bytes([data[21] & 0xF0 | n >> 32]) + struct.pack(">I", n & 0xFFFFFFFF)
    (tmp_path / "long.flac").write_bytes(data)
    with pytest.raises(
        DataError, match=r"long.flac: says to hold 536870913 samples of 1 channels, and may hold 536870912"
    ):
        read_audio(tmp_path / "long.flac")
    with pytest.raises(DataError, match="audio: says to hold"):
        read_audio(io.BytesIO(bytes(data)))


def test_turn_times_in_a_gzip_bomb(tmp_path: Path) -> None:
    """A line of a gigabyte in a megabyte."""
    from datagen.fit.lines import numbered_lines

    with gzip.open(tmp_path / "a.rttm.gz", "wb") as file:
        for _ in range(64):
            file.write(b"\0" * (1 << 20))
    with pytest.raises(UserError, match="line 1: is over"):
        list(numbered_lines(tmp_path / "a.rttm.gz"))


def test_turns_of_a_parquet_bomb(tmp_path: Path) -> None:
    n = parquet_limits.MOST_ROWS + 1
    zeros = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array(["x"]))
    names = ("dialog_id", "turn", "speaker", "start_s", "end_s", "fto_s", "barge_in", "events")
    pq.write_table(pa.table(dict.fromkeys(names, zeros)), tmp_path / "t.parquet", row_group_size=n, store_schema=False)
    with pytest.raises(UserError, match=r"t.parquet: not readable as parquet \(row group 0 unpacks to"):
        measure(tmp_path / "t.parquet")
