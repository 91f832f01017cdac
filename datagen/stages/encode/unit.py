"""Two channels and the voice prompts in, codec tokens out. The runner calls the codec, between `prepare` and `finish`."""

from collections.abc import Sequence

import numpy as np

from datagen.config import Options, knob
from datagen.protocols import Codec, Failure
from datagen.records.enums import Speaker
from datagen.records.rendered import Codes
from datagen.records.speech import FRAME_RATE_HZ, SAMPLE_RATE_HZ, Audio, n_frames

VERSION = 2
"""Goes into content keys: raised when the same input gives other codes."""


class EncodeOptions(Options):
    """The knobs of the encode stage; those of the codec stand beside `codec.engine`."""

    max_frames: int = knob(
        2048,
        "longest dialogue that is encoded; a model of the Moshi family sees no more columns than 2048, prefix included",
        "frames",
        ge=1,
        le=1_000_000,
    )


def prepare(channels: Audio) -> list[Audio]:
    """The clips [n_samples] that a codec is to encode for channels [2, n_samples] at 24 kHz: the agent's, then the user's.

    Each is encoded from a fresh state and at the level that it has, as at inference.
    """
    if channels.ndim != 2 or channels.shape[0] != 2:
        raise ValueError(f"channels of shape {channels.shape}; a dialogue has [2, n_samples]")
    return [
        np.ascontiguousarray(channels[speaker.channel], dtype=np.float32) for speaker in (Speaker.AGENT, Speaker.USER)
    ]


def finish(
    codes: Sequence[Codes], n_samples: int, codec: Codec, options: EncodeOptions
) -> tuple[Codes, Codes] | Failure:
    """The agent's and the user's codes of a dialogue of `n_samples`, or why they cannot be used.

    Both have `ceil(n_samples / 1920)` frames, as many books as the codec says, and every code inside its book.
    """
    if len(codes) != 2:
        return Failure(
            "encode_count", f"{len(codes)} channels came back from codec {codec.name} for the 2 that were given."
        )
    if n_frames(n_samples) > options.max_frames:
        return Failure("encode_too_long", _too_long(n_samples, options))
    for side, one in zip(("agent", "user"), codes, strict=True):
        fault = fault_of(one, n_samples, codec)
        if fault:
            return Failure(fault.reason, f"{side}: {fault.detail}")
    agent, user = (np.ascontiguousarray(one, dtype=np.int16) for one in codes)
    return agent, user


def finish_prompt(codes: Codes, n_samples: int, codec: Codec) -> Codes | Failure:
    """The codes of one voice prompt of `n_samples`, or why they cannot be used."""
    fault = fault_of(codes, n_samples, codec)
    return fault or np.ascontiguousarray(codes, dtype=np.int16)


def fault_of(codes: Codes, n_samples: int, codec: Codec) -> Failure | None:
    """What is wrong with the codes of a clip of `n_samples`, None where nothing is."""
    wanted = (codec.n_books, n_frames(n_samples))
    if n_samples == 0:
        return Failure("encode_empty", "there are no samples to encode.")
    if codes.shape != wanted:
        return Failure(
            "encode_shape",
            f"codec {codec.name} gave codes of shape {codes.shape} for {n_samples} samples; {wanted} is due.",
        )
    if not np.issubdtype(codes.dtype, np.integer):
        return Failure("encode_type", f"codec {codec.name} gave codes of type {codes.dtype}; whole numbers are due.")
    low, high = int(codes.min()), int(codes.max())
    if low < 0 or high >= codec.book_size:
        return Failure(
            "encode_range", f"codec {codec.name} gave codes from {low} to {high}; 0 to {codec.book_size - 1} are valid."
        )
    return None


def _too_long(n_samples: int, options: EncodeOptions) -> str:
    frames = n_frames(n_samples)
    limit_s = options.max_frames / FRAME_RATE_HZ
    return (
        f"{frames} frames ({n_samples / SAMPLE_RATE_HZ:.1f} s; limit {options.max_frames}, {limit_s:.1f} s). "
        "Plan shorter dialogues or raise encode.max_frames."
    )
