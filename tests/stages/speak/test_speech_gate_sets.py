"""The gates on the sound of a turn against seeded faults: what they catch and lose stays what GATES.md says."""

import pytest
from speech_gate_figures import NAMED, SETS, Figures, build_of, figures

BY_SOUND = tuple(f for f in NAMED if f not in ("wrong_voice", "wrong_words"))
"""Those that need no engine that listens; cut heads and repeated phrases are for both."""
CERTAIN = ("noise_burst", "inner_silence", "invented_tail", "clipping", "muffled", "too_quiet", "too_fast", "too_slow")


def caught(found: Figures, faults: tuple[str, ...]) -> float:
    return sum(found.caught[f] for f in faults) / sum(found.n[f] for f in faults)


def test_a_few_turns_with_each_fault() -> None:
    found = figures(build_of(), "tuned", 3, BY_SOUND)
    assert (found.n_good, found.n_lost) == (3, 0)
    assert caught(found, CERTAIN) >= 0.95, found.missed
    assert caught(found, BY_SOUND) >= 0.85, found.missed


@pytest.mark.slow
@pytest.mark.parametrize("of", SETS)
def test_all_of_a_set(of: str) -> None:
    found = figures(build_of(), of, 20, BY_SOUND)
    assert found.n_lost <= 1, found.refused
    assert caught(found, CERTAIN) >= 0.95, found.missed
    assert caught(found, BY_SOUND) >= 0.9, found.missed
