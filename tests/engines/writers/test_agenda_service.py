"""The agenda writer on service plans: grounded, varied, alternating, deterministic, with marks where they belong."""

import re
from collections import Counter
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from datagen.domains import load
from datagen.domains.asides import asides
from datagen.engines.writers.agenda import AgendaOptions, AgendaWriter
from datagen.engines.writers.agenda.draft import Segment
from datagen.engines.writers.agenda.joints import bare, ended, fitted
from datagen.engines.writers.agenda.session import plain, rest_of
from datagen.engines.writers.agenda.surface import APART
from datagen.engines.writers.agenda.trial import trial_plan, try_domain
from datagen.protocols import Failure, WriteRequest
from datagen.records.enums import ClipKind, MarkType, Speaker, TurnType
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript

DOMAINS = ("bank", "restaurant")
QUICK = 200


def plans(domain: str, n: int) -> list[DialogPlan]:
    found = load(domain)
    names = [s.name for s in found.scenarios]
    return [trial_plan(found, names[i % len(names)], i) for i in range(n)]


def write(domain: str, n: int, **options: object) -> list[tuple[DialogPlan, Transcript]]:
    writer = AgendaWriter(AgendaOptions(**options))
    made = plans(domain, n)
    results = writer.write([WriteRequest(p, p.seed) for p in made])
    assert not [r for r in results if isinstance(r, Failure)]
    return [(p, r) for p, r in zip(made, results, strict=True) if isinstance(r, Transcript)]


@cache
def written(domain: str, n: int = QUICK) -> list[tuple[DialogPlan, Transcript]]:
    return write(domain, n)


def text_of(transcript: Transcript) -> str:
    return " ".join(t.text for t in transcript.turns)


def shingles(text: str, n: int = 5) -> set[str]:
    words = re.findall(r"[\w$'-]+", text.lower())
    return {" ".join(words[i : i + n]) for i in range(len(words) - n + 1)}


@pytest.mark.parametrize("domain", DOMAINS)
def test_trial_finds_no_fault(domain: str) -> None:
    assert try_domain(load(domain), 6).problems == []


@pytest.mark.parametrize("domain", DOMAINS)
def test_turns_alternate_from_the_first_speaker(domain: str) -> None:
    for plan, transcript in written(domain):
        assert transcript.turns[0].speaker is plan.first_speaker
        assert all(a.speaker is not b.speaker for a, b in pairwise(transcript.turns))
        assert [t.index for t in transcript.turns] == list(range(len(transcript.turns)))
        assert transcript.turns[-1].type is TurnType.CLOSING


@pytest.mark.parametrize("domain", DOMAINS)
def test_lengths(domain: str) -> None:
    turns = [len(t.turns) for _, t in written(domain)]
    words = [sum(len(x.words) for x in t.turns) for _, t in written(domain)]
    assert max(words) <= AgendaOptions().max_words
    assert np.mean([10 <= n <= 24 for n in turns]) > 0.55
    assert max(turns) <= 36
    assert max(len(t.role_context.split()) for _, t in written(domain)) <= 170


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_text_is_speech(domain: str) -> None:
    for _, transcript in written(domain):
        for turn in transcript.turns:
            assert turn.text[-1] in ".?!", turn.text
            assert not re.search(r"[{}<>|*_\[\]]|\s\s|,,|\.\.|\s[,.?!]", turn.text), turn.text


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_fact_is_in_the_context_or_was_said(domain: str) -> None:
    for _, transcript in written(domain):
        known = plain(transcript.role_context) + "".join(
            plain(t.text) for t in transcript.turns if t.speaker is Speaker.USER
        )
        for fact in transcript.facts_used:
            assert plain(fact) in known, (fact, transcript.dialog_id)


def test_same_plan_same_words_in_any_order() -> None:
    made = plans("bank", 24)
    writer = AgendaWriter(AgendaOptions())
    forward = writer.write([WriteRequest(p, p.seed) for p in made])
    backward = AgendaWriter(AgendaOptions()).write([WriteRequest(p, p.seed) for p in reversed(made)])
    assert forward == backward[::-1]
    assert writer.write([WriteRequest(made[0], made[0].seed + 1)])[0] != forward[0]


