"""Trains the small SentencePiece model that ships for trying: `python -m datagen.load.train_tokenizer`.

BPE, since it only counts: the same prompts give the same pieces on any machine, in one thread. The corpus is what the
prompts let people say, each phrasing once. Bytes are pieces too, so that any text encodes; digits stand alone.
"""

import io
import re
import string
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from datagen.errors import DataError, EngineError
from datagen.load.tokenizers import TRYING_FILE, TRYING_VOCABULARY
from datagen.resources import prompts
from datagen.store.files import write_bytes

_DRAWN = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{[^{}]*\}")
"""What is filled in only when a dialogue is written: slots, logic, parts of names."""
_CHOICE = re.compile(r"[<|>]")
_NO_SPEECH = frozenset({"bad", "format", "from", "kind", "name", "of", "op", "slot", "type", "when"})
"""Keys of the domain files whose text nobody says."""
_NOT_SAID = ("_shared/llm/", "_shared/judge/", "_shared/draft/")
"""What is asked of language models, and nobody says."""
_LEAST_WORDS = 20_000
"""Fewer running words do not fill the vocabulary."""


def main() -> None:
    """Writes the model file over the one that ships; says what it holds."""
    lines = corpus(prompts())
    model = train(lines, TRYING_VOCABULARY)
    write_bytes(TRYING_FILE, model)
    sys.stderr.write(f"{TRYING_FILE.name}: {TRYING_VOCABULARY} pieces of {len(lines)} lines, {len(model)} bytes\n")


def corpus(folder: Path) -> list[str]:
    """What the domain files below a folder let people say, a line each, by file; DataError where that is too little."""
    lines: list[str] = []
    for path in sorted(folder.rglob("*"), key=lambda p: p.relative_to(folder).as_posix()):
        if path.relative_to(folder).as_posix().startswith(_NOT_SAID):
            continue
        if path.suffix == ".toml":
            lines += map(_plain, _texts(tomllib.loads(path.read_text(encoding="utf-8"))))
        elif path.suffix == ".j2":
            spoken = (line for line in path.read_text(encoding="utf-8").splitlines() if line[:1] not in ("#", "["))
            lines += map(_plain, spoken)
    n_words = sum(line.count(" ") + 1 for line in lines if line)
    if n_words < _LEAST_WORDS:
        raise DataError(
            f"{folder}: {n_words} words in its domain files; at least {_LEAST_WORDS} are needed to train on."
        )
    return [line for line in lines if line]


def train(lines: list[str], n_pieces: int) -> bytes:
    """The model file of `n_pieces` pieces: unk 0, BOS 1, EOS 2, PAD 3 as the real model's, then bytes and BPE pieces.

    EngineError without the package `sentencepiece`.
    """
    try:
        sentencepiece = import_module("sentencepiece")
    except ImportError as error:
        raise EngineError(f'training needs sentencepiece ({error}): pip install "datagen[load]".') from None
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=model,
        model_type="bpe",
        vocab_size=n_pieces,
        unk_id=0,
        bos_id=1,
        eos_id=2,
        pad_id=3,
        byte_fallback=True,
        split_digits=True,
        character_coverage=1.0,
        required_chars=string.ascii_letters + string.digits + string.punctuation,
        # No table of Unicode forms: it is a quarter of a megabyte, and our texts are plain.
        normalization_rule_name="identity",
        max_sentence_length=1_000_000,
        num_threads=1,
        minloglevel=2,
    )
    return model.getvalue()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key not in _NO_SPEECH:
                yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _plain(text: str) -> str:
    return " ".join(_CHOICE.sub(" ", _DRAWN.sub(" ", text)).split())


if __name__ == "__main__":
    main()
