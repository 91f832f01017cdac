"""A chat server that repeats the key that it is sent wherever it can, and what to look for afterwards."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

KEY = "sk-canary-0123456789abcdef"
VARIABLE = "CANARY_API_KEY"


class Parrot(BaseHTTPRequestHandler):
    """A chat server whose every answer holds the key that it was sent: as a model's reply, in errors, in names."""

    n_keyed = 0
    """How many requests came with the key."""

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


@contextmanager
def parrot() -> Iterator[str]:
    """The address of one, for the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Parrot)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def sets(url: str) -> list[str]:
    pairs = ("writer.engine=openai", "writer.model=m", f'writer.urls=["{url}"]', f"writer.api_key_env={VARIABLE}",
             "writer.keep_replies=true", "run.attempts=2", "plan.max_voices=40", "run.shard_dialogs=2", "writer.tries=2")  # fmt: skip
    return [part for pair in pairs for part in ("--set", pair)]


def build(out: Path, runner: str, url: str) -> list[str | Path]:
    """The command of a build that is written by the server at `url`."""
    flags = ["build", "--domains", "bank", "--dialogs", "3", "--seed", "5", "--workers", "1", "--runner", runner]
    return [*flags, "--out", out, *sets(url)]


def holding(folder: Path, secret: bytes) -> list[str]:
    """The files below a folder that hold a secret, packed or not."""
    found = []
    for path in (p for p in folder.rglob("*") if p.is_file()):
        data = path.read_bytes()
        if secret in data or (path.suffix == ".gz" and secret in gzip.decompress(data)) or secret in str(path).encode():
            found.append(str(path))
    return found
