"""Chatterbox as a speaker: many turns at once, in the voices of a bank, by a model in a worker process."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from datagen.engines.own_env import environments
from datagen.engines.speakers.bank.reader import clip_of, voices_of_bank
from datagen.engines.speakers.bank.schema import clip_path
from datagen.engines.speakers.chatterbox import checkpoint
from datagen.engines.speakers.chatterbox.candidates import most_plausible
from datagen.engines.speakers.chatterbox.crew import Crew, devices
from datagen.engines.speakers.chatterbox.joining import at_rate, joined, louder
from datagen.engines.speakers.chatterbox.options import ChatterboxOptions
from datagen.engines.speakers.chatterbox.texts import Piece, pieces, refusal, text_of
from datagen.engines.speakers.chatterbox.worker_client import Answers, Asked
from datagen.engines.speakers.delivery import OF_TAG
from datagen.errors import DatagenError, UserError
from datagen.protocols import Failure, SpeakRequest
from datagen.records.enums import Tag, Vocal
from datagen.records.maker import Maker
from datagen.records.plan import Voice
from datagen.records.speech import Audio, Speech
from datagen.store.ids import digest, seed_of

REVISION = 1
"""Raised when this room gives other samples for the same request, model and packages."""
LICENCE = "MIT"
TOKENS_PER_S = 25
MOST_TOKENS = 1_000
"""What stock generates at most: 40 s."""
RENDERED = frozenset({Tag.NEUTRAL, Tag.SLOWLY, Tag.QUICKLY, Tag.QUIETLY, Tag.EXCITED})
"""By rate and level, and EXCITED by exaggeration (the original model alone). No setting of Chatterbox's makes a voice warm or sad."""
EXCITED_BY = 0.25
"""On top of the exaggeration, with as much off cfg_weight: the model's own page advises 0.7 and 0.3 for dramatic speech."""
PACKAGES = ("chatterbox-tts", "torch", "transformers", "resemble-perth")

Choice = Callable[[SpeakRequest, Sequence[Audio]], int]
"""Which of several tries at a short text is taken, by its index."""


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a request's text: the ids of its tries."""

    piece: Piece
    tries: tuple[int, ...]


