"""The engines by kind and name: one line each. Nothing heavy is imported until an engine is made."""

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from datagen import __version__
from datagen.config import Options, read_options
from datagen.engines.own_env import environments
from datagen.errors import EngineError, UserError


@dataclass(frozen=True, slots=True)
class Entry:
    """Where an engine is, what modules it needs, and the command that brings them.

    The target is a class with `kind`, `name` and `Options` (a `datagen.config.Options`) as class attributes, made by
    `target(options)`. An empty target is an engine that this version names in its profiles and does not have yet.
    Where all the modules of `instead` are there, they do in place of `needs`. `libraries` are shared libraries of the
    system that it needs too. With `own_env`, it also needs the environment of its name that `datagen engines install` makes.
    """

    kind: str
    name: str
    target: str
    summary: str
    needs: tuple[str, ...] = ()
    install: str = "pip install --force-reinstall datagen"
    instead: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    own_env: bool = False


ENTRIES: tuple[Entry, ...] = (
    Entry(
        "writer",
        "agenda",
        "datagen.engines.writers.agenda:AgendaWriter",
        "embedded: an agenda-based user simulator and a service agent",
    ),
    Entry(
        "speaker",
        "espeak",
        "datagen.engines.speakers.espeak:EspeakSpeaker",
        "embedded: espeak-ng with Praat voices",
        ("espeakng_loader", "parselmouth"),
    ),
    Entry(
        "speaker",
        "flite",
        "datagen.engines.speakers.flite:FliteSpeaker",
        "Flite's recorded voices with Praat's: a CPU's most natural",
        ("parselmouth",),
        "apt-get install libflite1",
        libraries=("libflite.so.1",),
    ),
    Entry(
        "aligner", "native", "datagen.engines.aligners.native:NativeAligner", "embedded: the speaker's own word times"
    ),
    Entry(
        "codec",
        "melrvq",
        "datagen.engines.codecs.melrvq:MelRvqCodec",
        "embedded: Mimi's geometry, for trying; its tokens are not Mimi's",
    ),
    Entry(
        "codec",
        "mimi",
        "datagen.engines.codecs.mimi:MimiCodec",
        "Mimi's own tokens, on a GPU or the CPU, with the released weights (385 MB, fetched once)",
        ("rustymimi",),
        'pip install "datagen[mimi]", or "datagen[mimi-torch]" for a GPU',
        ("torch", "transformers"),
    ),
    Entry(
        "writer",
        "vllm",
        "datagen.engines.writers.llm.vllm:VllmWriter",
        "Qwen3 or GPT-OSS through a vLLM server, its own (datagen engines install vllm) or running ones",
        ("aiohttp",),
    ),
    Entry(
        "writer",
        "openai",
        "datagen.engines.writers.llm.openai:OpenaiWriter",
        "a language model behind any OpenAI-compatible servers",
        ("aiohttp",),
    ),
    Entry(
        "judge",
        "openai",
        "datagen.engines.judges.llm:LlmJudge",
        "a language model behind OpenAI-compatible servers (vLLM's too) that scores what was written",
        ("aiohttp",),
    ),
    Entry(
        "speaker",
        "chatterbox",
        "datagen.engines.speakers.chatterbox.speaker:ChatterboxSpeaker",
        "Chatterbox, original or Turbo, batched on GPUs, in the voices of a bank",
        install="datagen engines install chatterbox",
        own_env=True,
    ),
    Entry(
        "aligner",
        "sphinx",
        "datagen.engines.aligners.sphinx:SphinxAligner",
        "forced alignment on the processor by pocketsphinx, for English",
        ("pocketsphinx",),
    ),
    Entry(
        "aligner",
        "ctc",
        "datagen.engines.aligners.ctc:CtcAligner",
        "forced alignment by a CTC model (wav2vec 2.0 and its kin), on a GPU or the CPU",
        ("torch", "transformers"),
        'pip install "datagen[mimi-torch]"',
    ),
    Entry(
        "aligner",
        "whisper",
        "datagen.engines.aligners.whisper:WhisperAligner",
        "word times by Whisper's attention on the known text, on a GPU or the CPU",
        ("torch", "transformers"),
        'pip install "datagen[mimi-torch]"',
    ),
    Entry(
        "asr",
        "sphinx",
        "datagen.engines.asr.sphinx:SphinxRecogniser",
        "small, on the processor: pocketsphinx, with a language model of the dialogue's texts",
        ("pocketsphinx",),
    ),
    Entry(
        "asr",
        "whisper",
        "datagen.engines.asr.whisper:WhisperRecogniser",
        "Whisper, on a GPU or the CPU",
        ("torch", "transformers"),
        'pip install "datagen[mimi-torch]"',
    ),
    Entry(
        "embedder",
        "acoustic",
        "datagen.engines.embedders.acoustic:AcousticEmbedder",
        "embedded: voices by pitch, formants and spectrum, as the bank's were chosen",
        ("parselmouth",),
    ),
    Entry(
        "embedder",
        "wavlm",
        "datagen.engines.embedders.wavlm:WavlmEmbedder",
        "speaker vectors of WavLM or another x-vector model (405 MB, fetched once, or a folder)",
        ("torch", "transformers"),
        'pip install "datagen[measure]"',
    ),
    Entry(
        "mos",
        "dnsmos",
        "datagen.engines.mos.dnsmos:DnsmosPredictor",
        "DNSMOS P.835, overall quality, by Microsoft's ONNX file on the CPU",
        ("onnxruntime",),
        'pip install "datagen[measure]"',
    ),
)

