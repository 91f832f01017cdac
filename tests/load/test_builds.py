"""A build opened from a folder or a URL, and every way in which it may not be there."""

import http.server
import io
import json
import pickle
import shutil
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from made_build import made_build

from datagen.errors import DataError, EngineError, UserError
from datagen.load import published, remote
from datagen.load.builds import open_build
from datagen.load.reading import ShardReader
from datagen.stages.pack.schema import Table


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_build(tmp_path_factory.mktemp("made") / "out")


def ids(build: Any, split: str = "train") -> list[str]:
    return [d.dialog_id for s in build.shards(split) for d in ShardReader(build).dialogs(s)]


def test_a_real_build_is_read_whole(built: Path) -> None:
    build = open_build(built)
    assert build.codec.engine == "melrvq"
    assert len(build.codec.silence) == len(build.codec.sine) == build.codec.n_books == 8
    found = [d for split in build.splits for s in build.shards(split) for d in ShardReader(build).dialogs(s)]
    assert len(found) == build.summary.counts.total.kept
    rows = {r["dialog_id"]: r for t in build.tables(Table.DIALOGS) for r in t.to_pylist()}
    for dialog in found:
        row = rows[dialog.dialog_id]
        assert (dialog.n_frames, dialog.domain, dialog.kind, dialog.role_context) == (
            row["n_frames"], row["domain"], row["kind"], row["role_context"],
        )  # fmt: skip
        assert row["domain"] in dialog.dialog_id
        assert len(dialog.words) == len(dialog.words.start_s) > 3


def test_a_folder_a_file_url_and_memory_are_the_same(made: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(str(made), "/here", recursive=True)
    try:
        assert ids(open_build(made)) == ids(open_build(f"file://{made}")) == ids(open_build("memory://here"))
        assert open_build("memory://here/").where("a") == "memory://here/a"
    finally:
        memory.rm("/here", recursive=True)


def test_it_pickles_without_a_connection(made: Path) -> None:
    assert ids(pickle.loads(pickle.dumps(open_build(made)))) == ids(open_build(made))


def test_manifests_stream_by_column(made: Path) -> None:
    tables = list(open_build(made).tables(Table.DIALOGS, ("dialog_id", "domain")))
    assert [t.schema.names for t in tables] == [["dialog_id", "domain"]]
    assert sum(map(len, tables)) == 8


def test_checksums_are_held_to(made: Path, tmp_path: Path) -> None:
    out = shutil.copytree(made, tmp_path / "out")
    path = "tokens/train-00001.parquet"
    open_build(out).verify(path)
    shutil.copy(out / "tokens/train-00000.parquet", out / path)
    with pytest.raises(DataError, match=r"train-00001.parquet: its SHA-256 is .*another file, or a damaged one"):
        open_build(out).verify(path)
    with pytest.raises(DataError, match="no checksum of it"):
        open_build(out).verify("build.json")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda d: "{", DataError, "not the record of a build, or is damaged"),
        (lambda d: "<html>not found</html>", DataError, "not the record of a build"),
        (lambda d: "[]", DataError, "not the record of a build"),
        (lambda d: json.dumps({k: v for k, v in d.items() if k != "shards"}), DataError, "not the record of a build"),
        (lambda d: json.dumps(d | {"format": 9, "new": 1}), DataError, r"format 9, made by datagen 0; .*pip install -U"),
        (lambda d: json.dumps(d | {"engines": {}}), DataError, "names no codec engine"),
        (lambda d: json.dumps(d | {"codec": d["codec"] | {"sine": [1]}}), DataError, r"codec.sine is \[1\].* 2 codes"),
        (lambda d: json.dumps(d | {"codec": d["codec"] | {"silence": [1, 8]}}), DataError, "codes of 0 to 7"),
    ],
)  # fmt: skip
def test_a_wrong_build_json_is_one_line(
    made: Path, tmp_path: Path, change: Any, error: type[Exception], message: str
) -> None:
    data = json.loads((made / "build.json").read_bytes())
    (tmp_path / "build.json").write_text(change(data))
    with pytest.raises(error, match=message) as caught:
        open_build(tmp_path)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("url", "error", "message"),
    [
        ("{tmp}", UserError, r"holds no finished build \(there is no build.json\)"),
        ("{tmp}/none", UserError, r"is no build \(there is no build.json\)"),
        ("{tmp}/file.txt", UserError, "file.txt"),
        ("memory://nowhere", UserError, "is no build"),
        ("gopher://x/y", UserError, "no file system reads this"),
    ],
)
def test_no_build_there(tmp_path: Path, url: str, error: type[Exception], message: str) -> None:
    (tmp_path / "file.txt").write_text("x")
    with pytest.raises(error, match=message) as caught:
        open_build(url.format(tmp=tmp_path))
    assert "\n" not in str(caught.value)


def test_a_missing_package_says_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(*_: Any, **__: Any) -> Any:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", lacking)
    with pytest.raises(
        EngineError, match=r"s3://a/b: Install s3fs to access S3. Install it: pip install \"datagen\[s3\]\""
    ):
        open_build("s3://a/b")


def test_an_empty_split_names_those_there_are(made: Path) -> None:
    with pytest.raises(UserError, match=r"no dialogue in split 'test'. There are: train \(7 dialogues\), valid \(1"):
        open_build(made).need_shards("test")


