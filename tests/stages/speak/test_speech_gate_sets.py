"""The gates on the sound of a turn against seeded faults: what they catch and lose stays what GATES.md says."""

from dataclasses import replace

import pytest
from speech_faults import Case, spoken_by, with_sound
from speech_gate_figures import LEAST_WORDS, NAMED, SETS, Figures, build_of, fault_of, figures, good_turns

from datagen.records.enums import Vocal

BY_SOUND = tuple(f for f in NAMED if f not in ("wrong_voice", "wrong_words"))
"""Those that need no engine that listens."""
CERTAIN = ("noise_burst", "inner_silence", "invented_tail", "clipping", "muffled", "too_quiet", "too_fast", "too_slow")


def caught(found: Figures, faults: tuple[str, ...]) -> float:
    return sum(found.caught[f] for f in faults) / sum(found.n[f] for f in faults)


def test_a_few_turns_with_each_fault() -> None:
    found = figures(build_of(), "tuned", 3, BY_SOUND)
    assert (found.n_good, found.n_lost) == (3, 0)
    assert caught(found, CERTAIN) >= 0.95, found.missed
    assert caught(found, BY_SOUND) >= 0.85, found.missed


@pytest.mark.parametrize("place", [0, 2])
def test_a_laugh_is_a_fault_where_nobody_asked_for_it(place: int) -> None:
    build = build_of()
    asked = next(good_turns(build, "tuned", 1, LEAST_WORDS))[0].request
    said = spoken_by(build.engine("speaker"))(asked)
    laugh = said.audio[-20_000:-2_000][::-1]
    speech = with_sound(said, said.words[place].start_s, laugh, after=place)
    assert fault_of(build, Case("x", asked, speech, "laugh"))[0]
    assert fault_of(build, Case("x", replace(asked, vocals=((place, Vocal.LAUGH),)), speech, ""))[0] == ()


@pytest.mark.slow
@pytest.mark.parametrize("of", SETS)
def test_all_of_a_set(of: str) -> None:
    found = figures(build_of(), of, 20, BY_SOUND)
    assert found.n_lost <= 1, found.refused
    assert caught(found, CERTAIN) >= 0.95, found.missed
    assert caught(found, BY_SOUND) >= 0.95, found.missed
