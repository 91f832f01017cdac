"""A build's output on an S3-compatible server (moto's, on loopback), with everything wrong that such a server can do.

Needs `pip install "datagen[s3]" "moto[s3,server]"`; run it with `pytest -n 0 -m full tests/run/test_s3.py`.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_versions import Made, four_versions, go, held
from s3_server import BUCKET, Faults, served

from datagen.errors import EngineError, UserError
from datagen.load import remote
from datagen.load.builds import open_build, versions
from datagen.load.reading import ShardReader
from datagen.run import bucket as bucket_room
from datagen.run.bucket import Bucket
from datagen.run.deliver import history
from datagen.run.request import prepare
from tests.conftest import SMALL, datagen, inside, tree

pytestmark = [pytest.mark.full, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Faults]]:
    pytest.importorskip("s3fs")
    pytest.importorskip("moto")
    with served() as found:
        yield found


@pytest.fixture
def faults(server: tuple[str, Faults], monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    """The server as this process's S3, with an empty bucket, in order; and nothing cached of it."""
    import s3fs

    for name, value in environment(server[0]).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(remote, "WAIT_S", 0.02)
    s3fs.S3FileSystem.clear_instance_cache()
    server[1].wrong, server[1].done = (lambda method, path: None), 0
    server[1].seen.clear()
    fs = s3fs.S3FileSystem()
    with contextlib.suppress(FileNotFoundError):
        fs.rm(BUCKET, recursive=True)
    with contextlib.suppress(FileExistsError):
        fs.mkdir(BUCKET)
    fs.invalidate_cache()
    yield server[1]
    server[1].wrong = lambda method, path: None


@pytest.fixture
def made(tmp_path: Path) -> list[Made]:
    return four_versions(tmp_path)


def environment(url: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "canary-id", "AWS_SECRET_ACCESS_KEY": "canary-secret",
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }  # fmt: skip


URL = f"s3://{BUCKET}/team/out"


def quick(timeout_s: float = 5.0) -> Bucket:
    return Bucket(URL, timeout_s=timeout_s)


def test_versions_come_and_stay(faults: Faults, made: list[Made]) -> None:
    for version in made:
        go(quick(), version)
    assert history(quick()) == [m.summary.id for m in made[:3]]
    for version in made:
        assert held(URL, open_build(URL, version=version.summary.id).summary) == version.data


@pytest.mark.parametrize("fault", ["500", "503", "cut", "slow"])
def test_a_server_that_fails_one_request_in_four(faults: Faults, made: list[Made], fault: str) -> None:
    draw = random.Random(3)
    faults.wrong = lambda method, path: fault if draw.random() < 0.25 else None
    for version in made[:3]:
        go(quick(), version)
    found = {v.summary.id: held(URL, open_build(URL, version=v.summary.id, timeout_s=5.0).summary) for v in made[:3]}
    assert found == {v.summary.id: v.data for v in made[:3]}
    assert faults.done > 10


def test_answers_that_never_come_are_asked_for_again(faults: Faults, made: list[Made]) -> None:
    hung = set()

    def wrong(method: str, path: str) -> str | None:
        if method in ("PUT", "GET") and "m.parquet" in path and (method, path) not in hung:
            hung.add((method, path))
            return "hang"
        return None

    faults.wrong, faults.hang_s = wrong, 3.0
    go(quick(timeout_s=1.0), made[0])
    assert held(URL, open_build(URL, timeout_s=1.0).summary) == made[0].data
    assert len(hung) == 2