class ChatterboxSpeaker:
    """Speech of Chatterbox, mono float32 at 24 kHz, without word times; a request's sound depends on the request alone, but
    for the last bits, which move with the device and with how many are spoken at once.

    `choose` picks among several tries at a short text.
    """

    kind: ClassVar[str] = "speaker"
    name: ClassVar[str] = "chatterbox"
    Options: ClassVar[type[ChatterboxOptions]] = ChatterboxOptions

    def __init__(self, options: ChatterboxOptions, choose: Choice = most_plausible) -> None:
        self.options = options
        self._choose = choose

    @cached_property
    def maker(self) -> Maker:
        environment = environments.needed(self.name)
        model, revision, note = checkpoint.identified(self.options)
        versions = [f"{name}-{environment.packages[name]}" for name in PACKAGES if name in environment.packages]
        marked = "with the Perth watermark" if self.options.watermark else "without a watermark"
        notes = [f"Spoken {marked}. A voice's own licence is its clip's.", note]
        return Maker(
            engine=self.name,
            model=f"Chatterbox {self.options.model}: {model}",
            revision="+".join([str(REVISION), *versions, revision]),
            licence=LICENCE,
            options=digest({**self.options.output_options(), "dtype": self.options.dtype_on(environment.flavour)}),
            deterministic=False,
            note=" ".join(n for n in notes if n),
        )

    @property
    def renders(self) -> frozenset[Tag | Vocal]:
        """Turbo renders every vocal sound, as tags of its own by the same names, the original none; tags: see RENDERED."""
        if self.options.model == "turbo":
            return frozenset({*RENDERED - {Tag.EXCITED}, *Vocal})
        return RENDERED

    def voices(self) -> tuple[Voice, ...]:
        """The voices of the bank, sorted by id. UserError: no bank is named, or none is there."""
        if not self.options.bank:
            raise UserError(
                "speaker.bank: Chatterbox speaks in the voices of a bank, and none is named. "
                "Make one (datagen voices build --count 200 --out BANK), and set speaker.bank to its folder."
            )
        return voices_of_bank(self._bank, self.name)

    def preflight(self) -> list[DatagenError]:
        """What stands against speaking, [] for nothing: environment, model files, bank, devices. Starts nothing."""
        found = checkpoint.problems(self.options)
        for look in (lambda: devices(environments.needed(self.name), self.options), self._first_clips):
            try:
                look()
            except DatagenError as error:
                found.append(error)
        return found

    def speak(self, requests: Sequence[SpeakRequest]) -> list[Speech | Failure]:
        """A Speech a request, in its place. EngineError: no worker can be had. Failures: `unspeakable`, `too_long_text`, `unknown_voice`,
        the model's own (`cut`, `empty`, `numbers`, `text`, `clip`, `out_of_memory`), `broken_audio`, `model_error`, `worker_lost`.
        """
        rows: list[Asked] = []
        work: list[Failure | list[Part]] = []
        for request in requests:
            refused = refusal(request, self.options.max_chars) or _unknown(request, self._known)
            work.append(refused or self._parts(request, rows))
        heard = self._crew.speak(rows, self._clips(rows, requests)) if rows else {}
        made = [w if isinstance(w, Failure) else self._made(r, w, heard) for r, w in zip(requests, work, strict=True)]
        sounds = {n: m for n, m in enumerate(made) if not isinstance(m, Failure)}
        marked: Answers = self._crew.mark(sounds) if self.options.watermark and sounds else dict(sounds)
        return [self._speech(requests[n], m, marked.get(n)) for n, m in enumerate(made)]

    def close(self) -> None:
        """Ends the connections to the workers."""
        if "_crew" in self.__dict__:
            self._crew.close()

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds that the models spent by part, since this engine was made."""
        return self._crew.seconds

    @cached_property
    def _crew(self) -> Crew:
        return Crew(environments.needed(self.name), self.options)

    @property
    def _bank(self) -> Path:
        return Path(self.options.bank).expanduser()

    @cached_property
    def _known(self) -> dict[str, Voice]:
        return {v.id: v for v in self.voices()}

    def _first_clips(self) -> None:
        for voice in self.voices()[:8]:
            clip_of(self._bank, voice)

    @cached_property
    def _verified(self) -> dict[str, str]:
        """Files of reference clips that are the measured ones, by digest."""
        return {}

    def _clips(self, rows: Sequence[Asked], requests: Sequence[SpeakRequest]) -> dict[str, str]:
        needed = {row.clip for row in rows}
        for voice in {r.voice.id: r.voice for r in requests if r.voice.clip in needed}.values():
            if voice.clip not in self._verified:
                clip_of(self._bank, voice)  # a DataError where it is not the file that was measured
                self._verified[voice.clip] = str(clip_path(self._bank, voice.id).absolute())
        return {clip: self._verified[clip] for clip in needed}

    def _parts(self, request: SpeakRequest, rows: list[Asked]) -> list[Part]:
        """The pieces of a request; a row for each try of each is added to `rows`."""
        options = self.options
        n_words = sum(len(s.split()) for s in request.spoken)
        n_tries = options.short_candidates if n_words < options.short_words else 1
        excited = Tag.EXCITED in request.tags and options.model == "original"
        parts = []
        for place, piece in enumerate(pieces(text_of(request, options.renders_vocals), options.max_piece_chars)):
            longest_s = options.edge_s + options.max_s_per_letter * piece.n_letters
            ids = tuple(range(len(rows), len(rows) + n_tries))
            rows += [
                Asked(
                    id=n, text=piece.text, clip=request.voice.clip, seed=seed_of(request.seed, "piece", place, "try", n - ids[0]),
                    exaggeration=min(2.0, options.exaggeration + EXCITED_BY * excited),
                    cfg_weight=max(0.0, options.cfg_weight - EXCITED_BY * excited),
                    temperature=options.temperature, top_p=options.drawn_share, min_p=options.min_p,
                    repetition_penalty=options.repetition_penalty,
                    max_tokens=min(MOST_TOKENS, math.ceil(TOKENS_PER_S * longest_s)), flow_steps=options.steps,
                )
                for n in ids
            ]  # fmt: skip
            parts.append(Part(piece, ids))
        return parts

    def _made(self, request: SpeakRequest, parts: Sequence[Part], heard: Answers) -> Audio | Failure:
        """The request's sound at its rate and level, or the first failure among its pieces."""
        chosen = []
        for part in parts:
            tries = [heard[n] for n in part.tries]
            good = [t for t in tries if not isinstance(t, Failure)]
            if not good:
                return next(t for t in tries if isinstance(t, Failure))
            chosen.append(good[self._choose(request, good)] if len(good) > 1 else good[0])
        rate, gain_db = request.rate, 0.0
        for tag in RENDERED.intersection(request.tags):
            rate *= OF_TAG[tag].rate if tag in (Tag.SLOWLY, Tag.QUICKLY) else 1.0
            gain_db += OF_TAG[tag].gain_db if tag is Tag.QUIETLY else 0.0
        sound = joined(chosen, [p.piece.join for p in parts])
        return louder(at_rate(sound, rate, request.voice, request.seed), gain_db)

    def _speech(self, request: SpeakRequest, made: Audio | Failure, marked: Audio | Failure | None) -> Speech | Failure:
        if isinstance(made, Failure):
            return made
        if marked is None or isinstance(marked, Failure):
            return marked or Failure("worker_lost", "the watermark was asked for and did not come.")
        return Speech(marked.clip(-1, 1), (), self.name, request.seed, watermarked=self.options.watermark)


def _unknown(request: SpeakRequest, known: dict[str, Voice]) -> Failure | None:
    found = known.get(request.voice.id)
    if found is None:
        return Failure("unknown_voice", f"voice {request.voice.id}: the bank has none of that id.")
    if found.clip != request.voice.clip:
        return Failure(
            "unknown_voice", f"voice {found.id}: its clip in the bank is not the one that was cast (SHA-256)."
        )
    return None
