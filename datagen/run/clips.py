"""The clips of the voices: short utterances, spoken, gated and aligned once a voice, kind and side, and kept in the ledger."""

import os
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from datagen.audio.files import from_pcm16, to_pcm16
from datagen.build import Build
from datagen.errors import DataError
from datagen.protocols import Failure
from datagen.records.codec import from_json, to_json
from datagen.records.enums import ClipKind, Speaker, Stage
from datagen.records.plan import DialogPlan, Voice
from datagen.records.speech import Clip, Clips, Speech, Word
from datagen.run.asking import spoken
from datagen.run.listening import Take, judged
from datagen.run.meter import Meter
from datagen.run.placing import Refused, placed
from datagen.stages.speak import clips as speak
from datagen.stages.speak.clips import Candidate, Passed
from datagen.stages.speak.unit import SpeakOptions
from datagen.store.ids import digest, rng
from datagen.store.ledger import Artefact, Draft, Ledger

LINES, SAMPLES = "clips.jsonl", "clips.pcm"
IN_MEMORY = 32
"""Banks that are held ready: about 1 MB each."""
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Line:
    """One clip of an artefact: its text, how many samples of SAMPLES are its, and its words."""

    text: str
    n_samples: int
    words: tuple[Word, ...]
    engine: str
    seed: int
    attempt: int


