"""What a speaker engine cannot render is asked of nobody, stands in no label, and is counted."""

from dataclasses import replace

from datagen.config import Options
from datagen.domains.asides import asides
from datagen.records.enums import MarkType, Speaker, Tag, Vocal
from datagen.records.maker import Maker
from datagen.records.transcript import Mark, Transcript, Turn
from datagen.stages.speak.deliverable import deliverable, delivered, vocals
from datagen.stages.speak.unit import SpeakOptions, utterances
from tests.factories import plan, voice

SIGHED = Turn(
    0,
    Speaker.USER,
    "I think it's gone, isn't it?",
    marks=(Mark(MarkType.VOCAL, 2, "sigh"), Mark(MarkType.PAUSE, 3)),
    tags=(Tag.ANXIOUS, Tag.SLOWLY),
)


def test_tagged_text_has_tags_before_it_and_sounds_at_their_words() -> None:
    assert SIGHED.text_tagged == "<anxious> <slowly> I think [sigh] it's gone, isn't it?"
    assert replace(SIGHED, tags=(Tag.NEUTRAL,), marks=()).text_tagged == SIGHED.text


def test_what_is_not_rendered_goes_and_the_rest_stays() -> None:
    heard = deliverable(SIGHED, {Tag.ANXIOUS})
    assert heard.tags == (Tag.ANXIOUS,)
    assert heard.marks == (Mark(MarkType.PAUSE, 3),)
    assert heard.text == SIGHED.text
    assert deliverable(SIGHED, {*Tag, *Vocal}) is SIGHED
    neutral = replace(SIGHED, tags=(Tag.NEUTRAL,), marks=())
    assert deliverable(neutral, frozenset()) is neutral


def test_what_is_left_out_is_counted() -> None:
    transcript = Transcript(
        "bank-000000", "You work for X.", (SIGHED, replace(SIGHED, index=1)), Maker("m", "m", "1", "")
    )
    heard, lost = delivered(transcript, frozenset(Tag))
    assert lost == 2
    assert [t.text_tagged for t in heard.turns] == ["<anxious> <slowly> I think it's gone, isn't it?"] * 2
    assert delivered(transcript, {*Tag, *Vocal}) == (transcript, 0)


def test_the_engine_is_asked_for_what_it_renders_alone() -> None:
    options: Options = SpeakOptions()
    a_plan = plan()
    transcript = Transcript(a_plan.dialog_id, "You work for X.", (SIGHED,), Maker("m", "m", "1", ""))
    voices = {v.id: v for v in (voice("agent"), voice("user"))}
    plain = utterances(a_plan, transcript, voices, options, asides(()), renders=frozenset((Tag.ANXIOUS,)))
    assert [(u.request.tags, u.request.vocals) for u in plain] == [((Tag.ANXIOUS,), ())]
    full = utterances(a_plan, transcript, voices, options, asides(()), renders=frozenset((*Tag, *Vocal)))
    assert full[0].request.vocals == vocals(SIGHED) == ((2, Vocal.SIGH),)
