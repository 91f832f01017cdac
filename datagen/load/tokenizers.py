"""Text tokenizers for the text row and the prompt: any SentencePiece model, any Hugging Face tokenizer, or the small one for trying.

Every one of them here marks where a word begins: the tokens of "good morning" are those of "good" and those of "morning". So
a word can be tokenised alone, as moshi-finetune does, and the row still reads as the text does. SentencePiece does that by
itself (its `add_dummy_prefix`); a byte-level tokenizer gets a space in front.
"""

import hashlib
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import fsspec

from datagen.errors import EngineError, UserError
from datagen.load.spec import PERSONAPLEX, ModelSpec

TRYING = "trying"
"""What `open_tokenizer` calls the small model that ships with the project. It is not PersonaPlex's: see `for_trying`."""
TRYING_VOCABULARY = 4_096
TRYING_FILE = Path(__file__).parent / "trying" / "trying_spm_4k.model"

FETCH = "hf download nvidia/personaplex-7b-v1 tokenizer_spm_32k_3.model --local-dir ."
"""Fetches PersonaPlex's tokenizer (the repository asks for its licence to be accepted). Moshi's has the same name in
kyutai/moshiko-pytorch-bf16, the default repository of the moshi package."""
_REAL = f"PersonaPlex's own: {FETCH} (Moshi's, of the same name: kyutai/moshiko-pytorch-bf16)"

_CACHED_TEXTS = 65_536
_CACHED_LENGTH = 256
"""Words come again and again, prompts do not: longer texts than this are not kept."""
_PROBES = (("good", "morning"), ("we", "open", "today"), ("thanks", "a", "lot"))
_EVERY_SIGN = " ".join(map(chr, range(33, 127)))

Ids: TypeAlias = list[int]
Encoder: TypeAlias = Callable[[str], Ids]


class Tokenizer(Protocol):
    """Text to token ids, without BOS and EOS. Ids lie in 0 … vocabulary_size - 1."""

    @property
    def vocabulary_size(self) -> int: ...

    def encode(self, text: str) -> Ids: ...


class OpenTokenizer:
    """A tokenizer that has been opened. `name` says whose tokens these are: the file's name and the hash of its contents.

    It remembers the tokens of 65,536 short texts. A copy in another process (a DataLoader's worker) starts without them.
    """

    def __init__(self, name: str, encoder: Encoder, vocabulary_size: int):
        self.name = name
        self.vocabulary_size = vocabulary_size
        self._encoder = encoder
        self._lead = _lead(encoder, name)
        self._remembered = lru_cache(_CACHED_TEXTS)(self._tokens)

    def encode(self, text: str) -> Ids:
        """The tokens of a text, none of them BOS or EOS; the caller's own list."""
        return list(self._remembered(text) if len(text) <= _CACHED_LENGTH else self._tokens(text))

    def _tokens(self, text: str) -> tuple[int, ...]:
        return tuple(self._encoder(self._lead + text))

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_remembered"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._remembered = lru_cache(_CACHED_TEXTS)(self._tokens)

    def __repr__(self) -> str:
        return f"OpenTokenizer({self.name!r}, {self.vocabulary_size} pieces)"


def open_tokenizer(what: object = TRYING) -> Tokenizer:
    """The tokenizer in a file or an object: a SentencePiece `.model`, a Hugging Face `tokenizer.json` or a folder with one
    (paths or fsspec URLs), `"trying"`, or an object of sentencepiece, tokenizers or transformers, or one that already fits.

    UserError where there is no such file or it is no tokenizer, EngineError where the package that reads it is missing.
    """
    if isinstance(what, str | Path):
        return _of_file(str(TRYING_FILE) if what == TRYING else str(what))
    if _fits(what):
        return what  # type: ignore[return-value]  # it has both members, as was just seen
    return _of_object(what)


def for_trying(spec: ModelSpec = PERSONAPLEX) -> ModelSpec:
    """The same model with the small vocabulary of `TRYING` and with any codec's tokens: for a model of one's own, from scratch.

    Never for released weights: the ids would stand for other words and other sounds there.
    """
    return replace(
        spec, name=f"{spec.name}-trying", codec="", text_vocabulary=TRYING_VOCABULARY, text_initial=TRYING_VOCABULARY
    )


