"""The text tracks of one dialogue against its turns: who says what, when, and for how long in all."""

from collections import Counter
from collections.abc import Iterator, Sequence

from datagen.check.streams import Row
from datagen.check.times import SLACK_S, Finding, Said, read_json, said
from datagen.records.enums import EventType, Speaker
from datagen.records.spans import Span, common, length, union

SPEECH_SLACK_S = 0.005
"""Sums of a hundred word spans, each exact to a sample."""

ASIDES = (EventType.BACKCHANNEL, EventType.FAILED_BARGE_IN, EventType.SIDE_TALK)
"""What is said beside the turns: words of the track that are of no turn."""
TRACKS = ((Speaker.AGENT, "words"), (Speaker.USER, "user_words"))


def check_tracks(tokens: Row, dialog: Row, turns: Sequence[Row]) -> Iterator[Finding]:
    """Both sides' words of the token row are in order, and are the heard words of their turns, and what is said beside them."""
    for side, column in TRACKS:
        words = tokens[column]
        at = 0.0
        for i, word in enumerate(words):
            if not at - SLACK_S <= word["start_s"] <= word["end_s"] <= dialog["duration_s"] + SLACK_S:
                yield (
                    column,
                    f"word {i} ({word['word']!r}) at {word['start_s']:.3f}-{word['end_s']:.3f} s is out of order or of the dialogue.",
                )
            at = word["start_s"]
        yield from ((column, what) for what in _against_turns(words, turns, side))


def _against_turns(words: Sequence[Row], turns: Sequence[Row], side: Speaker) -> Iterator[str]:
    heard = [s for t in turns if t["speaker"] == side for s in said(t) if s.in_track]
    wanted = Counter((s.word, _ms(s.start_s), _ms(s.end_s)) for s in heard)
    found = Counter((w["word"], _ms(w["start_s"]), _ms(w["end_s"])) for w in words)
    for word, start_ms, _ in (wanted - found).elements():
        yield f"lacks {word!r} at {start_ms / 1000:.3f} s, which its turn has as heard."
    spans = [e for t in turns for e in t["events"] if e["type"] in ASIDES and e["channel"] == side.channel]
    spoken = Counter(w for e in spans for w in str((read_json(e["attrs"]) or {}).get("text", "")).split())
    for word, start_ms, end_ms in (found - wanted).elements():
        inside = any(e["start_s"] - 0.002 <= start_ms / 1000 and end_ms / 1000 <= e["end_s"] + 0.002 for e in spans)
        if not inside or not spoken[word]:
            yield f"has {word!r} at {start_ms / 1000:.3f} s, which no turn has as heard and no event says."
        spoken[word] -= 1
    left = sorted((+spoken).elements())
    if left:
        yield f"lacks {left} of what its events say beside the turns."


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def check_activity(tokens: Row, dialog: Row, turns: Sequence[Row]) -> Iterator[Finding]:
    """Speech, overlap and silence are those of the union of the word spans."""
    agent, user = spoken_spans(tokens, turns)
    both_s = length(common(agent, user))
    wanted = {
        "agent_speech_s": length(agent),
        "user_speech_s": length(user),
        "overlap_s": both_s,
        "silence_s": dialog["duration_s"] - (length(agent) + length(user) - both_s),
    }
    for name, seconds in wanted.items():
        if abs(dialog[name] - seconds) > SPEECH_SLACK_S:
            yield name, f"is {dialog[name]:.3f} s, and by the words it is {seconds:.3f} s."


def spoken_spans(tokens: Row, turns: Sequence[Row]) -> tuple[list[Span], list[Span]]:
    """When the agent and when the user speaks: the unions of their word spans."""
    agent, user = (union(_spans(tokens[column], turns, side)) for side, column in TRACKS)
    return agent, user


def _spans(words: Sequence[Row], turns: Sequence[Row], side: Speaker) -> list[Span]:
    # The track has what is said beside the turns; the turns have the words of which less than half was heard.
    sounding = [Said(w["word"], w["start_s"], w["end_s"]) for w in words]
    sounding += [s for t in turns if t["speaker"] == side for s in said(t)]
    return [(s.start_s, s.end_s) for s in sounding]
