"""Mimi, the codec of Moshi and PersonaPlex: one engine, with a backend without torch and one with it."""

from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from datagen.config import Options, knob
from datagen.engines.codecs.mimi_rust import RustMimi
from datagen.engines.codecs.mimi_torch import TorchMimi, has_cuda
from datagen.engines.codecs.mimi_torch_model import missing as lacks_torch
from datagen.engines.codecs.mimi_weights import LICENCE, Weights, find, inspect
from datagen.engines.codecs.training_audio import tone
from datagen.engines.devices import Device
from datagen.errors import DataError, EngineError, UserError
from datagen.records.maker import Maker
from datagen.records.rendered import Codes
from datagen.records.speech import FRAME_SAMPLES, Audio, n_frames
from datagen.store.ids import digest

BOOK_SIZE = 2_048

RELEASED_SILENCE = (948, 243, 1178, 546, 1736, 1030, 1978, 2008)
RELEASED_SINE = (430, 1268, 381, 1611, 1095, 1495, 56, 472)
"""What PersonaPlex's inference feeds with the released weights: constants of its code, which encoding does not give."""
LOUDEST = 16.0
"""24 dB over full scale: what is louder is no audio in -1…1, and would be encoded to noise."""
SINE_HZ = 440.0
SINE_PEAK = 0.5
SETTLED_S = 2.0


_OWN_WEIGHTS = "not the released weights: only a model that learned with these understands the tokens"
RUST_NOTE = (
    "after 10 s rustymimi looks one position further back than moshi's own streaming, which a Python server of PersonaPlex runs; "
    "codec.backend=torch does as that"
)


class Backend(Protocol):
    """What runs the model. `version` names library and version; it is a part of the codec's revision."""

    @property
    def version(self) -> str: ...

    @property
    def clips_at_once(self) -> int: ...

    def encode(self, clips: Sequence[NDArray[np.float32]]) -> list[Codes]:
        """Codes int16 [books, n_frames] a clip of frames [n_frames, 1920], each from a fresh state."""
        ...

    def decode(self, codes: Sequence[Codes]) -> list[Audio]:
        """Mono float32 audio, 1920 samples a frame, each from a fresh state."""
        ...


class MimiOptions(Options):
    """The knobs of Mimi."""

    weights: str = knob(
        "",
        "path of Mimi's safetensors file, moshi's or that of kyutai/mimi; empty: DATAGEN_MIMI_WEIGHTS, else the Hugging Face cache",
        changes_output=False,  # what is in the file does, and its hash is in the codec's revision
    )
    books: int = knob(8, "books of codes a frame; Moshi and PersonaPlex use 8", "books", ge=1, le=32)
    # What of these changes a code is in the backend's version, and so in the codec's revision.
    backend: Literal["auto", "rustymimi", "torch"] = knob(
        "auto",
        "what runs Mimi: rustymimi | torch (transformers' MimiModel) | auto (torch where it finds a CUDA device, else rustymimi)",
        changes_output=False,
    )
    device: Device = knob(
        "auto",
        "where the torch backend runs: auto (cuda where there is one) | cpu | cuda | cuda:0",
        changes_output=False,
    )
    batch: int = knob(
        0,
        "clips that the torch backend steps at once; 0: 1 on a CPU, 16 on a GPU",
        "clips",
        changes_output=False,
        ge=0,
        le=1024,
    )
    precision: Literal["fp32", "tf32", "bf16"] = knob(
        "fp32",
        "arithmetic of the torch backend: fp32 | tf32 (CUDA) | bf16; only fp32 gives the codes that inference gives",
        changes_output=False,
    )
    window: Literal["auto", "step", "whole", "rust"] = knob(
        "auto",
        "what attention reaches after 10 s: step (torch; as moshi, one frame a step) | whole (torch; as moshi, a file at once) | "
        "rust (as rustymimi) | auto (step with torch, rust with rustymimi)",
        changes_output=False,
    )


