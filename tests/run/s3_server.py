"""An S3 server on loopback (moto's), with what a network and a bad night do to it."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

BUCKET = "corpora"

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass
class Faults:
    """What happens to requests. `wrong(method, path)` names a fault, or None: "500", "503", "hang", "slow", "cut", "403"."""

    app: Wsgi
    wrong: Callable[[str, str], str | None] = lambda method, path: None
    hang_s: float = 30.0
    seen: list[tuple[str, str]] = field(default_factory=list)
    done: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        with self.lock:
            fault = self.wrong(method, path)
            self.seen.append((method, path))
            self.done += fault is not None
        if fault in ("500", "503", "403"):
            start(f"{fault} Fault", [("Content-Type", "application/xml")])
            return [f"<Error><Code>{'AccessDenied' if fault == '403' else 'InternalError'}</Code></Error>".encode()]
        if fault == "hang":
            time.sleep(self.hang_s)
        body = self.app(environ, start)
        if fault == "slow":
            return self._slowly(b"".join(body))
        if fault == "cut":
            whole = b"".join(body)
            return [whole[: len(whole) // 2]]  # fewer bytes than Content-Length says: the connection ends in the middle
        return body

    @staticmethod
    def _slowly(data: bytes) -> Iterator[bytes]:
        step = max(1, len(data) // 10)
        for at in range(0, len(data), step):
            time.sleep(0.02)
            yield data[at : at + step]


@contextlib.contextmanager
def served() -> Iterator[tuple[str, Faults]]:
    """The server's URL and its faults; ends with the block."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log_request(self, *_: Any) -> None:
            pass

        def log(self, *_: Any) -> None:
            pass

    faults = Faults(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, faults, threaded=True, request_handler=Quiet)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", faults
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
