from pathlib import Path

import pytest

from datagen import resources
from datagen.domains.casual import LEVELS, PERSONA_SLOTS, CasualDomain
from datagen.domains.lines import compile_line
from datagen.domains.plain import faults, is_plain
from datagen.errors import UserError
from datagen.records.enums import Split
from datagen.store.ids import canonical, rng
from datagen.store.pools import pools

SHARES = (0.9, 0.05, 0.05)


@pytest.fixture(scope="module")
def domain() -> CasualDomain:
    return CasualDomain.load(resources.prompts() / "casual")


def test_bundled_folder_is_clean_and_large_enough(domain: CasualDomain) -> None:
    assert domain.check() == []
    assert len(domain.subjects) >= 45
    for subject in domain.subjects.values():
        assert len(subject.exchanges) >= 4
        assert subject.stories


def test_instances_cover_the_levels_and_stay_in_their_pool(domain: CasualDomain) -> None:
    by_split = pools(domain.subjects, SHARES, "scenario casual")
    seen = set()
    for i, name in enumerate(list(domain.subjects) * 6):
        split = by_split[name]
        one = domain.instance(name, split, SHARES, rng("c", i))
        assert canonical(one) == canonical(domain.instance(name, split, SHARES, rng("c", i)))
        seen.add(one["level"])
        assert (one["level"] == "detailed") == bool(one["persona"])
        assert not one["second_topic"] or by_split[one["second_topic"]] is split
        assert 8 <= domain.traits(name, rng("t", i))["n_turns"] <= 18
    assert seen == set(LEVELS)


def test_a_persona_never_clashes_with_its_topics(domain: CasualDomain) -> None:
    avoid = {(k, s.is_): s.avoid for k in PERSONA_SLOTS for s in getattr(domain._personas, k)}
    for i, name in enumerate(list(domain.subjects) * 8):
        one = domain.instance(name, Split.TRAIN, SHARES, rng("p", i))
        for key in PERSONA_SLOTS if one["persona"] else ():
            assert not {name, one["second_topic"]} & set(avoid[key, one["persona"][key]])


def test_plain_finds_numbers_and_names() -> None:
    assert faults("It was good. We went to Lisbon for two days, I'm sure.") == ["Lisbon", "two"]
    assert faults("Saturday, at 7:30, for $5.") == ["Saturday", "7:30", "$5"]
    assert is_plain(compile_line("I love it. It's <great|fine>, isn't it?"))
    assert not is_plain(compile_line("I love <it|Rome>."))


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("personas.toml", "years =", "yers =", r"casual/personas.toml: yers: there is no such key. Did you mean years"),
        ("coffee.toml", "[[beat]]", "[[beats]]", r"casual/topics/coffee.toml: "),
        ("domain.toml", "minimal = 1.0", "minimal = 0.0", r"levels.minimal"),
    ],
)
def test_load_names_file_and_key(tmp_path: Path, name: str, old: str, new: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        CasualDomain.load(_copy(tmp_path, name, old, new))


def test_check_finds_what_the_agent_may_not_say(tmp_path: Path) -> None:
    folder = _copy(tmp_path, "coffee.toml", "I'll remember not to call you early then.", "Paul told me so - ask him.")
    found = [p.what for p in CasualDomain.load(folder).check()]
    assert any("not spoken text" in f for f in found)
    folder = _copy(tmp_path, "coffee.toml", "I'll remember not to call you early then.", "I hear Paul needs five.")
    assert any("brings up" in p.what for p in CasualDomain.load(folder).check())


def _copy(tmp_path: Path, name: str, old: str, new: str) -> Path:
    folder = tmp_path / "casual"
    source = resources.prompts() / "casual"
    for path in source.rglob("*.toml"):
        target = folder / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8")
        target.write_text(text.replace(old, new, 1) if path.name == name else text, encoding="utf-8")
    return folder
