"""The GPUs and the memory of this machine, as far as they stand against a server that is to be started on them."""

import os
import shutil
import subprocess
from dataclasses import dataclass

_GB = 1e9


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU of this machine: its index, and its memory and what is free of it, in bytes."""

    index: int
    total_bytes: int
    free_bytes: int


def visible_gpus() -> list[Gpu] | None:
    """The GPUs that CUDA_VISIBLE_DEVICES leaves, by nvidia-smi; None where they cannot be listed."""
    command = shutil.which("nvidia-smi")
    if not command:
        return None
    query = [command, "--query-gpu=index,uuid,memory.total,memory.free", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(query, capture_output=True, text=True, timeout=30, check=True).stdout
        rows = [[cell.strip() for cell in line.split(",")] for line in said.splitlines() if line.strip()]
        all_of_them = {(r[0], r[1]): Gpu(int(r[0]), int(r[2]) * 1_048_576, int(r[3]) * 1_048_576) for r in rows}
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return list(all_of_them.values())
    wanted = [name.strip() for name in chosen.split(",") if name.strip()]
    return [gpu for (index, uuid), gpu in all_of_them.items() if any(w == index or uuid.startswith(w) for w in wanted)]


def gpu_problems(n_bytes: int, n_gpus: int, share: float) -> list[str]:
    """Why `n_bytes` of weights cannot be served on `n_gpus` GPUs, each to `share` of its memory; a line each."""
    gpus = visible_gpus()
    if gpus is None:
        return ["vllm: no GPU can be seen here (nvidia-smi). Run it where one is, or give urls of running servers."]
    if len(gpus) < n_gpus:
        return [
            f"tensor_parallel_size = {n_gpus}, and {len(gpus)} GPUs are visible here (CUDA_VISIBLE_DEVICES counts)."
        ]
    problems = []
    for gpu in gpus[:n_gpus]:
        asked = share * gpu.total_bytes
        if gpu.free_bytes < asked:
            problems.append(
                f"GPU {gpu.index}: {gpu.free_bytes / _GB:.0f} GB of {gpu.total_bytes / _GB:.0f} are free, and gpu_memory_utilization = "
                f"{share:g} asks for {asked / _GB:.0f}. Free it, lower that, or set CUDA_VISIBLE_DEVICES."
            )
        if n_bytes / n_gpus > asked:
            problems.append(
                f"GPU {gpu.index}: a share of {n_bytes / n_gpus / _GB:.0f} GB of weights does not fit into {asked / _GB:.0f} GB. "
                "Raise tensor_parallel_size, or take a smaller model."
            )
    return problems


def memory_problems(n_bytes: int, n_gpus: int, share: float) -> list[str]:
    """Why `n_bytes` of weights cannot be served by this machine's processors; the other two are GPUs' and not looked at."""
    free = _available_bytes()
    if not free or n_bytes < free:
        return []
    return [f"vllm on the processors: {n_bytes / _GB:.1f} GB of weights, and {free / _GB:.1f} GB of memory are free."]


def _available_bytes() -> int:
    """What the kernel counts as free for a new process; 0 where it does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            return next((int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable:")), 0)
    except (OSError, ValueError):
        return 0
