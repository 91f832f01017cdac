"""Voice prompts: about ten seconds of each voice, spoken and encoded once and kept in the ledger."""

import os
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np

from datagen.audio.files import quantise, write_flac
from datagen.audio.levels import to_lufs
from datagen.build import Build
from datagen.errors import EngineError
from datagen.protocols import Codec, Failure
from datagen.records.enums import Stage
from datagen.records.rendered import Codes
from datagen.records.speech import Audio, Speech
from datagen.run.asking import encoded, spoken
from datagen.run.meter import Meter
from datagen.run.placing import placed
from datagen.stages.encode import unit as encode
from datagen.stages.speak import unit as speak
from datagen.stages.speak.unit import SpeakOptions, Utterance
from datagen.store.ids import digest
from datagen.store.ledger import Artefact, Ledger

PROMPT_LUFS = -24.0
"""Integrated loudness of a voice prompt as PersonaPlex feeds it (ITU-R BS.1770)."""

_VERSION = 3
_CODES, _SOUND = "codes.npy", "prompt.flac"


def voice_prompt(build: Build, voice_id: str, meter: Meter) -> Audio:
    """A voice saying the fixed prompt text, at -24 LUFS and in 16 bits, as its file has it.

    It is the first attempt that passes the gates on the sound of a turn; an EngineError where none of `run.attempts` does.
    """
    voice, why = build.voices[voice_id], ""
    for number in range(build.recipe.run.attempts):
        request = speak.voice_prompt_request(voice, number)
        with meter.time(Stage.SPEAK, "engine"):
            raw = spoken(build, [request])[0]
        utterance = Utterance(f"voice {voice_id}", 0, None, number, request)
        speech = raw if isinstance(raw, Failure) else speak.finish(utterance, raw, build.options(SpeakOptions))
        if not isinstance(speech, Failure):
            found = placed(build, [(f"voice {voice_id}", request)], [speech], meter)[0]
            if isinstance(found, Speech):
                return quantise(to_lufs(found.audio, PROMPT_LUFS))
            speech = found.failures[0]
        why = speech.detail
    raise EngineError(f"voice {voice_id}: its prompt cannot be spoken in {build.recipe.run.attempts} attempts: {why}")


class VoicePrompts:
    """The prompts of the build's voices, from the ledger where they are there."""

    def __init__(self, build: Build, ledger: Ledger, meter: Meter) -> None:
        self._build, self._ledger, self._meter = build, ledger, meter
        self._found: dict[str, Artefact] = {}

    def codes(self, voice_id: str) -> Codes:
        """The codes of one voice's prompt, int16 [n_books, n_frames]."""
        return _load(self._artefact(voice_id).path(_CODES))

    def sound(self, voice_id: str) -> Path:
        """The FLAC that the codes are of, mono at 24 kHz."""
        return self._artefact(voice_id).path(_SOUND)

    def _artefact(self, voice_id: str) -> Artefact:
        if voice_id not in self._found:  # looked up once a shard: a dialogue asks for two
            key = self._key(voice_id)
            was_there = os.path.lexists(self._ledger.folder("voices", voice_id, key))
            found = self._ledger.find("voices", voice_id, key)
            if found is None and was_there:
                line = f"voice {voice_id}: its prompt in the work folder was damaged; it is made anew."
                self._meter.notice(Stage.SPEAK, line)
            self._found[voice_id] = found or self._make(voice_id, key)
        return self._found[voice_id]

    def _key(self, voice_id: str) -> str:
        """The prompt's content key, once a process: to hash what it depends on takes as long as a small dialogue."""
        build = self._build
        if voice_id not in build.prompt_keys:
            voice = build.voices[voice_id]
            inputs = [build.prompt_inputs, build.makers["codec"], voice]
            said = speak.voice_prompt_request(voice).spoken
            build.prompt_keys[voice_id] = digest("voice prompt", _VERSION, said, *inputs)
        return build.prompt_keys[voice_id]

    def _make(self, voice_id: str, key: str) -> Artefact:
        with self._ledger.make("voices", voice_id, key) as draft:
            audio = voice_prompt(self._build, voice_id, self._meter)
            with self._meter.time(Stage.ENCODE, "engine"):
                codec = self._build.engine("codec")
                codes = _checked(encoded(codec, [audio])[0], len(audio), codec)
            if isinstance(codes, Failure):
                raise EngineError(f"voice {voice_id}: its prompt cannot be encoded: {codes.detail}")
            # In memory first: on a full disk neither numpy nor libsndfile says what a person could act on.
            np.save(table := BytesIO(), codes, allow_pickle=False)
            write_flac(flac := BytesIO(), audio)
            draft.path(_CODES).write_bytes(table.getbuffer())
            draft.path(_SOUND).write_bytes(flac.getbuffer())
        made = self._ledger.find("voices", voice_id, key)
        assert made is not None  # it has just been made
        return made


def _checked(codes: Codes | Failure, n_samples: int, codec: Codec) -> Codes | Failure:
    return codes if isinstance(codes, Failure) else encode.finish_prompt(codes, n_samples, codec)


@lru_cache(maxsize=1024)
def _load(path: Path) -> Codes:
    loaded: Codes = np.load(path, allow_pickle=False)
    return loaded
