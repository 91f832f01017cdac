"""How loud audio is and how to set it: RMS, BS.1770 loudness, fades. numpy in, numpy out; nothing here changes its input.

The K-weighting is applied in the frequency domain, as the response of the standard's own 48 kHz filters at the signal's
frequencies: that is what resampling to 48 kHz and filtering there gives, at any rate up to 48 kHz. pyloudnorm 0.2 reads the same to
0.001 LU at 48 kHz with the standard's filters (its "DeMan"); its default ones read 0.04 LU lower. At 24 kHz, where it designs them
anew for that rate, it is up to 0.05 LU off the standard's tones, and it takes no clip of up to 0.4 s, as many of ours are: so
it is what the tests compare with, not what measures.
"""

import math

import numpy as np
from numpy.typing import NDArray

from datagen.errors import DataError
from datagen.records.speech import SAMPLE_RATE_HZ, Audio

SHELF_48K = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
"""b and a of the first K-weighting filter, the head's shelf (ITU-R BS.1770-4, table 1)."""
HIGHPASS_48K = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))
"""b and a of the second K-weighting filter, RLB (ITU-R BS.1770-4, table 2)."""
OFFSET_LUFS = -0.691
"""Makes a 997 Hz full-scale sine in one channel -3.01 LUFS (BS.1770-4, annex 1)."""
BLOCK_S = 0.4
STEP_S = 0.1
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
FILTER_TAIL_S = 1.0
"""Zeros behind the signal so that the circular filter does not wrap: RLB's poles have decayed by 1e-100 then."""


def rms_db(audio: Audio) -> float:
    """The root mean square in dB of full scale (a full-scale square wave is 0 dB); -inf for silence and for no samples.

    All samples of all channels count alike.
    """
    if audio.size == 0:
        return -math.inf
    power = float(np.mean(np.square(audio, dtype=np.float64)))
    return 10 * math.log10(power) if power > 0 else -math.inf


def energy(audio: Audio) -> float:
    """The sum of squares of mono audio, in an order that no thread count changes; 0.0 of nothing. Exact to about 1e-6."""
    return float(np.einsum("i,i->", audio, audio))


def integrated_lufs(audio: Audio, rate_hz: int = SAMPLE_RATE_HZ) -> float:
    """Gated loudness in LUFS by ITU-R BS.1770-4 of [n_samples] or [n_channels, n_samples]; -inf where no block passes the gate.

    Channels weigh alike (mono, left, right). A clip shorter than one block of 0.4 s is measured as a single
    block of its own length. Raises DataError for rates over 48 kHz or under 8 kHz.
    """
    if not 8_000 <= rate_hz <= 48_000:
        raise DataError(f"loudness: the rate is {rate_hz} Hz, and K-weighting is defined here for 8000 to 48000 Hz.")
    channels = np.atleast_2d(audio)
    if channels.shape[1] == 0:
        return -math.inf
    power = np.sum(_block_powers(k_weighted(channels, rate_hz), rate_hz), axis=0)
    loud = power[power > _power_of(ABSOLUTE_GATE_LUFS)]
    if loud.size == 0:
        return -math.inf
    gate = float(np.mean(loud)) * 10 ** (RELATIVE_GATE_LU / 10)
    return _lufs_of(float(np.mean(loud[loud > gate])))


def k_weighted(channels: NDArray[np.floating], rate_hz: int) -> NDArray[np.float64]:
    """The channels [n_channels, n_samples] after both K-weighting filters, same shape."""
    n = channels.shape[1]
    size = 1 << (n + round(FILTER_TAIL_S * rate_hz) - 1).bit_length()
    spectrum = np.fft.rfft(channels.astype(np.float64), size, axis=1)
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(size, 1 / rate_hz) / 48_000)
    for b, a in (SHELF_48K, HIGHPASS_48K):
        spectrum *= (b[0] + z * (b[1] + z * b[2])) / (a[0] + z * (a[1] + z * a[2]))
    return np.fft.irfft(spectrum, size, axis=1)[:, :n]


def to_lufs(audio: Audio, target_lufs: float) -> Audio:
    """The audio (24 kHz) scaled to an integrated loudness; a DataError for silence, which no gain makes loud.

    Peaks are left as they come: a caller that writes PCM checks them.
    """
    now = integrated_lufs(audio)
    if now == -math.inf:
        seconds = audio.shape[-1] / SAMPLE_RATE_HZ
        raise DataError(
            f"loudness: {seconds:.2f} s of audio are silent (under -70 LUFS), so they cannot be set to {target_lufs:g} LUFS."
        )
    return (audio * np.float32(10 ** ((target_lufs - now) / 20))).astype(np.float32)


def fade(audio: Audio, in_s: float = 0.0, out_s: float = 0.0, rate_hz: int = SAMPLE_RATE_HZ) -> Audio:
    """A copy with raised-cosine ramps at both ends, along the last axis; a ramp longer than the audio is cut to its length."""
    faded = np.array(audio, dtype=np.float32)
    n_in, n_out = (min(max(round(s * rate_hz), 0), faded.shape[-1]) for s in (in_s, out_s))
    if n_in:
        faded[..., :n_in] *= _ramp(n_in)
    if n_out:
        faded[..., -n_out:] *= _ramp(n_out)[::-1]
    return faded


def _ramp(n: int) -> NDArray[np.float32]:
    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n)).astype(np.float32)


def _block_powers(weighted: NDArray[np.float64], rate_hz: int) -> NDArray[np.float64]:
    block, step = round(BLOCK_S * rate_hz), round(STEP_S * rate_hz)
    n = weighted.shape[1]
    total = np.concatenate([np.zeros((weighted.shape[0], 1)), np.cumsum(np.square(weighted), axis=1)], axis=1)
    if n < block:
        return np.asarray(total[:, -1:] / n)
    starts = np.arange(0, n - block + 1, step)
    return np.asarray((total[:, starts + block] - total[:, starts]) / block)


def _lufs_of(power: float) -> float:
    return OFFSET_LUFS + 10 * math.log10(power)


def _power_of(lufs: float) -> float:
    return float(10 ** ((lufs - OFFSET_LUFS) / 10))
