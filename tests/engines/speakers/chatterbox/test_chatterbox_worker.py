"""The worker's frame: every row is answered once, whatever dies, hangs or runs out of memory on the way. The model is a fake."""

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from datagen.audio.files import write_flac
from datagen.engines.own_env import environments
from datagen.engines.speakers.chatterbox import crew, launch, wire, worker, worker_client
from datagen.engines.speakers.chatterbox.options import ChatterboxOptions
from datagen.engines.speakers.chatterbox.worker_client import Asked, WorkerClient
from datagen.errors import EngineError
from datagen.protocols import Failure
from tests.engines.speakers.chatterbox.fake_model import FULL
from tests.engines.speakers.chatterbox.small_bank import clip, own_environment

FAKE = str(Path(__file__).with_name("fake_model.py"))


class Scene:
    """A home for an environment, a checkpoint that only the fake model reads, and a clip."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        own_environment(folder / "engines")
        self.checkpoint = folder / "checkpoint"
        self.checkpoint.mkdir()
        self.clips = {"a": str(folder / "a.flac"), "b": str(folder / "b.flac")}
        for n, path in enumerate(self.clips.values()):
            write_flac(Path(path), clip(n))
        self.clients: list[WorkerClient] = []

    def client(self, stall_s: float = 30, start_timeout_s: float = 60, **options: Any) -> WorkerClient:
        made = ChatterboxOptions(checkpoint=str(self.checkpoint), **options)
        settings = crew.settings(made, "cpu", "float32", FAKE)
        client = WorkerClient(environments.needed("chatterbox"), settings, stall_s, start_timeout_s)
        self.clients.append(client)
        return client

    @property
    def log(self) -> list[str]:
        return (self.checkpoint / "calls.log").read_text().splitlines()

    def count(self, word: str) -> int:
        return sum(line.split()[0] == word for line in self.log)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setenv(environments.VARIABLE, str(tmp_path / "engines"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(launch.tempfile, "tempdir", str(tmp_path))
    made = Scene(tmp_path)
    yield made
    for client in made.clients:
        client._end()


def rows(*texts: str, **more: Any) -> list[Asked]:
    settings = {"clip": "a", "exaggeration": 0.5, "temperature": 0.8, "top_p": 1.0, "min_p": 0.05, "repetition_penalty": 1.2,
                "cfg_weight": 0.5, "max_tokens": 100, "flow_steps": 10, **more}  # fmt: skip
    return [Asked(id=n, text=text, seed=n, **settings) for n, text in enumerate(texts)]


def kinds(answers: dict[int, Any]) -> list[str]:
    return [a.reason if isinstance(a, Failure) else "sound" for _, a in sorted(answers.items())]


def test_every_row_is_answered_and_a_voice_is_conditioned_once(scene: Scene) -> None:
    client = scene.client(batch_rows=16, flow_prompt_s=4)
    texts = [f"This is the text number {n}." for n in range(6)]
    first = client.speak(rows(*texts), scene.clips)
    again = client.speak(rows(*texts)[::-1], scene.clips)
    assert kinds(first) == ["sound"] * 6
    assert all(a.dtype == np.float32 for a in first.values())
    assert not np.array_equal(first[0], first[1])
    assert all(np.array_equal(first[n], again[n]) for n in range(6))
    client.speak(rows(*texts, clip="b"), scene.clips)
    assert scene.count("voice") == 2
    assert scene.log[0].startswith("load cpu float32 original 16 4 ")
    assert {line for line in scene.log if line.startswith("speak")} == {"speak 6 False"}
    assert client.seconds["t3"] == pytest.approx(18 * 0.25)
    assert client.speak([], scene.clips) == {}


def test_the_cache_of_voices_is_bounded(scene: Scene) -> None:
    client = scene.client(cache_voices=1)
    for clip_name in "abab":
        client.speak(rows("Some words.", clip=clip_name), scene.clips)
    assert scene.count("voice") == 4


def test_voices_make_room_where_memory_ends(scene: Scene) -> None:
    write_flac(scene.folder / "full.flac", np.resize(clip(2), FULL))
    client = scene.client()
    client.speak(rows("Some words."), scene.clips)
    assert kinds(client.speak(rows("Some words.", clip="c"), {"c": str(scene.folder / "full.flac")})) == ["sound"]
    client.speak(rows("Some words."), scene.clips)
    assert scene.count("voice") == 4


def test_a_sound_that_is_none_is_a_failure_of_its_row_alone(scene: Scene) -> None:
    (scene.folder / "none.flac").write_bytes(b"no audio at all")
    clips = {**scene.clips, "c": str(scene.folder / "none.flac")}
    asked = [*rows("Good.", "nan", "silent", "minute", "fault"), replace(rows("Good too.", clip="c")[0], id=5)]
    answers = scene.client().speak(asked, clips)
    assert kinds(answers) == ["sound", "broken_audio", "empty", "broken_audio", "cut", "clip"]
    said = {n: a.detail for n, a in answers.items() if isinstance(a, Failure)}
    assert said[1].startswith("1 of ")
    assert said[5] == "none.flac: cannot be read as audio"
    assert all("\n" not in detail for detail in said.values())


def test_the_row_that_the_worker_dies_under_is_found_and_rejected(scene: Scene) -> None:
    texts = [f"A text of words {n}." for n in range(9)]
    texts[4] = "die now"  # the shortest comes first: nothing is answered before it
    client = scene.client()
    answers = client.speak(rows(*texts), scene.clips)
    assert kinds(answers) == ["sound"] * 4 + ["worker_lost"] + ["sound"] * 4
    assert answers[4].detail.startswith("the worker died")
    assert answers[4].detail.endswith("under this text, alone and twice.")
    assert len({line.split()[-1] for line in scene.log if line.startswith("load")}) == scene.count("load") > 3


def test_a_row_that_the_model_fails_at_is_found_and_rejected_without_a_new_worker(scene: Scene) -> None:
    texts = [f"A text of words {n}." for n in range(5)]
    texts[3] = "It fails."
    answers = scene.client().speak(rows(*texts), scene.clips)
    assert kinds(answers) == ["sound"] * 3 + ["model_error", "sound"]
    assert answers[3].detail == "the worker failed (no such place) under this text, alone and twice."
    assert scene.count("load") == 1


def test_a_model_that_fails_at_everything_is_an_error(scene: Scene) -> None:
    with pytest.raises(
        EngineError, match=r"its worker failed \(no such place\) \d+ times, and answered nothing in between\."
    ):
        scene.client().speak(rows(*["It fails."] * 4), scene.clips)


def test_a_worker_that_died_between_two_jobs_is_replaced_and_its_process_id_is_left_alone(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = scene.client()
    client.speak(rows("Good."), scene.clips)
    os.kill(client._pid, signal.SIGKILL)
    killed: list[int] = []
    monkeypatch.setattr(worker_client.os, "kill", lambda pid, number: killed.append(pid))
    assert kinds(client.speak(rows("Good.", "Good too."), scene.clips)) == ["sound"] * 2
    assert killed == []
    assert scene.count("load") == 2


def test_what_a_worker_says_that_was_not_asked_for_is_passed_over_and_what_lacks_is_a_failure(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that answers row 0 alone, and one that nobody asked for."""
    ours, theirs = socket.socketpair()

    def answers() -> None:
        while True:
            try:
                job, _ = wire.receive(theirs)
            except wire.Broken:
                return
            sound = np.ones(8, np.float32)
            frames = [{"begun": job["job"]}, {"row": 0}, {"row": 77}, {"row": "0"}, {"alive": True}, {"odd": 1}]
            for said in frames:
                wire.send(theirs, said, sound if "row" in said else sound[:0])
            wire.send(theirs, {"done": job["job"], "seconds": {"t3": 1.0}})

    thread = threading.Thread(target=answers)
    thread.start()
    monkeypatch.setattr(worker_client, "connected", lambda *_: (ours, 0))
    client = scene.client()
    found = client.speak(rows("Good.", "Good too."), scene.clips)
    client.close()
    thread.join()
    theirs.close()
    assert kinds(found) == ["sound", "model_error"]
    assert found.keys() == {0, 1}
    assert "gave no answer" in found[1].detail


