"""The texts of what is not planned: what a file of them has to hold, and who reads which."""

from pathlib import Path

import pytest

from datagen import resources
from datagen.domains.spontaneous import FILE, read, spontaneous
from datagen.errors import UserError
from datagen.stages.write.leaks import leak_of

SHIPPED = resources.prompts() / "_shared" / FILE


def changed(tmp_path: Path, old: str, new: str) -> Path:
    text = SHIPPED.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path = tmp_path / "_shared" / FILE
    path.parent.mkdir()
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def test_every_text_can_be_said() -> None:
    texts = spontaneous()
    lines = [line for c in texts.check_ins for line in (*c.agent, *c.user)] + list(texts.lead_ins)
    lines += [line for c in texts.cues.values() for line in (*c.react, *c.mention, *c.answer)]
    for form in (form for line in lines for form in line.forms()):
        assert leak_of(form) is None, form
        assert form[-1] in ".?!", form
    for spec in (texts.spec.fillers.start, texts.spec.fillers.inside, texts.spec.fillers.lookup, texts.spec.repair):
        assert all(text == text.strip(",. ") for text in spec)


def test_restarts_say_something_else_first() -> None:
    for start, others in spontaneous().spec.restarts.items():
        assert start == start.lower()
        assert start not in [o.lower() for o in others]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"um" = 34', '"um" = 0', "fillers.start: every text needs a weight above 0"),
        ('kind = "there"\nagent = [\n  "<Hello', 'kind = "where"\nagent = [\n  "<Hello', "check_ins.0.kind"),
        ('"Are you still with me?"', '"Are you <still with me?"', "a bracket without its partner"),
        ('"Are you still with me?"', '"Are you there, Monica?"', "states 'Monica"),
        ("[cues.siren]", "[cues.siren]\nsound = 3", "there is no such key"),
    ],
)
def test_a_faulty_file_is_named_with_its_key(tmp_path: Path, old: str, new: str, fault: str) -> None:
    with pytest.raises(UserError, match="_shared/spontaneous.toml") as error:
        read(changed(tmp_path, old, new))
    assert fault in str(error.value)


def test_a_folder_of_ones_own_is_read_instead(tmp_path: Path) -> None:
    changed(tmp_path, '"Are you still with me?"', '"Are you still listening?"')
    own = spontaneous([tmp_path])
    assert own.digest != spontaneous().digest
    assert "Are you still listening?" in own.spec.check_ins[0].agent
    assert spontaneous([tmp_path / "_shared"]).digest == spontaneous().digest
