"""The random numbers of a row, from the row's own seed: whom it shares a batch with changes none of them.

They are drawn on the CPU in the order in which Chatterbox 0.1.7 draws them for a batch of one, so that stock after
`torch.manual_seed(seed)` on a CPU has the very same noise, and every device has the same.
"""

import math

import torch

MEL_BANDS = 80


def flow_noise(seed: int, prompt_frames: int, new_frames: int, meanflow: bool) -> torch.Tensor:
    """[80, prompt_frames + new_frames], standard normal: where the flow starts from.

    Turbo's flow (`meanflow`) draws the new frames first and of their own, as stock does.
    """
    generator = torch.Generator().manual_seed(seed)
    new = torch.randn(MEL_BANDS, new_frames, generator=generator) if meanflow else None
    noise = torch.randn(MEL_BANDS, prompt_frames + new_frames, generator=generator)
    if new is not None:
        noise[:, prompt_frames:] = new
    return noise


def source_noise(seed: int, tones: int, samples: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The phases [tones, 1] (radians, 0 for the fundamental) and the noise [tones, samples] of the vocoder's source."""
    generator = torch.Generator().manual_seed(seed)
    # low + rand * (high - low) in single precision, which is how torch's Uniform rounds.
    low, high = torch.tensor(-math.pi), torch.tensor(math.pi)
    phases = low + torch.rand(tones, 1, generator=generator) * (high - low)
    phases[0] = 0.0
    return phases, torch.randn(tones, samples, generator=generator)
