"""Checkpoints are numbers: no pickle is read, and no code that comes with a model is run."""

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from datagen.engines import registry
from datagen.engines.llm import vllm_arguments
from datagen.engines.llm.model_files import ModelFiles, problems_of
from datagen.engines.speech_models import WEIGHTS, need_weights
from datagen.engines.to_safetensors import PICKLED, main
from datagen.errors import EngineError, UserError

CODE = "import pathlib; pathlib.Path({!r}).write_text('ran')"
"""What runs where a pickle, or a model's own module, is opened without care."""


class Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.mark}",)


def evil(folder: Path) -> Path:
    """A folder with a pickle of weights that makes FOLDER/ran when it is opened."""
    folder.mkdir(exist_ok=True)
    (folder / PICKLED).write_bytes(pickle.dumps({"weight": Evil(folder / "ran")}))
    return folder


def test_a_pickle_is_no_weights(tmp_path: Path) -> None:
    with pytest.raises(
        EngineError, match=r"asr.model: m has no weights .* a pickle, which can run code and is never read"
    ):
        need_weights(evil(tmp_path / "m"), "asr")
    (tmp_path / "m" / WEIGHTS).touch()
    need_weights(tmp_path / "m", "asr")


@pytest.mark.parametrize(
    ("kind", "name"), [("aligner", "ctc"), ("aligner", "whisper"), ("asr", "whisper"), ("embedder", "wavlm")]
)
def test_engines_fetch_no_pickle(kind: str, name: str) -> None:
    wanted = registry.make(kind, name, registry.options_of(kind, name, {})).files
    assert WEIGHTS in wanted
    assert [n for n in wanted if not n.endswith((".safetensors", ".json"))] == []


@pytest.mark.slow
def test_the_converter_runs_nothing_of_a_pickle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    folder = evil(tmp_path / "m")
    assert main([str(folder)]) == UserError.exit_code
    assert "is not read: more than tensors, or damaged" in capsys.readouterr().err
    assert sorted(p.name for p in folder.iterdir()) == [PICKLED]


@pytest.mark.slow
def test_the_converter_keeps_every_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch = pytest.importorskip("torch")
    load_file = pytest.importorskip("safetensors.torch").load_file
    tied = torch.arange(6.0).reshape(2, 3)
    torch.save({"a": tied, "b": tied.T, "c": torch.ones(2, dtype=torch.float16)}, tmp_path / PICKLED)
    assert main([str(tmp_path)]) == 0
    found = load_file(tmp_path / WEIGHTS)
    assert torch.equal(found["a"], tied)
    assert torch.equal(found["b"], tied.T)
    assert found["c"].dtype == torch.float16
    assert main([str(tmp_path / "none")]) == main([]) == UserError.exit_code
    assert "Name the folder of a model" in capsys.readouterr().err


@pytest.mark.slow
def test_code_beside_a_model_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto_map` in a config asks for a module of the model's own; nobody is asked, and it is not imported."""
    pytest.importorskip("transformers")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "engines"))
    from random_speech_models import write_ctc

    folder, mark = write_ctc(tmp_path / "m"), tmp_path / "ran"
    (folder / "evil.py").write_text(CODE.format(str(mark)))
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "evil", "auto_map": {"AutoConfig": "evil.C", "AutoModelForCTC": "evil.M"}}
    (folder / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    from datagen.engines.aligners.ctc_model import CtcModel

    with pytest.raises(ValueError, match=r"trust_remote_code|evil"):
        CtcModel(folder, "cpu", False)
    assert not mark.exists()


def test_a_language_model_of_pickles_alone_is_refused(tmp_path: Path) -> None:
    folder = evil(tmp_path / "llm")
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_text('{"a": 1}')
    (line,) = problems_of(ModelFiles.of(str(folder)))
    assert "lacks weights (*.safetensors)" in line
    (folder / WEIGHTS).touch()
    assert problems_of(ModelFiles.of(str(folder))) == []


@pytest.mark.parametrize(
    "argument",
    [
        "--trust-remote-code", "--trust_remote_code", "--trust-remote", "--load-format", "--load-format=pt", "--middleware=os.system",
        "--worker-cls", "--logits-processors", "--tool-parser-plugin", "--config=/tmp/x.yaml", "--model", "--hos",
    ],
)  # fmt: skip
def test_a_recipe_does_not_make_a_server_run_code(argument: str) -> None:
    assert vllm_arguments.clashing((argument, "x")) == [argument.split("=")[0]]


@pytest.mark.parametrize("argument", ["--quantization", "--kv-cache-dtype=fp8", "--enforce-eager", "--max-num-seqs"])
def test_what_tunes_a_server_may_be_given(argument: str) -> None:
    assert vllm_arguments.clashing((argument, "16")) == []
