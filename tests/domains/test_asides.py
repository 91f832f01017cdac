"""The texts said beside turns: the shipped file, one's own, and what a wrong file is told."""

from pathlib import Path

import pytest

from datagen.domains.asides import WORDS, asides
from datagen.errors import UserError
from datagen.records.enums import ClipKind, MarkType, Speaker

GOOD = {
    "failed_barge_in": '["Wait, but"]',
    "side_talk": '["Put it over there."]',
    "off_talk": '["Is it raining again?"]',
    "backchannel": '{agent = ["right"], user = ["yeah"]}',
}
ANSWERS = (
    "one two three four five six seven eight nine ten hundred yes no yeah sure monday tuesday friday today tomorrow"
)


def folder(tmp_path: Path, **changed: str) -> Path:
    file = tmp_path / "_shared" / "asides.toml"
    file.parent.mkdir(parents=True)
    file.write_text("".join(f"{key} = {value}\n" for key, value in {**GOOD, **changed}.items() if value))
    return tmp_path


def test_there_are_enough_of_each_kind_and_side() -> None:
    found = asides()
    for kind in ClipKind:
        for side in Speaker:
            fewest = 5 if kind is ClipKind.BACKCHANNEL else 10
            assert fewest <= len(found.texts(kind, side)) <= 20
    assert found.texts(ClipKind.BACKCHANNEL, Speaker.AGENT) != found.texts(ClipKind.BACKCHANNEL, Speaker.USER)


def test_a_listener_neither_answers_nor_agrees() -> None:
    """Said in the middle of anything ("we're completely full at 7. sure"), it means that it was heard."""
    for side in Speaker:
        for text in asides().texts(ClipKind.BACKCHANNEL, side):
            plain = f" {text.lower()} "
            for word in (
                "yep",
                "yes",
                "sure",
                "of course",
                "got it",
                "alright",
                "absolutely",
                "no",
                "exactly",
                "great",
            ):
                assert f" {word} " not in plain, text


def test_nothing_said_to_somebody_else_is_an_answer() -> None:
    answers = set(ANSWERS.split())
    for text in asides().texts(ClipKind.SIDE_TALK, Speaker.USER):
        words = [w.strip(",.?!").lower() for w in text.split()]
        assert not answers & set(words), text
        assert not any(w[0].isupper() and w.split("'")[0] != "I" for w in text.split()[1:]), text


def test_a_mark_is_of_the_clips_if_its_speaker_says_such_a_thing() -> None:
    found = asides()
    assert found.has(MarkType.BACKCHANNEL, "yeah", Speaker.USER)
    assert not found.has(MarkType.BACKCHANNEL, "yeah", Speaker.AGENT)
    assert not found.has(MarkType.PAUSE, "", Speaker.USER)


def test_a_folder_of_ones_own_goes_first(tmp_path: Path) -> None:
    own = asides([tmp_path / "nothing", folder(tmp_path)])
    assert own.texts(ClipKind.BACKCHANNEL, Speaker.USER) == ("yeah",)
    assert own.digest != asides().digest
    assert asides([tmp_path / "nothing"]).digest == asides().digest


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"side_talk": '["Number 5 is mine."]'}, r"side_talk: 'Number 5 is mine.' has to begin with a letter"),
        ({"side_talk": '["Yes."]'}, r"side_talk: 'Yes.' has 1 words; a text of this kind has 3 to 12"),
        ({"off_talk": '["Is it on?", "Is it on?"]'}, r"off_talk: 'Is it on\?' stands there twice"),
        ({"off_talk": "[]"}, r"off_talk: "),
        ({"off_talk": ""}, r"off_talk: "),
        ({"of_talk": "[]"}, r"of_talk: there is no such key. Did you mean off_talk\?"),
        ({"backchannel": '{agent = ["mhm"], user = ["so that is how it is"]}'}, r"backchannel.user: .* has 6 words"),
        ({"backchannel": "["}, r"not valid TOML"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, changed: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=r"^_shared/asides.toml.*" + message) as caught:
        asides([folder(tmp_path, **changed)])
    assert "\n" not in str(caught.value)


def test_every_kind_has_limits() -> None:
    assert set(WORDS) == set(ClipKind)
