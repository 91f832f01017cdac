"""Tool calls on the audio clock: a side track beside the turns, with when each is made and when its result is there."""

from dataclasses import dataclass

from datagen.records.enums import Heard
from datagen.records.timeline import PlacedTurn
from datagen.records.transcript import Turn


@dataclass(frozen=True, slots=True)
class TimedCall:
    """A tool call as turns.parquet has it; times are seconds from the dialogue's start."""

    name: str
    arguments: str
    result: str
    call_s: float
    result_s: float
    result_turn: int


def timed_calls(written: Turn, placed: PlacedTurn, turns: dict[int, PlacedTurn]) -> list[TimedCall]:
    """The turn's calls: made as the holding phrase's last word ends, answered a drawn latency later, before the turn that speaks the
    result begins.

    A call whose holding phrase was cut, or whose result's turn did not fit into the dialogue, was not made.
    """
    found = []
    for call, result_s in zip(written.calls, placed.results_s, strict=True):
        word = placed.words[call.word]
        if call.result_turn not in turns or word.heard is not Heard.YES:
            continue
        found.append(TimedCall(call.name, call.arguments, call.result, word.end_s, result_s, call.result_turn))
    return found
