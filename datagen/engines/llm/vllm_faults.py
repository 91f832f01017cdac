"""Why a vLLM server did not start or has ended, in one line, read from its log. Patterns are those of vLLM 0.32."""

import re
import signal
from collections.abc import Callable

_Said = Callable[[re.Match[str]], str]

_KNOWN: tuple[tuple[str, _Said], ...] = (
    (r"Address already in use", lambda m: "its port was taken meanwhile."),
    (
        r"api_server\.py: error: (.{1,200})",
        lambda m: f"vLLM does not take an argument: {m[1].strip()}. See the recipe's extra_args.",
    ),
    (
        r"max_model_len \((\d+)\) is greater than the derived max_model_len \((?:\w+=)?([\d.]+)",
        lambda m: f"max_model_len = {m[1]} is more than the model's own {float(m[2]):.0f}. Lower max_model_len.",
    ),
    (
        r"(\d[\d.]* GiB) KV cache is needed, which is larger than the available KV cache memory \(([-\d.]+ GiB)\)",
        lambda m: (
            f"one prompt of max_model_len needs {m[1]} of cache, and {m[2]} are left. Lower max_model_len, or raise "
            "gpu_memory_utilization or tensor_parallel_size."
        ),
    ),
    (
        r"Free memory on device [^(]*\(([\d.]+/[\d.]+ GiB)\) on startup is less than desired GPU memory utilization \(([\d.]+)",
        lambda m: (
            f"{m[1]} of the GPU are free, less than gpu_memory_utilization = {m[2]} asks for. Lower it, or free the GPU."
        ),
    ),
    (
        r"(?:CUDA )?out of memory|No available memory for the cache blocks",
        lambda m: (
            "the model does not fit into the GPU's memory. Raise tensor_parallel_size, lower max_model_len, or take a smaller model."
        ),
    ),
    (
        r"World size \((\d+)\) is larger than the number of available GPUs \((\d+)\)",
        lambda m: f"tensor_parallel_size = {m[1]}, and {m[2]} GPUs are here.",
    ),
    (
        r"Reasoning parser '([^']*)' not found",
        lambda m: f"vLLM has no reasoning parser {m[1]!r}. See reasoning_parser.",
    ),
    (
        r"Repo id must be in the form|is not a valid model identifier|Repository Not Found|RepositoryNotFoundError",
        lambda m: "there is no such model, neither a folder nor a repository of the hub.",
    ),
    (r"Revision Not Found|RevisionNotFoundError", lambda m: "the model has no such revision."),
    (
        r"couldn't connect to '(\S+)'|LocalEntryNotFoundError|OfflineModeIsEnabled",
        lambda m: (
            "the model is not in the local cache, and the hub cannot be reached. Fetch it first, or name a folder."
        ),
    ),
    (
        r"GatedRepoError|Access to model .{1,120} is restricted",
        lambda m: "the model is gated: accept its terms, and log in (hf auth login).",
    ),
    (r"No space left on device", lambda m: "the disk is full."),
    (
        r"Model architectures \[([^\]]*)\] (?:are not supported|failed)",
        lambda m: f"this vLLM does not know the architecture {m[1]}.",
    ),
)


def explained(log: str, code: int | None) -> str:
    """One or two sentences for a server that wrote `log` and ended with `code` (None: it runs and does not answer)."""
    for pattern, said in _KNOWN:
        found = re.search(pattern, log)
        if found:
            return said(found)
    if code is not None and code > 128:
        number = code - 128
        name = signal.Signals(number).name if number in set(signal.Signals) else str(number)
        return f"was killed by {name}{' (out of memory?)' if number == signal.SIGKILL else ''}."
    last = last_words(log)
    return (
        f"ended with exit code {code}: {last}."
        if code is not None
        else f"does not answer yet; its last line is: {last}."
    )


def last_words(log: str) -> str:
    """The last line that names an error, else the last line of all; 200 characters at most, without vLLM's own prefix."""
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in log.splitlines()]
    lines = [re.sub(r"^\(\w+ pid=\d+\)\s*", "", line).strip() for line in lines]
    lines = [line for line in lines if line and not re.fullmatch(r"[\^~\s|]+|warnings\.warn\(.*", line)]
    errors = [line for line in lines if re.match(r"(?:[\w.]+(?:Error|Exception)|ERROR|error)\b", line)]
    return (errors or lines or ["nothing"])[-1][-200:].rstrip(".")
