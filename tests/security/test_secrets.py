"""A canary for secrets: a key in the environment, a server that repeats it wherever it can, and every byte that a build leaves."""

import gzip
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from datagen import recipes
from datagen.errors import UserError
from datagen.run.prefect_child import run_flow
from datagen.run.request import prepare
from tests.conftest import datagen, inside

KEY = "sk-canary-0123456789abcdef"
VARIABLE = "CANARY_API_KEY"


class Parrot(BaseHTTPRequestHandler):
    """A chat server whose every answer holds the key that it was sent: as a model's reply, in errors, in names."""

    n_keyed = 0

    def do_GET(self) -> None:
        self._say(200, {"data": [{"id": "m", "owned_by": self.headers.get("Authorization")}]})

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        said = self.headers.get("Authorization", "")
        type(self).n_keyed += KEY in said
        message = {"role": "assistant", "content": f"{said} {asked[:40].decode()}", "reasoning": said}
        reply = {"model": f"m {said}", "choices": [{"message": message, "finish_reason": "stop"}]}
        self._say(*((500, {"error": {"message": said}}) if Parrot.n_keyed % 3 == 0 else (200, reply)))

    def _say(self, status: int, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(status, "OK")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Key", self.headers.get("Authorization", ""))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def parrot() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Parrot)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def sets(url: str) -> list[str]:
    pairs = ("writer.engine=openai", "writer.model=m", f'writer.urls=["{url}"]', f"writer.api_key_env={VARIABLE}",
             "writer.keep_replies=true", "run.attempts=2", "plan.max_voices=40", "run.shard_dialogs=2", "writer.tries=2")  # fmt: skip
    return [part for pair in pairs for part in ("--set", pair)]


def holding(folder: Path, secret: bytes) -> list[str]:
    """The files below a folder that hold a secret, packed or not."""
    found = []
    for path in (p for p in folder.rglob("*") if p.is_file()):
        data = path.read_bytes()
        if secret in data or (path.suffix == ".gz" and secret in gzip.decompress(data)) or secret in str(path).encode():
            found.append(str(path))
    return found


@pytest.mark.slow
def test_the_key_is_in_nothing_that_a_build_leaves(tmp_path: Path, parrot: str) -> None:
    env = {**os.environ, VARIABLE: KEY}
    flags = [
        "build",
        "--domains",
        "bank",
        "--dialogs",
        "3",
        "--seed",
        "5",
        "--workers",
        "1",
        "--out",
        tmp_path / "out",
        "--runner",
    ]
    ran = datagen(*flags, "local", *sets(parrot), env=env)
    assert ran.code == 3, "no reply is a dialogue"
    assert Parrot.n_keyed > 3, "the server has had the key"
    kept = [p for p in (tmp_path / "out").rglob("*.jsonl") if "replies" in str(p)]
    assert any(b"Bearer ***" in p.read_bytes() for p in kept), "replies were kept, without the key"
    assert holding(tmp_path, KEY.encode()) == []
    assert KEY not in ran.out + ran.err


@pytest.mark.slow
def test_a_key_in_the_wrong_place_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a person takes api_key_env for the key itself, or gives a recipe a key."""
    monkeypatch.setenv(VARIABLE, KEY)
    for pair in (
        f"writer.api_key_env={KEY}",
        f'writer.urls=["ftp://me:{KEY}@host"]',
        f'writer.urls=["http://me:{KEY}@h/?a=b"]',
    ):
        ran = inside("build", "--dry-run", "--domains", "bank", "--dialogs", "1", "--set", "writer.engine=openai",
                     "--set", "writer.model=m", "--set", pair, "--out", tmp_path / "out")  # fmt: skip
        assert ran.code == 1, pair
        assert KEY not in ran.out + ran.err, pair


def test_prefect_is_not_given_a_password(tmp_path: Path) -> None:
    """It keeps a flow's parameters, for everyone to see who may see its pages."""
    more = ["writer.engine=openai", "writer.model=m", f'writer.urls=["http://me:{KEY}@host/v1"]', "plan.max_voices=40"]
    run = prepare(recipes.compose("quickstart", domain_names=["bank"], dialogs=1, sets=more), tmp_path / "out")
    with pytest.raises(
        UserError, match="writer.urls: one holds a password, .*name that in writer.api_key_env"
    ) as raised:
        run_flow(run, 1, quiet=True)
    assert KEY not in str(raised.value)
