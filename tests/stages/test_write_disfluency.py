"""The user's hesitations: what was said stays what was said, by property and on the agenda's dialogues."""

from collections import Counter
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from write_samples import Sample, sample, samples

from datagen.domains import load
from datagen.domains.phrasing import Dice
from datagen.domains.spontaneous import spontaneous
from datagen.engines.writers.agenda import AgendaOptions, AgendaWriter
from datagen.engines.writers.agenda.trial import trial_plan
from datagen.protocols import WriteRequest
from datagen.records.enums import MarkType, Speaker, TurnType
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Mark, Transcript, Turn
from datagen.stages.write import gates, places, slips, unit
from datagen.stages.write.disfluency import hesitate, poisson
from datagen.stages.write.edits import DISFLUENT, Edit, apply, fluent_words, led_in, listened
from datagen.stages.write.options import WriteOptions
from datagen.stages.write.spontaneous_options import (
    DisfluencyOptions,
    LongSilenceOptions,
    SoundCueOptions,
    VocalOptions,
)
from datagen.store.ids import rng
from datagen.text.say import UNSAYABLE, spoken_words

TEXTS = spontaneous()
MUCH = DisfluencyOptions(
    fillers_per_100=10, repetitions_per_100=6, corrections_per_100=6, silent_pauses_per_100=6, speaker_sigma=0
)
ALONE = WriteOptions(
    disfluency=MUCH, long_silence=LongSilenceOptions(share=0), sound_cue=SoundCueOptions(share=0)
)  # fmt: skip
QUIET = WriteOptions(
    disfluency=DisfluencyOptions(share=0),
    long_silence=LongSilenceOptions(share=0),
    sound_cue=SoundCueOptions(share=0),
    vocals=VocalOptions(share=0),
)
SPOKEN = "the a is it's i can you could I'd Thursday on for 4 people um, and Sarah $12.50 well, my card. we? because at 7:30 March 3rd,"


def bare(words: list[str]) -> list[str]:
    """Words without what an insertion may change beside it: capitals, and a comma before what was put in."""
    return [w.lower().rstrip(",") for w in words]


def without_fillers(words: list[str]) -> list[str]:
    """The bare words, without those fillers that the writer wrote itself, which get marks like any."""
    return [w for w in bare(words) if w not in ("um", "uh", "er")]


@cache
def dialogs() -> list[tuple[DialogPlan, Transcript]]:
    writer = AgendaWriter(AgendaOptions())
    plans = []
    for domain in ("bank", "restaurant"):
        found = load(domain)
        names = [s.name for s in found.scenarios]
        plans += [trial_plan(found, names[i % len(names)], i) for i in range(60)]
    written = writer.write([WriteRequest(p, p.seed) for p in plans])
    return [(p, t) for p, t in zip(plans, written, strict=True) if isinstance(t, Transcript)]


@cache
def hesitant() -> list[tuple[DialogPlan, Transcript, Transcript]]:
    return [(p, t, hesitate(t, p, ALONE, TEXTS, Dice(rng(p.seed, "x")))) for p, t in dialogs()]


turns = st.builds(
    lambda said, kinds: Turn(
        1, Speaker.USER, " ".join(said), TurnType.ANSWER,
        marks=tuple(Mark(k, i % len(said), "mhm" if k is MarkType.BACKCHANNEL else "") for i, k in enumerate(kinds)),
    ),
    st.lists(st.sampled_from(SPOKEN.split()), min_size=1, max_size=24),
    st.lists(st.sampled_from([MarkType.BACKCHANNEL, MarkType.PAUSE]), max_size=4),
)  # fmt: skip


