"""Files that are no turn times: one line each, with the file, the line, the text and the fix."""

import gzip
import math
import os
from pathlib import Path

import polars as pl
import pytest
from talk import talk, write_rttm

from datagen.errors import UserError
from datagen.fit.corpus import measure

GOOD = {
    "rttm": "SPEAKER r 1 {start:.2f} 1.50 <NA> <NA> {who} <NA> <NA>",
    "ctm": "r {who} {start:.2f} 1.50 word 0.9",
    "jsonl": '{{"id": "{start}", "recording_id": "r", "start": {start:.2f}, "duration": 1.5, "speaker": "{who}"}}',
}


def good(kind: str, n: int = 20) -> list[str]:
    return [GOOD[kind].format(start=2.0 * i, who="AB"[i % 2]) for i in range(n)]


def refusal(path: Path, min_transfers: int = 5) -> str:
    with pytest.raises(UserError) as caught:
        measure([path], min_transfers)
    said = str(caught.value)
    assert "\n" not in said
    assert str(path) in said
    return said


@pytest.mark.parametrize("kind", list(GOOD))
def test_the_good_lines_are_good(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"x.{kind}"
    path.write_text("\r\n".join(good(kind)) + "\r\n\r\n", encoding="utf-8-sig")
    assert len(measure([path], 5).transfers) == 19


@pytest.mark.parametrize(
    ("kind", "line", "parts"),
    [
        ("rttm", "SPEAKER r 1 -3.20 1.5 <NA> <NA> A <NA> <NA>", ("start is -3.2 s, below 0", "'SPEAKER r 1 -3.20", "Times count")),
        ("rttm", "SPEAKER r 1 3.20 -1.5 <NA> <NA> A <NA> <NA>", ("duration is -1.5 s, below 0",)),
        ("rttm", "SPEAKER r 1 nan 1.5 <NA> <NA> A <NA> <NA>", ("start 'nan' is no number",)),
        ("rttm", "SPEAKER r 1 inf 1.5 <NA> <NA> A <NA> <NA>", ("start 'inf' is no number",)),
        ("rttm", "SPEAKER r 1 zero 1.5 <NA> <NA> A <NA> <NA>", ("start 'zero' is no number", "Times are seconds")),
        ("rttm", "SPEAKER r 1 3.2 99999999 <NA> <NA> A <NA>", ("not samples or milliseconds",)),
        ("rttm", "SPEAKER r 1 3.2 1.5 A", ("6 columns", "9 or 10", "SPEAKER file channel start duration")),
        ("rttm", "SPEAKRE r 1 3.2 1.5 <NA> <NA> A <NA> <NA>", ("unknown type 'SPEAKRE'", "begin with SPEAKER")),
        ("ctm", "r A 3.2 1.5", ("4 columns", "5 to 8", "file channel start duration word")),
        ("ctm", "r A -1 1.5 word", ("start is -1 s, below 0",)),
        ("ctm", "r A * * <ALT_BEGIN>", ("start '*' is no number",)),
        ("ctm", "r A 3.2 1.5 word 0.9", ("begins at 3.2 s, before the word of line 15 at 28 s", "in order: sort")),
        ("jsonl", '{"recording_id": "r", ', ("no JSON (", "'{\"recording_id\": \"r\",'", "one supervision")),
        ("jsonl", "[1, 2]", ("no JSON object",)),
        ("jsonl", '{"recording_id": "r", "start": 1.0}', ("no duration and no speaker", "recording_id, start, duration")),
        ("jsonl", '{"recording_id": "r", "start": NaN, "duration": 1, "speaker": "A"}', ("start nan is no number",)),
        ("jsonl", '{"recording_id": "r", "start": true, "duration": 1, "speaker": "A"}', ("start True is no number",)),
        ("jsonl", '{"recording_id": "r", "start": 1' + "0" * 400 + ', "duration": 1, "speaker": "A"}', ("is no number",)),
        ("jsonl", '{"id": "c", "start": 0, "duration": 9, "supervisions": []}', ("a cut, not a supervision",)),
        ("jsonl", "[" * 5_000, ("no JSON",)),
    ],
)  # fmt: skip
def test_a_broken_line_17(tmp_path: Path, kind: str, line: str, parts: tuple[str, ...]) -> None:
    lines = good(kind)
    lines[16] = line
    path = tmp_path / f"x.{kind}"
    path.write_text("\n".join(lines))
    said = refusal(path)
    assert f"{path} line 17: " in said
    for part in parts:
        assert part in said
    assert len(said) < 400


@pytest.mark.parametrize(
    ("name", "data", "part"),
    [
        ("x.rttm", b"", "holds no speech"),
        ("x.jsonl", b"\n\n", "holds no speech"),
        ("x.rttm", b"SPEAKER r 1 1.0 0.0 <NA> <NA> A <NA> <NA>\n", "no segment longer than 0 s"),
        ("x.rttm", bytes(range(128, 256)) * 40, "line 1: is not UTF-8 text (byte 0x80"),
        ("x.ctm", b"r A 0 1 word\0\n", "line 1: holds NUL bytes"),
        ("x.ctm", b"r A 0 1 word\n" + b"x" * 1_500_000, "line 2: is over 1,000,000 bytes long"),
        ("x.jsonl.gz", b"no gzip at all", "not readable as gzip"),
        ("x.jsonl.gz", gzip.compress("\n".join(good("jsonl")).encode(), mtime=0)[:-12], "not readable as gzip"),
        ("x.jsonl.gz", gzip.compress(b"x" * 900, mtime=0)[:12] + b"rubbish" * 9, "not readable as gzip"),
        ("x.parquet", b"PAR1 rubbish PAR1", "not readable as parquet"),
        ("x.parquet", b"", "not readable as parquet"),
        ("x.txt", b"hello", "unknown suffix. Known: .rttm, .ctm, .jsonl, .jsonl.gz, .parquet."),
        ("noname", b"hello", "unknown suffix"),
    ],
)  # fmt: skip
def test_files_that_are_something_else(tmp_path: Path, name: str, data: bytes, part: str) -> None:
    (tmp_path / name).write_bytes(data)
    assert part in refusal(tmp_path / name)


def test_one_speaker_has_no_transfers(tmp_path: Path) -> None:
    path = tmp_path / "x.rttm"
    path.write_text("\n".join(line.replace(" B ", " A ") for line in good("rttm")))
    assert "no floor transfer in 1 recording (only one speaker in each recording)" in refusal(path)


def test_too_few_transfers_say_how_many(tmp_path: Path) -> None:
    path = tmp_path / "x.rttm"
    path.write_text("\n".join(good("rttm")))
    with pytest.raises(
        UserError, match=r"19 floor transfers in 1 file, and a distribution needs 50\. .*--min-transfers"
    ):
        measure([path])
    assert len(measure([path], 19).transfers) == 19


def test_folders_and_what_is_not_there(tmp_path: Path) -> None:
    assert "is a folder and no build" in refusal(tmp_path)
    assert "there is no such file" in refusal(tmp_path / "no.rttm")
    with pytest.raises(UserError, match="cannot be read"):
        measure([tmp_path / ("x" * 4_000 + ".rttm")])


def test_parquet_without_the_columns(tmp_path: Path) -> None:
    path = tmp_path / "turns.parquet"
    pl.DataFrame({"dialog_id": ["a"], "turn": [0], "start_s": [0.0]}).write_parquet(path)
    assert "has no column speaker, end_s, fto_s, barge_in, events" in refusal(path)
    frame = {c: [None] for c in ("dialog_id", "turn", "speaker", "start_s", "end_s", "fto_s", "barge_in", "events")}
    pl.DataFrame(frame).write_parquet(path)
    assert "a row is no turn" in refusal(path)


@pytest.mark.parametrize(
    ("column", "value", "part"),
    [
        ("end_s", math.nan, "is no stretch of time"),
        ("start_s", math.inf, "is no stretch of time"),
        ("end_s", -100.0, "turn 0: 0 to -100 s is no stretch of time"),
        ("fto_s", math.nan, "turn 0: its fto_s is nan"),
        ("end_s", None, "a row is no turn"),
        ("start_s", "soon", "a row is no turn"),
    ],
)
def test_parquet_with_times_that_are_none(tmp_path: Path, column: str, value: object, part: str) -> None:
    path = tmp_path / "turns.parquet"
    row = {
        "dialog_id": "a",
        "turn": 0,
        "speaker": "user",
        "start_s": 0.0,
        "end_s": 1.0,
        "fto_s": 0.1,
        "barge_in": False,
    }
    pl.DataFrame([{**row, "events": [], column: value}]).write_parquet(path)
    assert part in refusal(path)
    pl.DataFrame([{**row, "events": []}]).clear().write_parquet(path)
    assert "holds no turns" in refusal(path)


def test_a_file_counts_once_and_its_names_are_its_own(tmp_path: Path) -> None:
    one, other = tmp_path / "one.rttm", tmp_path / "other.rttm"
    for path in (one, other):
        path.write_text("\n".join(good("rttm")))
    (tmp_path / "link.rttm").symlink_to(one)
    with pytest.raises(UserError, match="link.rttm: is named twice"):
        measure([one, tmp_path / "link.rttm"], 5)
    both = measure([one, other], 5)
    assert len({t.recording for t in both.transfers}) == both.n_recordings == 2


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.rttm")
    assert "is no regular file" in refusal(tmp_path / "x.rttm")


def test_other_types_of_rttm_and_comments_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "x.rttm"
    head = [";; made by hand", "SPKR-INFO r 1 <NA> <NA> <NA> unknown A <NA> <NA>", "LEXEME r 1 0 0.2 hi lex A 0.9"]
    path.write_text("\n".join([*head, *good("rttm")]))
    assert len(measure([path], 5).transfers) == 19


def test_the_speaker_column_of_a_ctm_counts_before_the_channel(tmp_path: Path) -> None:
    path = tmp_path / "x.ctm"
    lines = [f"r 1 {2.0 * i} 1.5 word 0.9 lex {'AB'[i % 2]}" for i in range(20)]
    path.write_text("\n".join([*lines, "r 1 0.5 1.0 [noise] 0.9 non-lex C"]))
    assert len(measure([path], 5).transfers) == 19


def test_a_link_to_many_recordings_is_read_like_a_file(tmp_path: Path) -> None:
    write_rttm(tmp_path / "real.rttm", talk(n_recordings=3))
    (tmp_path / "link.rttm").symlink_to(tmp_path / "real.rttm")
    assert measure([tmp_path / "link.rttm"]) == measure([tmp_path / "real.rttm"])
