"""Turns that the gates fail are spoken again with another seed; what never passes rejects its dialogue, or the best of it is kept."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from datagen import recipes
from datagen.protocols import HearRequest
from datagen.records.enums import Stage
from datagen.records.speech import SpokenDialog
from datagen.run.gate_counts import speech_gate_table
from datagen.run.job import Outcome, build_of, ledger_of, run_group
from datagen.run.request import prepare
from datagen.run.speech import read_spoken, read_written
from datagen.text.say import spoken_words
from datagen.text.wer import text_errors, words_of


class Ear:
    """A recogniser that mishears a text for as many times as `wrong` has answers for it, and hears the others right."""

    kind, name = "asr", "ear"

    def __init__(self, maker: object, wrong: dict[tuple[str, ...], list[str]]) -> None:
        self.maker, self.heard = maker, Counter[tuple[str, ...]]()
        self._wrong = wrong

    def hear(self, requests: Sequence[HearRequest]) -> list[str]:
        answers = []
        for request in requests:
            told = self._wrong.get(request.spoken, [])
            answers.append(
                told[self.heard[request.spoken]]
                if self.heard[request.spoken] < len(told)
                else " ".join(words_of(" ".join(request.spoken)))
            )
            self.heard[request.spoken] += 1
            assert any(" ".join(request.spoken) == n for n in request.near) or len(request.spoken) < 8
        return answers


@pytest.fixture
def spoken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    def run(wrong: int, answers: Sequence[str], *sets: str) -> tuple[Outcome, list[SpokenDialog], Ear, tuple[str, ...]]:
        """One dialogue spoken, the longest of its turns misheard the first `wrong` times."""
        asked = ("plan.max_voices=40", "speak.asr_share=1.0", *sets)
        recipe = recipes.compose("quickstart", domain_names=["bank"], dialogs=1, seed=5, sets=asked)
        job = replace(prepare(recipe, tmp_path / "out").jobs[0], engines=())
        build, ledger = build_of(job.recipe), ledger_of(job.work)
        written = run_group(job, "write", lambda _: None)
        ear = Ear(build.engine("asr").maker, {})
        monkeypatch.setitem(build._engines, "asr", ear)
        artefact = ledger.find("write", job.shard.name, build.write_key(job.shard.indices))
        assert artefact is not None
        assert written.n_kept == 1
        ((_, transcript),) = read_written(artefact)
        texts = Counter(spoken_words(t.text) for t in transcript.turns)
        longest = max((t for t, n in texts.items() if n == 1), key=len)
        ear._wrong[longest] = list(answers[:wrong])
        outcome = run_group(job, "speech", lambda _: None)
        found = ledger.find("speech", job.shard.name, build.speech_key(artefact.content))
        assert found is not None
        return outcome, [d for *_, d in read_spoken(found, artefact)], ear, longest

    yield run
    build_of.cache_clear()


def the_turn(dialog: SpokenDialog, longest: tuple[str, ...]) -> object:
    return next(t.speech for t in dialog.turns if tuple(w.spoken for w in t.speech.words) == longest)


def test_a_turn_that_is_misheard_is_spoken_again_with_another_seed(spoken) -> None:  # type: ignore[no-untyped-def]
    outcome, (dialog,), ear, longest = spoken(1, ["a parrot"])
    speech = the_turn(dialog, longest)
    assert (speech.attempt, speech.scores.wer, ear.heard[longest]) == (1, 0.0, 2)
    others = [t.speech for t in dialog.turns if t.speech is not speech]
    assert {s.attempt for s in others} == {0}
    assert {s.seed for s in others}.isdisjoint({speech.seed})
    assert all(s.scores.wer == 0 and s.scores.words_per_s for s in others)
    assert (outcome.n_kept, dict(outcome.gates)) == (1, {"lost_edge": 1, "wer": 1})
    assert outcome.attempts >= len(dialog.turns) + 1
    assert "heard is 'a parrot'" in outcome.examples["wer"]
    attempts, gates = speech_gate_table([outcome], outcome.rejects)
    assert (attempts, gates["wer"].failed, gates["wer"].rejected) == (outcome.attempts, 1, 0)


FLOCK = " ".join(f"parrot{n}" for n in range(80))
NEVER = [FLOCK, "a parrot", FLOCK]
"""The second is the nearest to any text: what is put in counts too."""


def test_a_turn_that_never_passes_rejects_its_dialogue(spoken) -> None:  # type: ignore[no-untyped-def]
    outcome, dialogs, ear, longest = spoken(3, NEVER)
    assert (outcome.n_kept, dialogs, ear.heard[longest]) == (0, [], 3)
    (reject,) = outcome.rejects
    assert (reject.stage, reject.reason, reject.attempts) == (Stage.SPEAK, "wer", 3)
    assert reject.detail.startswith(f"{reject.dialog_id} turn {reject.turn}: ")
    assert speech_gate_table([outcome], outcome.rejects)[1]["wer"].rejected == 1


def test_or_the_best_candidate_is_kept(spoken) -> None:  # type: ignore[no-untyped-def]
    outcome, (dialog,), _, longest = spoken(3, NEVER, "speak.gates.keep_best=true", "speak.gates.max_wer=0")
    assert outcome.rejects == ()
    assert outcome.gates["wer"] == 3
    n_words = len(words_of(" ".join(longest)))
    kept = the_turn(dialog, longest)
    assert kept.scores.wer == min(round(text_errors(" ".join(longest), said).count / n_words, 6) for said in NEVER)
    assert kept.attempt == 1


def test_nobody_listens_where_nothing_is_sampled(spoken) -> None:  # type: ignore[no-untyped-def]
    outcome, (dialog,), ear, _ = spoken(3, NEVER, "speak.asr_share=0")
    assert not ear.heard
    assert {t.speech.scores.wer for t in dialog.turns} == {None}
    assert not outcome.gates
