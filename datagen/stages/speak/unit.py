"""The speak unit: what is asked of the speaker for one dialogue, the gates on what it says, and the dialogue put together."""

from collections.abc import Collection, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from pydantic import Field, field_validator

from datagen.audio.levels import energy
from datagen.audio.quality import clipped_share
from datagen.config import Options, knob
from datagen.domains.asides import Asides
from datagen.errors import DataError
from datagen.protocols import Failure, SpeakRequest
from datagen.records.enums import Speaker, Tag, Vocal
from datagen.records.plan import DialogPlan, Voice
from datagen.records.speech import Aside, Speech, SpokenDialog, SpokenTurn
from datagen.records.transcript import Transcript, Turn
from datagen.stages.speak.clip_options import ClipOptions
from datagen.stages.speak.deliverable import deliverable, vocals
from datagen.stages.speak.gates.options import GateOptions
from datagen.stages.speak.trim import Loud, loud_part, trimmed
from datagen.store.ids import seed_of, unit_hash
from datagen.text.say import spoken_words

VERSION = 4
"""Goes into content keys: raised when the same input gives another output."""

Key = tuple[int, int | None]
"""A turn's index, and for what is said beside it the index of its mark in `turn.marks`."""


class SpeakOptions(Options):
    """Knobs of the speak stage."""

    max_s_per_word: float = knob(
        0.55,
        "longest speech a spoken word, over the text, at the voice's own rate; `edge_s` is added once",
        "s/word",
        gt=0,
        le=10,
    )
    min_s_per_letter: float = knob(
        0.05, "shortest speech a letter of the spoken form, at the voice's own rate: below it sounds or words are missing", "s/letter",
        ge=0, le=1,
    )  # fmt: skip
    edge_s: float = knob(0.5, "what a text of few words may take on top of max_s_per_word", "s", ge=0, le=10)
    silence_db: float = knob(
        -55.0, "quieter than this, a text or a word counts as silent", "dB of full scale", ge=-120, le=0
    )
    silent_word_share: float = knob(0.2, "largest share of a text's words that may be silent", "share", ge=0, le=1)
    clip_share: float = knob(
        0.0005, "largest share of samples at full scale, or on crests that are cut flat below it", "share", ge=0, le=1
    )
    trim_below_peak_db: float = knob(
        50.0, "what is this far below the loudest at either end is trimmed", "dB", gt=0, le=120
    )
    trim_pad_s: float = knob(0.02, "silence that the trim leaves at either end", "s", ge=0, le=1)
    rate_spread: float = knob(
        0.06,
        "spread of the logarithm of a speaker's rate, drawn once a dialogue and side, on top of the voices' own (espeak's: 0.08)",
        ge=0,
        le=0.5,
    )
    rate_limits: tuple[float, float] = knob((0.85, 1.2), "slowest and fastest rate that is drawn", "voice's own rate")
    asr_share: float = knob(
        0.01,
        "share of the texts that the ASR hears, where there is one (asr.engine): by a hash of dialogue and turn",
        "share",
        ge=0,
        le=1,
    )
    gates: GateOptions = Field(default_factory=GateOptions, description="limits of what is measured of a spoken text")
    clips: ClipOptions = Field(default_factory=ClipOptions, description="each voice's short utterances")

    @field_validator("rate_limits")
    @classmethod
    def _ordered(cls, limits: tuple[float, float]) -> tuple[float, float]:
        if not 0.5 <= limits[0] <= 1 <= limits[1] <= 2:
            raise ValueError(f"{limits[0]:g} to {limits[1]:g} is no range around 1 between 0.5 and 2.")
        return limits


@dataclass(frozen=True, slots=True)
class Utterance:
    """One text for the speaker: a turn, or (`mark` is not None) what is said beside it."""

    dialog_id: str
    turn: int
    mark: int | None
    attempt: int
    request: SpeakRequest

    @property
    def key(self) -> Key:
        return self.turn, self.mark

    @property
    def where(self) -> str:
        """`bank-000412 turn 7`, or `bank-000412 turn 7 mark 0`: what details of failures open with."""
        tail = "" if self.mark is None else f" mark {self.mark}"
        return f"{self.dialog_id} turn {self.turn}{tail}"