class VoiceClips:
    """The clips of the build's voices, made where they are first asked for. A voice of which nothing passes has none: a notice says so."""

    def __init__(self, build: Build, ledger: Ledger, meter: Meter) -> None:
        self._build, self._ledger, self._meter = build, ledger, meter
        self._options: SpeakOptions = build.options(SpeakOptions)
        self._ready: OrderedDict[tuple[str, ClipKind, Speaker], tuple[Clip, ...]] = OrderedDict()

    def of(self, voice_id: str, kind: ClipKind, side: Speaker = Speaker.USER) -> tuple[Clip, ...]:
        """The voice's clips of a kind, texts in their file's order and the best of a text first. `side` is whose
        backchannels are meant; the other kinds are the same for both.
        """
        place = (voice_id, kind, side if kind is ClipKind.BACKCHANNEL else Speaker.USER)
        if place not in self._ready:
            self._ready[place] = self._stored(*place)
            if len(self._ready) > IN_MEMORY:
                self._ready.popitem(last=False)
        self._ready.move_to_end(place)
        return self._ready[place]

    def in_dialog(self, plan: DialogPlan) -> Clips:
        """What stitch asks: the clips of the dialogue's own two voices, each for the side that it speaks for."""
        sides = {plan.user_voice: Speaker.USER, plan.agent_voice: Speaker.AGENT}
        return lambda voice_id, kind: self.of(voice_id, kind, sides[voice_id])

    def others(self, plan: DialogPlan) -> Callable[[int], list[tuple[Clip, ...]]]:
        """What scene asks: off-talk of up to n voices of the dialogue's split that are not its own, drawn by its seed.

        Of more voices the first stay the same. Fewer come where the split has no more that can say any.
        """
        own = {plan.agent_voice, plan.user_voice}
        voices = [v.id for v in self._build.bystanders[plan.split]]
        order = [voices[i] for i in rng(plan.seed, "bystanders").permutation(len(voices)) if voices[i] not in own]

        def talk(n: int) -> list[tuple[Clip, ...]]:
            found = (self.of(name, ClipKind.OFF_TALK) for name in order)
            return list(islice((clips for clips in found if clips), n))

        return talk

    def _stored(self, voice_id: str, kind: ClipKind, side: Speaker) -> tuple[Clip, ...]:
        build = self._build
        voice = build.voices[voice_id]
        texts = speak.own_texts(voice_id, kind, build.asides.texts(kind, side), self._options)
        name = f"{voice_id}-{kind.value}-{side.value}"
        key = digest("clips", _VERSION, voice, kind, side, list(texts), build.clips_inputs)
        was_there = os.path.lexists(self._ledger.folder("voices", name, key))
        found = self._ledger.find("voices", name, key)
        if found is None:
            if was_there:
                line = f"voice {voice_id}: its {kind.value} clips in the work folder were damaged; they are made anew."
                self._meter.notice(Stage.SPEAK, line)
            with self._ledger.make("voices", name, key) as draft:
                self._make(voice, kind, side, texts, draft)
            # Read back: where another process has stored them meanwhile, its are the ones that every dialogue uses.
            found = self._ledger.find("voices", name, key)
        if found is None:
            raise DataError(
                f"voice {voice_id}: its {kind.value} clips are gone or damaged. Run the same command again."
            )
        return tuple(_read(found, kind))

    def _make(self, voice: Voice, kind: ClipKind, side: Speaker, texts: Sequence[str], draft: Draft) -> None:
        """Writes LINES and SAMPLES; the note counts what was said, kept and refused, by reason."""
        tried = speak.candidates(voice, side, kind, texts, self._options)
        passed, refused = self._try(voice, tried)
        clips = speak.best(passed, self._options)
        with draft.path(LINES).open("wb") as lines, draft.path(SAMPLES).open("wb") as samples:
            for clip in clips:
                pcm, speech = to_pcm16(clip.speech.audio), clip.speech
                samples.write(pcm.tobytes())
                line = Line(clip.text, len(pcm), speech.words, speech.engine, speech.seed, speech.attempt)
                lines.write(to_json(line) + b"\n")
        reasons = dict(sorted(Counter(f.reason for f in refused).items()))
        draft.note = {"n_said": len(tried), "n_passed": len(passed), "n_kept": len(clips), "refused": reasons}
        if not clips:
            said = f"voice {voice.id} has no {kind.value} clips: of {len(tried)} candidates none passed, e.g. {refused[0].detail}"
            self._meter.notice(Stage.SPEAK, said)

    def _try(self, voice: Voice, tried: Sequence[Candidate]) -> tuple[list[Passed], list[Failure]]:
        """The candidates that pass every gate, aligned, and why the others did not."""
        build, options = self._build, self._options
        level = speak.level_request(voice)
        with self._meter.time(Stage.SPEAK, "engine"):
            whole, *raw = spoken(build, [level, *(c.request for c in tried)])
        with self._meter.time(Stage.SPEAK):
            voice_db = whole if isinstance(whole, Failure) else speak.level_of(voice.id, whole, options)
            if isinstance(voice_db, Failure):
                return [], [voice_db]
            shaped = [
                r if isinstance(r, Failure) else speak.finish(c, r, voice_db, options)
                for c, r in zip(tried, raw, strict=True)
            ]
        passed = [p for p in shaped if isinstance(p, Passed)]
        kept, refused = self._gated(passed)
        return kept, [*(f for f in shaped if isinstance(f, Failure)), *refused]

    def _gated(self, passed: Sequence[Passed]) -> tuple[list[Passed], list[Failure]]:
        """Those that pass the gates of any spoken text too, with their words and scores, and the gravest fault of each other one."""
        candidates = [p.candidate for p in passed]
        asked = [(c.where, c.request) for c in candidates]
        results = placed(self._build, asked, [p.speech for p in passed], self._meter)
        takes = {
            i: Take(c.where, (c.request.voice.id, c.kind, c.text), c.request, found)
            for i, (c, found) in enumerate(zip(candidates, results.values(), strict=True))
            if isinstance(found, Speech)
        }
        heard = dict(zip(takes, judged(self._build, list(takes.values()), self._meter), strict=True))
        refused = [r.failures[0] for r in results.values() if isinstance(r, Refused)]
        refused += [h.failures[0] for h in heard.values() if h.failures]
        return [replace(passed[i], speech=h.speech) for i, h in heard.items() if not h.failures], refused


def _read(found: Artefact, kind: ClipKind) -> Iterator[Clip]:
    samples = from_pcm16(np.fromfile(found.path(SAMPLES), "<i2"))
    offset = 0
    for raw in found.path(LINES).read_bytes().splitlines():
        line = from_json(Line, raw)
        audio = samples[offset : offset + line.n_samples].copy()
        yield Clip(kind, line.text, Speech(audio, line.words, line.engine, line.seed, line.attempt))
        offset += line.n_samples
