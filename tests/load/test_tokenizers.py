"""Tokenizers of every make: their ids are the maker's own, words join as the text does, and what is none is refused."""

import json
import multiprocessing
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datagen.errors import DataError, EngineError, UserError
from datagen.load.spec import MOSHI, PERSONAPLEX, ModelSpec
from datagen.load.tokenizers import (
    FETCH,
    TRYING,
    TRYING_FILE,
    TRYING_VOCABULARY,
    check_vocabulary,
    for_trying,
    name_of,
    open_tokenizer,
)
from datagen.load.train_tokenizer import corpus, train
from datagen.resources import prompts

TEXT = "Hello, I'm Inès. The fee is $12.50 at 10:45 PM — okay?"
SPECIAL = ("<unk>", "<s>", "</s>", "<pad>")


def sentencepiece(**made_with: Any) -> Any:
    package = pytest.importorskip("sentencepiece")
    return package.SentencePieceProcessor(model_file=str(TRYING_FILE), **made_with)


def byte_level(vocabulary: int = 600) -> Any:
    """A GPT-2-like tokenizer of the package `tokenizers`, which puts no space before a text by itself."""
    package = pytest.importorskip("tokenizers")
    tokenizer = package.Tokenizer(package.models.BPE())
    tokenizer.pre_tokenizer = package.pre_tokenizers.ByteLevel(add_prefix_space=False)
    signs = package.pre_tokenizers.ByteLevel.alphabet()
    trainer = package.trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=list(SPECIAL), initial_alphabet=signs, show_progress=False
    )
    tokenizer.train_from_iterator(["good morning, we open today", "thanks a lot"] * 3, trainer)
    return tokenizer


def sized(tokenizer: Any) -> ModelSpec:
    from dataclasses import replace

    return replace(MOSHI, text_vocabulary=tokenizer.vocabulary_size)


# --- the one that ships ----------------------------------------------------------------------------------------------


def test_the_shipped_model_is_what_the_prompts_give() -> None:
    """Training counts and draws nothing: twice the same bytes. While the prompts are those it was trained on, its pieces."""
    lines = corpus(prompts())
    model = train(lines, TRYING_VOCABULARY)
    assert model == train(lines, TRYING_VOCABULARY)
    ours, shipped = open_tokenizer(TRYING), sentencepiece()
    words = sorted({word for line in lines for word in line.split()})
    assert sum(len(ours.encode(w)) for w in words) < 2.8 * len(words), (
        "retrain it: python -m datagen.load.train_tokenizer"
    )
    assert shipped.get_piece_size() == TRYING_VOCABULARY
    assert [shipped.id_to_piece(i) for i in range(5)] == [*SPECIAL, "<0x00>"]
    assert TRYING_FILE.stat().st_size < 100_000
    assert b"/" + b"home" not in TRYING_FILE.read_bytes(), "no path of the machine that trained it"


@pytest.mark.parametrize("text", [TEXT, "日本語 🙂", "</s><pad><s>", "a\tb\nc", "\x00\x7f", "x" * 5_000])
def test_any_text_encodes_to_words_only(text: str) -> None:
    ours = open_tokenizer(TRYING)
    ids = ours.encode(text)
    assert ids
    assert min(ids) > MOSHI.text_pad
    assert max(ids) < TRYING_VOCABULARY
    assert sentencepiece().decode(ids).split() == text.split()


def test_trying_has_a_spec_of_its_own() -> None:
    trying = open_tokenizer(TRYING)
    check_vocabulary(trying, for_trying())
    check_vocabulary(trying, for_trying(MOSHI))
    assert (for_trying().codec, for_trying().text_initial, for_trying().has_prefix) == ("", TRYING_VOCABULARY, True)
    assert (for_trying(MOSHI).has_prefix, for_trying(MOSHI).name) == (False, "moshi-trying")
    with pytest.raises(UserError) as caught:
        check_vocabulary(trying, PERSONAPLEX)
    said = str(caught.value)
    for part in (
        TRYING_FILE.name,
        "4096 pieces",
        "personaplex has 32000",
        FETCH,
        "spec=datagen.load.tokenizers.for_trying(spec)",
    ):
        assert part in said
    assert "\n" not in said


