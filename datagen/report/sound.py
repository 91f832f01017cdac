"""A dialogue as a WAV file: its audio, or what its tokens decode to."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datagen.audio.files import write_wav
from datagen.engines.decoder import decoder
from datagen.errors import DataError, UserError
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.report.corpus import Corpus
from datagen.store.files import write_bytes


def write_audio(corpus: Corpus, dialog_id: str, target: Path) -> str:
    """Writes the stereo audio and says so in a line; UserError where the build kept none."""
    audio = corpus.audio(corpus.dialog(dialog_id))
    if audio is None:
        raise UserError(
            f"{corpus.out}: this build keeps no audio. Build with --set pack.audio=true, or hear its tokens with --decode."
        )
    return _write(target, audio, "")


def write_decoded(corpus: Corpus, dialog_id: str, target: Path) -> str:
    """Writes what the tokens decode to and says so in a line; DataError where they are not there or of another codec."""
    codec = decoder(str(corpus.out), corpus.build)
    audio = np.stack(codec.decode(_codes(corpus, corpus.dialog(dialog_id))))
    return _write(target, audio, f" decoded by {codec.name}")


def _codes(corpus: Corpus, dialog: dict[str, Any]) -> list[np.ndarray[Any, np.dtype[np.int16]]]:
    path = corpus.files.path(f"tokens/{dialog['shard']}.parquet")
    names = ["agent_codes", "user_codes"]
    try:
        rows = pq.read_table(path, columns=names, filters=[("dialog_id", "=", dialog["dialog_id"])]).to_pylist()
    except (OSError, pa.ArrowException) as error:
        why = str(error).splitlines()[0]
        raise DataError(f"{path}: cannot be read ({why}). Run the build again: it is made anew.") from None
    if not rows:
        raise DataError(f"{path}: holds no tokens of {dialog['dialog_id']}. Run `datagen check {corpus.out}`.")
    return [np.asarray(rows[0][name], dtype=np.int16) for name in names]


def _write(target: Path, audio: Audio, how: str) -> str:
    if target.is_dir():
        raise UserError(f"{target}: is a folder; name a file, e.g. {target / 'dialogue.wav'}.")
    write_wav(made := io.BytesIO(), audio)  # in memory first: a full disk is told by our own writing, not by libsndfile
    write_bytes(target, made.getvalue())
    return f"{target}: {audio.shape[1] / SAMPLE_RATE_HZ:.1f} s{how}, left agent, right user"
