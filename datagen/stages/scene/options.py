"""The knobs of the scene stage."""

from typing import Annotated

from pydantic import AfterValidator

from datagen.config import Options, knob


def _ordered(value: tuple[float, float]) -> tuple[float, float]:
    if not -30 <= value[0] <= value[1] <= 90:
        raise ValueError(f"needs -30 <= lowest <= highest <= 90 dB, got {value[0]:g} and {value[1]:g}.")
    return value


DecibelRange = Annotated[tuple[float, float], AfterValidator(_ordered)]


class SceneOptions(Options):
    """What is done to the user's channel, in the physical order: the room's noise, then the telephone line."""

    noise_share: float = knob(0.5, "share of dialogues with room noise", "share", ge=0, le=1)
    noise_snr_db: DecibelRange = knob(
        (10.0, 30.0), "signal-to-noise ratio over the user's words, lowest and highest", "dB"
    )
    noise_drift_db: float = knob(1.5, "how far the noise's level drifts, root mean square", "dB", ge=0, le=12)
    telephone_share: float = knob(
        0.3, "share of dialogues over a telephone line: 300-3400 Hz, 8 kHz mu-law", "share", ge=0, le=1
    )
