"""What stands against a build's language-model servers, before any of them is asked for a dialogue: one line each, [] for nothing.

`running` asks servers that are there; `to_start` looks at what a server of our own needs, and starts nothing.
"""

import asyncio
import difflib
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from datagen.engines.llm.chat import ServedModel
from datagen.engines.llm.client import Client
from datagen.engines.llm.gpus import gpu_problems, memory_problems
from datagen.engines.llm.model_files import ModelFiles, problems_of
from datagen.engines.llm.options import ServerOptions
from datagen.engines.llm.vllm_arguments import clashing
from datagen.engines.llm.vllm_server import VllmServerOptions
from datagen.engines.llm.wire import address_of
from datagen.engines.own_env import environments
from datagen.errors import EngineError

CHARS_PER_TOKEN = 3.2
"""Of English prompts with JSON, at least: what a tokenizer of 100,000 words and more makes of them is 3.6 to 4.5."""

Messages = Sequence[Mapping[str, Any]]


def running(
    options: ServerOptions, urls: Sequence[str], model: str, longest: Messages = (), max_tokens: int = 0
) -> list[str]:
    """Problems of running servers: one that does not answer, lacks the model, or has too small a window for prompt and reply.

    `longest` are the messages of the longest prompt and `max_tokens` what its reply may take. A vLLM server counts the
    prompt's tokens itself; elsewhere they are estimated from above, at 3.2 characters each. UserError for a URL that is none, or
    a key's variable that is not set.
    """
    with ThreadPoolExecutor(1, "preflight") as apart:  # the caller may be in an event loop of its own
        return apart.submit(asyncio.run, _of_all(options, urls, model, longest, max_tokens)).result()


async def _of_all(
    options: ServerOptions, urls: Sequence[str], model: str, longest: Messages, max_tokens: int
) -> list[str]:
    client = Client(options, urls, model)
    try:
        per_server = await asyncio.gather(
            *(_of_one(client, options, url, model, longest, max_tokens) for url in dict.fromkeys(urls))
        )
    finally:
        await client.close()
    return [line for lines in per_server for line in lines]


async def _of_one(
    client: Client, options: ServerOptions, url: str, model: str, longest: Messages, max_tokens: int
) -> list[str]:
    try:
        models = await client.models(url)
    except EngineError as error:
        return [str(error)]
    name = address_of(url).name
    served = next((m for m in models if m.id == model), None)
    if served is None:
        return [_no_such_model(name, model, models)]
    if not longest or served.max_model_len is None:
        return []
    n_prompt, how = await _n_tokens(client, url, longest)
    return _window_problems(f"{name}: {model}", served.max_model_len, n_prompt, max_tokens, how)


def _no_such_model(name: str, model: str, models: Sequence[ServedModel]) -> str:
    ids = [m.id for m in models]
    near = difflib.get_close_matches(model.lower(), [i.lower() for i in ids], n=1, cutoff=0.5)
    meant = next((i for i in ids if near and i.lower() == near[0]), "")
    shown = f"Did you mean {meant}?" if meant else f"It has: {', '.join(ids[:8]) or 'none'}."
    return f"{name}: has no model {model}. {shown}"


def _window_problems(what: str, window: int, n_prompt: int, max_tokens: int, how: str) -> list[str]:
    if n_prompt + max_tokens <= window:
        return []
    return [
        f"{what}: its context window is {window} tokens, and the longest prompt ({n_prompt}, {how}) with a reply of up to {max_tokens} "
        f"needs {n_prompt + max_tokens}. Raise max_model_len, or lower max_tokens."
    ]


def estimated_tokens(messages: Messages) -> int:
    """At most how many tokens the messages take: 3.2 characters each, and 8 around a message."""
    n_chars = sum(len(str(m.get("content") or "")) for m in messages)
    return math.ceil(n_chars / CHARS_PER_TOKEN) + 8 * len(messages)


async def _n_tokens(client: Client, url: str, messages: Messages) -> tuple[int, str]:
    """The tokens of a prompt, and `counted` where the server has vLLM's /tokenize, else `estimated`."""
    counted = await client.n_tokens(url, messages)
    return (estimated_tokens(messages), "estimated") if counted is None else (counted, "counted")


def to_start(model: str, options: VllmServerOptions, n_prompt: int = 0, max_tokens: int = 0) -> list[str]:
    """Problems of a vLLM server that is to be started here: its environment, the model's files, GPUs and memory, the window.

    `n_prompt` is the longest prompt in tokens (`estimated_tokens`), `max_tokens` the longest reply.
    """
    problems = [
        f"extra_args: {name} is not to be given there; it has an option of its own, is the engine's affair, or would run code."
        for name in clashing(options.extra_args)
    ]
    environment = environments.find("vllm")
    if environment is None:
        problems.append(environments.missing("vllm"))
    files = ModelFiles.of(model, options.revision)
    problems += problems_of(files)
    own = files.window
    window = options.max_model_len or own
    if own and options.max_model_len > own and not files.scaled:
        problems.append(
            f"{model}: max_model_len = {options.max_model_len}, and the model was made for {own} tokens. Lower it."
        )
    if window:
        problems += _window_problems(model, window, n_prompt, max_tokens, "estimated")
    if environment is not None:
        look = memory_problems if environment.flavour == "cpu" else gpu_problems
        problems += look(files.n_bytes, options.tensor_parallel_size, options.gpu_memory_utilization)
    return problems