def utterances(
    plan: DialogPlan,
    transcript: Transcript,
    voices: Mapping[str, Voice],
    options: SpeakOptions,
    clips: Asides,
    attempt: int = 0,
    only: Collection[Key] | None = None,
    renders: Set[Tag | Vocal] = frozenset(Tag),
) -> list[Utterance]:
    """Every turn and aside of a dialogue in order, or those in `only`, each with the seed of its own attempt.

    `renders` are the tags and vocal sounds that the speaker engine can make heard: it is asked for no other.
    An aside whose text is among those of `clips` is not spoken here: the voice has said it once and for all.
    DataError: a voice of the plan is not among `voices`.
    """
    cast = {Speaker.AGENT: plan.agent_voice, Speaker.USER: plan.user_voice}
    for side, voice in cast.items():
        if voice not in voices:
            raise DataError(
                f"{plan.dialog_id}: the {side} is cast with voice {voice!r}, which the speaker engine does not have."
            )
    rate = rates(plan, options)
    return [
        Utterance(
            plan.dialog_id,
            turn.index,
            mark,
            attempt,
            SpeakRequest(
                words=tuple(text.split()),
                spoken=spoken_words(text),
                voice=voices[cast[side]],
                seed=seed_of(plan.seed, "speak", turn.index, "turn" if mark is None else mark, attempt),
                side=side,
                tags=turn.tags if mark is None else (),
                rate=rate[side],
                vocals=vocals(turn) if mark is None else (),
            ),
        )
        for turn in (deliverable(t, renders) for t in transcript.turns)
        for mark, side, text in _texts(turn, clips)
        if only is None or (turn.index, mark) in only
    ]


def rates(plan: DialogPlan, options: SpeakOptions) -> dict[Speaker, float]:
    """How fast each side of a dialogue speaks, as a factor on its voice's own rate: lognormal around 1, inside the limits.

    Speakers' articulation rates vary by about a tenth (Jessen 2007, 100 speakers of German; second-hand). espeak's voices vary by 0.081
    (the standard deviation of the logarithm of a sentence's length, over all 235), so 0.06 on top makes it 0.10.
    """
    if not options.rate_spread:
        return dict.fromkeys(Speaker, 1.0)
    normal = NormalDist(0, options.rate_spread)
    low, high = (normal.cdf(float(np.log(limit))) for limit in options.rate_limits)
    drawn = {side: low + (high - low) * unit_hash(plan.seed, "rate", side) for side in Speaker}
    return {side: round(float(np.exp(normal.inv_cdf(u))), 4) for side, u in drawn.items()}


def _texts(turn: Turn, clips: Asides) -> Iterator[tuple[int | None, Speaker, str]]:
    yield None, turn.speaker, turn.text
    for index, mark in enumerate(turn.marks):
        side = mark.type.speaker(turn.speaker)
        # A mark without a text leaves the choice to stitch.
        if side is not None and mark.text and not clips.has(mark.type, mark.text, side):
            yield index, side, mark.text


def finish(utterance: Utterance, speech: Speech, options: SpeakOptions) -> Speech | Failure:
    """The speech without silence at its ends, its words moved with the trim; or why it cannot be kept.

    Failures: `silent`, `clipped`, `too_long`, `too_short`, `silent_words`.
    """
    kept = checked(utterance.where, utterance.request, speech, options)
    return kept if isinstance(kept, Failure) else replace(kept, attempt=utterance.attempt)


def checked(where: str, request: SpeakRequest, speech: Speech, options: SpeakOptions) -> Speech | Failure:
    """`finish` for any request; `where` opens a failure's detail."""
    loud = loud_part(speech.audio, options.trim_below_peak_db, options.silence_db)
    kept = trimmed(speech, loud, options.trim_pad_s)
    return _fault(where, request, speech, loud, kept, options) or kept


