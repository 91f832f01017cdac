"""Sounds at the user's: the mark, the agent's reaction in its next turn, and what is left alone."""

from dataclasses import replace
from functools import cache

import pytest
from write_samples import sample

from datagen.domains import load
from datagen.domains.phrasing import Dice
from datagen.domains.spontaneous import spontaneous
from datagen.engines.writers.agenda import AgendaOptions, AgendaWriter
from datagen.engines.writers.agenda.trial import trial_plan
from datagen.errors import UserError
from datagen.protocols import WriteRequest
from datagen.records.enums import MarkType, Speaker, TurnType
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Mark, Transcript, Turn
from datagen.stages.scene.sound_bank import SYNTHS
from datagen.stages.write import unit
from datagen.stages.write.cues import ACK_WORDS, put_sound
from datagen.stages.write.options import WriteOptions
from datagen.stages.write.spontaneous_options import SoundCueOptions
from datagen.store.ids import rng

TEXTS = spontaneous()


def options(share: float = 1.0, mention: float = 0.3, sounds: tuple[str, ...] = ()) -> WriteOptions:
    return WriteOptions(sound_cue=SoundCueOptions(share=share, mention_share=mention, sounds=sounds))


@cache
def dialogs() -> list[tuple[DialogPlan, Transcript]]:
    domain = load("restaurant")
    names = [s.name for s in domain.scenarios]
    plans = [trial_plan(domain, names[i % len(names)], i) for i in range(80)]
    written = AgendaWriter(AgendaOptions()).write([WriteRequest(p, p.seed) for p in plans])
    return [(p, t) for p, t in zip(plans, written, strict=True) if isinstance(t, Transcript)]


def heard(transcript: Transcript) -> list[tuple[Turn, Mark]]:
    return [(t, m) for t in transcript.turns for m in t.marks if m.type is MarkType.SOUND]


@pytest.mark.parametrize("mention", [0.0, 1.0])
def test_the_agent_reacts_in_its_next_turn(mention: float) -> None:
    names, mentioned = set(), 0
    for plan, before in dialogs():
        after = put_sound(before, options(mention=mention), TEXTS, Dice(rng(plan.seed)))
        assert unit.check(after, plan, options()) is None
        if after is before:
            continue
        ((user, mark),) = heard(after)
        names.add(mark.text)
        said = before.turns[user.index]
        assert user.speaker is Speaker.USER
        assert user.text.startswith(said.text)
        assert mark.word <= max(0, len(said.words) - 4)
        agent, unmoved = after.turns[user.index + 1], before.turns[user.index + 1]
        assert agent.speaker is Speaker.AGENT
        cue = TEXTS.cues[mark.text]
        own = user.text != said.text
        mentioned += own
        forms = {form for line in (cue.answer if own else cue.react) for form in line.forms()}
        (reaction,) = [f for f in forms if f" {f} " in f" {agent.text} "] or [""]
        start, _, rest = agent.text.partition(reaction)
        assert reaction
        if start and unmoved.text.startswith(start):
            assert start + rest.strip() == unmoved.text
            assert len(start.split()) <= ACK_WORDS
        else:
            assert rest.strip() == unmoved.text
            assert start.strip() in ("Okay.", "Alright.", "Got it.") or (own and not start)
            assert rest.split("?")[0].count(". ") == 0, "a bridge leads to a question alone"
        shift = len(agent.words) - len(unmoved.words)
        n_before = len(start.split()) if unmoved.text.startswith(start) else 0
        moved = [m.word if m.word < n_before else m.word + shift for m in unmoved.marks]
        assert [m.word for m in agent.marks] == moved
        rest = [i for i in range(len(before.turns)) if i not in (user.index, agent.index)]
        assert all(after.turns[i] == before.turns[i] for i in rest)
    assert len(names) > 8
    assert (mentioned > 20) == (mention > 0)


@pytest.mark.parametrize(
    ("said", "type_", "answer", "said_first"),
    [
        ("For four of us then.", TurnType.QUESTION, "Okay, got it. And when would you like to come?", "Okay, got it."),
        ("For four of us then.", TurnType.QUESTION, "When would you like to come?", None),
        ("For four of us then.", TurnType.CONFIRMATION, "Great. So for four, is that right?", ""),
        ("For four of us then.", TurnType.QUESTION, "And when would you like to come?", ""),
        ("Do you have parking there?", TurnType.ANSWER, "Yes, we do. It's behind the house.", ""),
        ("For four of us then.", TurnType.STATEMENT, "Okay, good. That's in the book now.", ""),
    ],
)
def test_the_agent_reacts_once_it_has_answered(said: str, type_: TurnType, answer: str, said_first: str | None) -> None:
    lines = ["A: Umi, Dana here.", "U: Hi.", "A: Well?", f"U: {said}", f"A: {answer}", "U: Fine.", "A: Bye."]
    s = sample("x-1", lines, "You work for Umi.")
    turns = tuple(replace(t, type=type_) if t.index == 4 else t for t in s.transcript.turns)
    before = replace(s.transcript, turns=turns)
    for seed in range(10):
        after = put_sound(before, options(mention=0.0), TEXTS, Dice(rng(seed)))
        if said_first == "":
            assert after is before
            continue
        assert after.turns[3].marks[0].word <= len(said.split()) - 4
        first = after.turns[4].text.split(".")[0] + "."
        assert first in ((said_first,) if said_first else ("Okay.", "Alright.", "Got it."))
        assert after.turns[4].text.endswith(answer.removeprefix(said_first or ""))


def test_shares_are_kept() -> None:
    for plan, before in dialogs():
        assert put_sound(before, options(0.0), TEXTS, Dice(rng(plan.seed))) is before
    n = sum(put_sound(t, options(0.3), TEXTS, Dice(rng(p.seed))) is not t for p, t in dialogs())
    assert 10 < n < 40


def test_only_the_wanted_sounds_and_only_ones_that_something_is_said_about() -> None:
    plan, before = dialogs()[0]
    for seed in range(10):
        after = put_sound(before, options(sounds=("siren",)), TEXTS, Dice(rng(seed)))
        assert [m.text for _, m in heard(after)] == ["siren"]
    with pytest.raises(UserError, match="sounds: nobody says anything about 'foghorn'"):
        put_sound(before, options(sounds=("foghorn",)), TEXTS, Dice(rng(plan.seed)))


def test_a_writers_own_sound_is_the_only_one() -> None:
    plan, before = dialogs()[1]
    user = next(t for t in before.turns if t.speaker is Speaker.USER)
    own = replace(user, marks=(Mark(MarkType.SOUND, 0, "siren"),))
    marked = replace(before, turns=tuple(own if t.index == user.index else t for t in before.turns))
    assert put_sound(marked, options(), TEXTS, Dice(rng(1))) is marked
    assert unit.check(marked, plan, options()) is None


def test_every_sound_that_is_spoken_of_ships() -> None:
    assert set(TEXTS.cues) <= set(SYNTHS)


def test_a_long_turn_of_the_agents_gets_no_longer() -> None:
    lines = [
        "A: Bank, Dana here.",
        "U: Hi.",
        "A: Well?",
        "U: My card is gone.",
        f"A: {'really ' * 59}so.",
        "U: I see.",
        "A: Bye.",
    ]
    s = sample("x-1", lines, "You work for X.")
    for seed in range(10):
        assert put_sound(s.transcript, options(), TEXTS, Dice(rng(seed))) is s.transcript
