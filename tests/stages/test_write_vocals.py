"""Laughs and sighs: on turns with a tone alone, and never where the writer placed its own."""

from dataclasses import replace

from datagen.domains.phrasing import Dice
from datagen.records.enums import MarkType, Speaker, Tag, Vocal
from datagen.records.maker import Maker
from datagen.records.transcript import Mark, Transcript, Turn
from datagen.stages.write.options import WriteOptions
from datagen.stages.write.vocals import OF_TAG, put_vocals
from datagen.store.ids import rng

ALWAYS = WriteOptions.model_validate({"vocals": {"share": 1.0}})


def dialog(*tags: Tag) -> Transcript:
    turns = (
        Turn(0, Speaker.AGENT, "Hello. How can I help?", tags=(Tag.CHEERFUL,)),
        Turn(1, Speaker.USER, "My card is gone. Please block it.", tags=tags),
    )
    return Transcript("bank-000000", "You work for X.", turns, Maker("m", "m", "1", ""))


def test_a_tone_of_the_users_gets_its_sound_where_a_sentence_begins() -> None:
    for tone, sounds in OF_TAG.items():
        agent, user = put_vocals(dialog(tone), ALWAYS, Dice(rng(tone))).turns
        assert agent.marks == ()
        (mark,) = user.marks
        assert (mark.type, mark.word in (0, 4), Vocal(mark.text) in sounds) == (MarkType.VOCAL, True, True)


def test_no_tone_no_sound_and_the_share_holds() -> None:
    assert put_vocals(dialog(), ALWAYS, Dice(rng(1))) == dialog()
    assert put_vocals(
        dialog(Tag.ANGRY), WriteOptions.model_validate({"vocals": {"share": 0.0}}), Dice(rng(1))
    ) == dialog(Tag.ANGRY)
    n = sum(put_vocals(dialog(Tag.ANGRY), WriteOptions(), Dice(rng(i))) != dialog(Tag.ANGRY) for i in range(1_000))
    assert 80 < n < 165


def test_a_writers_own_sounds_stay_alone() -> None:
    own = dialog(Tag.ANGRY)
    own = replace(own, turns=(replace(own.turns[0], marks=(Mark(MarkType.VOCAL, 0, "laugh"),)), own.turns[1]))
    assert put_vocals(own, ALWAYS, Dice(rng(1))) == own