def test_who_does_not_read_is_let_go_and_sees_it() -> None:
    one, other = socket.socketpair()
    with one, other:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 50_000))
        client = worker.Client(one, wire)
        client.tell({"row": 1}, np.zeros(2_000_000, np.float32))
        assert client.gone
        other.settimeout(5)
        with pytest.raises(wire.Broken, match="the line ended"):
            wire.receive(other)


def test_a_worker_of_other_code_or_weights_is_another(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def met(**more: Any) -> Path:
        made = ChatterboxOptions(checkpoint=str(scene.checkpoint))
        settings = {**crew.settings(made, "cpu", "float32", FAKE), **more}
        return launch.Place(environments.needed("chatterbox"), settings).socket

    assert crew.settings(ChatterboxOptions(checkpoint=str(scene.checkpoint)), "cpu", "float32", FAKE)[
        "weights"
    ].startswith("files-")
    assert met() == met()
    assert met(weights="files-0123") != met()
    before = met()
    monkeypatch.setattr(launch, "_code", lambda: "another")
    assert met() != before


@pytest.mark.slow
def test_a_worker_that_hangs_is_ended(scene: Scene) -> None:
    answers = scene.client(stall_s=0.6).speak(rows("One is well.", "hang"), scene.clips)
    assert kinds(answers) == ["sound", "worker_lost"]
    assert "gave nothing for stall_s = 0.6 s under this text" in answers[1].detail


@pytest.mark.slow
def test_a_worker_that_only_dies_is_an_error(scene: Scene) -> None:
    with pytest.raises(EngineError, match=r"its worker died.* \d+ times, and answered nothing in between\."):
        scene.client().speak(rows(*["die"] * 4), scene.clips)


def test_out_of_memory_halves_the_batch_and_says_so_once(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    client = scene.client(batch_rows=16)
    assert kinds(client.speak(rows(*["crowd of words"] * 16), scene.clips)) == ["sound"] * 16
    assert kinds(client.speak(rows(*["crowd of words"] * 8), scene.clips)) == ["sound"] * 8
    assert capsys.readouterr().err.count("\n") == 1
    assert [line for line in scene.log if line.startswith("speak")][:4] == [f"speak {n} False" for n in (16, 8, 4, 2)]


def test_the_mark_is_put_on_whole_sounds(scene: Scene) -> None:
    sounds = {3: np.full(1000, 0.25, np.float32), 9: np.zeros(500, np.float32)}
    sounds[4] = np.zeros(61 * 24_000, np.float32)  # of many pieces: longer than any one that the model speaks
    marked = scene.client().mark(sounds)
    assert {i: len(m) for i, m in marked.items()} == {3: 1000, 9: 500, 4: 61 * 24_000}
    assert np.allclose(marked[3], 0.25 + 1 / 4096)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("bad", "speaker chatterbox: checkpoint lacks a tensor of that shape. Its log: "),
        ("dies", "its worker was killed by SIGABRT at its start. Its log: "),
        ("slow", "its worker was not ready after start_timeout_s = 1 s (the last it said: nothing). Its log: "),
    ],
)
def test_a_worker_that_does_not_start_says_why_in_a_line(scene: Scene, how: str, says: str) -> None:
    (scene.checkpoint / how).touch()
    with pytest.raises(EngineError) as error:
        scene.client(start_timeout_s=1 if how == "slow" else 60).speak(rows("Good."), scene.clips)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_several_share_one_worker(scene: Scene) -> None:
    """Threads here stand for the processes of a build: whoever comes first starts it."""
    clients = [scene.client() for _ in range(4)]
    found: list[list[str]] = [[] for _ in clients]

    def ask(n: int) -> None:
        found[n] = kinds(clients[n].speak(rows(*[f"Text {n} {m}." for m in range(5)]), scene.clips))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [["sound"] * 5] * 4
    assert scene.count("load") == 1
    assert len({c._pid for c in clients}) == 1


