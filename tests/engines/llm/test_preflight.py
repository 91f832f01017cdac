"""Preflight: one line a problem, nothing started, and nothing for what is well."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from datagen.engines.llm import gpus, preflight
from datagen.engines.llm.gpus import Gpu
from datagen.engines.llm.model_files import ModelFiles, cached, problems_of
from datagen.engines.llm.options import ServerOptions
from datagen.engines.llm.vllm_server import VllmServerOptions, free_port
from datagen.engines.own_env import environments
from datagen.errors import UserError

MESSAGES = [{"role": "user", "content": "x" * 3200}]


class Stub(http.server.BaseHTTPRequestHandler):
    tokenize = True

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != "Bearer secret":
            self._say(401, {"error": "Unauthorized"})
        else:
            self._say(
                200, {"object": "list", "data": [{"id": "Qwen/Qwen3-8B", "max_model_len": 1500}, {"id": "gpt-oss-20b"}]}
            )

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/tokenize" and self.tokenize:
            self._say(200, {"count": 700, "max_model_len": 1500})
        else:
            self._say(404, {"detail": "Not Found"})

    def _say(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Stub, "tokenize", True)
    monkeypatch.setenv("OUR_KEY", "secret")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


OPTIONS = ServerOptions(api_key_env="OUR_KEY", connect_timeout_s=2)


def test_nothing_stands_against_a_server_that_has_the_model_and_the_room(url: str) -> None:
    assert preflight.running(OPTIONS, [url, url], "Qwen/Qwen3-8B", MESSAGES, 800) == []
    assert preflight.running(OPTIONS, [url], "gpt-oss-20b", MESSAGES, 10**6) == []  # says no window


def test_a_window_that_is_too_small_is_counted_or_estimated(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = preflight.running(OPTIONS, [url], "Qwen/Qwen3-8B", MESSAGES, 801)
    assert "1500 tokens, and the longest prompt (700, counted) with a reply of up to 801 needs 1501" in line
    monkeypatch.setattr(Stub, "tokenize", False)
    (line,) = preflight.running(OPTIONS, [url], "Qwen/Qwen3-8B", MESSAGES, 800)
    assert "(1008, estimated)" in line


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("qwen/qwen3-8b", "has no model qwen/qwen3-8b. Did you mean Qwen/Qwen3-8B?"),
        ("Mistral", "has no model Mistral. It has: Qwen/Qwen3-8B, gpt-oss-20b."),
    ],
)
def test_a_model_that_it_lacks_names_the_nearest(model: str, says: str, url: str) -> None:
    (line,) = preflight.running(OPTIONS, [url], model)
    assert line.endswith(says)


def test_every_server_that_is_down_or_refuses_is_named(url: str) -> None:
    down = f"http://127.0.0.1:{free_port()}"
    lines = preflight.running(OPTIONS, [down, url], "Qwen/Qwen3-8B")
    assert len(lines) == 1
    assert down in lines[0]
    (line,) = preflight.running(ServerOptions(), [url], "Qwen/Qwen3-8B")
    assert "key" in line


def test_what_the_user_has_wrong_is_the_user_s(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKEN_KEY", "one\ntwo")
    for options, urls, says in (
        (ServerOptions(api_key_env="NOT_SET_HERE"), [url], "NOT_SET_HERE"),
        (ServerOptions(api_key_env="BROKEN_KEY"), [url], "BROKEN_KEY"),
        (OPTIONS, ["ftp://x"], "ftp://x"),
        (OPTIONS, [url, "http://a..b/v1"], "a..b"),
    ):
        with pytest.raises(UserError, match=says):
            preflight.running(options, urls, "Qwen/Qwen3-8B")


def test_it_can_be_called_within_an_event_loop(url: str) -> None:
    import asyncio

    async def within() -> list[str]:
        return preflight.running(OPTIONS, [url], "Qwen/Qwen3-8B", MESSAGES, 10)

    assert asyncio.run(within()) == []


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "qwen3-tiny"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen3", "max_position_embeddings": 4096}))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(bytes(1000))
    return folder


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts an environment there as an install leaves it."""
    home = tmp_path / "engines"
    monkeypatch.setenv(environments.VARIABLE, str(home))

    def put(flavour: str) -> None:
        folder = home / f"vllm-{flavour}-1-0"
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").touch()
        (folder / "pyvenv.cfg").touch()
        said = {
            "format": 1,
            "engine": "vllm",
            "flavour": flavour,
            "version": "1",
            "folder": folder.name,
            "python": "3.11.0",
            "packages": {},
        }
        (home / "vllm.json").write_text(json.dumps({**said, "packages": {}}))

    return put


