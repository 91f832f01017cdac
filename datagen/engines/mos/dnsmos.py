"""DNSMOS P.835: speech, background and overall quality as listeners would rate them, by Microsoft's ONNX model on the CPU.

The model (`sig_bak_ovr.onnx` of the DNS-Challenge repository, 1.2 MB, CC BY 4.0) takes 9.01 s of 16 kHz audio and gives three raw
numbers, which polynomials bring to the scale of the ratings. A shorter clip is repeated until it fills a window, a longer one is
scored every second and averaged: both as the repository's own `dnsmos_local.py` does, so that its figures and these are the same.
There are no scores without the file.
"""

import hashlib
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from datagen.config import Options, knob
from datagen.engines.speech_models import MODEL_RATE_HZ, at_16_khz
from datagen.errors import EngineError
from datagen.protocols import Failure
from datagen.records.maker import Maker
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.store.ids import digest

VARIABLE = "DATAGEN_DNSMOS_MODEL"
WINDOW_SAMPLES = 144_160
"""9.01 s at 16 kHz: the model's fixed input."""
HOP_SAMPLES = MODEL_RATE_HZ
NAMES = ("signal", "background", "overall")
CURVES = (
    (-0.08397278, 1.22083953, 0.0052439),
    (-0.13166888, 1.60915514, -0.39604546),
    (-0.06766283, 1.11546468, 0.04602535),
)
"""From raw outputs to ratings, highest power first, in the order of NAMES: constants of `dnsmos_local.py`, not personalised."""
LEAST_S = 0.3
SILENT = 1e-4


class DnsmosOptions(Options):
    """The knobs of DNSMOS."""

    model: str = knob(
        "",
        f"path of sig_bak_ovr.onnx; empty: what {VARIABLE} names",
        changes_output=False,  # the file's digest is in the engine's revision
    )


class DnsmosPredictor:
    """Overall quality, 1 to 5, of mono 24 kHz clips. A MosPredictor (datagen/protocols.py).

    Raises EngineError where no model is named, or where it is another one than DNSMOS P.835.
    """

    kind: ClassVar[str] = "mos"
    name: ClassVar[str] = "dnsmos"
    Options: ClassVar[type[DnsmosOptions]] = DnsmosOptions

    def __init__(self, options: DnsmosOptions) -> None:
        self.options = options

    @cached_property
    def maker(self) -> Maker:
        """The revision is the digest of the model's file."""
        found = hashlib.sha256(self._path.read_bytes()).hexdigest()[:16]
        return Maker(
            self.name, "DNSMOS P.835, overall", f"file-{found}", "CC-BY-4.0", digest(self.options.output_options())
        )

    @cached_property
    def _path(self) -> Path:
        given = self.options.model or os.environ.get(VARIABLE, "")
        if not given:
            raise EngineError(
                f"mos.model: no model is named. Fetch sig_bak_ovr.onnx (1.2 MB) from DNSMOS/DNSMOS of github.com/microsoft/DNS-Challenge, "
                f"and set mos.model, or {VARIABLE}, to its path."
            )
        path = Path(given).expanduser()
        if not path.is_file():
            raise EngineError(f"mos.model: {given}: there is no such file. It has to be DNSMOS's sig_bak_ovr.onnx.")
        return path

    @cached_property
    def _session(self) -> Any:
        path = self._path
        import onnxruntime

        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1
        try:
            session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own errors share no base but this one
            why = str(error).splitlines()[0]
            raise EngineError(f"mos.model: {path.name}: onnxruntime cannot read it ({why[:160]}).") from None
        inputs, outputs = session.get_inputs(), session.get_outputs()
        shapes = [list(x.shape)[1:] for x in (*inputs, *outputs)]
        if shapes != [[WINDOW_SAMPLES], [len(NAMES)]]:
            told = "; ".join(f"{x.name} {list(x.shape)}" for x in (*inputs, *outputs))
            raise EngineError(
                f"mos.model: {path.name} is not DNSMOS's sig_bak_ovr.onnx: it has {told}, and not one input [n, "
                f"{WINDOW_SAMPLES}] and one output [n, {len(NAMES)}]. (model_v8.onnx, which gives one number, is P.808's.)"
            )
        return session

    def predict(self, audios: Sequence[Audio]) -> list[float | Failure]:
        """Overall quality a clip. Failures: `too_short` (under 0.3 s), `silent`."""
        return [found if isinstance(found, Failure) else float(found[-1]) for found in self.ratings(audios)]

    def ratings(self, audios: Sequence[Audio]) -> list[NDArray[np.float64] | Failure]:
        """Signal, background and overall quality [3] a clip, each 1 to 5; the same in any company."""
        return [_refused(audio) or self._rated(_windows(audio)) for audio in audios]

    def _rated(self, windows: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """The mean over the windows, run one by one: in a batch the last bits would depend on the company."""
        name = self._session.get_inputs()[0].name
        raw = np.stack([self._session.run(None, {name: window[None]})[0][0] for window in windows]).astype(np.float64)
        rated = [np.polyval(curve, raw[:, n]).mean() for n, curve in enumerate(CURVES)]
        return np.asarray(np.clip(rated, 1.0, 5.0))


def _refused(audio: Audio) -> Failure | None:
    seconds = len(audio) / SAMPLE_RATE_HZ
    if seconds < LEAST_S:
        return Failure("too_short", f"{seconds:.2f} s of audio are too short to rate; {LEAST_S} s are the least.")
    if np.abs(audio).max() <= SILENT:
        return Failure("silent", f"{seconds:.2f} s of audio are silent.")
    return None


def _windows(audio: Audio) -> list[NDArray[np.float32]]:
    """The windows that `dnsmos_local.py` takes: the clip doubled until it fills one, then one a second of it."""
    sound = at_16_khz(audio)
    while len(sound) < WINDOW_SAMPLES:
        sound = np.concatenate([sound, sound])
    n = int(len(sound) // MODEL_RATE_HZ - WINDOW_SAMPLES / MODEL_RATE_HZ) + 1
    starts = [k * HOP_SAMPLES for k in range(n)]
    return [sound[s : s + WINDOW_SAMPLES] for s in starts if s + WINDOW_SAMPLES <= len(sound)]
