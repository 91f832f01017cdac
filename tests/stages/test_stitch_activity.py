"""Activity: the union of heard word spans, against a mask of samples and against the events."""

import numpy as np
import pytest
from stitch_factories import clips, dialog, plan

from datagen.records.enums import EventType, Speaker
from datagen.records.speech import SAMPLE_RATE_HZ
from datagen.records.timeline import Timeline
from datagen.stages.stitch.activity import activity
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.unit import stitch


def line(seed: int) -> Timeline:
    """A dialogue with much going on beside its turns."""
    options = StitchOptions.model_validate(
        {
            "backchannel": {"user_per_min": 10, "agent_per_min": 10},
            "failed_barge_in": {"per_min": 5},
            "side_talk": {"share": 1, "over_agent_share": 0.9},
            "barge_in": {"sampled_share": 0.5},
        }
    )
    return stitch(plan(seed), dialog(seed), options, np.random.default_rng(seed), 0, clips).timeline


def masks(timeline: Timeline) -> np.ndarray:
    """Who speaks at each sample, from the words one by one."""
    found = np.zeros((2, timeline.n_samples), bool)
    for t in timeline.turns:
        for w in t.words:
            a, b = round(w.start_s * SAMPLE_RATE_HZ), round(min(w.end_s, t.end_s) * SAMPLE_RATE_HZ)
            found[t.speaker.channel, a:b] |= w.heard != "no"
    for channel, words in enumerate(timeline.aside_words):
        for w in words:
            found[channel, round(w.start_s * SAMPLE_RATE_HZ) : round(w.end_s * SAMPLE_RATE_HZ)] = True
    return found


@pytest.mark.parametrize("seed", range(6))
def test_activity_is_what_a_mask_of_samples_counts(seed):
    timeline = line(seed)
    agent, user = masks(timeline)
    got = activity(timeline)
    counted = [m.sum() / SAMPLE_RATE_HZ for m in (agent, user, agent & user, ~(agent | user))]
    assert [got.agent_s, got.user_s, got.overlap_s, got.silence_s] == pytest.approx(counted, abs=1e-3)


@pytest.mark.parametrize("seed", range(12))
def test_nothing_overlaps_that_no_event_names(seed):
    """Every sample at which both are heard lies in an event's span, and what the events claim is what is measured."""
    timeline = line(seed)
    named = np.zeros(timeline.n_samples, bool)
    events = [e for t in timeline.turns for e in t.events if "overlap_s" in e.attrs]
    for e in events:
        named[round(e.start_s * SAMPLE_RATE_HZ) : round(e.end_s * SAMPLE_RATE_HZ)] = True
    agent, user = masks(timeline)
    assert not (agent & user & ~named).any()
    claimed_s = sum(e.attrs["overlap_s"] for e in events)
    assert claimed_s == pytest.approx(activity(timeline).overlap_s, abs=1e-3)


def test_all_sorts_of_overlap_were_among_them():
    types = {e.type for seed in range(12) for t in line(seed).turns for e in t.events if e.attrs.get("overlap_s")}
    assert types == {
        EventType.OVERLAP, EventType.BARGE_IN, EventType.AGENT_INTERRUPTION, EventType.BACKCHANNEL,
        EventType.FAILED_BARGE_IN, EventType.SIDE_TALK,
    }  # fmt: skip


def test_a_silent_time_line_is_all_silence():
    got = activity(Timeline("d", 48_000, ()))
    assert (got.agent_s, got.user_s, got.overlap_s, got.silence_s) == (0, 0, 0, 2.0)


def test_the_agents_share_is_its_heard_words_and_backchannels():
    timeline = line(2)
    got = activity(timeline)
    heard = sum(
        min(w.end_s, t.end_s) - w.start_s
        for t in timeline.turns
        if t.speaker is Speaker.AGENT
        for w in t.words
        if w.heard != "no"
    )
    said = sum(w.end_s - w.start_s for w in timeline.aside_words[0])
    assert got.agent_s == pytest.approx(heard + said)
