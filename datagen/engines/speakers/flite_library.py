"""libflite in process: text in, 16-bit samples and the span of every word out, the same for every caller.

Flite's statistical voices draw their noise by the C library's `rand`, whose state is the process's: it is seeded before each text, after
which the same text gives the same samples, whatever was said before (a test asks). All else that a text changes is the text's own.
"""

import ctypes
import ctypes.util
import hashlib
import os
import threading
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from datagen.errors import EngineError

BASES = ("awb", "kal16", "rms", "slt")
"""The voices of the English that datagen speaks: a Scot, two Americans and an American woman. `kal` is `kal16` at half the bandwidth."""
LIBRARIES = ("libflite.so.1", "libflite_usenglish.so.1", "libflite_cmulex.so.1")
_WORD_START = b"R:SylStructure.daughter1.daughter1.R:Segment.p.end"
_WORD_END = b"R:SylStructure.daughtern.daughtern.R:Segment.end"


class _Wave(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_char_p),
        ("rate_hz", ctypes.c_int),
        ("n_samples", ctypes.c_int),
        ("n_channels", ctypes.c_int),
        ("samples", ctypes.c_void_p),
    )


class _Voice(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("features", ctypes.c_void_p))


class _Symbol(ctypes.Structure):
    _fields_ = (
        ("path", ctypes.c_char_p),
        ("base", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
    )


@dataclass(frozen=True, slots=True)
class RawWords:
    """16-bit samples at `rate_hz`, and a row a word that was said: where reading went on after it, its first sample, its end.

    The first is the number of characters up to its token's end and the space after it; at the end of the text there is none.
    """

    pcm: bytes = field(repr=False)
    rate_hz: int
    words: tuple[tuple[int, int, int], ...]


class FliteLibrary:
    """The synthesiser of this process. One text at a time: a second thread waits. EngineError: Flite is not installed whole."""

    def __init__(self) -> None:
        try:
            loaded = [ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL) for name in LIBRARIES]
            self._voice_libraries = {base: ctypes.CDLL(f"libflite_cmu_us_{base}.so.1") for base in BASES}
        except OSError as error:
            raise EngineError(
                f"speaker flite: {error}. Its libraries and voices come by: apt-get install libflite1 (Debian, Ubuntu)."
            ) from None
        self._lib = loaded[0]
        self._libraries = [*loaded, *self._voice_libraries.values()]
        self._voices: dict[str, int] = {}
        _declare(self._lib)

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """The files of the library and of its voices, as the loader found them."""
        first = ("flite_init", "usenglish_init", "cmulex_init", *(f"register_cmu_us_{base}" for base in BASES))
        return tuple(_path_of(lib, name) for lib, name in zip(self._libraries, first, strict=True))

    def digest(self) -> str:
        """Of every file that speech is made by."""
        hashed = hashlib.blake2b(digest_size=8)
        try:
            for path in self.paths:
                hashed.update(path.read_bytes())
        except OSError as error:
            raise EngineError(f"speaker flite: {error}. Reinstall libflite1.") from None
        return hashed.hexdigest()

    def version(self) -> str:
        """The library's version as its file's name tells it: `2.2` of libflite.so.2.2."""
        return self.paths[0].name.partition(".so.")[2] or "of unknown version"

    def say(self, text: str, base: str, stretch: float, seed: int) -> RawWords | None:
        """ASCII text spoken, `stretch` times as long as the voice speaks; None where there is no such voice or no sound of it."""
        if base not in BASES:
            return None
        with _ONE_AT_A_TIME:
            voice = self._voice(base)
            features = ctypes.cast(voice, ctypes.POINTER(_Voice)).contents.features
            self._lib.feat_set_float(features, b"duration_stretch", stretch)
            ctypes.CDLL(None).srand(ctypes.c_uint(seed & 0x7FFFFFFF))
            utterance = self._lib.flite_synth_text(text.encode("ascii"), voice)
            if not utterance:
                raise EngineError(f"speaker flite: libflite made nothing of {len(text)} characters in {base}.")
            try:
                return self._raw(utterance)
            finally:
                self._lib.delete_utterance(utterance)

    def _voice(self, base: str) -> int:
        if not self._voices:
            self._lib.flite_init()
        if base not in self._voices:
            register = getattr(self._voice_libraries[base], f"register_cmu_us_{base}")
            register.restype, register.argtypes = ctypes.c_void_p, (ctypes.c_char_p,)
            self._voices[base] = register(None)
        return self._voices[base]

    def _raw(self, utterance: int) -> RawWords | None:
        found = self._lib.utt_wave(utterance)
        wave = ctypes.cast(found, ctypes.POINTER(_Wave)).contents if found else None
        if wave is None or wave.n_samples == 0:
            return None
        pcm = ctypes.string_at(wave.samples, 2 * wave.n_samples)
        return RawWords(pcm, wave.rate_hz, tuple(self._words(utterance, wave.rate_hz, wave.n_samples)))

    def _words(self, utterance: int, rate_hz: int, n_samples: int) -> Any:
        lib = self._lib
        token = lib.relation_head(lib.utt_relation(utterance, b"Token"))
        while token:
            word = lib.item_daughter(token)
            while word:
                start, end = (
                    min(round(lib.flite_ffeature_float(word, path) * rate_hz), n_samples)
                    for path in (_WORD_START, _WORD_END)
                )
                if end > start:  # a full stop of its own is a word without a sound
                    yield lib.flite_ffeature_int(token, b"file_pos"), start, end
                word = lib.item_next(word)
            token = lib.item_next(token)


def _declare(lib: Any) -> None:
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    for name, result, arguments in (
        ("flite_synth_text", pointer, (text, pointer)),
        ("delete_utterance", None, (pointer,)),
        ("utt_wave", pointer, (pointer,)),
        ("utt_relation", pointer, (pointer, text)),
        ("relation_head", pointer, (pointer,)),
        ("item_next", pointer, (pointer,)),
        ("item_daughter", pointer, (pointer,)),
        ("flite_ffeature_float", ctypes.c_float, (pointer, text)),
        ("flite_ffeature_int", ctypes.c_int, (pointer, text)),
        ("feat_set_float", None, (pointer, text, ctypes.c_float)),
    ):
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments


def _path_of(lib: Any, name: str) -> Path:
    """The file that a function was loaded from."""
    found = _Symbol()
    address = ctypes.cast(getattr(lib, name), ctypes.c_void_p)
    if not ctypes.CDLL(None).dladdr(address, ctypes.byref(found)) or not found.path:
        raise EngineError(f"speaker flite: the loader does not say where {name} comes from. Reinstall libflite1.")
    return Path(os.path.realpath(os.fsdecode(found.path)))


_ONE_AT_A_TIME = threading.Lock()
