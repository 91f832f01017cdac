"""The knobs of the scene stage: one table an effect, each declared in the effect's own file."""

from pydantic import Field

from datagen.config import Options, knob
from datagen.stages.scene.babble import BabbleOptions
from datagen.stages.scene.clipping import ClippingOptions
from datagen.stages.scene.echo import EchoOptions
from datagen.stages.scene.gain import GainOptions
from datagen.stages.scene.muffling import MufflingOptions
from datagen.stages.scene.noise import NoiseOptions
from datagen.stages.scene.off_talk import OffTalkOptions
from datagen.stages.scene.packet_loss import PacketLossOptions
from datagen.stages.scene.room import RoomOptions
from datagen.stages.scene.sounds import SoundOptions
from datagen.stages.scene.telephone import TelephoneOptions


class SceneOptions(Options):
    """What is done to the user's channel, in the physical order: room, air, microphone, line, network."""

    room: RoomOptions = Field(default_factory=RoomOptions, description="the room that the user is in")
    # The air.
    noise: NoiseOptions = Field(default_factory=NoiseOptions, description="steady noise of the place")
    babble: BabbleOptions = Field(default_factory=BabbleOptions, description="talk of many others in the background")
    sounds: SoundOptions = Field(default_factory=SoundOptions, description="discrete sounds, by chance and on cue")
    echo: EchoOptions = Field(default_factory=EchoOptions, description="the agent's voice in the user's microphone")
    off_talk: OffTalkOptions = Field(default_factory=OffTalkOptions, description="a bystander who says something")
    # The microphone.
    muffling: MufflingOptions = Field(default_factory=MufflingOptions, description="a covered microphone")
    gain: GainOptions = Field(default_factory=GainOptions, description="how loud the user is")
    clipping: ClippingOptions = Field(default_factory=ClippingOptions, description="an overloaded microphone")
    # The line and the network.
    telephone: TelephoneOptions = Field(default_factory=TelephoneOptions, description="a telephone line")
    packet_loss: PacketLossOptions = Field(
        default_factory=PacketLossOptions, description="a network that loses packets"
    )
    stems: bool = knob(False, "keep what the microphone's signal was summed from, each by itself")
