"""The events of a finished dialogue, turn by turn: the time line's, and the sounds that the scene put in."""

from datagen.errors import DataError
from datagen.records.enums import EventType
from datagen.records.rendered import RenderedDialog
from datagen.records.timeline import Event, PlacedTurn, Timeline


def turn_events(dialog: RenderedDialog) -> dict[int, tuple[Event, ...]]:
    """The events of every turn by its index, in order of time; DataError for a sound that targets no turn.

    The scene's sounds take the place of the time line's own: those say what was asked for, these what can be heard.
    """
    found = {t.index: [e for e in t.events if e.type is not EventType.SOUND] for t in dialog.timeline.turns}
    for event in dialog.scene.events:
        if event.target_turn not in found:
            raise DataError(
                f"{dialog.plan.dialog_id}: the scene's {event.type} at {event.start_s:.3f} s targets turn {event.target_turn}, "
                f"and there are {len(found)} turns."
            )
        found[event.target_turn].append(event)
    return {turn: tuple(sorted(events, key=_by_time)) for turn, events in found.items()}


def _by_time(event: Event) -> tuple[float, float, str, int]:
    return event.start_s, event.end_s, event.type, event.channel


def takes_floor(timeline: Timeline, turn: PlacedTurn, kind: EventType) -> bool:
    """Whether `turn` takes the floor by a `kind` of cut: the turn before it has one on this speaker's channel among its events."""
    before = (t for t in timeline.turns if t.index == turn.index - 1)
    return any(e.type is kind and e.channel == turn.speaker.channel for t in before for e in t.events)
