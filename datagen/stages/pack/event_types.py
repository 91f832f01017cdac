"""What each type of event is, as data: who does it, in whose turn, and whether it claims an overlap.

The events' part of manifests/COLUMNS.md and of the dataset card, and what `datagen check` asks of an event, come from here.
"""

from dataclasses import dataclass
from typing import Literal

from datagen.records.enums import EventType, Speaker


@dataclass(frozen=True, slots=True)
class EventSpec:
    """One type of event. `by` is who does it, None either side; `turn` is whose turn it happens to, seen from there; `attrs`
    is what is said of each (ATTRS), and no more than that is.

    Where it does not claim an overlap, the two sides' words in its span are claimed by another event or do not overlap.
    """

    by: Speaker | None
    turn: Literal["own", "other", "any"]
    claims_overlap: bool
    attrs: tuple[str, ...]
    meaning: str


ATTRS: dict[str, str] = {
    "overlap_s": "for how long both speak in it, s: by the words, so silence between them is not counted",
    "text": "what is said",
    "word": "index of the word of the turn: at whose start or end it begins, or before which the pause or side talk lies",
    "marked": "whether the writer asked for one at this word; else it was sampled",
    "sampled": "whether the place of the cut was sampled; else the writer put it there and wrote on from it",
    "position": "share of the turn's words that had begun: early, in the middle or late",
    "yield_s": "how long the turn still goes on, s",
    "cut": "whether anything was lost: of a turn its last words, of a sound its end",
    "partial_share": "share of the word under the cut that was heard; null where the cut fell between words",
    "pause_s": "its length, s",
    "kind": "filler, repetition or correction",
    "checks_in": "whether the agent speaks next, to ask whether the user is there; else the user comes back",
    "name": "which sound",
    "source": "where it is from: `shipped`, or the SHA-256 of a clip of one's own",
    "snr_db": "how far the user's speech is above it, dB",
    "cue": "whether the dialogue's text speaks of it; else it is there by chance",
}

_CUT = ("word", "position", "yield_s", "cut", "partial_share", "sampled", "overlap_s")
_BESIDE = ("text", "word", "marked", "overlap_s")
_AGENT, _USER = Speaker.AGENT, Speaker.USER

EVENT_SPECS: dict[EventType, EventSpec] = {
    EventType.BARGE_IN: EventSpec(
        _USER, "other", True, _CUT,
        "the user takes the floor with the next turn: from its first sound to where the agent's turn is cut",
    ),
    EventType.FAILED_BARGE_IN: EventSpec(
        _USER, "other", True, _BESIDE, "the user says `text` over the agent's turn and gives up; the agent goes on",
    ),
    EventType.AGENT_INTERRUPTION: EventSpec(
        _AGENT, "other", True, _CUT,
        "the agent takes the floor with the next turn: from its first sound to where the user's turn is cut",
    ),
    EventType.BACKCHANNEL: EventSpec(
        None, "other", True, _BESIDE,
        "the listener says `text`; the floor does not change, and the turn's last word stays clear",
    ),
    EventType.OVERLAP: EventSpec(
        None, "other", True, ("overlap_s",),
        "the next turn begins before this one has ended: from its first word to this one's last; nothing is cut",
    ),
    EventType.PAUSE: EventSpec(
        None, "own", False, ("word", "pause_s"), "the speaker hesitates: silence between two words of the turn",
    ),
    EventType.DISFLUENCY: EventSpec(
        _USER, "own", False, ("kind", "text", "word"), "words of the turn that are a filler, a repetition or a correction",
    ),
    EventType.LONG_SILENCE: EventSpec(
        _USER, "any", False, ("checks_in",),
        "nobody says anything for long before this turn begins, since the user does not",
    ),
    EventType.SIDE_TALK: EventSpec(
        _USER, "any", True, _BESIDE,
        "the user says `text` to somebody else, over the agent's turn or in a pause of the user's own; nobody answers",
    ),
    EventType.SOUND: EventSpec(
        _USER, "any", False, ("name", "source", "snr_db", "cue", "cut"),
        "a discrete sound on the user's channel, from its onset to its end; it is with the turn under way or the last before",
    ),
}  # fmt: skip


def event_table() -> str:
    """The types as a Markdown table, a line a type, and another of what is said of them."""
    lines = ["| type | by | in whose turn | both may speak | meaning | attrs |", "|---|---|---|---|---|---|"]
    for kind in EventType:
        spec = EVENT_SPECS[kind]
        attrs = ", ".join(f"`{name}`" for name in spec.attrs)
        both = "yes" if spec.claims_overlap else "no"
        lines.append("| " + " | ".join((f"`{kind}`", spec.by or "either", spec.turn, both, spec.meaning, attrs)) + " |")
    lines += ["", "| attr | meaning |", "|---|---|", *(f"| `{name}` | {meaning} |" for name, meaning in ATTRS.items())]
    return "\n".join(lines) + "\n"
