"""Text tokenizers for the text row and the prompt: any SentencePiece model, any Hugging Face tokenizer, or the small one for trying."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from datagen.errors import EngineError, UserError, one_line
from datagen.load.remote import TIMEOUT_S, answer, file_system, is_remote
from datagen.load.spec import PERSONAPLEX, ModelSpec
from datagen.load.tokenizer_objects import Ids, OpenTokenizer, digest, of_object, of_sentencepiece, of_tokenizers

TRYING = "trying"
"""What `open_tokenizer` calls the small model that ships with the project. It is not PersonaPlex's: see `for_trying`."""
TRYING_VOCABULARY = 4_096
TRYING_FILE = Path(__file__).parent / "trying" / "trying_spm_4k.model"

FETCH = "hf download nvidia/personaplex-7b-v1 tokenizer_spm_32k_3.model --local-dir ."
"""Fetches PersonaPlex's tokenizer (the repository asks for its licence to be accepted). Moshi's has the same name in
kyutai/moshiko-pytorch-bf16, the default repository of the moshi package."""
_REAL = f"PersonaPlex's own: {FETCH} (Moshi's, of the same name: kyutai/moshiko-pytorch-bf16)"

_EVERY_SIGN = " ".join(map(chr, range(33, 127)))


class Tokenizer(Protocol):
    """Text to token ids, without BOS and EOS. Ids lie in 0 … vocabulary_size - 1."""

    @property
    def vocabulary_size(self) -> int: ...

    def encode(self, text: str) -> Ids: ...


def open_tokenizer(what: object) -> Tokenizer:
    """The tokenizer in a file or an object: a SentencePiece `.model`, a Hugging Face `tokenizer.json` or a folder with one
    (paths or fsspec URLs), `"trying"`, or an object of sentencepiece, tokenizers or transformers, or one that already fits.

    UserError where there is no such file or it is no tokenizer, EngineError where the package that reads it is missing.
    """
    if isinstance(what, str | Path):
        return _of_file(str(TRYING_FILE) if what == TRYING else str(what))
    if _fits(what):
        return what  # type: ignore[return-value]  # it has both members, as was just seen
    return of_object(what)


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
    if not _fits(tokenizer):
        raise UserError(
            f"tokenizer={tokenizer!r:.80}: not opened. Give what datagen.load.open_tokenizer makes of a path or an object."
        )
    if tokenizer.vocabulary_size != spec.text_vocabulary:
        tries = " To try with this one: spec=datagen.load.tokenizers.for_trying(spec)." if _is_trying(tokenizer) else ""
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


def _of_file(path: str) -> OpenTokenizer:
    path, data = _read(path)
    name = f"{path.rstrip('/').rpartition('/')[2]}@{digest(data)}"
    if data.startswith(b"version https://git-lfs"):
        raise UserError(f"{path}: a Git LFS pointer, not the tokenizer itself. Fetch it: git lfs pull, or {FETCH}.")
    if data.lstrip()[:1] == b"{":
        return _of_json(path, name, data)
    return _of_sentencepiece(path, name, data)


def _read(path: str) -> tuple[str, bytes]:
    """The file's path (of a folder, the tokenizer.json in it) and its bytes."""
    fs, inner = file_system(path, {})

    def read() -> tuple[str, bytes]:
        if fs.isdir(inner):
            return f"{path.rstrip('/')}/tokenizer.json", fs.cat_file(f"{inner}/tokenizer.json")
        return path, fs.cat_file(inner)

    try:
        return answer(path, read, TIMEOUT_S) if is_remote(fs) else read()
    except FileNotFoundError:
        raise UserError(
            f'{path}: there is no such tokenizer file, nor a folder with a tokenizer.json. {_REAL}. To try without one: "{TRYING}".'
        ) from None
    except OSError as error:
        raise UserError(f"{path}: the tokenizer file cannot be read ({one_line(error)}).") from None


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
    return of_sentencepiece(name, processor)


def _of_json(path: str, name: str, data: bytes) -> OpenTokenizer:
    tokenizers = _package("tokenizers", f"{path} is read", "tokenizers")
    try:
        tokenizer = tokenizers.Tokenizer.from_buffer(data)
    except Exception as error:  # the package raises Exception itself
        raise UserError(f"{path}: not a tokenizer.json of Hugging Face tokenizers ({one_line(error)}).") from None
    return of_tokenizers(name, tokenizer)


def _package(name: str, what: str, brings: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise EngineError(f"{what} with {name}, which is not here ({one_line(error)}): pip install {brings}.") from None
