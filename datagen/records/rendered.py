"""What pack takes: everything that is known of one finished dialogue."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from datagen.records.plan import DialogPlan
from datagen.records.timeline import Activity, SceneDialog, Timeline
from datagen.records.transcript import Transcript

Codes = NDArray[np.int16]
"""Codec tokens, int16 [n_books, n_frames], undelayed, each 0…2047."""


@dataclass(frozen=True, slots=True)
class RenderedDialog:
    """A dialogue ready to be packed. `audio_path` is relative to the output folder, None where no audio is kept.

    `n_tags_dropped` counts the tags and vocal sounds that the speaker engine cannot render.
    `stems` are the names of the channels of the file at `stems_path`, in its order; () and None where none are kept.
    """

    plan: DialogPlan
    transcript: Transcript
    timeline: Timeline
    scene: SceneDialog
    activity: Activity
    agent_codes: Codes = field(repr=False)
    user_codes: Codes = field(repr=False)
    voice_prompt_codes: Codes = field(repr=False)
    user_voice_prompt_codes: Codes = field(repr=False)
    audio_path: str | None = None
    stems: tuple[str, ...] = ()
    stems_path: str | None = None
    n_tags_dropped: int = 0