@pytest.mark.slow
def test_what_several_ask_for_at_once_is_one_batch_and_a_death_is_blamed_on_its_own_row(scene: Scene) -> None:
    first = scene.client()
    first.speak(rows("Warm."), scene.clips)
    others = [scene.client() for _ in range(3)]
    found: dict[int, list[str]] = {}

    def ask(n: int, *texts: str) -> None:
        found[n] = kinds(others[n].speak(rows(*texts), scene.clips))

    threads = [
        threading.Thread(target=ask, args=(0, "pause now")),
        threading.Thread(target=ask, args=(1, "Good morning.")),
        threading.Thread(target=ask, args=(2, "die")),
    ]
    for thread in threads:
        thread.start()
        time.sleep(0.15)  # the others come while the first pauses
    for thread in threads:
        thread.join()
    assert found == {0: ["sound"], 1: ["sound"], 2: ["worker_lost"]}
    assert "speak 2 False" in scene.log


def test_a_worker_ends_with_the_process_that_started_it(scene: Scene) -> None:
    script = (
        "import os, sys, time\nfrom tests.engines.speakers.chatterbox import test_chatterbox_worker as t\n"
        "from datagen.engines.own_env import environments\nfrom datagen.engines.speakers.chatterbox import crew\n"
        "from datagen.engines.speakers.chatterbox.options import ChatterboxOptions\n"
        "from datagen.engines.speakers.chatterbox.worker_client import WorkerClient\n"
        f"settings = crew.settings(ChatterboxOptions(checkpoint={str(scene.checkpoint)!r}), 'cpu', 'float32', t.FAKE)\n"
        "client = WorkerClient(environments.needed('chatterbox'), settings, 30, 60)\n"
        f"client.speak(t.rows('Good.'), {scene.clips!r})\nprint(client._pid, flush=True)\ntime.sleep(600)\n"
    )
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])}
    starter = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environ)
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    starter.stdout.close()
    end = time.monotonic() + 10
    while _lives(pid):
        assert time.monotonic() < end
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_hubs_model_is_fetched_at_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def snapshot_download(name: str, **more: Any) -> str:
        asked.update(name=name, **more)
        return "/cache/model"

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=snapshot_download))
    settings = crew.settings(ChatterboxOptions(model="turbo", revision="a" * 40), "cuda:0", "bfloat16", FAKE)
    assert worker._folder(settings) == Path("/cache/model")
    assert (asked["name"], asked["revision"]) == ("ResembleAI/chatterbox-turbo", "a" * 40)
    assert "t3_turbo_v1.safetensors" in asked["allow_patterns"]
    assert not any(p.endswith(".pt") for p in asked["allow_patterns"])  # no pickle is fetched
