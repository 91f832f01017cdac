"""Any tokenizer as one that marks where a word begins: objects of sentencepiece, tokenizers and transformers.

The tokens of "good morning" are those of "good" and those of "morning" here. So a word can be tokenised alone, as
moshi-finetune does, and the row still reads as the text does. SentencePiece does that by itself (its `add_dummy_prefix`); a
byte-level tokenizer gets a space in front.
"""

import hashlib
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

from datagen.errors import UserError

Ids: TypeAlias = list[int]
Encoder: TypeAlias = Callable[[str], Ids]

_CACHED_TEXTS = 65_536
_CACHED_LENGTH = 256
"""Words come again and again, prompts do not: longer texts than this are not kept."""
_PROBES = (("good", "morning"), ("we", "open", "today"), ("zq", "xj"), ("jx", "qv", "zq"))
"""Words side by side, some of them such as no tokenizer has learnt to join."""


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


def of_object(what: object) -> OpenTokenizer:
    """The tokenizer that an object of sentencepiece, tokenizers or transformers is; UserError for another object."""
    tokenizer: Any = what
    if _is_a(what, "sentencepiece", "SentencePieceProcessor"):
        return of_sentencepiece(f"sentencepiece@{digest(tokenizer.serialized_model_proto())}", tokenizer)
    if _is_a(what, "tokenizers", "Tokenizer"):
        return of_tokenizers(f"tokenizers@{digest(tokenizer.to_str().encode())}", tokenizer)
    if _is_a(what, "transformers", "PreTrainedTokenizerBase"):
        return _of_transformers(tokenizer)
    raise UserError(
        f"{type(what).__name__} is no tokenizer. Give the path of a SentencePiece model or of a tokenizer.json, "
        f"or an object of sentencepiece, tokenizers or transformers."
    )


def of_sentencepiece(name: str, processor: Any) -> OpenTokenizer:
    """The tokenizer of a SentencePieceProcessor."""
    return OpenTokenizer(name, _SentencePiece(processor), processor.get_piece_size())


def of_tokenizers(name: str, tokenizer: Any) -> OpenTokenizer:
    """The tokenizer of a tokenizers.Tokenizer, which stays as it is."""
    own = type(tokenizer).from_str(tokenizer.to_str())  # a copy: the next two lines change it
    own.no_padding()
    own.no_truncation()
    return OpenTokenizer(name, _HuggingFace(own), _size(own.get_vocab(with_added_tokens=True)))


def digest(data: bytes) -> str:
    """Twelve digits of SHA-256."""
    return hashlib.sha256(data).hexdigest()[:12]


def _of_transformers(tokenizer: Any) -> OpenTokenizer:
    ids = tokenizer.get_vocab()
    name = f"{type(tokenizer).__name__}@{digest(repr(sorted(ids.items())).encode())}"
    return OpenTokenizer(name, _Transformers(tokenizer), _size(ids))


def _size(ids: dict[str, int]) -> int:
    """One more than the highest id: a vocabulary may have gaps, and a model has a row for each of them."""
    return 1 + max(ids.values(), default=-1)


def _is_a(what: object, package: str, name: str) -> bool:
    """Whether it is of a package's class; a package that nobody has imported has no objects."""
    module = sys.modules.get(package)
    return module is not None and isinstance(what, getattr(module, name))


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