def check_vocabulary(tokenizer: Tokenizer, spec: ModelSpec) -> None:
    """Returns where the model can take the tokenizer's ids.

    UserError where its vocabulary has another size than the model's, or where a printable ASCII character encodes to one of
    the model's PAD, EPAD, BOS and EOS (what other words do is seen as they come, in `text_row`).
    """
    if tokenizer.vocabulary_size != spec.text_vocabulary:
        tries = f" To try with this one: spec=for_trying({spec.name})." if _is_trying(tokenizer) else ""
        raise UserError(
            f"tokenizer {name_of(tokenizer)}: {tokenizer.vocabulary_size} pieces, and {spec.name} has {spec.text_vocabulary}; "
            f"ids of one stand for other words in the other. {_REAL}.{tries}"
        )
    found = set(tokenizer.encode(_EVERY_SIGN)).intersection(reserved(spec))
    if found:
        sign = next((s for s in _EVERY_SIGN.split() if not found.isdisjoint(tokenizer.encode(s))), _EVERY_SIGN)
        raise UserError(
            f"tokenizer {name_of(tokenizer)}: {sign!r} encodes to {tokenizer.encode(sign)}, and {min(found)} is one of "
            f"{spec.name}'s {_reserved_names(spec)}. {_REAL}."
        )


def reserved(spec: ModelSpec) -> tuple[int, ...]:
    """The ids that no word may have: they say PAD, EPAD, BOS and EOS to the model."""
    return (spec.text_pad, spec.text_epad, spec.text_bos, spec.text_eos)


def name_of(tokenizer: Tokenizer) -> str:
    """Whose tokens these are, for records: `name` where the tokenizer has one, else its class."""
    return str(getattr(tokenizer, "name", type(tokenizer).__name__))


def _reserved_names(spec: ModelSpec) -> str:
    return f"PAD {spec.text_pad}, EPAD {spec.text_epad}, BOS {spec.text_bos}, EOS {spec.text_eos}"


def _is_trying(tokenizer: Tokenizer) -> bool:
    return tokenizer.vocabulary_size == TRYING_VOCABULARY and name_of(tokenizer).startswith(TRYING_FILE.name)


def _fits(what: object) -> bool:
    return isinstance(getattr(what, "vocabulary_size", None), int) and callable(getattr(what, "encode", None))


# --- files ---------------------------------------------------------------------------------------------------------


def _of_file(path: str) -> OpenTokenizer:
    path, data = _read(path)
    name = f"{path.rstrip('/').rpartition('/')[2]}@{_digest(data)}"
    if data.startswith(b"version https://git-lfs"):
        raise UserError(f"{path}: a Git LFS pointer, not the tokenizer itself. Fetch it: git lfs pull, or {FETCH}.")
    if data.lstrip()[:1] == b"{":
        return _of_json(path, name, data)
    return _of_sentencepiece(path, name, data)


def _read(path: str) -> tuple[str, bytes]:
    """The file's path (of a folder, the tokenizer.json in it) and its bytes."""
    try:
        fs, inner = fsspec.core.url_to_fs(path)
        if fs.isdir(inner):
            path = f"{path.rstrip('/')}/tokenizer.json"
            inner = f"{inner.rstrip('/')}/tokenizer.json"
        return path, fs.cat_file(inner)
    except FileNotFoundError:
        raise UserError(f'{path}: there is no such tokenizer file. {_REAL}. To try without one: "{TRYING}".') from None
    except (OSError, ValueError, ImportError) as error:
        raise UserError(f"{path}: the tokenizer file cannot be read ({_one_line(error)}).") from None


def _of_sentencepiece(path: str, name: str, data: bytes) -> OpenTokenizer:
    sentencepiece = _package("sentencepiece", f"{path} is read", '"datagen[load]"')
    if not data:
        raise UserError(f"{path}: an empty file, and no SentencePiece model. {_REAL}.")
    try:
        processor = sentencepiece.SentencePieceProcessor(model_proto=data)
    except RuntimeError:
        raise UserError(
            f"{path}: neither a SentencePiece model nor a Hugging Face tokenizer.json ({len(data)} bytes); truncated or "
            f"foreign. {_REAL}."
        ) from None
    return OpenTokenizer(name, _SentencePiece(processor), processor.get_piece_size())


