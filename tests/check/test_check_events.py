"""A dialogue with every type of event has no problem; each event that is not what it claims to be is found."""

import json
import shutil
from pathlib import Path

import eventful
import pytest
import soundfile
from harms import edit, found, inner, reseal, setter
from hypothesis import given
from hypothesis import strategies as st

from datagen.check import check_build
from datagen.records.enums import EventType
from datagen.records.spans import common, length, union, without
from datagen.stages.pack.event_types import EVENT_SPECS
from datagen.stages.pack.schema import Table, manifest_path

TOKENS = "tokens/train-00000.parquet"
DIALOGS, TURNS = manifest_path(Table.DIALOGS), manifest_path(Table.TURNS)
FIRST = "bank-000000"
LINE = eventful.timeline(FIRST)
DISFLUENCY, OKAY, PAUSE, ASIDE = range(4)
"""Where the events of turn 1 stand."""
FAILED, CUT = range(2)
"""Those of turn 2."""
OVERLAP = 1
"""That of turn 4: behind a sound."""


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    return eventful.make(tmp_path_factory.mktemp("eventful"))


@pytest.fixture
def out(pristine, tmp_path):
    return Path(shutil.copytree(pristine, tmp_path / "out"))


def test_every_type_of_event_passes(pristine):
    assert {e.type for t in LINE.turns for e in t.events} == set(EventType) == set(EVENT_SPECS)
    assert check_build(pristine) == []


def _moved(turn: int, item: int, by_s: float):
    """A harm that moves an event in time."""

    def harm(rows):
        event = rows[turn]["events"][item]
        event.update(start_s=event["start_s"] + by_s, end_s=event["end_s"] + by_s)

    return harm


def _lost(turn: int, item: int):
    def harm(rows):
        del rows[turn]["events"][item]

    return harm


def _claims(turn: int, item: int, **attrs):
    """A harm that changes attributes of an event; None takes one away."""

    def harm(rows):
        event = rows[turn]["events"][item]
        kept = {**json.loads(event["attrs"]), **attrs}
        event["attrs"] = json.dumps({k: v for k, v in kept.items() if v is not None})

    return harm


def _stretched(turn: int, item: int, **by_s: float):
    """A harm that moves an event's start_s or end_s."""

    def harm(rows):
        event = rows[turn]["events"][item]
        event.update({name: event[name] + s for name, s in by_s.items()})

    return harm


def _swapped(rows):
    rows[1]["events"].reverse()


def _doubled(rows):
    rows[2]["events"] += rows[2]["events"]


def _talk_in_the_silence(rows):
    row = next(r for r in rows if r["dialog_id"] == FIRST)
    at_s = LINE.turns[5].end_s + 1
    row["user_words"].append({"word": "hm", "start_s": at_s, "end_s": at_s + 0.3})


def _talk_over(rows):
    """The agent says something over the user's "could you block", and nothing says so."""
    row = next(r for r in rows if r["dialog_id"] == FIRST)
    start_s = LINE.turns[1].words[5].start_s
    row["words"] += [{"word": "psst", "start_s": start_s, "end_s": start_s + 0.2}]
    row["words"].sort(key=lambda w: w["start_s"])


TURN_HARMS = {
    "disfluency of the agent": (inner(1, "events", DISFLUENCY, channel=0), 1, "agent's channel, and only the user does that"),
    "backchannel of the speaker": (inner(1, "events", OKAY, channel=1), 1, "backchannel .* user's channel, .* in turns of the other"),
    "pause of the listener": (inner(1, "events", PAUSE, channel=0), 1, "pause .* agent's channel, .* in a turn of their own"),
    "side talk of the agent": (inner(1, "events", ASIDE, channel=0), 1, "side_talk .* only the user does that"),
    "failed barge-in of the agent": (inner(2, "events", FAILED, channel=0), 2, "failed_barge_in .* only the user"),
    "interruption of the user": (inner(3, "events", 0, channel=1), 3, "agent_interruption .* only the agent"),
    "sound at the agent's": (inner(5, "events", 0, channel=0), 5, "sound .* only the user"),
    "overlap of the speaker": (inner(4, "events", OVERLAP, channel=0), 4, "overlap .* turns of the other"),
    "channel of nobody": (inner(1, "events", PAUSE, channel=2), 1, "channel 2 or attrs are outside the vocabulary"),
    "attrs that are no object": (inner(1, "events", PAUSE, attrs="[1]"), 1, "attrs are outside the vocabulary"),
    "attrs that are no JSON": (inner(2, "events", FAILED, attrs="{"), 2, "attrs are outside the vocabulary"),
    "attrs that are not its own": (
        _claims(1, ASIDE, loud=True, marked=None), 1, r"side_talk .* its attrs lack \['marked'\], and may not have \['loud'\]",
    ),
    "in disorder": (_swapped, 1, "not in the order of their start"),
    "backchannel over the last word": (_stretched(0, 0, end_s=1.5), 0, r"backchannel .* covers the turn's last word"),
    "failed at the end of the turn": (_stretched(2, FAILED, end_s=2.3), 2, "failed, and the turn does not go on after it"),
    "side talk outside": (_moved(1, ASIDE, 9.0), 1, "side_talk .* is not inside its turn 1"),
    "pause with words": (_moved(1, PAUSE, -0.5), 1, "is no pause: words of the turn lie in it"),
    "disfluency beside words": (_moved(1, DISFLUENCY, 0.1), 1, "does not begin and end with words of its turn"),
    "cut before the turn's end": (_stretched(2, CUT, end_s=-0.1), 2, "barge_in .* does not end with the turn that it cuts"),
    "overlap before the next turn": (_moved(4, OVERLAP, -0.5), 4, "is not what the next turn does"),
    "silence after its turn begins": (_moved(6, 0, 0.5), 6, "long_silence .* does not lie before its turn 6"),
    "silence with words": (_stretched(6, 0, start_s=-0.5), 6, "is not silent: 0.500 s of words"),
    "sound of an earlier turn": (_moved(5, 0, 9.0), 5, "begins while turn 5 is neither under way nor the last"),
    "overlap unnamed": (_lost(4, OVERLAP), 5, r"both speak for 0.400 s from \d+\.\d+ s on, and no event says so \(limit 0.08 s\)"),
    "claims too much": (_claims(4, OVERLAP, overlap_s=0.9), 4, "claims 0.900 s of overlap, and by the words there are 0.400"),
    "claims too little": (_claims(2, CUT, overlap_s=0.0), 2, "barge_in .* claims 0.000 s of overlap, .* 0.400"),
    "claims nothing": (_claims(2, CUT, overlap_s=None), 2, "attrs need a number overlap_s"),
    "claims no number": (_claims(2, CUT, overlap_s=float("nan")), 2, "attrs need a number overlap_s"),
}  # fmt: skip


