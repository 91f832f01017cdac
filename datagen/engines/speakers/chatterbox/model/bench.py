"""Runs in Chatterbox's environment: stock's generate(), one text after the other, and ours, all at once, on the same texts and weights.

bench.py SPEC, a JSON object (see `Spec`). The last line that it writes is a JSON object: machine, sizes, and seconds by part of both.
"""

import importlib
import json
import os
import platform
import string
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[5]))

import numpy as np
import torch

from datagen.engines.speakers.chatterbox.model.engine import GROUP, Batched
from datagen.engines.speakers.chatterbox.model.loading import DTYPES, Parts
from datagen.engines.speakers.chatterbox.model.rows import SPEECH_CODES, TOKENS_PER_S, Row

RATE_HZ = 24_000
MOST_TOKENS = 1_000
"""What stock stops at."""
WARM_TOKENS = 4


@dataclass(frozen=True)
class Spec:
    """What to measure. `folder` holds the original model; empty: random weights, which end no sentence, so that every text is
    stopped after `forced_s` of speech. `layers` (random weights alone) are T3's, 0 for all of its thirty. `clip_s` is how long the voice
    prompt is: the flow takes ten seconds of it with every text.
    """

    texts: Sequence[str]
    folder: str = ""
    device: str = "cpu"
    dtype: str = "float32"
    forced_s: float = 0.0
    layers: int = 0
    threads: int = 1
    clip_s: float = 10.0


@dataclass
class Side:
    """Seconds by part, and of speech that came out of them."""

    seconds: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("t3", "flow", "vocoder", "watermark"), 0.0)
    )
    audio_s: float = 0.0
    conditioning_s: float = 0.0

    def told(self) -> dict[str, Any]:
        whole = sum(self.seconds.values())
        return {**asdict(self), "whole_s": whole, "times_real_time": self.audio_s / whole}


def clip(seconds: float) -> Any:
    """Something like a vowel that swells and fades: a voice prompt for a time to be measured, not to be heard."""
    at = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    tone = sum(np.sin(2 * np.pi * 120 * k * at) / k for k in range(1, 20))
    return (0.1 * tone * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * at))).astype(np.float32)


def random_model(layers: int, device: str) -> Any:
    """Stock's ChatterboxTTS of full size (but for `layers`) with the weights that its modules are made with."""
    torch.manual_seed(0)
    config: Any = importlib.import_module("chatterbox.models.t3.llama_configs").LLAMA_CONFIGS["Llama_520M"]
    if layers:
        config["num_hidden_layers"] = layers
    stock: Any = importlib.import_module("chatterbox.tts")
    t3, s3gen, encoder = stock.T3().to(device).eval(), stock.S3Gen().to(device).eval(), stock.VoiceEncoder().to(device)
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = stock.EnTokenizer(str(_letters(Path(folder) / "tokenizer.json")))
    return stock.ChatterboxTTS(t3, s3gen, encoder.eval(), tokenizer, device)


def _letters(file: Path) -> Path:
    """A tokenizer of single letters, of the size that T3 has embeddings for: texts become a little longer than by the released one."""
    tokenizers: Any = importlib.import_module("tokenizers")
    marks = ["[STOP]", "[UNK]", "[SPACE]", "[PAD]", "[SEP]", "[CLS]", "[MASK]"]
    entries = [*marks, *string.ascii_letters, *string.digits, *".,!?'\"-()[]"]
    entries += [f"<{n}>" for n in range(len(entries), 704)]
    entries[255] = "[START]"
    made = tokenizers.Tokenizer(
        tokenizers.models.BPE(vocab={entry: n for n, entry in enumerate(entries)}, merges=[], unk_token="[UNK]")
    )
    made.add_special_tokens([*marks, "[START]"])
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.save(str(file))
    return file


