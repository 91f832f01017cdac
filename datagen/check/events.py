"""The events of one dialogue: each is of a known type, on the right channel, at its place, and counted."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from datagen.check.streams import Row
from datagen.check.times import SLACK_S, Finding, read_json, said
from datagen.records.enums import EventType, Speaker
from datagen.stages.pack.event_types import EVENT_SPECS

CUTS = {EventType.BARGE_IN: "barge_in", EventType.AGENT_INTERRUPTION: "agent_interruption"}
"""By what the next turn takes the floor, and the column that says so of it."""
EARLY = (*CUTS, EventType.OVERLAP)
"""What the next turn does by beginning while this one goes on."""
INSIDE = (*EARLY, EventType.FAILED_BARGE_IN, EventType.BACKCHANNEL, EventType.PAUSE, EventType.DISFLUENCY, EventType.SIDE_TALK)  # fmt: skip
"""What lies inside the turn that it happens to."""
BEFORE_THE_LAST_WORD = {
    EventType.BACKCHANNEL: "covers the turn's last word",
    EventType.FAILED_BARGE_IN: "failed, and the turn does not go on after it",
}


def check_events(turns: Sequence[Row], dialog: Row) -> Iterator[Finding]:
    """Events: vocabulary, target and place; and what dialogs and turns count of them."""
    by_index = {t["turn"]: t for t in turns}
    for turn in turns:
        where = f"turn {turn['turn']}"
        for event in turn["events"]:
            if event["target_turn"] != turn["turn"]:
                yield where, f"{named(event)} targets turn {event['target_turn']}, and stands with turn {turn['turn']}."
            yield from ((where, what) for what in _event(event, turn, by_index, dialog["duration_s"]))
        if any(a["start_s"] > b["start_s"] for a, b in zip(turn["events"], turn["events"][1:], strict=False)):
            yield where, "its events are not in the order of their start."
    yield from (("", what) for what in _counts(turns, dialog))


def named(event: Row) -> str:
    """An event in a message."""
    return f"event {event['type']} at {event['start_s']:.3f}-{event['end_s']:.3f} s"


def attrs_of(event: Row) -> Mapping[str, Any] | None:
    """The event's attributes, None where they are no JSON object."""
    attrs = read_json(event["attrs"])
    return attrs if isinstance(attrs, dict) else None


def _event(event: Row, turn: Row, by_index: Mapping[int, Row], duration_s: float) -> Iterator[str]:
    name, start_s, end_s = named(event), event["start_s"], event["end_s"]
    attrs = attrs_of(event)
    if event["type"] not in list(EventType) or event["channel"] not in (0, 1) or attrs is None:
        yield f"{name}: its type, channel {event['channel']} or attrs are outside the vocabulary."
        return
    if not -SLACK_S <= start_s <= end_s <= duration_s + SLACK_S:
        yield f"{name} lies outside the dialogue ({duration_s:.3f} s)."
    kind = EventType(event["type"])
    lacking, foreign = set(EVENT_SPECS[kind].attrs) - set(attrs), set(attrs) - set(EVENT_SPECS[kind].attrs)
    if lacking or foreign:
        yield f"{name}: its attrs lack {sorted(lacking)}, and may not have {sorted(foreign)}."
    yield from (f"{name} {what}" for what in _side(event, kind, turn))
    if kind in INSIDE and not (turn["start_s"] - SLACK_S <= start_s and end_s <= turn["end_s"] + SLACK_S):
        yield f"{name} is not inside its turn {turn['turn']} ({turn['start_s']:.3f}-{turn['end_s']:.3f} s)."
    yield from (f"{name} {what}" for what in _place(event, kind, turn, by_index))


def _side(event: Row, kind: EventType, turn: Row) -> Iterator[str]:
    """Whether the channel is the one of whoever does such a thing."""
    spec = EVENT_SPECS[kind]
    side = Speaker.AGENT if event["channel"] == Speaker.AGENT.channel else Speaker.USER
    if spec.by not in (None, side):
        yield f"is on the {side}'s channel, and only the {spec.by} does that."
    if spec.turn != "any" and (side == turn["speaker"]) != (spec.turn == "own"):
        yield f"is on the {side}'s channel, and it happens in {'a turn of their own' if spec.turn == 'own' else 'turns of the other'}."


def _place(event: Row, kind: EventType, turn: Row, by_index: Mapping[int, Row]) -> Iterator[str]:
    """Whether what has to come before, in and after the event does."""
    start_s, end_s = event["start_s"], event["end_s"]
    heard, after = said(turn), by_index.get(turn["turn"] + 1)
    last_s = heard[-1].start_s if heard else turn["end_s"]
    if kind in BEFORE_THE_LAST_WORD and end_s > last_s + SLACK_S:
        yield f"{BEFORE_THE_LAST_WORD[kind]} (at {last_s:.3f} s)."
    if kind in EARLY and (after is None or after["speaker"] == turn["speaker"] or after["start_s"] > end_s + SLACK_S):
        yield "is not what the next turn does: none of the other's begins by its end."
    if kind in CUTS and abs(end_s - turn["end_s"]) > SLACK_S:
        yield f"does not end with the turn that it cuts ({turn['end_s']:.3f} s)."
    if kind is EventType.PAUSE and any(w.start_s < end_s - SLACK_S and w.end_s > start_s + SLACK_S for w in heard):
        yield "is no pause: words of the turn lie in it."
    if kind is EventType.DISFLUENCY and not (
        any(abs(w.start_s - start_s) <= SLACK_S for w in heard) and any(abs(w.end_s - end_s) <= SLACK_S for w in heard)
    ):
        yield "does not begin and end with words of its turn."
    if kind is EventType.LONG_SILENCE and end_s > turn["start_s"] + SLACK_S:
        yield f"does not lie before its turn {turn['turn']}, which starts at {turn['start_s']:.3f} s."
    if kind is EventType.SOUND:
        early = turn["turn"] > 0 and start_s < turn["start_s"] - SLACK_S
        if early or (after is not None and start_s > after["start_s"] + SLACK_S):
            yield f"begins while turn {turn['turn']} is neither under way nor the last."


def _counts(turns: Sequence[Row], dialog: Row) -> Iterator[str]:
    events = [e for t in turns for e in t["events"]]
    found = Counter(f"n_{e['type']}" for e in events)
    agents = [e for e in events if e["type"] == EventType.BACKCHANNEL and e["channel"] == Speaker.AGENT.channel]
    wanted = {f"n_{kind}": found[f"n_{kind}"] for kind in EventType} | {"n_agent_backchannel": len(agents)}
    for column, n in wanted.items():
        if dialog[column] != n:
            yield f"{column} is {dialog[column]}, and its turns have {n} events of that sort."
    for kind, column in CUTS.items():
        taken = {t["turn"] + 1 for t in turns for e in t["events"] if e["type"] == kind}
        flagged = {t["turn"] for t in turns if t[column]}
        if flagged != taken:
            yield f"the turns flagged {column} are {sorted(flagged)}, and by the events they are {sorted(taken)}."
    if not math.isfinite(dialog["agent_latency_s"]) or not 0 <= dialog["masked_word_share"] <= 1:
        yield (
            f"agent_latency_s {dialog['agent_latency_s']} or masked_word_share {dialog['masked_word_share']} is no number "
            "of that sort."
        )
