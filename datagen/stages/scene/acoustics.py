"""Impulse responses of a box-shaped room by the image source method (pyroomacoustics), and convolution with them."""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from types import ModuleType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from datagen.records.speech import SAMPLE_RATE_HZ, Audio

Point = tuple[float, float, float]

SOUND_M_PER_S = 343.0
MAX_ORDER = 40
"""Reflections that are followed. The cost grows with its cube: 10 to 30 ms a response at 40."""
COVERED = 0.5
"""The share of the reverberation time that the followed reflections have to cover: the response is right for its first
30 dB, which is more than a decay time is measured on and more than noise leaves audible, and ends from there on."""
MAX_ABSORPTION = 0.7
"""Of the walls' energy. Above, Sabine's formula no longer holds (it would still have 100 % ring on)."""
RINGING = 1_200
"""Samples around a response that a colouring may ring in: 50 ms either way, ten periods of the lowest edge in use."""
DIRECT_S = 0.0025
"""The direct sound is what arrives within this time of its peak; later is reflected (as in the ACE challenge's DRR)."""


@dataclass(frozen=True, slots=True)
class Response:
    """How a source sounds at the microphone: float32 taps at 24 kHz, of which number `lead` is the direct sound."""

    taps: Audio = field(repr=False)
    lead: int
    rt60_s: float
    drr_db: float


def reachable_rt60_s(room_m: Point) -> tuple[float, float]:
    """The shortest and longest reverberation time that a room of these sides can be given here, in seconds."""
    x, y, z = room_m
    volume, surface = x * y * z, 2 * (x * y + y * z + z * x)
    shortest = 24 * math.log(10) / SOUND_M_PER_S * volume / (surface * MAX_ABSORPTION)
    # Waves that skip along one edge of the room get through the fewest metres a reflection.
    step = min(a * b / math.hypot(a, b) for a, b in ((x, y), (y, z), (z, x)))
    return shortest, MAX_ORDER * step / SOUND_M_PER_S / COVERED


@lru_cache(maxsize=8)
def response(room_m: Point, rt60_s: float, source_m: Point, microphone_m: Point) -> Response:
    """The room's response, at most `rt60_s` long; what is measured of it may differ from the asked time by a third.

    The direct sound has gain 1. Raises ValueError for positions outside the room and times that it cannot have.
    """
    pra = _simulator()
    # Partial sums would be added in an order of the threads' otherwise.
    pra.constants.set("num_threads", 1)
    absorption, order = pra.inverse_sabine(rt60_s, room_m)
    room = pra.ShoeBox(room_m, fs=SAMPLE_RATE_HZ, materials=pra.Material(absorption), max_order=min(order, MAX_ORDER))
    room.add_source(source_m)
    room.add_microphone(microphone_m)
    room.compute_rir()
    raw = np.asarray(room.rir[0][0])
    filter_delay = pra.constants.get("frac_delay_length") // 2
    lead = round(math.dist(source_m, microphone_m) / SOUND_M_PER_S * SAMPLE_RATE_HZ) + filter_delay
    raw = raw[: lead + round(rt60_s * SAMPLE_RATE_HZ)]
    raw = raw / raw[lead]
    measured = float(pra.experimental.measure_rt60(raw, SAMPLE_RATE_HZ, decay_db=20))
    taps = raw.astype(np.float32)
    taps.setflags(write=False)
    return Response(taps, lead, measured, _direct_to_reverberant_db(raw, lead))


def coloured(heard: Response, gain: Callable[[NDArray[np.float64]], NDArray[np.floating]]) -> Response:
    """The response with a factor on every frequency in Hz, real and so without delay: of the source, or on the way."""
    from scipy import fft

    size = fft.next_fast_len(len(heard.taps) + 2 * RINGING, real=True)
    spectrum = fft.rfft(np.concatenate([np.zeros(RINGING), heard.taps]), size)
    spectrum *= gain(fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ))
    taps = fft.irfft(spectrum, size)[: len(heard.taps) + 2 * RINGING].astype(np.float32)
    return replace(heard, taps=taps, lead=heard.lead + RINGING)


def through(audio: Audio, heard: Response, delay: int = 0) -> Audio:
    """The audio [n_samples] as it arrives, as long as before: in time with it but for `delay` samples."""
    from scipy.signal import oaconvolve

    out = np.zeros_like(audio)
    n = len(audio) - delay
    if n <= 0 or not audio.any():
        return out
    wet = oaconvolve(audio[: n + heard.lead], heard.taps)[heard.lead : heard.lead + n]
    out[delay : delay + len(wet)] = wet
    return out


@cache
def _simulator() -> Any:
    """pyroomacoustics, loaded without its sound card.

    Five of its modules ask for sounddevice and do without. Where PortAudio is not installed, each of them has ctypes run
    gcc and ld for it: 0.2 s a process, and a temporary file that stays where the process is killed meanwhile.
    """
    silent = sys.modules.setdefault("sounddevice", cast(ModuleType, None)) is None
    try:
        import pyroomacoustics
    finally:
        if silent:
            del sys.modules["sounddevice"]
    return pyroomacoustics


def _direct_to_reverberant_db(taps: NDArray[np.float64], lead: int) -> float:
    cut = lead + round(DIRECT_S * SAMPLE_RATE_HZ)
    direct, late = (float(np.einsum("i,i->", part, part)) for part in (taps[:cut], taps[cut:]))
    return 10 * math.log10(direct / late) if late > 0 else math.inf