def _fault(
    where: str, request: SpeakRequest, speech: Speech, loud: Loud, kept: Speech, options: SpeakOptions
) -> Failure | None:
    if loud.first == loud.end:
        return Failure(
            "silent",
            f"{where}: {speech.duration_s:.1f} s of audio, all below {options.silence_db:g} dB (speak.silence_db).",
        )
    clipped = clipped_share(speech.audio)
    if clipped > options.clip_share:
        return Failure(
            "clipped",
            f"{where}: {clipped:.2%} of samples are clipped (limit {options.clip_share:.2%}, speak.clip_share).",
        )
    duration_s = kept.duration_s * request.rate
    n_words = sum(len(s.split()) for s in request.spoken)
    beside_s = options.edge_s + len(request.vocals) * options.gates.max_vocal_s
    if duration_s > options.max_s_per_word * n_words + beside_s:
        return Failure(
            "too_long",
            f"{where}: {duration_s:.1f} s of audio for {n_words} words"
            f" ({duration_s / n_words:.1f} s/word, limit {options.max_s_per_word:g}).",
        )
    n_letters = sum(c.isalnum() for s in request.spoken for c in s)
    if duration_s < options.min_s_per_letter * n_letters:
        return Failure(
            "too_short",
            f"{where}: {duration_s:.2f} s of audio for {n_letters} letters"
            f" ({duration_s / n_letters:.3f} s/letter, limit {options.min_s_per_letter:g}).",
        )
    silent = _silent_words(kept, options.silence_db)
    if len(silent) > options.silent_word_share * len(kept.words):
        named = ", ".join(silent[:3])
        return Failure(
            "silent_words", f"{where}: {len(silent)} of {len(kept.words)} words are silent ({named}; speak.silence_db)."
        )
    return None


def _silent_words(speech: Speech, silence_db: float) -> list[str]:
    """The words whose span holds no sound: with words missing or cut off, the times run past what is heard."""
    rate_hz = len(speech.audio) / speech.duration_s
    silent = []
    for word in speech.words:
        first, end = round(word.start_s * rate_hz), round(word.end_s * rate_hz)
        if end <= first or energy(speech.audio[first:end]) / (end - first) < 10 ** (silence_db / 10):
            silent.append(word.word)
    return silent


def gather(transcript: Transcript, finished: Mapping[Key, Speech]) -> SpokenDialog:
    """The dialogue from the speech of all its turns, with the asides that are among `finished`. DataError: a turn is missing."""
    missing = [turn.index for turn in transcript.turns if (turn.index, None) not in finished]
    if missing:
        raise DataError(
            f"{transcript.dialog_id}: {len(missing)} turns were not spoken, the first is turn {missing[0]}."
        )
    return SpokenDialog(transcript.dialog_id, tuple(_spoken_turn(turn, finished) for turn in transcript.turns))


def _spoken_turn(turn: Turn, finished: Mapping[Key, Speech]) -> SpokenTurn:
    asides = [Aside(mark, finished[turn.index, n]) for n, mark in enumerate(turn.marks) if (turn.index, n) in finished]
    return SpokenTurn(turn, finished[turn.index, None], tuple(asides))


VOICE_PROMPT_TEXT = (
    "When the light on the water turns to copper, the fishermen pull their nets across the sand and count the silver by the handful. "
    "A child asks where the tide goes at night, and an old man laughs."
)
"""About ten seconds that no dialogue says: what a voice prompt is made of."""


def voice_prompt_request(voice: Voice, attempt: int = 0) -> SpeakRequest:
    """The fixed text in a voice; its seed is the voice's own and the attempt's, so a voice has one prompt in every build."""
    seed = seed_of("voice prompt", voice.id, *((attempt,) if attempt else ()))
    return SpeakRequest(tuple(VOICE_PROMPT_TEXT.split()), spoken_words(VOICE_PROMPT_TEXT), voice, seed)