@pytest.mark.parametrize("domain", DOMAINS)
def test_marks_are_where_they_may_be(domain: str) -> None:
    for _, transcript in written(domain):
        for turn in transcript.turns:
            n = len(turn.words)
            kinds = Counter(m.type for m in turn.marks)
            heard = [m.word for m in turn.marks if m.type is MarkType.BACKCHANNEL]
            assert all(b - a >= APART for a, b in pairwise(heard))
            assert kinds[MarkType.BARGE_IN] <= 1
            for mark in turn.marks:
                assert 0 <= mark.word < n
                if mark.type is MarkType.BARGE_IN:
                    assert turn.speaker is Speaker.AGENT
                    assert 3 <= mark.word <= n - 4, turn.text
                    assert transcript.turns[turn.index + 1].speaker is Speaker.USER
                if mark.type is MarkType.BACKCHANNEL:
                    assert turn.type is not TurnType.GREETING
                    assert mark.text in asides().texts(ClipKind.BACKCHANNEL, turn.speaker.other)
                    assert 5 <= mark.word < n - 1
                    assert n >= 10
                    assert turn.act.split("+")[-1] not in ("greet", "close", "bye")
                    assert not next(w for w in turn.words[mark.word :] if w[-1] in ".?!").endswith("?"), turn.text
                    assert not any(m.type is MarkType.BARGE_IN and m.word <= mark.word for m in turn.marks)


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_turn_says_no_discourse_word_twice(domain: str) -> None:
    """Segments of a turn fit: one opener a turn, nothing that leads on after a lead, no hesitation before a reaction."""
    again = re.compile(r"^(okay|alright|great|perfect),? .*[.!] (okay|alright|great|perfect),", re.I)
    for _, transcript in written(domain):
        for turn in transcript.turns:
            acts = turn.act.split("+")
            assert not again.match(turn.text), turn.text
            assert not re.search(r"\b(so|and|but)[,.] (and|but|so)\b", turn.text, re.I), turn.text
            assert not re.search(r"\bto (on|at|over|in|by) (the|\w+day)\b", turn.text) or acts[0] != "corrected", (
                turn.text
            )
            if acts[0] in ("react", "agree", "confirm", "bye", "no_more", "wait"):
                assert not re.match(r"(um|uh|let's see),", turn.text, re.I), turn.text


def test_bare_values() -> None:
    assert [bare(v) for v in ("on Monday", "over the weekend", "tomorrow", "One Bank")] == [
        "Monday", "the weekend", "tomorrow", "One Bank",
    ]  # fmt: skip


def test_a_question_ends_as_one() -> None:
    assert ended("Okay. Can I get a phone number, please.") == "Okay. Can I get a phone number, please?"
    assert ended("How about Friday") == "How about Friday?"
    assert ended("Do that.") == "Do that."
    assert ended("Okay, and just so I know,") == "Okay, and just so I know,"


def test_segments_fit() -> None:
    lead = Segment("Alright.", TurnType.STATEMENT, "lead")
    accept = Segment("Happy to help.", TurnType.STATEMENT, "accept")
    assert fitted([lead], "And where do I park?", "ask") == "Where do I park?"
    assert fitted([accept], "Sure, what can I get you?", "ask") == "What can I get you?"
    assert fitted([accept], "Sure, a screen is free.", "answer") == "Sure, a screen is free."
    assert fitted([], "Okay, here it is.", "found") == "Okay, here it is."


def test_not_everything_goes_wrong_at_once() -> None:
    troubles = ("refuse", "correct", "verify_fail", "deescalate", "mishear", "redirect")
    n = [sum(any(a in t.act.split("+") for t in x.turns) for a in troubles) for _, x in written("bank")]
    assert np.mean([k > 2 for k in n]) < 0.05


def test_bad_news_is_not_cheered() -> None:
    for plan, transcript in [x for d in DOMAINS for x in written(d)]:
        scenario = load(plan.domain).scenario(plan.scenario)
        bad = any(s.bad(plan.instance) and s.kind == "lookup" for s in scenario.steps)
        for turn, following in pairwise(transcript.turns):
            if bad and turn.act.split("+")[-1] == "found" and following.act == "react":
                assert not re.search(r"(?<!not )great|perfect|awesome|lovely|wonderful", following.text, re.I), (
                    following.text
                )
            if scenario.tone == "trouble" and "accept" in turn.act.split("+"):
                assert not re.search(r"happy|glad|great|perfect", turn.text, re.I), turn.text


def test_behaviours_follow_their_knobs() -> None:
    def acts(**options: object) -> list[set[str]]:
        return [{a for t in x.turns for a in t.act.split("+")} for _, x in write("bank", 48, **options)]

    assert all("deescalate" not in a for a in acts(rude=0.0))
    assert np.mean(["deescalate" in a for a in acts(rude=1.0, max_turns=60, max_words=400)]) > 0.8
    assert all("refuse" not in a for a in acts(refusal=0.0))
    assert np.mean(["refuse" in a for a in acts(refusal=1.0, max_turns=60, max_words=400)]) > 0.8
    assert np.mean(["verify_fail" in a for a in acts(verify_fail=1.0)]) > 0.7
    assert all("mishear" not in a and "repeat" not in a for a in acts(mishear=0.0))


