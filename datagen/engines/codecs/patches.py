"""What melrvq quantises: a frame's 8 x 80 log-mels, and the way there from samples.

Causal like Mimi: the windows of a frame end inside it, so a frame depends on its own 1920 samples and the 784 before
them. From the mel bands on, every product is of whole numbers whose sums fit the float's mantissa, so the order in which
a BLAS library adds them cannot matter: codes are the same in any batch, at any length, with any number of threads.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from datagen.audio.mel import mel_filters
from datagen.errors import DataError
from datagen.records.speech import FRAME_SAMPLES, SAMPLE_RATE_HZ, Audio, n_frames

WINDOW = 1024
HOP = 240
HOPS = FRAME_SAMPLES // HOP
N_MELS = 80
PATCH = HOPS * N_MELS
PAST = WINDOW - HOP
"""Samples before a frame that its first window reaches back to."""
TOP_HZ = 8_000.0
FLOOR = 0.005
"""The least mean magnitude of a band: that of white noise at about -72 dBFS, under which all is silence."""
MAGNITUDE_STEPS = 2.0**16
WEIGHT_STEPS = 2.0**14
LOG_STEPS = 2.0**8
"""Log-mels are rounded to 1/256 neper."""
BLOCK = 64
"""Frames worked on at a time; sized for the cache, without effect on the result."""

_HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)
_FILTERS = mel_filters(N_MELS, WINDOW, SAMPLE_RATE_HZ, 0.0, TOP_HZ)
USED_BINS = int(np.flatnonzero(_FILTERS.any(axis=0)).max()) + 1
FILTERS: NDArray[np.float64] = np.rint(_FILTERS[:, :USED_BINS] * WEIGHT_STEPS)
"""Mel weights [80, USED_BINS] in whole steps of 1/WEIGHT_STEPS."""
_FILTERS_T = np.ascontiguousarray(FILTERS.T)


def windows(audio: Audio) -> NDArray[np.float32]:
    """A view [n_frames, PAST + 1920] of mono audio: each frame behind its past; zeros before the start and after the end."""
    if audio.ndim != 1:
        raise DataError(f"codec: audio of shape {audio.shape}; one channel, [n_samples], is encoded at a time.")
    frames = n_frames(len(audio))
    padded = np.zeros(PAST + frames * FRAME_SAMPLES, np.float32)
    padded[PAST : PAST + len(audio)] = audio
    if not np.isfinite(padded).all():
        raise DataError(f"codec: {int((~np.isfinite(padded)).sum())} of {len(audio)} samples are not finite numbers.")
    if frames == 0:
        return np.zeros((0, PAST + FRAME_SAMPLES), np.float32)
    return sliding_window_view(padded, PAST + FRAME_SAMPLES)[::FRAME_SAMPLES]


def log_mels(frames: NDArray[np.float32]) -> NDArray[np.float64]:
    """Log-mel patches [n, 640] in whole steps of 1/256 neper, hop after hop, of at most BLOCK rows of `windows`."""
    hops = sliding_window_view(frames, WINDOW, axis=1)[:, ::HOP] * _HANN
    spectrum = np.fft.rfft(hops.reshape(-1, WINDOW), axis=1)[:, :USED_BINS]
    magnitude = np.abs(spectrum).astype(np.float32)
    whole = np.rint(magnitude * np.float32(MAGNITUDE_STEPS)).astype(np.float64)
    bands = (whole @ _FILTERS_T) * (1 / (MAGNITUDE_STEPS * WEIGHT_STEPS))
    return np.asarray(np.rint(np.log(np.maximum(bands, FLOOR)) * LOG_STEPS).reshape(len(frames), PATCH))


def patches(audio: Audio) -> NDArray[np.float64]:
    """The log-mel patches [n_frames, 640] of a whole clip, in steps of 1/256 neper."""
    view = windows(audio)
    parts = [log_mels(view[at : at + BLOCK]) for at in range(0, len(view), BLOCK)]
    return np.concatenate(parts) if parts else np.zeros((0, PATCH))
