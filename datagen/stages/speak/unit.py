"""The speak unit: what is asked of the speaker for one dialogue, the gates on what it says, and the dialogue put together."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from datagen.audio.levels import energy
from datagen.config import Options, knob
from datagen.errors import DataError
from datagen.protocols import Failure, SpeakRequest
from datagen.records.enums import MarkType, Speaker
from datagen.records.plan import DialogPlan, Voice
from datagen.records.speech import Aside, Speech, SpokenDialog, SpokenTurn
from datagen.records.transcript import Transcript, Turn
from datagen.stages.speak.trim import Loud, loud_part, trimmed
from datagen.store.ids import seed_of
from datagen.text.say import spoken_words

VERSION = 2
"""Goes into content keys: raised when the same input gives another output."""

Key = tuple[int, int | None]
"""A turn's index, and for a backchannel the index of its mark in `turn.marks`."""


class SpeakOptions(Options):
    """Knobs of the speak stage."""

    max_s_per_word: float = knob(
        0.8, "longest speech a spoken word, over the text; `edge_s` is added once", "s/word", gt=0, le=10
    )
    min_s_per_letter: float = knob(
        0.03, "shortest speech a letter of the spoken form: below it words are missing", "s/letter", ge=0, le=1
    )
    edge_s: float = knob(0.8, "what a text of few words may take on top of max_s_per_word", "s", ge=0, le=10)
    silence_db: float = knob(
        -55.0, "quieter than this, a text or a word counts as silent", "dB of full scale", ge=-120, le=0
    )
    silent_word_share: float = knob(0.2, "largest share of a text's words that may be silent", "share", ge=0, le=1)
    clip_share: float = knob(0.0005, "largest share of samples at full scale", "share", ge=0, le=1)
    trim_below_peak_db: float = knob(
        50.0, "what is this far below the loudest at either end is trimmed", "dB", gt=0, le=120
    )
    trim_pad_s: float = knob(0.02, "silence that the trim leaves at either end", "s", ge=0, le=1)
    backchannel_db: float = knob(-4.0, "level of a backchannel against a turn of the same voice", "dB", ge=-40, le=12)


@dataclass(frozen=True, slots=True)
class Utterance:
    """One text for the speaker: a turn, or (`mark` is not None) a backchannel, which the other speaker's voice says."""

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
        """`bank-000412 turn 7`, or `bank-000412 turn 7 backchannel 0`: what details of failures open with."""
        tail = "" if self.mark is None else f" backchannel {self.mark}"
        return f"{self.dialog_id} turn {self.turn}{tail}"


def utterances(
    plan: DialogPlan,
    transcript: Transcript,
    voices: Mapping[str, Voice],
    attempt: int = 0,
    only: Collection[Key] | None = None,
) -> list[Utterance]:
    """Every turn and backchannel of a dialogue in order, or those in `only`, each with the seed of its own attempt.

    DataError: a voice of the plan is not among `voices`.
    """
    cast = {Speaker.AGENT: plan.agent_voice, Speaker.USER: plan.user_voice}
    for side, voice in cast.items():
        if voice not in voices:
            raise DataError(
                f"{plan.dialog_id}: the {side} is cast with voice {voice!r}, which the speaker engine does not have."
            )
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
            ),
        )
        for turn in transcript.turns
        for mark, side, text in _texts(turn)
        if only is None or (turn.index, mark) in only
    ]


def _texts(turn: Turn) -> Iterator[tuple[int | None, Speaker, str]]:
    yield None, turn.speaker, turn.text
    for index, mark in enumerate(turn.marks):
        if mark.type is MarkType.BACKCHANNEL:
            yield index, turn.speaker.other, mark.text


def finish(utterance: Utterance, speech: Speech, options: SpeakOptions) -> Speech | Failure:
    """The speech without silence at its ends, its words moved with the trim, a backchannel at its level; or why it cannot be kept.

    Failures: `silent`, `clipped`, `too_long`, `too_short`, `silent_words`.
    """
    loud = loud_part(speech.audio, options.trim_below_peak_db, options.silence_db)
    kept = replace(trimmed(speech, loud, options.trim_pad_s), attempt=utterance.attempt)
    failure = _fault(utterance, speech, loud, kept, options)
    if failure is not None:
        return failure
    if utterance.mark is None:
        return kept
    return replace(kept, audio=_levelled(kept, options.backchannel_db))


def _fault(utterance: Utterance, speech: Speech, loud: Loud, kept: Speech, options: SpeakOptions) -> Failure | None:
    where = utterance.where
    if loud.first == loud.end:
        return Failure(
            "silent",
            f"{where}: {speech.duration_s:.1f} s of audio, all below {options.silence_db:g} dB (speak.silence_db).",
        )
    clipped = float(np.mean(np.abs(speech.audio) >= 32766 / 32768))
    if clipped > options.clip_share:
        return Failure(
            "clipped",
            f"{where}: {clipped:.2%} of samples are at full scale (limit {options.clip_share:.2%}, speak.clip_share).",
        )
    duration_s = kept.duration_s
    n_words = sum(len(s.split()) for s in utterance.request.spoken)
    if duration_s > options.max_s_per_word * n_words + options.edge_s:
        return Failure(
            "too_long",
            f"{where}: {duration_s:.1f} s of audio for {n_words} words"
            f" ({duration_s / n_words:.1f} s/word, limit {options.max_s_per_word:g}).",
        )
    n_letters = sum(c.isalnum() for s in utterance.request.spoken for c in s)
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


def _levelled(speech: Speech, gain_db: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """The audio at another level, again in steps of 1/32768."""
    steps = np.clip(np.round(speech.audio * np.float32(10 ** (gain_db / 20)) * 32768), -32768, 32767)
    return np.asarray(steps / 32768, dtype=np.float32)


def gather(transcript: Transcript, finished: Mapping[Key, Speech]) -> SpokenDialog:
    """The dialogue from the speech of all its turns and backchannels. DataError: one of them is missing."""
    missing = [key for turn in transcript.turns for key in _keys(turn) if key not in finished]
    if missing:
        raise DataError(
            f"{transcript.dialog_id}: {len(missing)} texts were not spoken, the first is turn {missing[0][0]}, mark {missing[0][1]}."
        )
    return SpokenDialog(transcript.dialog_id, tuple(_spoken_turn(turn, finished) for turn in transcript.turns))


def _keys(turn: Turn) -> list[Key]:
    return [(turn.index, mark) for mark, _, _ in _texts(turn)]


def _spoken_turn(turn: Turn, finished: Mapping[Key, Speech]) -> SpokenTurn:
    backchannels = tuple(
        Aside(turn.marks[mark], finished[turn.index, mark]) for _, mark in _keys(turn) if mark is not None
    )
    return SpokenTurn(turn, finished[turn.index, None], backchannels)


VOICE_PROMPT_TEXT = (
    "When the light on the water turns to copper, the fishermen pull their nets across the sand and count the silver by the handful. "
    "A child asks where the tide goes at night, and an old man laughs."
)
"""About ten seconds that no dialogue says: what a voice prompt is made of."""


def voice_prompt_request(voice: Voice) -> SpeakRequest:
    """The fixed text in a voice; its seed is the voice's own, so a voice has one prompt in every build."""
    return SpeakRequest(
        tuple(VOICE_PROMPT_TEXT.split()), spoken_words(VOICE_PROMPT_TEXT), voice, seed_of("voice prompt", voice.id)
    )
