"""libespeak-ng in process: text in, 16-bit samples with word and sound starts out, the same for every caller.

The library keeps state between calls that nothing in its interface resets: where in its flutter table it is, the phase of
its pulse, the last values of its noise filters, the frames of the Klatt synthesiser. Measured: of seven voices six gave other
samples when they said the same text a second time, and espeak_Terminate with espeak_Initialize changed nothing of that. So the
library is unloaded and loaded again before each text (0.2 ms), which gives it fresh statics,
and both generators that it draws noise from are seeded. After that every variant, Klatt's too, is bit for bit the same.
"""

import _ctypes
import ctypes
import os
import threading
from dataclasses import dataclass, field
from typing import Any

from datagen.engines.speakers.espeak_data import data_home
from datagen.errors import EngineError

RATE_HZ = 22_050
"""What espeak-ng's data is compiled for, and the rate of all its samples."""

_SYNCHRONOUS = 2
_PHONEME_EVENTS_AND_NO_EXIT = 0x0001 | 0x8000
_UTF8 = 1
_BUFFER_MS = 2_000
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_LIST_END, _WORD, _PHONEME = 0, 1, 7
_VOLUME_PERCENT = 70
"""Below the default 100, at which the loud Klatt variants clip; a voice's own gain makes up for it."""
_NOT_LOADED = getattr(os, "RTLD_NOLOAD", None)


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True, slots=True)
class Tone:
    """How espeak-ng speaks one text: voice (`en-us+edward`), pitch and range 0…99 (50 is the variant's own), words a minute 80…450."""

    voice: str
    pitch: int
    range: int
    rate_wpm: int
    seed: int


@dataclass(frozen=True, slots=True)
class RawSpeech:
    """16-bit samples at 22.05 kHz, and where in them words and sounds start, in samples.

    `words` are (index of the character that the word starts at, sample); `sounds` are samples.
    """

    pcm: bytes = field(repr=False)
    words: tuple[tuple[int, int], ...]
    sounds: tuple[int, ...]

    @property
    def n_samples(self) -> int:
        return len(self.pcm) // 2


class EspeakLibrary:
    """The synthesiser of this process. One text at a time: a second thread waits."""

    def __init__(self) -> None:
        import espeakng_loader  # type: ignore[import-untyped,unused-ignore]

        self._path = str(espeakng_loader.get_library_path())
        self._data = str(espeakng_loader.get_data_path())
        self._callback = _CALLBACK(self._collect)
        self._chunks: list[bytes] = []
        self._events: list[tuple[int, int, int]] = []
        self._lib: Any = None
        self._home = ""

    @property
    def path(self) -> str:
        return self._path

    @property
    def data_path(self) -> str:
        return self._data

    def version(self) -> str:
        """The library's own version, e.g. `1.52.0`."""
        with _ONE_AT_A_TIME:
            self._load()
            try:
                self._lib.espeak_Info.restype = ctypes.c_char_p
                return str(self._lib.espeak_Info(None).decode()).split()[0]
            finally:
                self._unload()

    def say(self, text: str, tone: Tone) -> RawSpeech | None:
        """The text spoken, or None where espeak-ng has no such voice. EngineError: the library failed as a whole."""
        with _ONE_AT_A_TIME:
            self._load()
            try:
                return self._say(text, tone) if self._set(tone) else None
            finally:
                self._unload()

    def _set(self, tone: Tone) -> bool:
        lib = self._lib
        if lib.espeak_SetVoiceByName(tone.voice.encode()) != 0:
            return False
        for parameter, value in (
            (_RATE, tone.rate_wpm),
            (_VOLUME, _VOLUME_PERCENT),
            (_PITCH, tone.pitch),
            (_RANGE, tone.range),
        ):
            lib.espeak_SetParameter(parameter, value, 0)
        lib.espeak_ng_SetRandSeed(ctypes.c_long(tone.seed & 0x7FFFFFFF))
        ctypes.CDLL(None).srand(ctypes.c_uint(tone.seed & 0x7FFFFFFF))
        return True

    def _say(self, text: str, tone: Tone) -> RawSpeech:
        self._chunks, self._events = [], []
        data = text.encode() + b"\0"
        status = self._lib.espeak_Synth(data, ctypes.c_size_t(len(data)), 0, 1, 0, _UTF8, None, None)
        if status != 0:
            raise EngineError(
                f"speaker espeak: espeak_Synth answered {status} to {len(text)} characters in {tone.voice}."
            )
        return RawSpeech(
            pcm=b"".join(self._chunks),
            words=tuple((position - 1, sample) for kind, position, sample in self._events if kind == _WORD),
            sounds=tuple(sample for kind, _, sample in self._events if kind == _PHONEME),
        )

    def _collect(self, wav: int | None, n_samples: int, events: Any) -> int:
        if wav and n_samples > 0:
            self._chunks.append(ctypes.string_at(wav, n_samples * 2))
        index = 0
        while events[index].type != _LIST_END:
            event = events[index]
            self._events.append((event.type, event.text_position, event.sample))
            index += 1
        return 0

    def _load(self) -> None:
        self._home = self._home or data_home(self._data)
        self._lib = ctypes.CDLL(self._path)
        rate_hz = self._lib.espeak_Initialize(
            _SYNCHRONOUS, _BUFFER_MS, self._home.encode(), _PHONEME_EVENTS_AND_NO_EXIT
        )
        if rate_hz != RATE_HZ:
            raise EngineError(
                f"speaker espeak: espeak-ng did not start with its data at {self._data} (it answered {rate_hz}). Reinstall espeakng-loader."
            )
        self._lib.espeak_SetSynthCallback(self._callback)

    def _unload(self) -> None:
        self._lib.espeak_Terminate()
        handle, self._lib = self._lib._handle, None
        _ctypes.dlclose(handle)
        if _still_loaded(self._path):
            raise EngineError(
                "speaker espeak: this process keeps libespeak-ng loaded (another package uses it), so its speech would depend on what"
                " was spoken before. Build in a process without that package."
            )


def _still_loaded(path: str) -> bool:
    if _NOT_LOADED is None:
        return False
    try:
        handle = _ctypes.dlopen(path, _NOT_LOADED)
    except OSError:
        return False
    _ctypes.dlclose(handle)
    return True


_ONE_AT_A_TIME = threading.Lock()