def test_a_large_file_goes_in_parts_some_of_which_fail(
    faults: Faults, made: list[Made], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from datagen.store.files import file_entry

    big = tmp_path / "big.parquet"
    big.write_bytes(random.Random(1).randbytes(60 << 20))  # s3fs makes parts of 50 MiB
    one = made[0]
    name = "tokens/a.parquet"
    version = replace(
        one, summary=replace(one.summary, files={**one.summary.files, name: file_entry(big)}), sources={**one.sources, name: big}
    )  # fmt: skip
    failed = []

    def wrong(method: str, path: str) -> str | None:
        if method == "PUT" and path.endswith(name) and len(failed) < 2:
            failed.append(path)
            return "500"
        return None

    faults.wrong = wrong
    go(quick(60.0), version)
    assert len(failed) == 2
    with open_build(URL).open(name) as file:
        assert isinstance(file, remote.Patient)
        assert file.read() == big.read_bytes()
    open_build(URL).verify(name)


def test_a_bucket_that_vanishes_is_one_line(faults: Faults, made: list[Made], monkeypatch: pytest.MonkeyPatch) -> None:
    import s3fs

    monkeypatch.setattr(bucket_room, "TRIES", 2)
    go(quick(), made[0])
    build = open_build(URL)
    fs = s3fs.S3FileSystem()
    fs.rm(BUCKET, recursive=True)
    with pytest.raises(
        EngineError, match=r"s3://corpora/team/out/.*: (cannot be written: there is no such bucket|not writable)"
    ) as caught:
        go(quick(), made[1])
    assert "\n" not in str(caught.value)
    with pytest.raises(Exception, match="there is no such file") as gone:
        build.read("tokens/a.parquet")
    assert "\n" not in str(gone.value)
    with pytest.raises(UserError, match=r"s3://corpora/team/out: is no build"):
        open_build(URL)


def test_keys_that_may_not_write_are_told_before_any_work(
    faults: Faults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_room, "TRIES", 2)
    monkeypatch.chdir(tmp_path)
    faults.wrong = lambda method, path: "403" if method == "PUT" else None
    ran = inside(*SMALL, "--out", URL, "--quiet")
    assert ran.code == 2
    assert ran.err.count("\n") == 1
    assert "s3://corpora/team/out/versions/history.json: not writable" in ran.err
    assert "canary" not in ran.err
    assert not list(tmp_path.rglob("train-*"))


def test_a_server_that_is_down_is_one_line(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    import s3fs

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(bucket_room, "TRIES", 1)
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(EngineError, match=r"s3://corpora/team/out/build.json: not readable in one try"):
        prepare_small()


def prepare_small() -> None:
    from datagen import recipes

    prepare(recipes.compose(dialogs=4), URL)


def test_what_is_not_ours_is_left_alone(faults: Faults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    quick().write("thesis.txt", b"mine")
    with pytest.raises(UserError, match="holds files and no build"):
        prepare_small()


def test_an_upload_that_was_cut_off_goes_on_with_what_is_left(faults: Faults, made: list[Made], tmp_path: Path) -> None:
    where = Bucket(URL, tmp_path / "journal", timeout_s=5.0)
    go(where, made[0])
    real, bucket_room.TRIES = bucket_room.TRIES, 1
    try:
        faults.wrong = lambda method, path: "403" if method == "PUT" and path.endswith("m.parquet") else None
        with pytest.raises(EngineError, match=r"m.parquet: not writable in one try"):
            go(where, made[1])
    finally:
        bucket_room.TRIES = real
    assert held(URL, open_build(URL).summary) == made[0].data
    faults.wrong = lambda method, path: None
    faults.seen.clear()
    go(where, made[1])
    assert not [p for m, p in faults.seen if m == "PUT" and p.endswith("/tokens/b.parquet")]
    assert held(URL, open_build(URL).summary) == made[1].data
    assert not (tmp_path / "journal").exists()


def test_a_reader_beside_a_publisher_sees_whole_versions(faults: Faults, made: list[Made]) -> None:
    go(quick(), made[0])
    data = {m.summary.id: m.data for m in made}
    ended, wrong, seen = threading.Event(), [], set()

    def read() -> None:
        while not ended.is_set():
            now = open_build(URL, timeout_s=5.0)
            seen.add(now.summary.id)
            if held(URL, now.summary) != data[now.summary.id]:
                wrong.append(now.summary.id)

    reader = threading.Thread(target=read)
    reader.start()
    for version in (made[1:] + made) * 2:
        go(quick(), version)
    ended.set()
    reader.join(30)
    assert not wrong
    assert len(seen) >= 3


def test_the_command_builds_into_a_bucket_and_everything_reads_from_there(
    faults: Faults, server: tuple[str, Faults], built: Path, tmp_path: Path
) -> None:
    env = {**os.environ, **environment(server[0]), "PYTHONPATH": os.pathsep.join(sys.path)}

    def run(*arguments: str | Path) -> "tuple[int, str, str]":
        ran = datagen(*arguments, env=env, cwd=tmp_path, timeout_s=900)
        return ran.code, ran.out, ran.err

    draw = random.Random(5)
    faults.wrong = lambda method, path: "500" if draw.random() < 0.1 else None
    process = subprocess.Popen(
        [sys.executable, "-m", "datagen", *SMALL, "--out", URL, "--quiet"], env=env, cwd=tmp_path
    )
    while not any(p.endswith("tokens/train-00000.parquet") and m == "PUT" for m, p in list(faults.seen)):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    code, out, err = run(*SMALL, "--out", URL)
    assert (code, err.count("Traceback")) == (0, 0), err
    assert f"datagen check {URL}" in out

    mirror = tmp_path / "mirror"
    for name in quick().names():
        target = mirror / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(quick().read(name) or b"")
    same = tree(mirror, skip=(".work", "versions", "report"))
    assert same == tree(built, skip=(".work", "versions", "report"))

    assert run("check", URL)[:2] == (0, f"{URL}: ok\n")
    first = sorted(
        d.dialog_id for s in open_build(URL).shards("train") for d in ShardReader(open_build(URL)).dialogs(s)
    )[0]
    code, out, _ = run("show", URL, first, "--wav", "a.wav")
    assert code == 0
    assert first in out
    assert (tmp_path / "a.wav").stat().st_size > 100_000
    assert run("report", URL)[:2] == (0, f"{URL}/report/index.html\n")
    assert run("export", URL, "--to", "moshi-finetune", "--out", "exported")[0] == 0
    assert "Nothing to do" in run(*SMALL, "--out", URL)[1]

    old = open_build(URL)
    code, _, err = run(*[*SMALL[:3], *SMALL[5:]], "--add-dialogs", "3", "--out", URL, "--quiet")
    assert (code, err) == (0, "")
    new = open_build(URL)
    assert new.summary.counts.total.planned == 11
    assert versions(new) == [old.summary.id, new.summary.id]
    assert all(new.summary.files[n] == e for n, e in old.summary.files.items() if n.startswith(("tokens/", "audio/")))
    assert run("check", URL, "--version", old.summary.id[:6])[:2] == (0, f"{URL}: ok\n")
    assert run("check", URL)[:2] == (0, f"{URL}: ok\n")
    assert f"{old.summary.id}  " in run("log", URL)[1]
    assert "3 dialogues more" in run("log", URL)[1]

    victim = next(n for n in new.summary.files if n.startswith("tokens/train"))
    data = bytearray(quick().read(victim) or b"")
    data[len(data) // 2] ^= 0xFF
    quick().write(victim, bytes(data))
    code, out, _ = run("check", URL)
    assert code == 3
    assert f"{victim}: its SHA-256 is" in out
    assert "canary-secret" not in json.dumps([n.decode(errors="replace") for n in (quick().read("build.json") or b"",)])
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"canary-secret" not in path.read_bytes()