@pytest.mark.parametrize("name", TURN_HARMS)
def test_an_event_that_is_not_what_it_claims_is_found(name, out):
    harm, turn, what = TURN_HARMS[name]
    edit(out, TURNS, harm)
    assert found(out, TURNS, f"turn {turn}", what)


HARMS = {
    "silence with words beside turns": (TOKENS, _talk_in_the_silence, TURNS, "turn 6", "is not silent: 0.300 s of words"),
    "overlap beside turns unnamed": (TOKENS, _talk_over, TURNS, "turn 1", "both speak for 0.200 s .* no event says so"),
    "overlap claimed twice": (
        TURNS, _doubled, TURNS, FIRST, "events claim 3.500 s of overlap, and by the words there are 2.500 s; they may differ by 0.64 s",
    ),
    "aside without its words": (
        TURNS, _claims(1, ASIDE, text="Not now, sweetie. Later."), TOKENS, "user_words", r"lacks \['Later.'\] of what its events say",
    ),
    "words beside turns that no event says": (TURNS, _lost(2, FAILED), TOKENS, "user_words", "has 'wait' .* and no event says"),
    "interruption not flagged": (
        TURNS, setter(4, agent_interruption=False), TURNS, FIRST, r"agent_interruption are \[\], and by the events they are \[4\]",
    ),
    **{
        f"{kind} miscounted": (
            DIALOGS, setter(0, **{f"n_{kind}": 7}), TURNS, FIRST, f"n_{kind} is 7, and its turns have [012] events of that sort",
        )
        for kind in EventType
    },
    "the agent's backchannels miscounted": (
        DIALOGS, setter(0, n_agent_backchannel=2), TURNS, FIRST, "n_agent_backchannel is 2, and its turns have 1",
    ),
    "latency that is none": (DIALOGS, setter(0, agent_latency_s=float("inf")), TURNS, FIRST, "agent_latency_s inf or masked"),
    "more than all words masked": (DIALOGS, setter(0, masked_word_share=1.5), TURNS, FIRST, "masked_word_share 1.5 is no number"),
    "stems without a file": (DIALOGS, setter(0, stems_path=None), DIALOGS, FIRST, "names and file have to come together"),
    "a stem too few": (DIALOGS, setter(0, stems=["speech", "noise"]), DIALOGS, FIRST, "has 3 channels at 24000 Hz, and has to have 2"),
    "stems of one name": (DIALOGS, setter(0, stems=["speech"] * 3), DIALOGS, FIRST, "have to come together, each once"),
    "stems not listed": (DIALOGS, setter(0, stems_path="stems/x.flac"), DIALOGS, FIRST, "stems_path 'stems/x.flac' is not a file"),
}  # fmt: skip


@pytest.mark.parametrize("name", HARMS)
def test_what_tables_and_files_say_of_events_is_held_against_each_other(name, out):
    file, harm, told_of, where, what = HARMS[name]
    edit(out, file, harm)
    assert found(out, told_of, where, what)


def test_stems_of_another_length_are_found(out):
    path = out / "stems" / f"{FIRST}.flac"
    samples, rate_hz = soundfile.read(path)
    soundfile.write(path, samples[:-100], rate_hz, format="FLAC")
    reseal(out)
    assert found(out, DIALOGS, FIRST, r"stems/.* has \d+ samples, and duration_s says")


SPANS = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)).map(lambda s: (s[0], s[0] + s[1])), max_size=8)


@given(SPANS, SPANS)
def test_spans_are_what_sets_of_their_seconds_are(left, right):
    sets = [{t for a, b in spans for t in range(a, b)} for spans in (left, right)]
    unions = [union(spans) for spans in (left, right)]
    for found_spans, wanted in (
        (common(*unions), sets[0] & sets[1]),
        (without(*unions), sets[0] - sets[1]),
        (unions[0], sets[0]),
    ):
        assert {t for a, b in found_spans for t in range(int(a), int(b))} == wanted
        assert length(found_spans) == len(wanted)