def test_barge_ins_come_as_often_as_asked() -> None:
    def share(**options: object) -> float:
        return float(
            np.mean(
                [
                    any(m.type is MarkType.BARGE_IN for t in x.turns for m in t.marks)
                    for _, x in write("bank", 96, **options)
                ]
            )
        )

    assert share(barge_in_per_dialog=0.0) == 0
    assert 0.25 < share() < 0.45
    assert share(barge_in_per_dialog=1.0) > 0.75  # a place where a cut makes sense is found in most dialogues


def test_barge_ins_come_early_in_the_middle_and_late() -> None:
    thirds: Counter[int] = Counter()
    for domain in DOMAINS:
        for _, transcript in write(domain, 100, barge_in_per_dialog=1.0):
            for turn in transcript.turns:
                thirds.update(3 * m.word // len(turn.words) for m in turn.marks if m.type is MarkType.BARGE_IN)
    assert min(thirds[i] for i in range(3)) > 0.15 * thirds.total(), thirds


def test_a_user_who_rambles_may_be_cut_where_nothing_is_lost() -> None:
    seen = 0
    for _, transcript in [x for d in DOMAINS for x in written(d)]:
        for turn, following in pairwise(transcript.turns):
            for mark in turn.marks:
                if turn.speaker is Speaker.USER and mark.type is MarkType.SAFE_CUT:
                    tail = turn.words[mark.word :]
                    assert following.speaker is Speaker.AGENT
                    assert not any(c.isdigit() for w in tail for c in w), turn.text
                    assert not turn.text.endswith("?")
                    assert not turn.act.endswith("open"), "what a call is about is news"
                    later = {w.strip(",.?!").lower() for t in transcript.turns[following.index :: 2] for w in t.words}
                    said = " ".join(tail)
                    assert not {w.strip(",.?!").lower() for w in tail if len(w) > 6} & later, said
                    seen += 1
    assert seen > 5


def test_what_follows_a_look_up_says_nothing_of_its_length() -> None:
    for domain in DOMAINS:
        for phrase in load(domain).acts["agent.thanks_waiting"]:
            said = phrase.source.lower()
            assert not [x for x in ("patience", "back", "sorry", "took", "longer", "holding") if x in said], said


def test_what_was_not_heard_is_said_again() -> None:
    """After a cut with a question of the caller's, the cut sentence comes back in the agent's next turns."""
    n_seen = 0
    for _, transcript in write("bank", 160, barge_in_per_dialog=1.0):
        for turn, following in pairwise(transcript.turns):
            cut = next((m.word for m in turn.marks if m.type is MarkType.BARGE_IN), None)
            if (
                cut is None
                or "ask" not in following.act.split("+")
                or "resume" not in transcript.turns[turn.index + 2].act
            ):
                continue
            end = next(i for i in range(cut, len(turn.words)) if turn.words[i].endswith((".", "?")))
            lost = " ".join(turn.words[cut : end + 1])
            assert lost in transcript.turns[turn.index + 2].text, (turn.text, transcript.turns[turn.index + 2].text)
            n_seen += 1
    assert n_seen > 5


def test_a_cut_segment_is_said_again_from_its_sentence() -> None:
    segment = Segment("It's open. The code is 4417, just in case.", TurnType.STATEMENT, "done", key="x", must=True)
    assert rest_of(segment, 3, 8).text == "The code is 4417, just in case."
    assert rest_of(segment, 3, 4).text == segment.text


def near_duplicates(transcripts: list[tuple[DialogPlan, Transcript]]) -> int:
    """How many dialogues resemble an earlier one of their scenario at an exact Jaccard index of 0.8 or more."""
    groups: dict[str, list[set[str]]] = {}
    n = 0
    for plan, transcript in transcripts:
        own = shingles(text_of(transcript))
        earlier = groups.setdefault(plan.scenario, [])
        n += any(len(own & o) >= 0.8 * len(own | o) for o in earlier)
        earlier.append(own)
    return n


@pytest.mark.parametrize("domain", DOMAINS)
def test_variety_quick(domain: str) -> None:
    texts = [text_of(t) for _, t in written(domain)]
    assert len(set(texts)) == len(texts)
    assert near_duplicates(written(domain)) == 0


@pytest.mark.slow
def test_variety_of_two_thousand(capsys: pytest.CaptureFixture[str]) -> None:
    both = [x for domain in DOMAINS for x in written(domain, 1000)]
    texts = [text_of(t) for _, t in both]
    words = [w for t in texts for w in t.lower().split()]
    bigrams = list(pairwise(words))
    distinct = len(set(bigrams)) / len(bigrams)
    n_near = near_duplicates(both)
    with capsys.disabled():
        print(
            f"\n2000 dialogues: {len(texts) - len(set(texts))} exact, {n_near} near duplicates, distinct-2 {distinct:.3f}"
        )
    assert len(set(texts)) == len(texts)
    assert n_near < 0.05 * len(texts)
    assert distinct > 0.08