def test_a_model_of_the_real_size_goes_with_the_models_as_they_are(tmp_path: Path) -> None:
    parts = [a + b for a in "bcdfghjklmnpqrstvwxz" for b in ("a", "e", "i", "o", "u", "an", "er", "ing")]
    drawn = np.random.default_rng(0).choice(parts, (8_000, 12, 4))
    (tmp_path / "real.model").write_bytes(train([" ".join(map("".join, line)) for line in drawn], 32_000))
    opened = open_tokenizer(tmp_path / "real.model")
    check_vocabulary(opened, PERSONAPLEX)
    check_vocabulary(opened, MOSHI)
    with pytest.raises(UserError, match="32000 pieces, and personaplex-trying has 4096"):
        check_vocabulary(opened, for_trying())


# --- makes -----------------------------------------------------------------------------------------------------------


def test_sentencepiece_ids_are_its_own() -> None:
    plain = sentencepiece()
    for what in (
        TRYING_FILE,
        str(TRYING_FILE),
        f"file://{TRYING_FILE}",
        plain,
        sentencepiece(add_bos=True, add_eos=True),
    ):
        opened = open_tokenizer(what)
        assert opened.encode(TEXT) == plain.encode(TEXT)
        assert opened.vocabulary_size == TRYING_VOCABULARY
    assert name_of(open_tokenizer(TRYING_FILE)) == f"{TRYING_FILE.name}@{name_of(open_tokenizer(plain)).split('@')[1]}"


def test_hugging_face_ids_are_its_own_with_a_space_before_every_word(tmp_path: Path) -> None:
    theirs = byte_level()
    theirs.enable_truncation(2)
    theirs.enable_padding(length=64)
    theirs.save(str(tmp_path / "tokenizer.json"))
    assert len(theirs.encode("good morning", add_special_tokens=False).ids) == 64
    plain = byte_level()
    for what in (theirs, tmp_path / "tokenizer.json", tmp_path, f"file://{tmp_path}"):
        opened = open_tokenizer(what)
        assert opened.encode(TEXT) == plain.encode(" " + TEXT, add_special_tokens=False).ids
        assert opened.encode("good") + opened.encode("morning") == opened.encode("good morning")
        assert opened.vocabulary_size == plain.get_vocab_size()
        check_vocabulary(opened, sized(opened))
    assert len(theirs.encode("good morning", add_special_tokens=False).ids) == 64, "the given object is left as it is"


def test_transformers_ids_are_its_own() -> None:
    transformers = pytest.importorskip("transformers")
    plain = byte_level()
    opened = open_tokenizer(
        transformers.PreTrainedTokenizerFast(tokenizer_object=byte_level(), bos_token="<s>", model_max_length=4)
    )
    assert opened.encode(TEXT) == plain.encode(" " + TEXT, add_special_tokens=False).ids
    assert opened.vocabulary_size == plain.get_vocab_size()


def test_what_already_is_one_stays_itself() -> None:
    class Own:
        vocabulary_size = 32_000

        def encode(self, text: str) -> list[int]:
            return [9] * len(text)

    own = Own()
    assert open_tokenizer(own) is own
    assert name_of(own) == "Own"
    opened = open_tokenizer(TRYING)
    assert open_tokenizer(opened) is opened


def test_what_it_remembers_is_not_the_callers_to_change() -> None:
    opened = open_tokenizer(TRYING)
    first = opened.encode("morning")
    first.append(0)
    assert opened.encode("morning") == first[:-1]


