from pathlib import Path

import pytest

from datagen import resources
from datagen.domains.lines import compile_line, lead_in
from datagen.domains.phrasing import Dice
from datagen.domains.qa import SECONDS, QaDomain
from datagen.errors import UserError
from datagen.records.enums import Split
from datagen.store.ids import canonical, rng
from datagen.store.pools import pools

SHARES = (0.9, 0.05, 0.05)


@pytest.fixture(scope="module")
def domain() -> QaDomain:
    return QaDomain.load(resources.prompts() / "qa")


def test_bundled_folder_is_clean_and_large_enough(domain: QaDomain) -> None:
    assert domain.check() == []
    assert len(domain.questions) >= 180
    assert len({n.split(".")[0] for n in domain.questions}) >= 12
    for q in domain.questions.values():
        assert len(q.answers) >= 2
        assert len({s.type for s in q.seconds}) >= 2
        assert sum(line.n_forms for line in q.asks) >= 2
    assert domain.role_context == (
        "You are a wise and friendly teacher. Answer questions or provide advice in a clear and engaging way."
    )


def test_instances_are_deterministic_json_and_cover_every_second_type(domain: QaDomain) -> None:
    names = [s.name for s in domain.scenarios]
    seen = set()
    for i, name in enumerate(names * 3):
        one = domain.instance(name, Split.TRAIN, SHARES, rng("qa", i))
        assert canonical(one) == canonical(domain.instance(name, Split.TRAIN, SHARES, rng("qa", i)))
        canonical(domain.traits(name, rng("traits", i)))
        seen.add(one["second"])
    assert seen == set(SECONDS)


def test_a_topic_change_stays_in_the_pool_of_its_split(domain: QaDomain) -> None:
    by_split = pools(domain.questions, SHARES, "scenario qa")
    for split in Split:
        mine = [n for n, s in by_split.items() if s is split]
        for i in range(200):
            other = domain.instance(mine[i % len(mine)], split, SHARES, rng("pool", split, i))["other"]
            assert not other or by_split[other] is split


def test_unknown_question_names_it(domain: QaDomain) -> None:
    with pytest.raises(UserError, match=r"no question 'science.nothing'"):
        domain.instance("science.nothing", Split.TRAIN, SHARES, rng(1))


def test_lines_draw_fill_and_tidy() -> None:
    line = compile_line("<well|so|>, it's {{ place }}.  <fine|good> , really.")
    said = {line.say(Dice(rng(i)), {"place": "Rome"}) for i in range(60)}
    assert "Well, it's Rome. Fine, really." in said
    assert line.n_forms == 6
    assert line.slots == {"place"}
    assert lead_in("So", "What is it?") == "So what is it?"
    assert lead_in("So", "Neptune is far.") == "Neptune is far."
    assert lead_in("Oh, I see. And", "Neptune is far.") == "Oh, I see. Neptune is far."
    assert lead_in("Sure.", "The moon.") == "Sure. The moon."


@pytest.mark.parametrize("bad", ["<a|b", "a|b>", "{{ Place }}", "{place}", "<a|<b>>"])
def test_lines_reject_stray_brackets(bad: str) -> None:
    with pytest.raises(ValueError, match="bracket"):
        compile_line(bad)


def _copy(tmp_path: Path, name: str, old: str, new: str) -> Path:
    folder = tmp_path / "qa"
    source = resources.prompts() / "qa"
    for path in source.rglob("*.toml"):
        target = folder / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8")
        target.write_text(text.replace(old, new, 1) if path.name == name else text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("domain.toml", "[second]", "extra = 1\n[second]", r"qa/domain.toml: extra: there is no such key"),
        ("domain.toml", "title =", "titel =", r"qa/domain.toml: titel: there is no such key. Did you mean title"),
        ("frames.toml", "cut_in =", "cut_inn =", r"qa/frames.toml: "),
        ("science.toml", "clause =", "claus =", r"qa/topics/science.toml: question.0"),
        ("science.toml", "<look|turn>", "<look|turn", "bracket"),
        ("domain.toml", "follow_up = 3.0", "followup = 3.0", r"no type 'followup'"),
        ("science.toml", 'title = "Science"', 'title = "Science', "TOML"),
    ],
)
def test_load_names_file_and_key(tmp_path: Path, name: str, old: str, new: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        QaDomain.load(_copy(tmp_path, name, old, new))


def test_check_finds_what_the_models_let_through(tmp_path: Path) -> None:
    folder = _copy(tmp_path, "science.toml", '"Why is the sky blue?"', '"Why is the sky blue {{ now }} - tell me."')
    found = [p.what for p in QaDomain.load(folder).check()]
    assert any("question mark" in f for f in found)
    assert any("'now' is not a slot" in f for f in found)
    assert any("not spoken text" in f for f in found)
