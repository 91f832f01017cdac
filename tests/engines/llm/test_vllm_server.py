"""A server of our own, with a stand-in for vLLM's Python: started, told apart when it fails, and never left behind."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from datagen.engines.llm.families import family_of
from datagen.engines.llm.vllm_arguments import arguments, clashing, environ_for
from datagen.engines.llm.vllm_faults import explained
from datagen.engines.llm.vllm_server import VllmServer, VllmServerOptions
from datagen.engines.own_env.environments import Environment
from datagen.errors import EngineError

STAND_IN = '''
"""Does what vLLM's server does as far as a parent sees it; what it is to do stands in the model's name."""
import http.server, os, subprocess, sys, tempfile, time
a = sys.argv
model, port = a[a.index("--model") + 1], int(a[a.index("--port") + 1])
print("started with", " ".join(a), flush=True)
print("temporary", tempfile.gettempdir(), flush=True)
open(os.path.join(tempfile.gettempdir(), "socket"), "w").close()
print("child", subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid, flush=True)
if "dies" in model:
    sys.exit("api_server.py: error: unrecognized arguments: --nonsense")
if "taken" in model and not os.path.exists(a[0] + ".once"):
    open(a[0] + ".once", "w").close()
    sys.exit("OSError: [Errno 98] Address already in use")
if "killed" in model:
    os.kill(os.getpid(), 9)
if "hangs" in model:
    time.sleep(600)
if "stubborn" in model:
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
        self.wfile.write(os.environ["VLLM_API_KEY"].encode())
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
'''


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    folder = tmp_path / "environment"
    (folder / "bin").mkdir(parents=True)
    (folder / "stand_in.py").write_text(STAND_IN)
    python = folder / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "{folder}/stand_in.py" "$@"\n')
    python.chmod(0o755)
    return Environment("vllm", folder, "cpu", "0.32.0", "3.11.0", {})


def server(environment: Environment, model: str, tmp_path: Path, **options: object) -> VllmServer:
    return VllmServer(model, VllmServerOptions(**options), tmp_path / "work", environment=environment)


def started(tmp_path: Path, word: str) -> str:
    (log,) = sorted((tmp_path / "work").glob("*.log"))[-1:]
    return next(line for line in log.read_text().splitlines() if line.startswith(word))


def gone(pid: int, within_s: float = 10.0) -> bool:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
                time.sleep(0.05)
                continue
        return True
    return False


def test_it_answers_under_its_own_key_and_leaves_nothing_behind(environment: Environment, tmp_path: Path) -> None:
    async def use() -> tuple[str, str, str]:
        one = server(environment, "Qwen/Qwen3-8B", tmp_path, revision="abc", max_model_len=4096)
        url = await one.start()
        assert await one.start() == url  # once
        key, name = os.environ[one.api_key_env], one.api_key_env
        assert one.ended() == ""
        await one.close()
        assert (one.url, one.ended()) == ("", "")
        await one.close()
        return url, key, name

    url, key, name = asyncio.run(use())
    assert url.startswith("http://127.0.0.1:")
    assert url.endswith("/v1")
    assert len(key) > 20
    assert name not in os.environ
    said = started(tmp_path, "started with")
    assert key not in said
    for wanted in (
        "--revision abc",
        "--max-model-len 4096",
        "--reasoning-parser qwen3",
        "--served-model-name Qwen/Qwen3-8B",
        "--seed 0",
    ):
        assert wanted in said
    assert gone(int(started(tmp_path, "child").split()[1]))
    folder = Path(started(tmp_path, "temporary").split()[1])
    assert folder.name.startswith("datagen-")
    assert not folder.exists()


@pytest.mark.parametrize(
    ("model", "says"),
    [("dies", "unrecognized arguments: --nonsense. See the recipe's extra_args."), ("killed", "was killed by SIGKILL (out of memory?).")],
)  # fmt: skip
def test_one_that_ends_before_it_answers_says_why(
    model: str, says: str, environment: Environment, tmp_path: Path
) -> None:
    with pytest.raises(EngineError) as error:
        asyncio.run(server(environment, model, tmp_path).start())
    assert says in str(error.value)
    assert str(error.value).startswith(f"vllm with {model}: the server ")
    assert "\n" not in str(error.value)
    assert gone(int(started(tmp_path, "child").split()[1]))


def test_one_that_never_answers_is_given_up_and_stopped(environment: Environment, tmp_path: Path) -> None:
    one = server(environment, "hangs", tmp_path, start_timeout_s=1.5, stop_timeout_s=0.5)
    with pytest.raises(EngineError, match="no answer after start_timeout_s = 1.5 s"):
        asyncio.run(one.start())
    assert gone(int(started(tmp_path, "child").split()[1]))


def test_a_port_that_another_took_meanwhile_is_no_failure(environment: Environment, tmp_path: Path) -> None:
    async def use() -> None:
        one = server(environment, "taken", tmp_path)
        await one.start()
        await one.close()

    asyncio.run(use())
    assert len(list((tmp_path / "work").glob("*.log"))) == 2


def test_one_that_does_not_stop_by_itself_is_stopped_by_force(environment: Environment, tmp_path: Path) -> None:
    async def use() -> float:
        one = server(environment, "stubborn", tmp_path, stop_timeout_s=0.5)
        await one.start()
        began = time.monotonic()
        await one.close()
        return time.monotonic() - began

    assert asyncio.run(use()) < 5
    assert gone(int(started(tmp_path, "child").split()[1]))


def test_one_that_is_killed_later_says_so_and_can_be_started_anew(environment: Environment, tmp_path: Path) -> None:
    async def use() -> str:
        one = server(environment, "Qwen/Qwen3-8B", tmp_path)
        await one.start()
        child = int(started(tmp_path, "child").split()[1])
        os.kill(int(Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[1]), signal.SIGKILL)
        end = time.monotonic() + 10
        while not one.ended() and time.monotonic() < end:
            await asyncio.sleep(0.05)
        said, gone_url = one.ended(), one.url
        assert await one.start() != gone_url  # anew
        assert one.ended() == ""
        await one.close()
        return said

    assert asyncio.run(use()) == "was killed by SIGKILL (out of memory?)."


@pytest.mark.parametrize("victim", ["parent", "keeper"])
def test_it_ends_with_its_parent_however_that_ends(victim: str, environment: Environment, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import asyncio, sys, time\nfrom pathlib import Path\nfrom datagen.engines.own_env.environments import Environment\n"
        "from datagen.engines.llm.vllm_server import VllmServer, VllmServerOptions\n"
        "async def main():\n"
        f"    environment = Environment('vllm', Path({str(environment.folder)!r}), 'cpu', '0', '3', {{}})\n"
        f"    one = VllmServer('m', VllmServerOptions(), Path({str(tmp_path / 'work')!r}), environment=environment)\n"
        "    await one.start()\n    print(one._process.pid, flush=True)\n    time.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout is not None
        keeper = int(parent.stdout.readline())
        child = int(started(tmp_path, "child").split()[1])
        serving = int(Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[1])
        os.kill(parent.pid if victim == "parent" else keeper, signal.SIGKILL)
        assert gone(serving)
        if victim == "parent":  # a killed keeper has nobody left to end what its server started but the server itself
            assert gone(keeper)
            assert gone(child)
        else:
            os.kill(child, signal.SIGKILL)
    finally:
        parent.kill()
        parent.wait()


def test_without_a_gpu_the_gpus_arguments_are_left_out(environment: Environment) -> None:
    options = VllmServerOptions(
        tensor_parallel_size=4, reasoning_parser="none", max_model_len=0, extra_args=("--x", "1")
    )
    on_cpu = arguments(environment, "m", "m", family_of("gpt-oss-20b"), options, "127.0.0.1", 1)
    gpu = Environment("vllm", environment.folder, "gpu", "0.33.0", "3.11.0", {})
    on_gpu = arguments(gpu, "m", "m", family_of("gpt-oss-20b"), options, "127.0.0.1", 1)
    assert "--tensor-parallel-size" not in on_cpu
    assert on_gpu[on_gpu.index("--tensor-parallel-size") + 1] == "4"
    assert on_gpu[-2:] == ["--x", "1"]
    assert "--reasoning-parser" not in on_gpu
    assert "--max-model-len" not in on_gpu
    assert '"backend": "xgrammar"' in " ".join(on_gpu)


def test_arguments_that_options_stand_for_are_not_taken_twice() -> None:
    assert clashing(("--port=9", "--max_model_len", "5", "--quantization", "fp8", "-tp")) == [
        "--port",
        "--max_model_len",
        "-tp",
    ]


def test_the_servers_environment_has_no_telemetry_and_no_strange_python(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("DATAGEN_VLLM_KEY_1", "another server's")
    made = environ_for(environment, "key")
    assert (made["VLLM_NO_USAGE_STATS"], made["DO_NOT_TRACK"], made["VLLM_API_KEY"], made["HF_HUB_OFFLINE"]) == (
        "1",
        "1",
        "key",
        "1",
    )
    assert not {"PYTHONPATH", "DATAGEN_VLLM_KEY_1"} & made.keys()


@pytest.mark.parametrize(
    ("log", "says"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1 GiB", "does not fit into the GPU's memory"),
        ("ValueError: Free memory on device cuda:0 (3.5/79.1 GiB) on startup is less than desired GPU memory utilization (0.9, 71.2 GiB).",
         "3.5/79.1 GiB of the GPU are free, less than gpu_memory_utilization = 0.9"),
        ("  Value error, User-specified max_model_len (99999) is greater than the derived max_model_len (max_position_embeddings=4096.0 or",
         "max_model_len = 99999 is more than the model's own 4096"),
        ("OSError: We couldn't connect to 'https://huggingface.co' to load the files", "cannot be reached"),
        ("OSError: Repo id must be in the form 'repo_name' or 'namespace/repo_name': '/x/y'.", "no such model"),
        ("KeyError: \"Reasoning parser 'nope' not found. Available parsers: qwen3\"", "no reasoning parser 'nope'"),
        ("(EngineCore pid=12) INFO 11-21 loading\n(EngineCore pid=12) RuntimeError: it is new", "exit code 1: RuntimeError: it is new."),
        ("", "exit code 1: nothing."),
    ],
)  # fmt: skip
def test_what_a_log_says(log: str, says: str) -> None:
    assert says in explained(log, 1)
    assert "\n" not in explained(log, 1)