def test_nothing_stands_against_a_server_that_can_be_started(model: Path, installed: Callable[[str], None]) -> None:
    installed("cpu")
    assert preflight.to_start(str(model), VllmServerOptions(max_model_len=4096), 3000, 1000) == []
    assert preflight.to_start(str(model), VllmServerOptions(max_model_len=0), 3000, 1000) == []


def test_all_that_stands_against_one_is_said_at_once(model: Path, installed: Callable[[str], None]) -> None:
    del installed  # the folder is empty
    (model / "tokenizer.json").unlink()
    options = VllmServerOptions(max_model_len=8192, extra_args=("--port=8000",))
    lines = preflight.to_start(str(model), options, 8000, 1000)
    for line, says in zip(
        lines, ("--port", "datagen engines install vllm", "a tokenizer", "was made for 4096 tokens", "(8000, estimated)"), strict=True
    ):  # fmt: skip
        assert says in line
        assert "\n" not in line


def test_a_context_that_is_stretched_on_purpose_may_be_longer(model: Path, installed: Callable[[str], None]) -> None:
    installed("cpu")
    config = {"max_position_embeddings": 4096, "rope_scaling": {"rope_type": "yarn", "factor": 4.0}}
    (model / "config.json").write_text(json.dumps(config))
    assert preflight.to_start(str(model), VllmServerOptions(max_model_len=16_384), 9000, 1000) == []


def test_what_a_models_folder_lacks_is_named(model: Path) -> None:
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (model / "model.safetensors").rename(model / "model-00001-of-00002.safetensors")
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    (model / "config.json").write_text("{")
    (line,) = problems_of(ModelFiles.of(str(model)))
    assert "a readable config.json" in line
    assert "1 of its files of weights (model-00002-of-00002.safetensors)" in line
    (line,) = problems_of(ModelFiles.of(str(model / "elsewhere")))
    assert "there is no such folder" in line
    (line,) = problems_of(ModelFiles.of("not a name"))
    assert "neither a folder nor" in line


def test_a_hubs_model_is_looked_for_in_its_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert problems_of(ModelFiles.of("Qwen/Qwen3-8B")) == []  # the server fetches it
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (line,) = problems_of(ModelFiles.of("Qwen/Qwen3-8B"))
    assert "HF_HUB_OFFLINE" in line
    home = tmp_path / "models--Qwen--Qwen3-8B"
    (home / "snapshots" / "c0ffee").mkdir(parents=True)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("c0ffee")
    assert cached("Qwen/Qwen3-8B") == cached("Qwen/Qwen3-8B", "c0ffee") == home / "snapshots" / "c0ffee"
    assert cached("Qwen/Qwen3-8B", "other") is None
    (line,) = problems_of(ModelFiles.of("Qwen/Qwen3-8B"))
    assert "lacks" in line


def test_gpus_are_counted_and_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    gb = 10**9
    monkeypatch.setattr(gpus, "visible_gpus", lambda: None)
    assert "no GPU" in gpus.gpu_problems(gb, 1, 0.9)[0]
    monkeypatch.setattr(gpus, "visible_gpus", lambda: [Gpu(0, 80 * gb, 78 * gb), Gpu(1, 80 * gb, 20 * gb)])
    assert gpus.gpu_problems(60 * gb, 1, 0.9) == []
    assert "tensor_parallel_size = 4, and 2 GPUs" in gpus.gpu_problems(gb, 4, 0.9)[0]
    assert "20 GB of 80 are free" in gpus.gpu_problems(60 * gb, 2, 0.9)[0]
    assert "GPU 0: a share of 100 GB" in gpus.gpu_problems(100 * gb, 1, 0.9)[0]


def test_nvidia_smi_is_read_as_cuda_sees_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho '0, GPU-aaaa, 81559, 80000'\necho '1, GPU-bbbb, 81559, 1000'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    both = gpus.visible_gpus()
    assert both is not None
    assert [g.index for g in both] == [0, 1]
    assert both[1].free_bytes == 1000 * 1_048_576
    for chosen, indices in {"1": [1], "GPU-aaaa": [0], "": [], "0,1": [0, 1]}.items():
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
        found = gpus.visible_gpus()
        assert found is not None
        assert [g.index for g in found] == indices
    tool.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'\nexit 9\n")
    assert gpus.visible_gpus() is None


def test_weights_beyond_this_machines_memory_are_refused() -> None:
    assert gpus.memory_problems(1000, 1, 0.9) == []
    assert "memory are free" in gpus.memory_problems(10**15, 1, 0.9)[0]