class Clock:
    """Adds the seconds of calls to a side's parts: a GPU's by the clock, until it has done them; a CPU's own, of all threads."""

    def __init__(self, side: Side, cuda: bool) -> None:
        self.side, self.cuda = side, cuda
        self.now = time.perf_counter if cuda else time.process_time

    def timed(self, part: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            began = self.now()
            try:
                return call(*arguments, **named)
            finally:
                if self.cuda:
                    torch.cuda.synchronize()
                self.side.seconds[part] += self.now() - began

        return wrapped


def stock_side(model: Any, spec: Spec, most_tokens: int) -> Side:
    """Stock, text by text, with its calls timed from outside."""
    side = Side()
    clock = Clock(side, spec.device.startswith("cuda"))
    limit = {"tokens": WARM_TOKENS}
    decode = model.t3.inference

    def inference(**named: Any) -> Any:
        return decode(**{**named, "max_new_tokens": limit["tokens"]})

    places = (
        (model.t3, "inference", "t3", inference),
        (model.s3gen, "flow_inference", "flow", model.s3gen.flow_inference),
        (model.s3gen, "hift_inference", "vocoder", model.s3gen.hift_inference),
        (model.watermarker, "apply_watermark", "watermark", model.watermarker.apply_watermark),
    )
    for owner, name, part, call in places:
        setattr(owner, name, clock.timed(part, call))
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        importlib.import_module("soundfile").write(file.name, clip(spec.clip_s), RATE_HZ, subtype="FLOAT")
        began = clock.now()
        model.prepare_conditionals(file.name)
        side.conditioning_s = clock.now() - began
    model.generate(spec.texts[0])
    side.seconds = dict.fromkeys(side.seconds, 0.0)
    limit["tokens"] = most_tokens
    for text in spec.texts:
        side.audio_s += model.generate(text).shape[-1] / RATE_HZ
    for owner, name, _, call in places:
        setattr(owner, name, decode if name == "inference" else call)
    return side


def our_side(model: Any, spec: Spec, most_tokens: int) -> Side:
    """Ours, all texts at once, on the weights of stock's modules, which T3 takes over: stock cannot speak afterwards."""
    engine = Batched(
        Parts(model.t3, model.s3gen, model.ve, model.tokenizer), spec.device, DTYPES[spec.dtype], len(spec.texts)
    )
    side = Side()
    now = Clock(side, spec.device.startswith("cuda")).now
    began = now()
    voice = engine.conditionals(clip(spec.clip_s), 0.5)
    side.conditioning_s = now() - began
    warm = Side()
    _speak(engine, [Row(spec.texts[0], voice, 0, max_tokens=WARM_TOKENS)], warm, spec)
    rows = [Row(text, voice, n, max_tokens=most_tokens) for n, text in enumerate(spec.texts)]
    _speak(engine, rows, side, spec)
    return side


def _speak(engine: Batched, rows: Sequence[Row], side: Side, spec: Spec) -> None:
    """Every row through T3, the flow, the vocoder and the watermark, as `Batched.speak` has it; a text that was stopped counts too."""
    clock = Clock(side, spec.device.startswith("cuda"))
    texts = [engine.ids_of(row.text) for row in rows]
    decoded = clock.timed("t3", lambda: dict(engine.t3.decode(rows, texts)))()
    spoken = {n: found.ids[found.ids < SPEECH_CODES] for n, found in decoded.items()}
    order = sorted((n for n, ids in spoken.items() if len(ids)), key=lambda n: len(spoken[n]))
    size = GROUP["cuda" if spec.device.startswith("cuda") else "cpu"]
    for start in range(0, len(order), size):
        group = order[start : start + size]
        chosen = [rows[n] for n in group]
        mels = clock.timed("flow", engine.mels)([spoken[n] for n in group], chosen)
        waves = clock.timed("vocoder", engine.waves)(mels, chosen)
        side.audio_s += sum(len(wave) for wave in clock.timed("watermark", engine.marked)(waves)) / RATE_HZ


def measure(spec: Spec) -> dict[str, Any]:
    """Both sides, and on what. Rejects nothing: what is wrong with a folder, stock says."""
    torch.set_num_threads(spec.threads)
    stock: Any = importlib.import_module("chatterbox.tts").ChatterboxTTS
    model = stock.from_local(Path(spec.folder), spec.device) if spec.folder else random_model(spec.layers, spec.device)
    most_tokens = round(spec.forced_s * TOKENS_PER_S) or MOST_TOKENS
    theirs = stock_side(model, spec, most_tokens).told()
    ours = our_side(model, spec, most_tokens).told()
    gpu = torch.cuda.get_device_name(spec.device) if spec.device.startswith("cuda") else ""
    return {
        "clip_s": spec.clip_s,
        "machine": gpu or f"{_processor()}, {spec.threads} thread{'s' * (spec.threads > 1)}",
        "torch": torch.__version__,
        "weights": "of the folder"
        if spec.folder
        else f"random, {_told_layers(spec)}, stopped after {spec.forced_s:g} s",
        "dtype": spec.dtype,
        "texts": len(spec.texts),
        "stock": theirs,
        "ours": ours,
        "ratio": ours["times_real_time"] / theirs["times_real_time"],
    }


def _told_layers(spec: Spec) -> str:
    return f"{spec.layers} of T3's 30 layers" if spec.layers else "of full size"


def _processor() -> str:
    """The processor's name, as Linux tells it; elsewhere its family."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{named or platform.machine()} ({os.cpu_count()} processors)"


def main() -> None:
    sys.stdout.write("\n" + json.dumps(measure(Spec(**json.loads(sys.argv[1])))) + "\n")


if __name__ == "__main__":
    main()
