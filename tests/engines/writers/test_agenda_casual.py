from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from rensa import RMinHash

from datagen import resources
from datagen.domains.casual import CasualDomain
from datagen.domains.plain import faults
from datagen.engines.writers.agenda.casual import write_casual
from datagen.engines.writers.agenda.options import AgendaOptions
from datagen.protocols import Failure, WriteRequest
from datagen.records.enums import Kind, MarkType, Speaker, Split
from datagen.records.maker import Maker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.store.ids import rng

DOMAIN = CasualDomain.load(resources.prompts() / "casual")
MAKER = Maker("agenda", "agenda", "1", "Apache-2.0")
SHARES = (0.9, 0.05, 0.05)


def plan_of(index: int) -> DialogPlan:
    draw = rng("plan", index)
    name = DOMAIN.scenarios[int(draw.integers(len(DOMAIN.scenarios)))].name
    first = Speaker.AGENT if draw.random() < 0.5 else Speaker.USER
    instance = DOMAIN.instance(name, Split.TRAIN, SHARES, draw)
    traits = DOMAIN.traits(name, draw)
    return DialogPlan(
        index, f"casual-{index:06d}", Kind.CASUAL, "casual", name, Split.TRAIN, index, first, "a", "b", instance, traits
    )


def write(index: int, options: AgendaOptions | None = None) -> Transcript:
    plan = plan_of(index)
    result = write_casual(DOMAIN, WriteRequest(plan, plan.seed), options or AgendaOptions(), MAKER)
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
    result = write_casual(DOMAIN, WriteRequest(plan, 1), AgendaOptions(), MAKER)
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


def test_role_contexts_have_the_form_of_their_level() -> None:
    for i in range(200):
        plan, transcript = plan_of(i), write(i)
        text, instance = transcript.role_context, plan.instance
        if instance["level"] == "minimal":
            assert text == "You enjoy having a good conversation."
        elif instance["level"] == "topic":
            assert text == f"You enjoy having a good conversation. Have a casual discussion about {instance['topic']}."
        else:
            assert text.startswith(f"You enjoy having a good conversation. Have a {instance['tone']} ")
            assert all(str(v) in text for v in instance["persona"].values())


def test_all_that_the_agent_states_is_in_its_role_context_or_said_by_the_user() -> None:
    stated = 0
    for i in range(300):
        transcript = write(i)
        given = transcript.role_context
        for turn in transcript.turns:
            if turn.speaker is Speaker.USER:
                given += " " + turn.text
            else:
                new = [f for f in faults(turn.text) if f.removesuffix("'s").lower() not in given.lower()]
                assert not new, (transcript.dialog_id, turn.text)
                stated += bool(faults(turn.text))
        assert all(f in transcript.role_context for f in transcript.facts_used)
    assert stated > 5


def test_dialogues_have_eight_to_eighteen_turns() -> None:
    counts = [len(write(i).turns) for i in range(300)]
    assert min(counts) >= 8
    assert max(counts) <= 18
