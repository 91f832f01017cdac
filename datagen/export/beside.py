"""What of a turn was heard, what is said beside the turns, and their events, read off the turns manifest's rows."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from datagen.errors import DataError
from datagen.export.base import Row
from datagen.records.enums import EventType, Speaker

SPOKEN = (EventType.BACKCHANNEL, EventType.FAILED_BARGE_IN, EventType.SIDE_TALK)
"""Events that are speech of their own: their text stands in `attrs`, their words in no turn."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of a turn: whose turn it is in, who does it, its times in seconds, and what `attrs` says of it."""

    type: EventType
    turn: int
    speaker: Speaker
    start_s: float
    end_s: float
    attrs: dict[str, Any]

    @property
    def text(self) -> str:
        return str(self.attrs.get("text", ""))


def read_object(text: str | None, what: str) -> dict[str, Any]:
    """The JSON object in a manifest's string, {} for none; a DataError that calls it `what` where it is none."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise DataError(f"{what} is {str(text)[:60]!r}, and has to be a JSON object. Run `datagen check`.")
    return found


def happenings(turn: Row) -> Iterator[Happening]:
    """The events of a row of the turns manifest, by start."""
    for event in turn["events"]:
        yield Happening(
            EventType(event["type"]),
            int(turn["turn"]),
            Speaker.AGENT if event["channel"] == Speaker.AGENT.channel else Speaker.USER,
            float(event["start_s"]),
            float(event["end_s"]),
            read_object(
                event["attrs"], f"turns: attrs of a {event['type']} in turn {turn['turn']} of {turn['dialog_id']}"
            ),
        )


def heard_words(turn: Row) -> list[dict[str, Any]]:
    """The words that heard_text is made of: one that the cut shortened ends with the turn, as in the text track."""
    kept = turn["words"][: len(turn["heard_text"].split())]
    return [{**w, "end_s": min(w["end_s"], max(turn["end_s"], w["start_s"]))} for w in kept]


def spoken_beside(turns: Sequence[Row]) -> list[Happening]:
    """What is said over or within turns without being one (backchannels, failed barge-ins, side talk), by start."""
    found = [h for turn in turns for h in happenings(turn) if h.type in SPOKEN and h.text.strip()]
    return sorted(found, key=lambda h: (h.start_s, h.end_s, h.speaker))
