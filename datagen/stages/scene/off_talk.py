"""Off-talk: somebody else in the room says something, to nobody in the dialogue."""

from typing import Any

import numpy as np

from datagen.config import Options, knob
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.stages.scene.acoustics import through
from datagen.stages.scene.effects import Parameters, Surroundings
from datagen.stages.scene.loudness import set_snr
from datagen.stages.scene.place import heard_from
from datagen.stages.scene.ranges import DecibelRange

DISTANCE_M = (1.0, 3.0)


class OffTalkOptions(Options):
    """A bystander's talk, whole sentences, as often as in tau-voice's catalogue."""

    share: float = knob(
        0.1, "share of dialogues with a bystander, where the speaker has other voices", "share", ge=0, le=1
    )
    per_min: float = knob(0.7, "how often the bystander says something", "1/min", gt=0, le=20)
    snr_db: DecibelRange = knob((6.0, 20.0), "how far the bystander is below the user's speech", "dB")


class OffTalk:
    """One other voice's clips at random times."""

    name = "off_talk"

    def draw(self, options: OffTalkOptions, around: Surroundings, rng: np.random.Generator) -> Parameters | None:
        """Level, place, and what is said when; None also where there are no other voices or it came to nothing."""
        on = rng.random() < options.share
        voices = around.others(1) if on else ()
        if not voices:
            return None
        snr_db = float(rng.uniform(*options.snr_db))
        place = around.place.recorded(around.place.point_at(rng.uniform(*DISTANCE_M), rng))
        said: list[dict[str, Any]] = []
        at = 0
        order: list[int] = []
        while True:
            at += round(rng.exponential(60 / options.per_min) * SAMPLE_RATE_HZ)
            order = order or rng.permutation(len(voices[0])).tolist()
            clip = order.pop()
            end = at + len(voices[0][clip].speech.audio)
            if end > around.n_samples:
                break
            times = {"start_s": at / SAMPLE_RATE_HZ, "end_s": end / SAMPLE_RATE_HZ}
            said.append({**times, "text": voices[0][clip].text, "clip": clip})
            at = end
        return {"snr_db": snr_db, **place, "said": said} if said else None

    def apply(self, user: Audio, parameters: Parameters, around: Surroundings) -> Audio:
        """The bystander alone, measured over what it says against the user's speech over the user's words."""
        clips = around.others(1)[0]
        talk = np.zeros_like(user)
        spans = []
        for said in parameters["said"]:
            audio = clips[said["clip"]].speech.audio
            start = round(said["start_s"] * SAMPLE_RATE_HZ)
            talk[start : start + len(audio)] += audio
            spans.append((start, start + len(audio)))
        heard = through(talk, heard_from(parameters))
        return set_snr(heard, parameters["snr_db"], user, around, spans)
