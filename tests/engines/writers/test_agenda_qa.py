from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from rensa import RMinHash

from datagen import resources
from datagen.domains.qa import QaDomain
from datagen.engines.writers.agenda.options import AgendaOptions
from datagen.engines.writers.agenda.qa import write_qa
from datagen.protocols import Failure, WriteRequest
from datagen.records.enums import Kind, MarkType, Speaker, Split
from datagen.records.maker import Maker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.store.ids import rng

DOMAIN = QaDomain.load(resources.prompts() / "qa")
MAKER = Maker("agenda", "agenda", "1", "Apache-2.0")
SHARES = (0.9, 0.05, 0.05)


def plan_of(index: int) -> DialogPlan:
    draw = rng("plan", index)
    name = DOMAIN.scenarios[int(draw.integers(len(DOMAIN.scenarios)))].name
    first = Speaker.AGENT if draw.random() < 0.5 else Speaker.USER
    instance = DOMAIN.instance(name, Split.TRAIN, SHARES, draw)
    traits = DOMAIN.traits(name, draw)
    return DialogPlan(
        index, f"qa-{index:06d}", Kind.QA, "qa", name, Split.TRAIN, index, first, "a", "b", instance, traits
    )


def write(index: int, options: AgendaOptions | None = None) -> Transcript:
    plan = plan_of(index)
    result = write_qa(DOMAIN, WriteRequest(plan, plan.seed), options or AgendaOptions(), MAKER)
    assert isinstance(result, Transcript)
    return result


def near_duplicates(texts: list[str]) -> int:
    """How many texts have an earlier one at an estimated Jaccard index of 0.8 or more over 5-gram word shingles."""
    prints = []
    for text in texts:
        words = text.lower().split()
        print_ = RMinHash(num_perm=128, seed=7)
        print_.update([" ".join(words[i : i + 5]) for i in range(len(words) - 4)])
        prints.append(print_)
    return sum(any(one.jaccard(other) >= 0.8 for other in prints[:i]) for i, one in enumerate(prints))


def variety(n: int) -> tuple[int, float, float]:
    """Exact duplicates, the share of near-duplicates, and distinct-2, over n dialogues."""
    texts = [" ".join(t.text for t in write(i).turns) for i in range(n)]
    pairs = Counter(p for text in texts for p in pairwise(text.lower().split()))
    return n - len(set(texts)), near_duplicates(texts) / n, len(pairs) / sum(pairs.values())


def test_the_same_request_gives_the_same_transcript_in_any_order() -> None:
    forward = [write(i) for i in range(20)]
    assert [write(i) for i in reversed(range(20))] == forward[::-1]


def test_turns_alternate_and_marks_fit() -> None:
    seen = set()
    for i in range(300):
        plan, transcript = plan_of(i), write(i)
        turns = transcript.turns
        assert turns[0].speaker is plan.first_speaker
        assert all(a.speaker is not b.speaker for a, b in pairwise(turns))
        assert [t.index for t in turns] == list(range(len(turns)))
        assert sum(len(t.words) for t in turns) <= 260
        for turn in turns:
            assert turn.text == " ".join(turn.words)
            assert not set("<>{}[]*|") & set(turn.text)
            assert turn.text[0].isupper() or turn.text[0].isdigit()
            assert turn.text.endswith((".", "?", "!"))
            for mark in turn.marks:
                seen.add(mark.type)
                assert 0 <= mark.word < len(turn.words)
                assert (mark.type is MarkType.BACKCHANNEL) == bool(mark.text)
                if mark.type is MarkType.BARGE_IN:
                    assert turn.speaker is Speaker.AGENT
                    assert turn.index < len(turns) - 1
    assert seen == set(MarkType)


def test_rates_of_zero_take_every_mark_away() -> None:
    still = AgendaOptions(
        barge_in_per_dialog=0, safe_cuts=False, backchannel_user=0, backchannel_agent=0, filler_user=0, filler_agent=0,
        repair_user=0, repair_agent=0,
    )  # fmt: skip
    assert not [m for i in range(60) for t in write(i, still).turns for m in t.marks]


def test_a_plan_of_an_unknown_scenario_fails_by_itself() -> None:
    plan = replace(plan_of(1), scenario="nothing.here")
    result = write_qa(DOMAIN, WriteRequest(plan, 1), AgendaOptions(), MAKER)
    assert isinstance(result, Failure)
    assert "nothing.here" in result.detail


def test_three_hundred_dialogues_vary() -> None:
    duplicates, near, distinct = variety(300)
    assert duplicates == 0
    assert near < 0.05
    assert distinct > 0.15


@pytest.mark.slow
def test_a_thousand_dialogues_vary() -> None:
    duplicates, near, distinct = variety(1000)
    assert duplicates == 0
    assert near < 0.05
    assert distinct > 0.1


def test_the_role_is_the_fixed_one_and_both_questions_are_answered() -> None:
    for i in range(200):
        plan, transcript = plan_of(i), write(i)
        assert transcript.role_context == (
            "You are a wise and friendly teacher. Answer questions or provide advice in a clear and engaging way."
        )
        acts = [t.act for t in transcript.turns]
        second = plan.instance["second"]
        assert [a for a in acts if a.startswith("answer")] == ["answer", f"answer_{second}"]
        assert acts.index(f"answer_{second}") == acts.index(second) + 1


def test_a_wrong_second_question_is_a_failure() -> None:
    plan = replace(plan_of(1), instance={**plan_of(1).instance, "second": "why", "second_index": 99})
    result = write_qa(DOMAIN, WriteRequest(plan, 1), AgendaOptions(), MAKER)
    assert isinstance(result, Failure)
    assert result.reason == "bad_instance"
