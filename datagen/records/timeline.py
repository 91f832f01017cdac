"""What the stitch and scene stages hand on: when everything is said, and the two channels."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from datagen.records.enums import EventType, Heard, Speaker, TurnType
from datagen.records.speech import Audio, Scores, Word


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens on the time line, in seconds from its start, on one channel (0 agent, 1 user).

    `target_turn` is the turn that it happens to, e.g. the one that a barge-in cuts. `attrs` are JSON scalars,
    e.g. {"yield_s": 0.31} or {"text": "mhm"}.
    """

    type: EventType
    channel: int
    start_s: float
    end_s: float
    target_turn: int
    attrs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlacedTurn:
    """A turn at its place. Times are seconds from the dialogue's start; `words` holds unheard ones too (heard: no).

    `fto_s` is the start minus the end of the other speaker's last turn (None for the first turn, and where the
    speaker goes on and the floor stays): negative is overlap. `end_s` is where the audio ends, so of a cut turn the
    end of its fade. An unheard word has the times at which it would have been spoken, and a partly heard one the end
    that it would have had. `results_s` say when the result of each tool that is called in the turn is there. `attempt`, `scores`
    and `watermarked` are its speech's.
    """

    index: int
    speaker: Speaker
    type: TurnType
    text: str
    heard_text: str
    unheard_text: str
    start_s: float
    end_s: float
    fto_s: float | None
    words: tuple[Word, ...]
    events: tuple[Event, ...]
    engine: str
    seed: int
    results_s: tuple[float, ...] = ()
    attempt: int = 0
    scores: Scores = field(default_factory=Scores)
    watermarked: bool = False

    def track_words(self) -> list[Word]:
        """The words that get tokens: those heard whole, and a partly heard one if at least half of it was heard.

        A word that the cut shortens ends where the turn's audio ends.
        """
        kept = []
        for word in self.words:
            heard_s = min(word.end_s, self.end_s) - word.start_s
            if word.heard is Heard.YES or (word.heard is Heard.PARTIAL and 2 * heard_s >= word.end_s - word.start_s):
                kept.append(replace(word, end_s=min(word.end_s, max(self.end_s, word.start_s))))
        return kept


@dataclass(frozen=True, slots=True)
class Room:
    """Seconds of those of the other side's turns that have a place for an event of a sort: what its rate a minute counts."""

    user_backchannel_s: float = 0.0
    agent_backchannel_s: float = 0.0
    failed_barge_in_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Timeline:
    """A dialogue on one clock: `n_samples` at 24 kHz on both channels. `aside_words` are the words that a
    speaker says beside the turns (backchannels, failed barge-ins, side talk), by channel; the agent's (channel 0) enter
    its text track. `agent_latency_s` is the median FTO that was drawn for the agent in this dialogue.

    `n_turns_cut` turns at the end did not fit into the columns and are not here; `n_marks_dropped` marks
    found no room (pauses, failed barge-ins, side talk) or no sound; a backchannel's is an offer, and not taking it counts for nothing.
    """

    dialog_id: str
    n_samples: int
    turns: tuple[PlacedTurn, ...]
    aside_words: tuple[tuple[Word, ...], tuple[Word, ...]] = ((), ())
    n_turns_cut: int = 0
    n_marks_dropped: int = 0
    agent_latency_s: float = 0.0
    room: Room = Room()

    def agent_words(self) -> list[Word]:
        """The agent's words of the text track, by start: those of its turns that were heard, and its backchannels."""
        return self.track_words(Speaker.AGENT)

    def track_words(self, speaker: Speaker) -> list[Word]:
        """One speaker's words that get tokens, in order of their start: see PlacedTurn.track_words."""
        words = [w for t in self.turns if t.speaker is speaker for w in t.track_words()]
        words += self.aside_words[speaker.channel]
        return sorted(words, key=lambda w: (w.start_s, w.end_s))

    def heard_spans(self, speaker: Speaker) -> list[tuple[float, float]]:
        """When one speaker's words are heard, in turns and beside them, in seconds by start; one that a cut shortens ends with
        its turn.
        """
        turns = [t for t in self.turns if t.speaker is speaker]
        spans = [(w.start_s, min(w.end_s, t.end_s)) for t in turns for w in t.words if w.heard is not Heard.NO]
        return sorted(spans + [(w.start_s, w.end_s) for w in self.aside_words[speaker.channel]])


@dataclass(frozen=True, slots=True)
class StitchedDialog:
    """A time line and its two clean channels, float32 [2, n_samples] at 24 kHz, agent first."""

    timeline: Timeline
    channels: Audio = field(repr=False)


@dataclass(frozen=True, slots=True)
class SceneDialog:
    """The channels as a model gets them: the agent's untouched, the user's as a microphone heard it.

    `effects` says what was done, name to parameters (JSON types), {} where nothing was; `snr_db` is the asked
    signal-to-noise ratio of noise and babble together, at the microphone over the user's words; None without either.
    `events` are the SOUND events, with the turn under way (or the last before) as `target_turn`; they take the place of
    the time line's own. `masked_word_share` is the share of the user's words under 0 dB local SNR. `stems` are what the
    microphone's signal was summed from, float32 [n_samples] each by name, {} unless they were asked for.
    """

    channels: Audio = field(repr=False)
    effects: Mapping[str, Mapping[str, Any]]
    snr_db: float | None = None
    events: tuple[Event, ...] = ()
    masked_word_share: float = 0.0
    stems: Mapping[str, Audio] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Activity:
    """Speech activity of the two clean channels, from the union of word spans, in seconds."""

    agent_s: float
    user_s: float
    overlap_s: float
    silence_s: float
