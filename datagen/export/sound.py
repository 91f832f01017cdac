"""A dialogue's audio for the exports: the build's FLAC files, or what its tokens decode to."""

from functools import cached_property
from io import BytesIO
from pathlib import Path

import numpy as np

from datagen.audio.files import read_audio, write_wav
from datagen.engines.decoder import decoder
from datagen.errors import DataError, UserError
from datagen.export.base import Row, Sound
from datagen.load.builds import OpenBuild
from datagen.load.dialog import Dialog
from datagen.protocols import Codec
from datagen.records.rendered import Codes
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.stages.pack.schema import Table, manifest_path

_HINT = "Build it with --set pack.audio=true, or decode its tokens with --from-tokens."


def sound_of(build: OpenBuild, from_tokens: bool) -> Sound:
    """Where the audio comes from; a UserError where it has to be the build's files and it kept none."""
    if from_tokens:
        return TokenSound(build)
    if not any(name.startswith("audio/") for name in build.summary.files):
        raise UserError(f"{build.root}: this build keeps no audio, which the format needs. {_HINT}")
    return FileSound(build)


def write_wav_file(path: Path, audio: Audio) -> None:
    """A 16-bit WAV at 24 kHz of mono [n_samples] or [n_channels, n_samples] audio; the same samples give the same bytes."""
    write_wav(made := BytesIO(), audio)  # in memory first: a full disk is told by our own writing, not by libsndfile
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(made.getbuffer())


class FileSound:
    """The FLAC files of a build: 16-bit numbers, so that a 16-bit WAV of them holds the same."""

    def __init__(self, build: OpenBuild) -> None:
        self._build = build

    def channels(self, dialog: Dialog, row: Row) -> Audio:
        """float32 [2, n_samples], the agent first; DataError where the file is missing, damaged, mono or of another length."""
        if row["audio_path"] is None:
            raise DataError(f"{dialog.where}: {dialog.dialog_id} has no audio_path in the dialogs manifest. {_HINT}")
        audio = self._read(row["audio_path"])
        wanted = _n_samples(row)
        if audio.shape != (2, wanted):
            raise DataError(
                f"{self._build.where(row['audio_path'])}: {list(audio.shape)} samples, and dialogs has {wanted} of 2 channels. "
                f"Run `datagen check {self._build.root}`."
            )
        return audio

    def voice_prompt(self, dialog: Dialog, row: Row, user: bool = False) -> Audio:
        """float32 [n_samples]: the file that the voice's prompt tokens are of. UserError where the build kept none."""
        voice = row["user_voice" if user else "agent_voice"]
        path = self._prompts.get(voice)
        if path is None:
            raise UserError(
                f"{self._build.root}: keeps no voice prompt of {voice} as audio, which the format needs. {_HINT}"
            )
        return self._read(path)

    @cached_property
    def _prompts(self) -> dict[str, str]:
        self._build.verify(manifest_path(Table.VOICES))
        tables = self._build.tables(Table.VOICES, ("id", "prompt_path"))
        return {row["id"]: row["prompt_path"] for table in tables for row in table.to_pylist() if row["prompt_path"]}

    def _read(self, name: str) -> Audio:
        where = self._build.where(name)
        try:
            audio, rate_hz = read_audio(BytesIO(self._build.read_verified(name)))
        except DataError as error:
            raise DataError(str(error) if where in str(error) else f"{where}: {error}") from None
        if rate_hz != SAMPLE_RATE_HZ:
            raise DataError(f"{where}: {rate_hz} Hz, and has to be {SAMPLE_RATE_HZ}.")
        return audio


class TokenSound:
    """What the tokens decode to, with the codec that made them; cut to the dialogue's length."""

    def __init__(self, build: OpenBuild) -> None:
        self._codec: Codec = decoder(build.root, build.summary)
        self._prompts: dict[str, Audio] = {}

    def channels(self, dialog: Dialog, row: Row) -> Audio:
        """float32 [2, n_samples], the agent first."""
        decoded = np.stack(self._codec.decode([dialog.agent_codes, dialog.user_codes]))
        return decoded[:, : _n_samples(row)]

    def voice_prompt(self, dialog: Dialog, row: Row, user: bool = False) -> Audio:
        """float32 [n_samples], whole frames: the tokens do not tell where in its last frame a prompt ends."""
        voice = row["user_voice" if user else "agent_voice"]
        if voice not in self._prompts:
            codes: Codes = dialog.user_voice_prompt_codes if user else dialog.voice_prompt_codes
            while len(self._prompts) >= _PROMPTS_KEPT:
                self._prompts.pop(next(iter(self._prompts)))
            self._prompts[voice] = self._codec.decode([codes])[0]
        return self._prompts[voice]


_PROMPTS_KEPT = 64
"""Decoded prompts that stay in memory: about 1 MB each."""


def _n_samples(row: Row) -> int:
    n: int = round(row["duration_s"] * SAMPLE_RATE_HZ)
    return n