def test_a_missing_file_is_told(made: Path, tmp_path: Path) -> None:
    out = shutil.copytree(made, tmp_path / "out")
    (out / "tokens/train-00002.parquet").unlink()
    with pytest.raises(DataError, match=r"train-00002.parquet: there is no such file, and build.json counts on it"):
        ids(open_build(out))
    (out / "manifests/dialogs.parquet").unlink()
    with pytest.raises(DataError, match=r"manifests/dialogs.parquet: there is no such file"):
        ids(open_build(out))


class Far(LocalFileSystem):
    """A remote file system of the tests' own: `far://` is the disk, with what a network does to it."""

    protocol = ("far",)
    fails = 0
    hangs = threading.Event()
    calls: list[str] = []  # noqa: RUF012

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.removeprefix("far://")))

    def _happens(self, path: str) -> None:
        type(self).calls.append(path)
        if type(self).fails:
            type(self).fails -= 1
            raise ConnectionResetError("connection reset\nby peer")
        type(self).hangs.wait(20)

    def cat_file(self, path: str, *args: Any, **options: Any) -> Any:
        self._happens(path)
        return super().cat_file(path, *args, **options)


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Far]]:
    fsspec.register_implementation("far", Far, clobber=True)
    monkeypatch.setattr(remote, "is_remote", lambda fs: isinstance(fs, Far))
    monkeypatch.setattr(remote, "WAIT_S", 0.01)
    Far.fails, Far.calls = 0, []
    Far.hangs.set()
    yield Far
    Far.hangs.set()


def test_a_url_that_does_not_answer_is_told_in_time(made: Path, far: type[Far]) -> None:
    far.hangs.clear()
    began = time.monotonic()
    with pytest.raises(EngineError, match=r"far://.*: not readable in one try \(no answer within 0.2 s\)"):
        open_build(f"far://{made}", timeout_s=0.2)
    assert time.monotonic() - began < 5


def test_what_fails_twice_is_read_at_the_third_try(made: Path, far: type[Far]) -> None:
    build = open_build(f"far://{made}")
    far.fails = 2
    assert ids(build) == ids(open_build(made))
    assert (
        len(far.calls) == 1 + 3 + 2 + 1
    )  # build.json, the first shard at the third try, the others, the manifest once


def test_what_fails_three_times_is_one_line(made: Path, far: type[Far]) -> None:
    build = open_build(f"far://{made}")
    far.fails = 3
    with pytest.raises(
        EngineError,
        match=r"tokens/train-00000.parquet: not readable in 3 tries \(ConnectionResetError: connection reset by peer\)",
    ):
        ids(build)


def test_a_remote_file_reads_as_a_file_does(made: Path, far: type[Far], monkeypatch: pytest.MonkeyPatch) -> None:
    with open_build(f"far://{made}").open("build.json") as file:
        assert (file.read(1), file.tell(), file.seek(0), len(file.read())) == (
            b"{", 1, 0, (made / "build.json").stat().st_size,
        )  # fmt: skip
    assert file.closed
    monkeypatch.setattr(published, "WHOLE_BYTES", 0)
    with open_build(f"far://{made}").open("manifests/dialogs.parquet") as file:
        assert isinstance(file, remote.Patient)
        assert (file.read(4), file.tell(), file.seek(-4, 2) > 0, file.read()) == (b"PAR1", 4, True, b"PAR1")
    assert ids(open_build(f"far://{made}")) == ids(open_build(made))
    with pytest.raises(DataError, match="no such file"):
        open_build(f"far://{made}").open("tokens/none.parquet")


def test_a_read_that_hangs_does_not_move_the_next_ones_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "WAIT_S", 0.0)
    (tmp_path / "file").write_bytes(bytes(range(100)))
    go_on, opened = threading.Event(), []

    class Slow(io.FileIO):
        def read(self, size: int = -1) -> bytes:
            if self is opened[0] and self.tell() == 10:
                go_on.wait(20)  # the first handle hangs in the read from 10 on
            return super().read(size) or b""

    def opener() -> Any:
        opened.append(Slow(tmp_path / "file"))
        return opened[-1]

    with remote.Patient(opener, "file", 0.2) as file:
        assert file.read(10) == bytes(range(10))
        assert file.read(10) == bytes(range(10, 20))
        assert len(opened) == 2
        go_on.set()
        time.sleep(0.05)
        assert file.read(10) == bytes(range(20, 30))
        assert (file.seek(-3, 2), file.read(), file.read()) == (97, bytes([97, 98, 99]), b"")


class Plain(http.server.SimpleHTTPRequestHandler):
    """A server that, like Python's own, gives whole files alone."""

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def web(made: Path) -> Iterator[str]:
    pytest.importorskip("aiohttp")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Plain, directory=str(made))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_over_http_and_by_forked_workers_too(made: Path, web: str) -> None:
    assert ids(open_build(web)) == ids(open_build(made))
    pytest.importorskip("torch")
    from datagen.load import DialogDataset

    data = DialogDataset(web, transform=dialog_id)  # fsspec's connections are open when the workers are forked
    loader = data.loader(batch_size=2, num_workers=2, collate_fn=list, multiprocessing_context="fork")
    assert sorted(i for batch in loader for i in batch) == ids(open_build(made))
    with pytest.raises(UserError, match="is no build"):
        open_build(f"{web}/elsewhere")


def dialog_id(dialog: Any) -> str:
    return str(dialog.dialog_id)
