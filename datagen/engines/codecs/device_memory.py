"""What a GPU's memory held at most, for benches: the rooms that measure load no torch."""


def forget_peak(device: str) -> None:
    """From now on the peak of `device` is measured anew; nothing on a CPU."""
    if device != "cpu":
        import torch

        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def peak_mb(device: str) -> float | None:
    """Megabytes (2**20 bytes) that torch held on `device` at most since `forget_peak`; None for a CPU."""
    if device == "cpu":
        return None
    import torch

    return float(torch.cuda.max_memory_allocated(device)) / 2**20
