"""The command line and the environment variables of a vLLM server."""

import json
import os
from typing import TYPE_CHECKING

from datagen.engines.llm.families import Family
from datagen.engines.own_env.environments import Environment

if TYPE_CHECKING:
    from datagen.engines.llm.vllm_server import VllmServerOptions

MODULE = "vllm.entrypoints.openai.api_server"
"""`vllm serve` asks for a distribution named vllm, which the build for processors is not; the module is in 0.32 and in 0.33."""
OURS = ("--model", "--host", "--port", "--api-key", "--served-model-name", "--revision", "--tensor-parallel-size", "-tp",
        "--gpu-memory-utilization", "--max-model-len", "--reasoning-parser", "--uds", "--root-path", "--ssl-keyfile")  # fmt: skip
"""Arguments that options stand for, or on which the connection to the server hangs: not to be given as extra ones."""
CODE = ("--trust-remote-code", "--load-format", "--config", "--middleware", "--worker-cls", "--worker-extension-cls", "--scheduler-cls",
        "--logits-processors", "--reasoning-parser-plugin", "--tool-parser-plugin", "--model-loader-extra-config", "--lora-modules",
        "--allowed-local-media-path", "--kv-transfer-config", "--io-processor-plugin")  # fmt: skip
"""Arguments that make the server import code, open pickles or read other files: a recipe may come from anybody."""
_CPU_CACHE_GB = "2"
_CPU_BATCH_TOKENS = 8192


def arguments(
    environment: Environment,
    model: str,
    served: str,
    family: Family,
    options: "VllmServerOptions",
    host: str,
    port: int,
) -> list[str]:
    """The whole command. Sampling is the requests' alone: what a model's generation_config.json says is left out."""
    command = [
        str(environment.python), "-m", MODULE, "--model", model, "--served-model-name", served, "--host", host, "--port", str(port),
        "--seed", "0", "--generation-config", "vllm", "--disable-uvicorn-access-log",
        "--structured-outputs-config", json.dumps({"backend": family.grammar, "disable_any_whitespace": True}),
    ]  # fmt: skip
    if not model.endswith(".gguf"):
        command += ["--load-format", "safetensors"]  # or it would fall back to pickles
    if options.revision:
        command += ["--revision", options.revision, "--tokenizer-revision", options.revision]
    if options.max_model_len:
        command += ["--max-model-len", str(options.max_model_len)]
    if environment.flavour == "cpu":
        # A prompt that is read in parts ends vLLM on a CPU as soon as its request has a seed ("CPU Generator does not use offset").
        whole = str(max(options.max_model_len, _CPU_BATCH_TOKENS))
        command += ["--no-enable-chunked-prefill", "--max-num-batched-tokens", whole]
    else:
        command += ["--tensor-parallel-size", str(options.tensor_parallel_size)]
        command += ["--gpu-memory-utilization", str(options.gpu_memory_utilization)]
    parser = family.parser if options.reasoning_parser == "auto" else options.reasoning_parser
    if parser and parser != "none":
        command += ["--reasoning-parser", parser]
    return [*command, *options.extra_args]


def clashing(extra_args: tuple[str, ...]) -> list[str]:
    """Those of the extra arguments that are not to be given, in full or shortened, each with its value's place left out."""
    named = [a.split("=", 1)[0] for a in extra_args if a.startswith("-")]
    return [
        n for n in named if n == "-tp" or any(refused.startswith(n.replace("_", "-")) for refused in (*OURS, *CODE))
    ]


def environ_for(environment: Environment, key: str) -> dict[str, str]:
    """This process's variables for the server: its key, no usage statistics, nothing that leads its Python elsewhere.

    The Hugging Face variables (cache, offline, token) stay as they are.
    """
    strangers = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    kept = {k: v for k, v in os.environ.items() if k not in strangers and not k.startswith("DATAGEN_VLLM_KEY_")}
    ours = {"VLLM_API_KEY": key, "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    if environment.flavour == "cpu":
        kept.setdefault("VLLM_CPU_KVCACHE_SPACE", _CPU_CACHE_GB)
    return kept | ours