class MimiCodec:
    """Codes int16 [books, n_frames], each 0…2047, a frame of 80 ms at 24 kHz; a codec by the protocol in datagen.protocols."""

    kind: ClassVar[str] = "codec"
    name: ClassVar[str] = "mimi"
    Options: ClassVar[type[MimiOptions]] = MimiOptions

    def __init__(self, options: MimiOptions) -> None:
        self.options = options
        self.n_books = options.books
        self.book_size = BOOK_SIZE
        self.weights: Weights = inspect(find(options.weights))
        if self.weights.books < options.books:
            raise EngineError(
                f"codec.books: {self.weights.path} has {self.weights.books} books, and {options.books} are asked for."
            )

    @cached_property
    def backend(self) -> "Backend":
        """What runs the model here, by `codec.backend`; a UserError where the other options are not for it."""
        asked = self.options
        if backend_of(asked.backend) == "torch":
            window = "step" if asked.window == "auto" else asked.window
            return TorchMimi(self.weights, self.n_books, asked.device, asked.batch, asked.precision, window)
        if asked.device.startswith("cuda") or asked.precision != "fp32":
            key, value = ("device", asked.device) if asked.device.startswith("cuda") else ("precision", asked.precision)
            raise UserError(
                f"codec.{key} = {value}: rustymimi, which codec.backend = {asked.backend} takes here, runs on the CPU in fp32 alone. "
                f"Take codec.backend = torch, or leave codec.{key} out."
            )
        if asked.window in ("step", "whole"):
            raise UserError(
                f"codec.window = {asked.window}: rustymimi has none but its own. Take codec.window = auto, or codec.backend = torch."
            )
        return RustMimi(self.weights.moshi_path(), self.n_books)

    @property
    def clips_at_once(self) -> int:
        """How many clips the backend wants at a time."""
        return self.backend.clips_at_once

    @cached_property
    def maker(self) -> Maker:
        """The identity that content keys and cards hold: the revision is the backend's version and the hash of the weights."""
        released = self.weights.released
        return Maker(
            engine=self.name,
            model="mimi-e351c8d8@125" if released else "mimi, weights of your own",
            revision=f"{self.backend.version}+{self.weights.sha256[:12]}",
            licence=LICENCE if released else "not known: weights of your own",
            options=digest(self.options.output_options()),
            deterministic=not isinstance(self.backend, TorchMimi) or self.backend.deterministic,
            note="; ".join(
                [*([] if released else [_OWN_WEIGHTS]), *([] if isinstance(self.backend, TorchMimi) else [RUST_NOTE])]
            ),
        )

    def encode(self, audios: Sequence[Audio]) -> list[Codes]:
        """Codes [books, ceil(n_samples / 1920)] a mono clip, as one-frame streaming from a fresh state gives them.

        The same whatever else is in the list or came before. A DataError for NaN, stereo or whole numbers.
        """
        return self.backend.encode([_frames_of(audio) for audio in audios])

    def decode(self, codes: Sequence[Codes]) -> list[Audio]:
        """Mono float32 audio, 1920 samples a frame, from a fresh state; a DataError for codes outside 0…2047 or other books."""
        for one in codes:
            self._check(one)
        return self.backend.decode(codes)

    def constant_frames(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """SILENCE and SINE: PersonaPlex's constants where the weights are the released ones, else this codec's own.

        The codec's own are what digital silence and a 440 Hz tone settle on. The constants have eight books; those
        after the eighth are the codec's own in any case.
        """
        return self._constants

    @cached_property
    def _constants(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        known = (RELEASED_SILENCE, RELEASED_SINE) if self.weights.released else ((), ())
        if self.weights.released and self.n_books <= len(RELEASED_SILENCE):
            return known[0][: self.n_books], known[1][: self.n_books]
        sine = tone(SINE_HZ, SETTLED_S) * np.float32(SINE_PEAK)
        own = [tuple(int(code) for code in found[:, -1]) for found in self.encode([np.zeros_like(sine), sine])]
        return known[0] + own[0][len(known[0]) :], known[1] + own[1][len(known[1]) :]

    def _check(self, codes: Codes) -> None:
        if codes.ndim != 2 or codes.shape[0] != self.n_books:
            raise DataError(f"codec: codes of shape {codes.shape}; mimi decodes [{self.n_books}, n_frames].")
        if codes.dtype.kind not in "iu":
            raise DataError(f"codec: codes of {codes.dtype}; mimi's are whole numbers.")
        if codes.size and not (int(codes.min()) >= 0 and int(codes.max()) < BOOK_SIZE):
            raise DataError(f"codec: codes from {codes.min()} to {codes.max()}; mimi's are 0 to {BOOK_SIZE - 1}.")


def backend_of(asked: str) -> str:
    """`torch` or `rustymimi`: what `auto` is here. Torch where it finds a CUDA device or rustymimi is not installed."""
    if asked != "auto":
        return asked
    return "torch" if has_cuda() or (find_spec("rustymimi") is None and not lacks_torch()) else "rustymimi"


def _frames_of(audio: Audio) -> NDArray[np.float32]:
    """Mono audio as [n_frames, 1920], the last frame filled up with zeros; a DataError for NaN, stereo, or another scale."""
    if audio.ndim != 1:
        raise DataError(f"codec: audio of shape {audio.shape}; one channel, [n_samples], is encoded at a time.")
    if audio.dtype.kind != "f":
        raise DataError(
            f"codec: audio of {audio.dtype}; samples are floating-point numbers in -1…1 (of int16: divide by 32768)."
        )
    if not np.isfinite(audio).all():
        raise DataError(f"codec: {int((~np.isfinite(audio)).sum())} of {len(audio)} samples are not finite numbers.")
    if len(audio) and (peak := float(np.abs(audio).max())) > LOUDEST:
        raise DataError(f"codec: samples up to {peak:g}, and full scale is 1 (of int16: divide by 32768).")
    padded = np.zeros((n_frames(len(audio)), FRAME_SAMPLES), np.float32)
    padded.reshape(-1)[: len(audio)] = audio
    return padded
