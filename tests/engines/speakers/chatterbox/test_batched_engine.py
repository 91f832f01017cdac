"""Turns from text to sound with stand-ins for what needs Chatterbox's package: faults, groups, memory, order."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from stand_in_t3 import stand_in, voice  # noqa: E402

from datagen.engines.speakers.chatterbox.model import engine as engine_module  # noqa: E402
from datagen.engines.speakers.chatterbox.model.engine import Batched  # noqa: E402
from datagen.engines.speakers.chatterbox.model.loading import Parts, load  # noqa: E402
from datagen.engines.speakers.chatterbox.model.rows import Fault, ModelError, OutOfMemory, Row  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_torch_thread")


class LoudFlow:
    """Stands for the flow and the vocoder: a frame a token that says which row it is of, and two samples a frame."""

    def __init__(self, *given: Any) -> None:
        self.prompt_s = given[-1]
        self.seconds = {"flow": 1.0, "vocoder": 2.0}
        self.groups: list[list[int]] = []
        self.fails = ""

    def mels(self, tokens: Any, refs: Any, seeds: Any, n_steps: int) -> Any:
        if self.fails:
            raise RuntimeError(self.fails)
        self.groups.append([len(one) for one in tokens])
        marks = [ref["voice"] + seed * 10.0 + n_steps for ref, seed in zip(refs, seeds, strict=True)]
        return [torch.full((80, len(one)), mark) for one, mark in zip(tokens, marks, strict=True)]

    def waves(self, mels: Any, seeds: Any) -> Any:
        return [np.repeat(mel[0].numpy(), 2) for mel in mels]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Batched:
    """An engine on the stand-in T3, whose text is spelled a letter a token."""
    for name in (
        "chatterbox",
        "chatterbox.models",
        "chatterbox.models.s3gen",
        "chatterbox.models.s3gen.const",
        "chatterbox.tts",
    ):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setattr(sys.modules["chatterbox.models.s3gen.const"], "S3GEN_SIL", 4299, raising=False)
    monkeypatch.setattr(sys.modules["chatterbox.tts"], "punc_norm", str.lower, raising=False)
    monkeypatch.setattr(engine_module, "FlowVocoder", LoudFlow)
    monkeypatch.setattr(engine_module, "Conditioning", lambda *_: None)
    monkeypatch.setattr(engine_module, "Watermark", lambda: SimpleNamespace(apply=lambda wave: wave + 0.5))
    spelling = SimpleNamespace(encode=lambda text: [2 + ord(letter) % 38 for letter in text])
    return Batched(Parts(stand_in(), None, None, spelling), "cpu", torch.float32, slots=4)


def row(number: int, **changed: Any) -> Row:
    """A row that ends by itself."""
    settings = {"text": "hello there", "max_tokens": 400, "temperature": 1.0, "flow_steps": 3, **changed}
    return Row(conditionals=voice(number % 3), seed=number, **settings)


def test_every_row_comes_once_with_its_own_sound(made: Batched) -> None:
    rows = [row(number, text="x" * (1 + number % 7)) for number in range(40)]
    done = list(made.speak(rows))
    assert sorted(number for number, _ in done) == list(range(40))
    sounds = {number: wave for number, wave in done if not isinstance(wave, Fault)}
    assert {spoken.reason for _, spoken in done if isinstance(spoken, Fault)} <= {"empty"}  # it stopped at once
    assert len(sounds) > 20
    assert all(set(wave.tolist()) == {number % 3 + number * 10 + 3 + 0.5} for number, wave in sounds.items())
    tokens = made.tokens(rows)
    assert all(2 * len(tokens[number]) == len(wave) for number, wave in sounds.items())


def test_groups_of_the_flow_are_of_like_length(made: Batched) -> None:
    flow: Any = made._flow
    sound = [not isinstance(wave, Fault) for _, wave in made.speak([row(number) for number in range(40)])]
    assert [len(group) for group in flow.groups] == [8] * (sum(sound) // 8) + [sum(sound) % 8] * (sum(sound) % 8 > 0)
    assert all(group == sorted(group) for group in flow.groups)
    flow.groups.clear()
    list(made.speak([row(1, flow_steps=2), row(1, flow_steps=3), row(1, flow_steps=2)]))
    assert sorted(len(group) for group in flow.groups) == [1, 2]


def test_rows_that_cannot_be_spoken_say_why_beside_one_that_can(made: Batched) -> None:
    rows = [
        row(0),
        row(1, text="  "),
        row(2, text="y" * 65),
        row(3, max_tokens=2),
        row(4, temperature=-1.0),
        row(5, max_tokens=601),
    ]
    done = dict(made.speak(rows, mark=False))
    assert isinstance(done[0], np.ndarray)
    said = {number: spoken for number, spoken in done.items() if isinstance(spoken, Fault)}
    assert said == {
        1: Fault("text", "there is nothing to say"),
        2: Fault("text", "65 text tokens; the model has positions for 64"),
        3: Fault("cut", "no stop within 2 tokens for 11 characters"),
        4: Fault("settings", "out of range: temperature (0 or more)"),
        5: Fault("settings", "out of range: max_tokens (1 to 600)"),
    }


def test_the_watermark_is_on_unless_the_caller_puts_it_on(made: Batched) -> None:
    (_, marked), (_, plain) = *made.speak([row(1)]), *made.speak([row(1)], mark=False)
    assert np.array_equal(marked, plain + 0.5)
    assert np.array_equal(made.marked([plain])[0], marked)


def test_seconds_are_counted_by_part(made: Batched) -> None:
    list(made.speak([row(1)]))
    assert set(made.seconds) == {"conditioning", "t3", "watermark", "flow", "vocoder"}
    assert made.seconds["t3"] > 0
    assert made.seconds["vocoder"] == 2.0


@pytest.mark.parametrize(
    "said", ["DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.", "CUDA out of memory"]
)
def test_too_little_memory_is_an_error_of_its_own(made: Batched, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    flow: Any = made._flow
    if "CUDA" in said:
        monkeypatch.setattr(LoudFlow, "mels", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError(said)))
    flow.fails = said
    with pytest.raises(OutOfMemory, match=f"2 rows at once: {said[:12]}"):
        list(made.speak([row(1), row(2)]))
    assert made.t3.decoder._kept == {}


def test_the_flow_is_told_how_much_of_a_clip_leads_it(made: Batched, monkeypatch: pytest.MonkeyPatch) -> None:
    flow: Any = made._flow
    assert flow.prompt_s == 10
    parts = Parts(stand_in(), None, None, made._tokenizer)
    monkeypatch.setattr(engine_module, "load", lambda *_: parts)
    told: Any = Batched.load(Path(), "cpu", "float32", "original", slots=4, prompt_s=5)._flow
    assert told.prompt_s == 5


def test_another_fault_of_torch_is_not_taken_for_memory(made: Batched) -> None:
    flow: Any = made._flow
    flow.fails = "shapes do not fit"
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        list(made.speak([row(1)]))


def test_a_folder_that_lacks_files_is_named(tmp_path: Any) -> None:
    (tmp_path / "ve.safetensors").touch()
    with pytest.raises(ModelError, match="lacks t3_cfg.safetensors, s3gen.safetensors, tokenizer.json: not a folder"):
        load(tmp_path, "cpu", "original")
    with pytest.raises(ModelError, match="dtype = 'int8': choose one of float32, bfloat16, float16"):
        Batched.load(tmp_path, "cpu", "int8", "turbo")