@given(turn=turns, seed=st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_without_the_marked_words_any_turn_says_what_it_said(turn: Turn, seed: int) -> None:
    others = (Turn(0, Speaker.AGENT, "Hello there."), Turn(2, Speaker.AGENT, "Okay."))
    before = Transcript(
        "x", "You work for X.", (others[0], turn, others[1]), sample("x", ["U: Hi."], "").transcript.maker
    )
    plan = sample("x", ["U: Hi."], "").plan
    after = hesitate(before, plan, ALONE, TEXTS, Dice(rng(seed)))
    assert after.turns[0] == others[0]
    assert after.turns[2] == others[1]
    spoken = after.turns[1]
    assert without_fillers(fluent_words(spoken)) == without_fillers(turn.words)
    for mark in spoken.marks:
        if mark.type in DISFLUENT:
            assert " ".join(spoken.words[mark.word : mark.word + len(mark.text.split())]) == mark.text


@given(
    n_words=st.integers(1, 12),
    edits=st.lists(st.tuples(st.integers(0, 11), st.integers(1, 3)), max_size=4, unique_by=lambda e: e[0]),
    marks=st.lists(st.integers(0, 11), max_size=6),
)
def test_marks_stay_on_their_words(n_words: int, edits: list[tuple[int, int]], marks: list[int]) -> None:
    turn = Turn(
        0, Speaker.USER, " ".join(f"w{i}" for i in range(n_words)),
        marks=tuple(Mark(MarkType.BACKCHANNEL, i % n_words, f"w{i % n_words}") for i in marks),
    )  # fmt: skip
    made = [Edit(at % n_words, MarkType.FILLER, ("um,",) * n) for at, n in edits]
    after = apply(turn, list({e.at: e for e in made}.values()))
    for mark in after.marks:
        if mark.type is MarkType.BACKCHANNEL:
            assert after.words[mark.word].lower() == mark.text
        else:
            n = len(mark.text.split())
            assert " ".join(after.words[mark.word : mark.word + n]) == mark.text
    assert bare(fluent_words(after)) == turn.words


def test_a_long_silence_stays_before_the_first_word() -> None:
    turn = Turn(1, Speaker.USER, "It's 4417.", marks=(Mark(MarkType.LONG_SILENCE, 0), Mark(MarkType.PAUSE, 1)))
    led = led_in(turn, "Sorry, okay.")
    assert led.text == "Sorry, okay. It's 4417."
    assert led.marks == (Mark(MarkType.LONG_SILENCE, 0), Mark(MarkType.PAUSE, 3))
    filled = apply(turn, [Edit(0, MarkType.FILLER, ("um,",))])
    assert filled.text == "Um, it's 4417."
    assert filled.marks == (Mark(MarkType.FILLER, 0, "Um,"), Mark(MarkType.LONG_SILENCE, 0), Mark(MarkType.PAUSE, 2))


def test_dialogues_say_what_they_said_and_pass_their_gates() -> None:
    n_changed = 0
    for plan, before, after in hesitant():
        assert unit.check(after, plan, ALONE) is None
        assert (after.role_context, after.facts_used) == (before.role_context, before.facts_used)
        for a, b in zip(before.turns, after.turns, strict=True):
            if a.speaker is Speaker.AGENT:
                assert a == b
                continue
            n_changed += a != b
            assert without_fillers(fluent_words(b)) == without_fillers(a.words)
            assert UNSAYABLE not in spoken_words(b.text)
            assert len(spoken_words(b.text)) == len(b.words)
            kept = {(m.type, m.text) for m in a.marks}
            assert kept <= {(m.type, m.text) for m in b.marks}
            assert b.text[0].isupper() or not b.text[0].isalpha(), b.text
            assert all(m.word > 0 for m in b.marks if m.type is MarkType.PAUSE)
    assert n_changed > 300


@pytest.mark.parametrize(
    "s", [s for s in (*samples("tuned"), *samples("held_out")) if not s.fault], ids=lambda s: s.plan.dialog_id
)
def test_dialogues_of_other_writers_pass_their_gates_too(s: Sample) -> None:
    options = WriteOptions(
        disfluency=MUCH, long_silence=LongSilenceOptions(share=1), sound_cue=SoundCueOptions(share=1)
    )  # fmt: skip
    for seed in range(4):
        assert unit.check(unit.loosen(s.transcript, s.plan, options, TEXTS, seed), s.plan, options) is None


def test_who_merely_confirms_does_not_fall_silent() -> None:
    for _, before, after in hesitant():
        for a, b in zip(before.turns, after.turns, strict=True):
            silences = [m for m in b.marks if m.type is MarkType.PAUSE]
            if a.type is TurnType.CONFIRMATION:
                assert not silences, b.text
            if len(a.words) < places.SILENT:
                assert not silences or any(places.is_value(w) for w in a.words), b.text


def test_thinking_aloud_comes_before_a_value_or_a_choice() -> None:
    seen = 0
    for _, _, after in hesitant():
        for turn in after.turns:
            for mark in turn.marks:
                if mark.type is MarkType.FILLER and mark.text.lower().startswith("let"):
                    seen += 1
                    assert turn.type is TurnType.ANSWER
                    assert turn.index > 1
                    assert "choose" in turn.act or any(places.is_value(w) for w in turn.words[mark.word :]), turn.text
                    assert turn.words[0].lower().strip(",.") not in ("yes", "yeah", "no"), turn.text
    assert seen > 3


@pytest.mark.parametrize(
    "text",
    [
        "Okay, and just so I know, is it free?",
        "Okay, that's fine.",
        "Yeah, you got it.",
        "It's by the way not so bad, to be honest.",
    ],
)
def test_nothing_stands_inside_a_phrase(text: str) -> None:
    turn = Turn(3, Speaker.USER, text, TurnType.STATEMENT)
    said = turn.words
    inside = places.inside_phrases(said)
    assert inside
    assert not inside & {i for i, _ in places.fillers(turn)}
    assert not inside & {i for i, _ in places.pauses(turn)}
    assert not inside & {i + 1 for i, _, _ in places.repetitions(turn)}


def test_only_an_um_comes_before_a_greeting() -> None:
    for _, _, after in hesitant():
        for turn in after.turns:
            said = [w.lower().strip(",.") for w in turn.words[:2]]
            if turn.speaker is Speaker.USER and said[-1] in ("hi", "hello") and turn.index < 2:
                assert said[0] not in ("well", "so"), turn.text


def test_nobody_listens_aloud_beside_a_hesitation_or_in_a_greeting() -> None:
    marks = (
        Mark(MarkType.BACKCHANNEL, 0, "mhm"), Mark(MarkType.BACKCHANNEL, 1, "mhm"), Mark(MarkType.FILLER, 3, "let me see,"),
        Mark(MarkType.BACKCHANNEL, 7, "mhm"), Mark(MarkType.BACKCHANNEL, 8, "mhm"), Mark(MarkType.PAUSE, 11),
        Mark(MarkType.BACKCHANNEL, 13, "mhm"),
    )  # fmt: skip
    turn = Turn(3, Speaker.USER, "It was on, let me see, the third of May and so on, I think.", marks=marks)
    heard = [m.word for m in listened(turn).marks if m.type is MarkType.BACKCHANNEL]
    assert heard == [0, 8]
    greeting = Turn(0, Speaker.AGENT, turn.text, TurnType.GREETING, marks=(marks[0],))
    assert listened(greeting).marks == ()
    calm = Turn(3, Speaker.USER, turn.text, marks=(marks[0],))
    assert listened(calm) is calm


def test_what_is_taken_back_is_nowhere_else_in_the_dialogue() -> None:
    seen = 0
    for _, before, after in hesitant():
        for turn in after.turns:
            for mark in turn.marks:
                wrong = mark.text.removeprefix("on ").removeprefix("at ").split(",")[0]
                if mark.type is not MarkType.CORRECTION or not places.is_value(wrong):
                    continue
                seen += 1
                others = [w.strip(",.?!") for t in before.turns for w in t.words]
                assert wrong not in others, turn.text
    assert seen > 8


def test_what_is_taken_back_grounds_nothing() -> None:
    lines = ["A: Riverside Bank, Dana here.", "U: It was on Tuesday, no, Thursday, I think.", "A: Thursday it was."]
    s = sample("x-1", lines, "You work for Riverside Bank which is a bank and your name is Dana. Information: none.")
    slipped = Mark(MarkType.CORRECTION, 3, "Tuesday, no,")
    user = Turn(1, Speaker.USER, s.transcript.turns[1].text, marks=(slipped,))
    for day, reason in (("Thursday", None), ("Tuesday", "ungrounded_date")):
        agent = Turn(2, Speaker.AGENT, f"{day} it was.")
        failure = unit.check(
            Transcript("x-1", s.transcript.role_context, (s.transcript.turns[0], user, agent), s.transcript.maker),
            s.plan,
            ALONE,
        )
        assert (failure.reason if failure else None) == reason


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("It's on Thursday.", [2]),
        ("Monday to Friday.", []),
        ("No, wait, I meant Thursday.", []),
        ("We open at 7:30 then.", [3]),
        ("At 7 PM.", []),
        ("It's for 4 people.", [2]),
        ("The code is 4 5 6.", []),
        ("I was born on April 2nd, 1955.", []),
        ("On the 3rd, I think.", [2]),
        ("May I ask something?", []),
    ],
)
def test_where_values_may_slip(text: str, at: list[int]) -> None:
    assert slips.sites(text.split(), text) == at


