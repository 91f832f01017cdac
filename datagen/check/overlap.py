"""Nothing overlaps that the events do not name, and nothing that they claim is missing; silence is silence."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

from datagen.check.events import attrs_of, named
from datagen.check.streams import Row
from datagen.check.times import SLACK_S, Finding
from datagen.check.tracks import spoken_spans
from datagen.records.enums import EventType
from datagen.records.spans import Span, common, length, union, without
from datagen.records.speech import FRAME_RATE_HZ
from datagen.stages.pack.event_types import EVENT_SPECS

FRAME_S = 1 / FRAME_RATE_HZ
"""What may overlap in a turn without an event that says so, and how far claims and words may differ."""
CLAIMING = tuple(kind for kind, spec in EVENT_SPECS.items() if spec.claims_overlap)


def check_overlap(tokens: Row, turns: Sequence[Row]) -> Iterator[Finding]:
    """The two sides' words overlap where events claim it, for as long as they claim, within a frame a turn; and in a long
    silence there are none."""
    spans = spoken_spans(tokens, turns)
    both = common(*spans)
    claims = [(t["turn"], e) for t in turns for e in t["events"] if e["type"] in CLAIMING]
    yield from _unclaimed(both, [e for _, e in claims], turns)
    claimed_s = 0.0
    for turn, event in claims:
        seconds = (attrs_of(event) or {}).get("overlap_s")
        if not isinstance(seconds, int | float) or not math.isfinite(seconds):
            yield f"turn {turn}", f"{named(event)} does not say for how long both speak: attrs need a number overlap_s."
            continue
        claimed_s += seconds
        measured_s = length(common(both, [(event["start_s"], event["end_s"])]))
        if abs(measured_s - seconds) > FRAME_S:
            yield (
                f"turn {turn}",
                f"{named(event)} claims {seconds:.3f} s of overlap, and by the words there are {measured_s:.3f} s.",
            )
    limit_s, measured_s = FRAME_S * len(turns), length(both)
    if abs(claimed_s - measured_s) > limit_s:
        yield (
            "",
            f"its events claim {claimed_s:.3f} s of overlap, and by the words there are {measured_s:.3f} s; they may differ by "
            f"{limit_s:.2f} s, a frame a turn.",
        )
    yield from _silences(union([*spans[0], *spans[1]]), turns)


def _unclaimed(both: Sequence[Span], claims: Sequence[Row], turns: Sequence[Row]) -> Iterator[Finding]:
    """Overlap that no event names, by the turn that began last before it."""
    rest: defaultdict[int, list[Span]] = defaultdict(list)
    for start_s, end_s in without(both, union((e["start_s"], e["end_s"]) for e in claims)):
        turn = max((t["turn"] for t in turns if t["start_s"] <= start_s + SLACK_S), default=0)
        rest[turn].append((start_s, end_s))
    for turn, spans in sorted(rest.items()):
        seconds, first_s = length(spans), spans[0][0]
        if seconds > FRAME_S + SLACK_S:
            yield (
                f"turn {turn}",
                f"both speak for {seconds:.3f} s from {first_s:.3f} s on, and no event says so (limit {FRAME_S:.2f} s).",
            )


def _silences(speech: Sequence[Span], turns: Sequence[Row]) -> Iterator[Finding]:
    for turn in turns:
        for event in turn["events"]:
            if event["type"] == EventType.LONG_SILENCE:
                talk = [s for s in common(speech, [(event["start_s"], event["end_s"])]) if s[1] - s[0] > SLACK_S]
                if talk:
                    yield (
                        f"turn {turn['turn']}",
                        f"{named(event)} is not silent: {length(talk):.3f} s of words from {talk[0][0]:.3f} s on.",
                    )
