"""A vLLM server of our own: started in its environment on a free port of this machine, stopped with whoever started it."""

import asyncio
import contextlib
import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from datagen.config import Options, knob
from datagen.engines.llm.families import Family, family_of
from datagen.engines.llm.model_identity import served_name
from datagen.engines.llm.vllm_arguments import arguments, environ_for
from datagen.engines.llm.vllm_faults import explained
from datagen.engines.own_env import environments, keeper
from datagen.engines.own_env.environments import Environment
from datagen.errors import EngineError
from datagen.store.files import disk

HOST = "127.0.0.1"
_PORT_TRIES = 3
_POLL_S = 0.25
_LOG_TAIL_BYTES = 65_536


class VllmServerOptions(Options):
    """How a vLLM server of our own is run; part of the options of an engine that starts one."""

    revision: str = knob(
        "",
        "commit of the model on its hub (40 hex digits), which makes rows traceable; empty: unpinned, and the makers say so",
    )
    tensor_parallel_size: int = knob(1, "GPUs that share the model", "GPUs", ge=1, le=64, changes_output=False)
    gpu_memory_utilization: float = knob(
        0.9, "share of each GPU's memory that the server takes", "share", gt=0, le=1, changes_output=False
    )
    max_model_len: int = knob(
        8192,
        "context window: longest prompt and reply together; 0: the model's own",
        "tokens",
        ge=0,
        changes_output=False,
    )
    reasoning_parser: str = knob("auto", "vLLM's reasoning parser: auto (by the model's family), none, or its name")
    extra_args: tuple[str, ...] = knob((), 'further arguments of the server, e.g. ["--quantization", "fp8"]')
    start_timeout_s: float = knob(
        1800.0, "longest wait for a started server, fetching the model included", "s", gt=0, changes_output=False
    )
    stop_timeout_s: float = knob(20.0, "how long a server has to end by itself", "s", gt=0, changes_output=False)


class VllmServer:
    """A server that answers at `url` after `start()` and is gone after `close()`, or when this process is, however that ends.

    `model` is a folder or a hub's id; the server gives it the name `served` (the folder's last part, so that no path of this machine
    gets into rows). `work` is where its log goes (a temporary folder without one). The API key is its own, in the
    environment variable `api_key_env` of this process while the server runs.
    """

    def __init__(
        self,
        model: str,
        options: VllmServerOptions,
        work: Path | None = None,
        family: Family | None = None,
        environment: Environment | None = None,
    ) -> None:
        folder = Path(model).expanduser()
        self.model, self.served = str(folder) if folder.is_dir() else model, served_name(model)
        self.options = options
        self.family = family or family_of(model)
        self.url = ""
        self.api_key_env = ""
        self._work, self._environment = work, environment
        self._log: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> str:
        """The server's base URL (with /v1), once it answers; an EngineError says in a line why it does not.

        One that runs is left as it is; one that has ended is started anew, under another key.
        """
        async with self._starting:
            if self.url and not self.ended():
                return self.url
            await self._stop()
            environment = self._environment or environments.needed("vllm")
            for left in reversed(range(_PORT_TRIES)):
                try:
                    return await self._start(environment, free_port())
                except _PortTaken as error:
                    if not left:
                        raise EngineError(f"{self._name()}: {error} {_PORT_TRIES} ports one after the other.") from None
        raise AssertionError("unreachable")

    async def _start(self, environment: Environment, port: int) -> str:
        key = secrets.token_urlsafe(24)
        self._log = self._new_log(port)
        command = arguments(environment, self.model, self.served, self.family, self.options, HOST, port)
        self._process = subprocess.Popen(
            [sys.executable, "-I", keeper.__file__, str(os.getpid()), str(self.options.stop_timeout_s), str(self._log), *command],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=environ_for(environment, key), start_new_session=True,
        )  # fmt: skip
        try:
            await self._wait(port)
        except BaseException:
            await self._stop()
            raise
        self.url, self.api_key_env = f"http://{HOST}:{port}/v1", f"DATAGEN_VLLM_KEY_{port}"
        os.environ[self.api_key_env] = key
        return self.url

    async def _wait(self, port: int) -> None:
        end = time.monotonic() + self.options.start_timeout_s
        while not await asyncio.to_thread(healthy, port):
            why = self.ended()
            if "port was taken" in why:
                raise _PortTaken("the port was taken by another process,")
            if why:
                raise EngineError(f"{self._name()}: the server {why} Its log: {self._log}")
            if time.monotonic() > end:
                raise EngineError(
                    f"{self._name()}: no answer after start_timeout_s = {self.options.start_timeout_s:g} s: the server "
                    f"{explained(self._tail(), None)} Its log: {self._log}"
                )
            await asyncio.sleep(_POLL_S)

    def ended(self) -> str:
        """Why the server is gone, from its log; empty while it runs, and after `close()`."""
        code = self._process.poll() if self._process is not None else None
        return "" if code is None else explained(self._tail(), code)

    async def close(self) -> None:
        """Stops the server and waits for its end: gently for `stop_timeout_s`, then by force."""
        async with self._starting:
            failed = bool(self.ended())
            await self._stop()
            if self._work is None and self._log is not None and not failed:
                self._log.unlink(missing_ok=True)
                self._log = None

    async def _stop(self) -> None:
        process, self._process, self.url = self._process, None, ""
        os.environ.pop(self.api_key_env, None)
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(process.wait, self.options.stop_timeout_s + 10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _new_log(self, port: int) -> Path:
        folder = self._work or Path(tempfile.gettempdir())
        with disk(folder):
            folder.mkdir(parents=True, exist_ok=True)
            log = folder / f"vllm-{port}-{os.getpid()}.log"
            log.write_bytes(b"")
        return log

    def _tail(self) -> str:
        if self._log is None or not self._log.is_file():
            return ""
        with self._log.open("rb") as file:
            file.seek(max(0, self._log.stat().st_size - _LOG_TAIL_BYTES))
            return file.read().decode(errors="replace")

    def _name(self) -> str:
        return f"vllm with {self.served}"


class _PortTaken(Exception):
    pass


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on now; another process may take it before it is used."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def healthy(port: int) -> bool:
    """Whether a server answers /health there with 200, within 2 s."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
