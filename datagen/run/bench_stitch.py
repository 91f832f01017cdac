"""Measuring stitch on one core: alone, and beside lhotse's simulator on the same clips, where that is installed."""

import contextlib
import importlib.util
import io
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from datagen.audio.files import to_pcm16
from datagen.build import Build
from datagen.config import Recipe
from datagen.errors import DataError
from datagen.protocols import Failure
from datagen.records.speech import SAMPLE_RATE_HZ
from datagen.records.timeline import StitchedDialog
from datagen.run import render, speech
from datagen.run.clips import VoiceClips
from datagen.run.job import run_group
from datagen.run.meter import Meter
from datagen.run.render import Spoken
from datagen.run.request import prepare
from datagen.store.ledger import Artefact, Ledger

RIVAL = ("lhotse", "dill")
"""lhotse, and what its simulator needs beside it."""
REPEATS = 3
"""Each side is measured so often; the fastest counts, since all else is what other processes took."""


@dataclass(frozen=True, slots=True)
class StitchSpeed:
    """CPU milliseconds a minute of dialogue. `stitch_ms` is the unit alone, `read_and_write_ms` what reading the clips and
    writing a WAV takes on top; `rival_ms` is lhotse's ConversationalMeetingSimulator with its mixing and writing, on the same
    clips, None where it is not installed."""

    dialogs: int
    dialog_s: float
    stitch_ms: float
    read_and_write_ms: float
    rival_ms: float | None

    @property
    def ratio(self) -> float | None:
        """How many times the rival's throughput."""
        return None if self.rival_ms is None else self.rival_ms / (self.stitch_ms + self.read_and_write_ms)

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": self.ratio}


@dataclass(frozen=True, slots=True)
class Spoke:
    """A build's dialogues, spoken, in a work folder, with the clips of its voices."""

    build: Build
    shards: Sequence[tuple[Artefact, Artefact]]
    clips: VoiceClips

    def dialogs(self) -> Iterator[Spoken]:
        """Each dialogue, read from its shard."""
        for spoken, written in self.shards:
            yield from speech.read_spoken(spoken, written)

    def stitched(self, said: Spoken) -> StitchedDialog:
        """One dialogue stitched as a build does; DataError where it cannot be."""
        result = render.stitch_one(self.build, *said, self.clips)
        if isinstance(result, Failure):
            raise DataError(f"bench: {said[0].dialog_id} cannot be stitched: {result.detail}")
        return result


@contextlib.contextmanager
def spoke(recipe: Recipe) -> Iterator[Spoke]:
    """The recipe's dialogues written and spoken, in a folder that is removed again."""
    with tempfile.TemporaryDirectory(prefix="datagen-bench-") as folder:
        run = prepare(recipe, Path(folder) / "out")
        run.work.mkdir(parents=True)
        made = [[run_group(job, group, lambda _: None) for group in ("write", "speech")] for job in run.jobs]
        shards = [(Artefact(Path(spoken.folder), ""), Artefact(Path(written.folder), "")) for written, spoken in made]
        yield Spoke(run.build, shards, VoiceClips(run.build, Ledger(run.work), Meter(lambda _: None)))


def measure_stitch(recipe: Recipe) -> StitchSpeed:
    """Stitches the recipe's dialogues, with clips made and everything loaded before the clock starts."""
    with spoke(recipe) as shard, tempfile.TemporaryDirectory(prefix="datagen-bench-") as folder:
        dialogs = list(shard.dialogs())
        audio_s = sum(shard.stitched(d).timeline.n_samples for d in dialogs) / SAMPLE_RATE_HZ
        alone_s = min(_timed(lambda: _stitch(shard, dialogs)) for _ in range(REPEATS))
        whole_s = min(_timed(lambda: _read_stitch_write(shard, Path(folder))) for _ in range(REPEATS))
        rival_ms = _rival_ms(dialogs, Path(folder)) if all(map(importlib.util.find_spec, RIVAL)) else None
    ms = 1000 * 60 / audio_s
    return StitchSpeed(
        len(dialogs), round(audio_s, 1), alone_s * ms, max(whole_s - alone_s, 0.0) * ms, rival_ms
    )  # fmt: skip


def _timed(work: Any) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _stitch(shard: Spoke, dialogs: Sequence[Spoken]) -> None:
    for said in dialogs:  # none is kept: a build has a few in hand, and new memory costs time of its own
        shard.stitched(said)


def _read_stitch_write(shard: Spoke, folder: Path) -> None:
    for said in shard.dialogs():
        channels = shard.stitched(said).channels
        pcm = np.empty((channels.shape[1], 2), np.int16)  # libsndfile's own conversion takes four times as long
        pcm[:, 0], pcm[:, 1] = to_pcm16(channels)
        soundfile.write(folder / f"{said[0].dialog_id}.wav", pcm, SAMPLE_RATE_HZ, subtype="PCM_16")


def _rival_ms(dialogs: Sequence[Spoken], folder: Path) -> float:
    """CPU milliseconds a minute of lhotse's simulator: as many meetings of two of the same speakers, mixed and written as WAV."""
    from lhotse import CutSet, MonoCut, Recording, SupervisionSegment
    from lhotse.workflows.meeting_simulation import (
        ConversationalMeetingSimulator,
    )

    cuts = []
    for plan, _, dialog in dialogs:
        for i, turn in enumerate(dialog.turns):
            name = f"{plan.dialog_id}-{i}"
            path = folder / f"{name}.wav"
            soundfile.write(path, turn.speech.audio, SAMPLE_RATE_HZ, subtype="PCM_16")
            recording = Recording.from_file(path)
            voice = f"{plan.dialog_id}-{turn.turn.speaker}"
            said = SupervisionSegment(name, recording.id, 0, recording.duration, speaker=voice, text=turn.turn.text)
            cuts.append(MonoCut(name, 0, recording.duration, 0, [said], recording=recording))
    clips = CutSet.from_cuts(cuts)
    found = []
    for _ in range(REPEATS):
        # Means as close to ours as it takes them, so that neither side mixes more silence than the other.
        simulator = ConversationalMeetingSimulator(0.5, 0.4, 0.4, 0.48)
        began = time.process_time()
        with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
            meetings = simulator.simulate(
                clips, num_meetings=len(dialogs), max_duration_per_speaker=40.0, max_utterances_per_speaker=10
            )
            audio_s = 0.0
            for meeting in meetings:
                meeting.save_audio(folder / f"{meeting.id}.wav")
                audio_s += meeting.duration
        found.append((time.process_time() - began) * 1000 * 60 / audio_s)
    return float(np.min(found))
