"""The knobs of the scene stage: one table an effect, each declared in the effect's own file."""

from pydantic import Field

from datagen.config import Options, knob
from datagen.stages.scene.noise import NoiseOptions
from datagen.stages.scene.telephone import TelephoneOptions


class SceneOptions(Options):
    """What is done to the user's channel, in the physical order: room, air, microphone, line, network."""

    # The air.
    noise: NoiseOptions = Field(default_factory=NoiseOptions, description="steady noise of the place")
    # The microphone.
    # The line and the network.
    telephone: TelephoneOptions = Field(default_factory=TelephoneOptions, description="a telephone line")
    stems: bool = knob(False, "keep what the microphone's signal was summed from, each by itself")
