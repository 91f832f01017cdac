"""Tools take time: a result is there a drawn latency after its call, and the turn that speaks it waits for it."""

from dataclasses import replace

import numpy as np
import pytest
from stitch_factories import dialog, plan, turn

from datagen.protocols import Failure
from datagen.records.enums import Speaker, TurnType
from datagen.records.speech import SpokenDialog
from datagen.records.timeline import Timeline
from datagen.records.transcript import ToolCall
from datagen.stages.pack.calls import TimedCall, timed_calls
from datagen.stages.stitch.event_options import ToolLatencyOptions
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.unit import stitch

A, U = Speaker.AGENT, Speaker.USER


def with_call(between_s: float | None, result_turn: int = 2) -> SpokenDialog:
    """An agent that calls a tool; the user says something of that length meanwhile, nothing where it is None."""
    hold = turn(0, A, [0.3] * 6)
    call = ToolCall("find", '{"a":1}', '{"b":2}', word=5, result_turn=result_turn if between_s is not None else 1)
    hold = replace(hold, turn=replace(hold.turn, calls=(call,)))
    said = [] if between_s is None else [turn(1, U, [between_s])]
    answer = turn(1 + len(said), A, [0.3] * 8, TurnType.AFTER_LOOKUP)
    return SpokenDialog("bank-000000", (hold, *said, answer, turn(2 + len(said), U, [0.3] * 4)))


def stitched(spoken: SpokenDialog, seed: int = 0, **latency: object) -> Timeline:
    options = StitchOptions(tool_latency=ToolLatencyOptions(**latency))  # type: ignore[arg-type]
    made = stitch(plan(seed), spoken, options, np.random.default_rng(seed), 100)
    assert not isinstance(made, Failure)
    return made.timeline


def calls_of(spoken: SpokenDialog, line: Timeline) -> list[TimedCall]:
    placed = {t.index: t for t in line.turns}
    return [
        c for t in spoken.turns if t.turn.index in placed for c in timed_calls(t.turn, placed[t.turn.index], placed)
    ]


@pytest.mark.parametrize("between_s", [None, 0.3, 9.0])
def test_the_result_comes_after_the_call_and_before_it_is_spoken(between_s: float | None) -> None:
    spoken = with_call(between_s)
    for seed in range(12):
        line = stitched(spoken, seed)
        (call,) = calls_of(spoken, line)
        result = line.turns[call.result_turn]
        assert call.call_s == pytest.approx(line.turns[0].words[-1].end_s)
        assert 0.3 <= call.result_s - call.call_s <= 8.0
        assert result.start_s - call.result_s >= 0.15 - 1e-4


def test_a_constant_latency_is_the_gap_where_nobody_speaks() -> None:
    spoken = with_call(None)
    line = stitched(spoken, median_s=3.0, sigma=0.0, reaction_s=(0.25, 0.25))
    (call,) = calls_of(spoken, line)
    assert call.result_s - call.call_s == pytest.approx(3.0, abs=1e-3)
    assert line.turns[1].start_s - call.result_s == pytest.approx(0.25, abs=1e-3)


def test_who_talks_longer_than_the_tool_takes_is_answered_as_ever() -> None:
    spoken = with_call(9.0)
    line = stitched(spoken, median_s=1.0, sigma=0.0)
    fto_s = line.turns[2].fto_s
    assert fto_s is not None
    assert fto_s < 4.0
    assert calls_of(spoken, line)[0].result_s < line.turns[1].end_s


def test_a_call_whose_result_is_not_on_the_time_line_was_not_made() -> None:
    spoken = with_call(0.3, result_turn=99)
    assert calls_of(spoken, stitched(spoken)) == []


def test_latencies_have_their_median_and_dialogues_without_tools_do_not_move() -> None:
    spoken = with_call(None)
    found = [calls_of(spoken, stitched(spoken, seed)) for seed in range(300)]
    latencies = [c.result_s - c.call_s for (c,) in found]
    assert np.median(latencies) == pytest.approx(1.6, rel=0.12)
    other = StitchOptions(tool_latency=ToolLatencyOptions(median_s=6.0, length_s=(5.0, 9.0)))
    for options in (StitchOptions(), other):
        made = stitch(plan(3), dialog(3), options, np.random.default_rng(3), 100)
        assert not isinstance(made, Failure)
        assert made.timeline == stitched(dialog(3), 3)
