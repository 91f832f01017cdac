"""What each type of event is, as data: who does it, in whose turn, and whether it claims an overlap.

The events' part of manifests/COLUMNS.md and of the dataset card, and what `datagen check` asks of an event, come from here.
"""

from dataclasses import dataclass
from typing import Literal

from datagen.records.enums import EventType, Speaker


@dataclass(frozen=True, slots=True)
class EventSpec:
    """One type of event. `by` is who does it, None either side; `turn` is whose turn it happens to, seen from there.

    Where it does not claim an overlap, the two sides' words in its span are claimed by another event or do not overlap.
    """

    by: Speaker | None
    turn: Literal["own", "other", "any"]
    claims_overlap: bool
    meaning: str


_AGENT, _USER = Speaker.AGENT, Speaker.USER

EVENT_SPECS: dict[EventType, EventSpec] = {
    EventType.BARGE_IN: EventSpec(
        _USER, "other", True,
        "the user takes the floor with the next turn: from its first sound to where the agent's turn is cut",
    ),
    EventType.FAILED_BARGE_IN: EventSpec(
        _USER, "other", True, "the user says `text` over the agent's turn and gives up; the agent goes on",
    ),
    EventType.AGENT_INTERRUPTION: EventSpec(
        _AGENT, "other", True,
        "the agent takes the floor with the next turn: from its first sound to where the user's turn is cut",
    ),
    EventType.BACKCHANNEL: EventSpec(
        None, "other", True, "the listener says `text`; the floor does not change, and the turn's last word stays clear",
    ),
    EventType.OVERLAP: EventSpec(
        None, "other", True,
        "the next turn begins before this one has ended: from its first word to this one's last; nothing is cut",
    ),
    EventType.PAUSE: EventSpec(None, "own", False, "the speaker hesitates before `word`: silence between two words of the turn"),
    EventType.DISFLUENCY: EventSpec(
        _USER, "own", False, "words of the turn that are a filler, a repetition or a correction",
    ),
    EventType.LONG_SILENCE: EventSpec(
        _USER, "any", False, "nobody says anything for long before this turn begins, since the user does not",
    ),
    EventType.SIDE_TALK: EventSpec(
        _USER, "any", True,
        "the user says `text` to somebody else, over the agent's turn or in a pause of the user's own; nobody answers",
    ),
    EventType.SOUND: EventSpec(
        _USER, "any", False,
        "a discrete sound on the user's channel, from its onset to its end; it is with the turn under way or the last before",
    ),
}  # fmt: skip


def event_table() -> str:
    """The types as a Markdown table, a line a type."""
    lines = ["| type | by | in whose turn | both may speak | meaning |", "|---|---|---|---|---|"]
    for kind in EventType:
        spec = EVENT_SPECS[kind]
        cells = (f"`{kind}`", spec.by or "either", spec.turn, "yes" if spec.claims_overlap else "no", spec.meaning)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
