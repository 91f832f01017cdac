"""Runs in Chatterbox's environment: whole turns of ours beside stock's generate(), from a folder of files to marked sound.

turns_against_stock.py REPOSITORY WORK_FOLDER KIND. The last line is one JSON object.
"""

import importlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, sys.argv[1])

import numpy as np
import tiny_checkpoint
import tiny_s3gen
import torch

from datagen.engines.speakers.chatterbox.model.engine import Batched
from datagen.engines.speakers.chatterbox.model.rows import Conditionals, Fault, ModelError, Row
from datagen.engines.speakers.chatterbox.model.sampler import gumbel, words

TEXTS = [
    "Yes.",
    "the quick brown fox - it jumps",
    "Well… I do not know; ask me again, please!",
    "No",
    "Right, so: go on",
]
CLIP_HZ = 24_000


def clip(seconds: float) -> Any:
    """Something like a vowel that swells and fades."""
    at = np.arange(int(seconds * CLIP_HZ)) / CLIP_HZ
    tone = sum(np.sin(2 * np.pi * 120 * k * at) / k for k in range(1, 20))
    noise = np.random.default_rng(0).standard_normal(len(at))
    return ((0.1 * tone + 0.01 * noise) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * at))).astype(np.float32)


class Stock:
    """generate() whose draws are those of a row's seed: T3's by our noise, the flow's and the vocoder's by torch's generator."""

    def __init__(self, folder: Path, turbo: bool) -> None:
        module: Any = importlib.import_module("chatterbox.tts_turbo" if turbo else "chatterbox.tts")
        made: Any = module.ChatterboxTurboTTS if turbo else module.ChatterboxTTS
        self.model = made.from_local(folder, "cpu")
        self.seed, self.drawn = 0, 0
        if turbo:  # numpy 2 makes double precision of its gain, which its own tokenizer then refuses
            level = self.model.norm_loudness
            self.model.norm_loudness = lambda *heard: level(*heard).astype(np.float32)
        for name in ("flow_inference", "hift_inference"):
            setattr(self.model.s3gen, name, self._seeded(getattr(self.model.s3gen, name)))

    def _seeded(self, call: Any) -> Any:
        def seeded(*arguments: Any, **named: Any) -> Any:
            torch.manual_seed(self.seed)
            return call(*arguments, **named)

        return seeded

    def _multinomial(self, shares: Any, num_samples: int) -> Any:
        noise = gumbel(torch.tensor([words(self.seed)]), torch.tensor([self.drawn]), shares.shape[-1])
        self.drawn += num_samples
        return (shares.log() + noise).argmax(-1, keepdim=True)

    def said(self, row: Row, file: Path) -> Any:
        self.seed, self.drawn = row.seed, 0
        settings = {"temperature": row.temperature, "top_p": row.top_p, "repetition_penalty": row.repetition_penalty}
        real, torch.multinomial = torch.multinomial, self._multinomial
        try:
            wave = self.model.generate(row.text, audio_prompt_path=str(file), exaggeration=0.5, **settings)
        finally:
            torch.multinomial = real
        return wave[0].numpy()


def refusals(folder: Path, kind: str) -> list[str]:
    """What is said of folders that lack something; each is mended again."""
    told = []

    def refused() -> None:
        try:
            Batched.load(folder, "cpu", "float32", kind)
        except ModelError as error:
            told.append(str(error).replace(str(folder), "FOLDER"))

    safetensors: Any = importlib.import_module("safetensors.torch")
    file, kept = folder / "ve.safetensors", folder / "kept"
    shutil.move(file, kept)
    refused()
    tensors = safetensors.load_file(kept)
    first = sorted(tensors)[0]
    safetensors.save_file({name: tensor for name, tensor in tensors.items() if name != first}, file)
    refused()
    safetensors.save_file({**tensors, first: torch.zeros(3)}, file)
    refused()
    file.write_bytes(kept.read_bytes()[:1000])
    refused()
    shutil.move(kept, file)
    return told


def faults(engine: Batched, voice: Conditionals) -> dict[str, Any]:
    """Rows that cannot be spoken between one that can."""
    rows = [
        Row("", voice, 1),
        Row("A" + "b " * 3000, voice, 1),
        Row("Hm.", voice, 4, max_tokens=3),
        Row("Hm.", voice, 1, temperature=-1.0),
        Row("Hm.", Conditionals(voice.prefix * float("nan"), voice.reference), 1),
        Row(TEXTS[0], voice, 100),
    ]
    done = dict(engine.speak(rows, mark=False))
    return {str(i): done[i].reason if isinstance(done[i], Fault) else "sound" for i in range(len(rows))}


def clips(engine: Batched) -> list[str]:
    told = []
    for bad in (clip(0.5), clip(7) * np.nan, clip(7) * 0, np.stack([clip(7)] * 2)):
        try:
            engine.conditionals(bad, 0.5)
        except ModelError as error:
            told.append(str(error))
    return told


def main() -> None:
    folder, kind = Path(sys.argv[2]), sys.argv[3]
    turbo = kind == "turbo"
    torch.set_num_threads(1)
    tiny_s3gen.shrink()
    tiny_checkpoint.write(folder, kind)
    told: dict[str, Any] = {"refusals": refusals(folder, kind)}
    engine = Batched.load(folder, "cpu", "float32", kind, slots=3)
    stock = Stock(folder, turbo)
    file = folder / "clip.wav"
    heard = clip(6.4)
    importlib.import_module("soundfile").write(file, heard, CLIP_HZ, subtype="FLOAT")
    voice = engine.conditionals(heard, 0.5)
    rows = [
        Row(text, voice, 100 + number, top_p=0.95 if turbo else 1.0, flow_steps=2 if turbo else 10)
        for number, text in enumerate(TEXTS)
    ]
    done = dict(engine.speak(rows))
    theirs = [stock.said(row, file) for row in rows]
    told["samples"] = [[len(done[i]), len(wave)] for i, wave in enumerate(theirs)]
    told["apart"] = [float(np.abs(done[i][: len(wave)] - wave[: len(done[i])]).max()) for i, wave in enumerate(theirs)]
    told["spread"] = float(np.std(np.concatenate(theirs)))
    unmarked = dict(engine.speak(rows[:1], mark=False))[0]
    told["mark"] = float(np.abs(unmarked - done[0]).max())
    told["faults"] = faults(engine, voice)
    told["clips"] = clips(engine)
    told["seconds"] = engine.seconds
    told["voice_bytes"] = voice.size_bytes
    sys.stdout.write("\n" + json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