def test_rates_come_out_as_asked_and_speakers_differ() -> None:
    options = WriteOptions(disfluency=DisfluencyOptions())
    counts: Counter[MarkType] = Counter()
    per_dialog = []
    n_words = 0
    for plan, before in dialogs():
        for k in range(3):
            after = hesitate(before, plan, options, TEXTS, Dice(rng(plan.seed, k)))
            n = Counter(m.type for t in after.turns for m in t.marks if m.type in DISFLUENT)
            words = sum(len(t.words) for t in before.turns if t.speaker is Speaker.USER)
            counts += n
            n_words += words
            per_dialog.append(100 * n.total() / words)
    wanted = options.disfluency
    assert counts[MarkType.FILLER] / n_words == pytest.approx(wanted.fillers_per_100 / 100, rel=0.3)
    assert counts[MarkType.REPETITION] / n_words == pytest.approx(wanted.repetitions_per_100 / 100, rel=0.4)
    assert counts[MarkType.CORRECTION] / n_words == pytest.approx(wanted.corrections_per_100 / 100, rel=0.4)
    assert np.quantile(per_dialog, 0.9) > 2 * np.median(per_dialog) * 0.8
    assert np.quantile(per_dialog, 0.1) < 1.5


def test_each_share_of_zero_leaves_the_transcript_untouched() -> None:
    for plan, before in dialogs()[:30]:
        assert unit.loosen(before, plan, QUIET, TEXTS, plan.seed) is before