def test_a_copy_in_another_process_gives_the_same_ids() -> None:
    texts = [TEXT, "good", "x" * 300]
    for opened in (open_tokenizer(TRYING), open_tokenizer(byte_level())):
        expected = [opened.encode(t) for t in texts]
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert pool.map(opened.encode, texts) == expected


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "an empty file"),
        (b"hello there, no model", "neither a SentencePiece model nor a Hugging Face tokenizer.json (21 bytes)"),
        (TRYING_FILE.read_bytes()[:30_000], "truncated or foreign"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer"),
        (b"{}", "not a tokenizer.json of Hugging Face tokenizers"),
        (b'{"version": "1.0", ', "not a tokenizer.json of Hugging Face tokenizers"),
    ],
)
def test_a_file_that_is_no_tokenizer(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "some.model"
    path.write_bytes(content)
    refused(path, UserError, f"{path}: ", said)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    refused(tmp_path / "no.model", UserError, "there is no such tokenizer file", FETCH, '"trying"')
    refused(tmp_path, UserError, "nor a folder with a tokenizer.json")
    refused("nvidia/personaplex-7b-v1", UserError, "there is no such tokenizer file", FETCH)
    refused("nowhere://a/b.model", UserError, "nowhere://a/b.model")


@pytest.mark.parametrize("what", [3, None, b"bytes", object()])
def test_an_object_that_is_no_tokenizer(what: object) -> None:
    refused(what, UserError, f"{type(what).__name__} is no tokenizer")


@pytest.mark.parametrize(
    ("package", "content", "fix"),
    [
        ("sentencepiece", TRYING_FILE.read_bytes(), 'pip install "datagen[load]"'),
        ("tokenizers", b"{}", "pip install tokenizers"),
    ],
)
def test_a_missing_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, content: bytes, fix: str
) -> None:
    (tmp_path / "a.model").write_bytes(content)
    monkeypatch.setitem(sys.modules, package, None)
    refused(tmp_path / "a.model", EngineError, f"with {package}, which is not here", fix)


def test_words_that_would_run_together_are_refused() -> None:
    package = pytest.importorskip("tokenizers")
    letters = {chr(c): i for i, c in enumerate(range(33, 127), 4)}
    tokenizer = package.Tokenizer(package.models.BPE(vocab={**letters, "_": 98, "o": 99}, merges=[]))
    tokenizer.normalizer = package.normalizers.Sequence(
        [package.normalizers.Strip(), package.normalizers.Replace(" ", "_")]
    )
    refused(tokenizer, UserError, "it does not mark where a word begins: 'good morning' is [")


def test_ids_that_mean_something_else_to_the_model_are_refused() -> None:
    package = pytest.importorskip("tokenizers")
    signs = sorted(package.pre_tokenizers.ByteLevel.alphabet())  # as in GPT-2: "!" is 0, '"' is 1
    tokenizer = package.Tokenizer(package.models.BPE(vocab={s: i for i, s in enumerate(signs)}, merges=[]))
    tokenizer.pre_tokenizer = package.pre_tokenizers.ByteLevel(add_prefix_space=False)
    opened = open_tokenizer(tokenizer)
    with pytest.raises(
        UserError, match=r"'!' encodes to \[220, 0\], and 0 is one of moshi's PAD 3, EPAD 0, BOS 1, EOS 2"
    ):
        check_vocabulary(opened, sized(opened))


def test_too_few_prompts_to_train_on(tmp_path: Path) -> None:
    (tmp_path / "domain.toml").write_text('facts = ["Open <every|each> day until {{ closing }}."]\nkind = "service"\n')
    with pytest.raises(DataError, match=": 6 words in its domain files; at least 20000"):
        corpus(tmp_path)


def test_nothing_heavy_is_loaded_before_it_is_needed() -> None:
    script = (
        "import json, sys, datagen.load.text_row, datagen.load.tokenizers as t\nt.for_trying()\n"
        "print(json.dumps([m for m in ('torch', 'transformers', 'tokenizers', 'sentencepiece') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def refused(what: object, kind: type[Exception], *said: str) -> None:
    with pytest.raises(kind) as caught:
        open_tokenizer(what)
    for part in said:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)
