"""The knobs of the pack stage."""

from typing import Literal

from datagen.config import Options, knob


class PackOptions(Options):
    """What is written beside the tokens and the manifests."""

    audio: Literal["auto"] | bool = knob(
        "auto", "stereo FLAC of every dialogue: true | false | auto (below pack.audio_below_h)"
    )
    audio_below_h: float = knob(
        10.0, "what auto takes for little enough to keep its audio: about 60 MB an hour", "h", ge=0
    )

    def keeps_audio(self, hours: float) -> bool:
        """Whether a build of `hours` keeps its audio. What `auto` came to is recorded at the first plan, and stays."""
        return hours < self.audio_below_h if self.audio == "auto" else self.audio