def test_the_same_seed_gives_the_same_words_and_another_one_others() -> None:
    options = WriteOptions()
    for plan, before in dialogs()[:20]:
        once, again = (unit.loosen(before, plan, options, TEXTS, plan.seed) for _ in range(2))
        assert once == again
    different = [
        unit.loosen(b, p, options, TEXTS, p.seed) != unit.loosen(b, p, options, TEXTS, p.seed + 1)
        for p, b in dialogs()[:20]
    ]
    assert sum(different) > 10


def test_fillers_that_a_writer_wrote_are_marked_and_counted() -> None:
    s = sample("x-1", ["A: Hello.", "U: Um, I would, uh, like the fee.", "A: Okay."], "You work for X.")
    options = WriteOptions(
        disfluency=DisfluencyOptions(
            fillers_per_100=0, repetitions_per_100=0, corrections_per_100=0, silent_pauses_per_100=0
        )
    )
    after = hesitate(s.transcript, s.plan, options, TEXTS, Dice(rng(1)))
    assert [(m.word, m.text) for m in after.turns[1].marks] == [(0, "Um,"), (3, "uh,")]
    assert gates.structure(after, s.plan, options) is None


def test_poisson_has_its_mean() -> None:
    dice = Dice(rng("poisson"))
    drawn = [poisson(2.5, dice) for _ in range(3000)]
    assert np.mean(drawn) == pytest.approx(2.5, rel=0.05)
    assert np.var(drawn) == pytest.approx(2.5, rel=0.1)
    assert poisson(0.0, dice) == 0