def _of_json(path: str, name: str, data: bytes) -> OpenTokenizer:
    tokenizers = _package("tokenizers", f"{path} is read", "tokenizers")
    try:
        tokenizer = tokenizers.Tokenizer.from_buffer(data)
    except Exception as error:  # the package raises Exception itself
        raise UserError(f"{path}: not a tokenizer.json of Hugging Face tokenizers ({_one_line(error)}).") from None
    return _of_tokenizers(name, tokenizer)


def _package(name: str, what: str, brings: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise EngineError(
            f"{what} with {name}, which is not here ({_one_line(error)}): pip install {brings}."
        ) from None


# --- objects -------------------------------------------------------------------------------------------------------


def _of_object(what: object) -> OpenTokenizer:
    if _is_a(what, "sentencepiece", "SentencePieceProcessor"):
        processor: Any = what
        name = f"sentencepiece@{_digest(processor.serialized_model_proto())}"
        return OpenTokenizer(name, _SentencePiece(processor), processor.get_piece_size())
    if _is_a(what, "tokenizers", "Tokenizer"):
        tokenizer: Any = what
        return _of_tokenizers(f"tokenizers@{_digest(tokenizer.to_str().encode())}", tokenizer)
    if _is_a(what, "transformers", "PreTrainedTokenizerBase"):
        return _of_transformers(what)
    raise UserError(
        f"{type(what).__name__} is no tokenizer. Give the path of a SentencePiece model or of a tokenizer.json, "
        f'"{TRYING}", or an object of sentencepiece, tokenizers or transformers.'
    )


def _is_a(what: object, package: str, name: str) -> bool:
    """Whether it is of a package's class; a package that nobody has imported has no objects."""
    module = sys.modules.get(package)
    return module is not None and isinstance(what, getattr(module, name))


def _of_tokenizers(name: str, tokenizer: Any) -> OpenTokenizer:
    own = type(tokenizer).from_str(tokenizer.to_str())  # a copy: the next two lines change it
    own.no_padding()
    own.no_truncation()
    return OpenTokenizer(name, _HuggingFace(own), 1 + max(own.get_vocab(with_added_tokens=True).values(), default=-1))


def _of_transformers(tokenizer: Any) -> OpenTokenizer:
    ids = tokenizer.get_vocab()
    digest = _digest(repr(sorted(ids.items())).encode())
    return OpenTokenizer(
        f"{type(tokenizer).__name__}@{digest}", _Transformers(tokenizer), 1 + max(ids.values(), default=-1)
    )


class _SentencePiece:
    def __init__(self, processor: Any):
        self._processor = processor

    def __call__(self, text: str) -> Ids:
        # Said in full: a processor may have been made with other defaults.
        found: Ids = self._processor.encode(
            text, out_type=int, add_bos=False, add_eos=False, reverse=False, enable_sampling=False
        )
        return found


class _HuggingFace:
    def __init__(self, tokenizer: Any):
        self._tokenizer = tokenizer

    def __call__(self, text: str) -> Ids:
        found: Ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        return found


class _Transformers:
    def __init__(self, tokenizer: Any):
        self._tokenizer = tokenizer

    def __call__(self, text: str) -> Ids:
        asked = self._tokenizer(text, add_special_tokens=False, truncation=False, padding=False, verbose=False)
        found: Ids = asked["input_ids"]
        return found


def _lead(encode: Encoder, name: str) -> str:
    """What is put before a text so that its first word is marked as any other: nothing or a space; UserError where neither does."""
    for lead in ("", " "):
        if any(encode(lead + " ".join(p)) == [i for word in p for i in encode(lead + word)] for p in _PROBES):
            return lead
    text = " ".join(_PROBES[0])
    raise UserError(
        f"tokenizer {name}: it does not mark where a word begins: {text!r} is {encode(text)}, its words alone are "
        f"{[encode(word) for word in _PROBES[0]]}. Words are tokenised one by one, so they would run together."
    )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