UNLISTED: tuple[Entry, ...] = tuple(
    Entry(
        kind, "blank", f"datagen.engines.blank:Blank{kind.capitalize()}", "makes nothing worth keeping, for measuring"
    )
    for kind in ("writer", "speaker", "codec")
)
"""What a build's own work is measured with: a recipe can name them, and nobody is shown them."""


def names(kind: str) -> list[str]:
    """The engines of a kind, in the order in which they are listed."""
    return [e.name for e in ENTRIES if e.kind == kind]


def entry(kind: str, name: str) -> Entry:
    """The entry of one engine, or a UserError that names the ones there are."""
    for candidate in (*ENTRIES, *UNLISTED):
        if candidate.kind == kind and candidate.name == name:
            return candidate
    raise UserError(f"{kind}.engine: there is no {kind} engine {name!r}. There are: {', '.join(names(kind))}.")


def missing(found: Entry) -> list[str]:
    """The modules and libraries that an engine needs and this environment lacks; none where it has what does in their place."""
    lacking = [m for m in found.needs if importlib.util.find_spec(m) is None]
    lacking += [name for name in found.libraries if not _loads(name)]
    return [] if found.instead and all(importlib.util.find_spec(m) for m in found.instead) else lacking


def _loads(library: str) -> bool:
    """Whether the system's loader finds a shared library: the one way to ask that is the same on every system."""
    import ctypes

    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _not_installed(lacking: list[str]) -> str:
    return f"{', '.join(lacking)} {'are' if len(lacking) > 1 else 'is'} not installed"


def obstacle(found: Entry) -> str:
    """Why an engine cannot run here and what brings it, in one line; empty where it can."""
    if not found.target:
        return f"not in datagen {__version__}"
    lacking = missing(found)
    if lacking:
        return f"{_not_installed(lacking)}; run: {found.install}"
    if found.own_env and (found.name not in environments.FLAVOURS or environments.find(found.name) is None):
        return f"its environment is not there; run: datagen engines install {found.name}"
    return ""


def options_of(kind: str, name: str, values: Mapping[str, Any]) -> Options:
    """An engine's options, validated; a UserError names a wrong key. Loads the engine's module, not its packages."""
    found = entry(kind, name)
    _ready(found)
    cls = _load(found)
    model: type[Options] = cls.Options
    return read_options(model, values, kind)


def make(kind: str, name: str, options: Options) -> Any:
    """The engine itself. An EngineError says what is missing and how it is brought."""
    found = entry(kind, name)
    lacking = missing(found)
    if lacking:
        raise EngineError(
            f"{kind} engine {name}: {_not_installed(lacking)}. Run: {found.install or 'pip install datagen'}"
        )
    return _load(found)(options)


def _ready(found: Entry) -> None:
    reason = obstacle(found)
    if reason:
        here = [n for n in names(found.kind) if not obstacle(entry(found.kind, n))]
        raise EngineError(f"{found.kind}.engine = {found.name}: {reason}. Ready here: {', '.join(here) or 'none'}.")


def _load(found: Entry) -> Any:
    module, _, attribute = found.target.partition(":")
    return getattr(importlib.import_module(module), attribute)
