"""The pitch of speech, by Praat through parselmouth."""

import numpy as np
from numpy.typing import NDArray

FLOOR_HZ, CEILING_HZ = 50.0, 450.0
STEP_S = 0.01
_PERIODS = 3.0
"""What one frame of Praat's autocorrelation holds, in periods of the floor (its manual, "Sound: To Pitch (ac)...")."""


def pitch_of(
    audio: NDArray[np.floating], rate_hz: float, floor_hz: float = FLOOR_HZ, ceiling_hz: float = CEILING_HZ
) -> NDArray[np.float64]:
    """F0 of the voiced frames in Hz, a frame each 10 ms, by autocorrelation between floor and ceiling; empty where nothing is voiced.

    Audio shorter than three periods of the floor (60 ms at 50 Hz) has no frame, so nothing in it is voiced.
    """
    import parselmouth

    if len(audio) <= (_PERIODS / floor_hz + STEP_S) * rate_hz:
        return np.zeros(0)
    track = parselmouth.Sound(audio.astype(np.float64), rate_hz).to_pitch_ac(
        time_step=STEP_S, pitch_floor=floor_hz, pitch_ceiling=ceiling_hz
    )
    hz = np.asarray(track.selected_array["frequency"], dtype=np.float64)
    return hz[hz > 0]
