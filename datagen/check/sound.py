"""A FLAC that a manifest names: listed in build.json, readable, of the right channels, rate and length."""

from collections.abc import Iterator

import soundfile

from datagen.errors import DataError
from datagen.load.local_files import LocalFiles
from datagen.records.build import BuildSummary
from datagen.records.speech import SAMPLE_RATE_HZ


def check_sound(
    files: LocalFiles,
    build: BuildSummary,
    column: str,
    path: str | None,
    n_channels: int,
    duration_s: float | None = None,
) -> Iterator[str]:
    """What is wrong with the file in `column`; nothing for None. Its length is looked at where `duration_s` is known."""
    if path is None:
        return
    if path not in build.files:
        yield f"{column} {path!r} is not a file of the build."
        return
    try:
        info = soundfile.info(str(files.path(path)))
    except (soundfile.SoundFileError, OSError, DataError):
        yield f"{path} is not readable audio."
        return
    if (info.samplerate, info.channels) != (SAMPLE_RATE_HZ, n_channels):
        yield f"{path} has {info.channels} channels at {info.samplerate} Hz, and has to have {n_channels} at {SAMPLE_RATE_HZ}."
    elif duration_s is not None and info.frames != round(duration_s * SAMPLE_RATE_HZ):
        yield f"{path} has {info.frames} samples, and duration_s says {round(duration_s * SAMPLE_RATE_HZ)}."
