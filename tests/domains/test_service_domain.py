"""Service domains: slots, instances, splits, errors that name file and key, and the bundled ones without a fault."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen import resources
from datagen.domains import available, load, load_folder
from datagen.domains.names import compose
from datagen.domains.phrasing import Dice, Phrase, alternatives, n_expansions, tidy
from datagen.domains.service import ServiceDomain, compile_slots
from datagen.domains.slots import Draw
from datagen.errors import UserError
from datagen.records.enums import Split
from datagen.store.ids import rng

SHARES = (0.8, 0.1, 0.1)


def readme_domain(tmp_path: Path) -> Path:
    """The worked example of prompts/README.md as a folder: the page's own example has to load."""
    first, second = re.findall(r"```toml\n(.*?)```", (resources.prompts() / "README.md").read_text(), re.S)
    folder = tmp_path / "bikes"
    (folder / "scenarios").mkdir(parents=True)
    (folder / "domain.toml").write_text(first)
    (folder / "scenarios" / "repair_status.toml").write_text(second)
    return folder


def edited(folder: Path, file: str, old: str, new: str) -> Path:
    path = folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return folder


def draw_all(tables: dict[str, dict[str, Any]], seed: int = 0) -> dict[str, Any]:
    slots, order = compile_slots({"customer": {"type": "person"}, **tables}, "test")
    draw = Draw(Dice(rng(seed)), Split.TRAIN, SHARES, {"today": 739_400, "company": "A", "business": "b"})
    shown = {}
    for name in order:
        draw.raw[name] = slots[name].draw(draw)
        shown[name] = slots[name].show(draw.raw[name])
    return shown


def test_bank_is_listed_and_loaded_once() -> None:
    assert "bank" in available()
    assert load("bank") is load("bank")
    assert len(load("bank").scenarios) >= 14


def test_unknown_domain_names_the_nearest() -> None:
    with pytest.raises(UserError, match="Did you mean bank"):
        load("bnak")


def test_worked_example_loads_from_a_search_path(tmp_path: Path) -> None:
    readme_domain(tmp_path)
    domain = load("bikes", (tmp_path,))
    assert [p.what for p in domain.check()] == ["1 scenarios, at least 10 are needed."]


@pytest.mark.parametrize("name", ["bank"])
def test_bundled_domain_has_no_fault(name: str) -> None:
    assert load(name).check() == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("late = true", "lat = true", r"steps\.ticket\.lat: there is no such key\. Did you mean late"),
        ('kind = "lookup"', 'kind = "look"', r"steps\.find\.kind: 'look' is no kind of step"),
        ('type = "phone" }\n', 'type = "phon" }\n', r"slots\.phone\.type: 'phon' is no slot type"),
        ("{{ total }} for", "{{ total for", r"steps\.price\.agent\[0\]"),
        ("<comes to|is>", "<comes to|is", r"steps\.price\.agent\[0\].*'<' without '>'"),
        ("min = 45, max = 180", "min = 450, max = 180", r"slots\.total: min 450 is above max 180"),
        ("days = [1, 4]", 'from = "soon", days = 1', r"slots\.ready_day: there is no slot 'soon'"),
    ],
)
def test_faults_name_file_and_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    folder = readme_domain(tmp_path)
    file = "domain.toml" if "phon" in new else "scenarios/repair_status.toml"
    with pytest.raises(UserError, match=message) as caught:
        load_folder(edited(folder, file, old, new))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("until {{ closing_time }}.", "until {{ closing }}.", "there is no slot 'closing'"),
        ("total {{ total }}.", "ready.", "the agent states 'total', which is in no fact"),
        ("after that it's {{ fee }}", "after that it's $3", "the agent says '3' in so many words"),
        ('name = "note"\n', 'name = "note"\nwhen = "bike == \'boat\'"\n', "the step is never reached"),
        ("[slots]\nbike", '[slots]\nspare = { type = "phone" }\nbike', "is used nowhere"),
        ('after = "find"', 'after = "fnd"', "there is no step 'fnd'"),
    ],
)
def test_check_finds(tmp_path: Path, old: str, new: str, what: str) -> None:
    folder = readme_domain(tmp_path)
    file = "scenarios/repair_status.toml"
    domain = ServiceDomain.load(edited(folder, file, old, new))
    assert any(what in p.what for p in domain.check()), domain.check()


def test_circular_slots_are_named() -> None:
    with pytest.raises(UserError, match="a -> b -> a"):
        compile_slots({"a": {"type": "other", "of": "b"}, "b": {"type": "other", "of": "a"}}, "x")


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_derived_slots_agree(seed: int) -> None:
    shown = draw_all(
        {
            "a": {"type": "money", "min": 5, "max": 90},
            "b": {"type": "money", "min": "a", "max": 120},
            "total": {"type": "sum", "of": ["a", "b"]},
            "rest": {"type": "difference", "of": ["total", "a"]},
            "more": {"type": "test", "of": ["b", "a"], "op": ">="},
            "card": {"type": "digits", "n": 16},
            "tail": {"type": "last", "of": "card", "n": 4},
            "code": {"type": "code", "pattern": "A#-###"},
            "tel": {"type": "phone"},
            "mail": {"type": "email"},
            "start": {"type": "time", "min": "9:00", "max": "17:00"},
            "end": {"type": "time", "from": "start", "minutes": 45},
            "again": {"type": "other", "of": "code"},
        },
        seed,
    )
    assert shown["rest"] == shown["b"]
    assert shown["more"] is True
    assert shown["card"].endswith(shown["tail"])
    assert shown["code"] != shown["again"]
    assert re.fullmatch(r"555-01\d\d", shown["tel"])
    assert re.fullmatch(r"[a-z.0-9]+@example\.(com|org|net)", shown["mail"])
    assert re.fullmatch(r"\d{1,2}(:\d\d)? [AP]M", shown["end"])
    assert re.fullmatch(r"\$\d{1,3}(\.\d\d)?", shown["total"])


def test_instances_keep_to_their_split_and_repeat() -> None:
    domain = load("bank")
    companies: dict[Split, set[str]] = {split: set() for split in Split}
    for i in range(150):
        for split in Split:
            instance = domain.instance("fee_refund", split, SHARES, rng(i, split))
            assert instance == domain.instance("fee_refund", split, SHARES, rng(i, split))
            companies[split].add(instance["company"])
    assert not companies[Split.TRAIN] & companies[Split.TEST]
    assert not companies[Split.TRAIN] & companies[Split.VALID]
    assert len(companies[Split.TRAIN]) > 80


def test_wrong_values_differ_from_the_true_ones() -> None:
    domain = load("bank")
    for i in range(100):
        for scenario in domain.scenarios:
            instance = domain.instance(scenario.name, Split.TRAIN, SHARES, rng("w", i))
            assert all(instance[slot] != wrong for slot, wrong in instance["wrong_values"].items())


REAL = frozenset(
    (
        *("Urban Outfitters", "Olive Garden", "Bombay Palace", "Bombay House", "Casa Oaxaca", "The Iron Skillet"),
        *("The Hungry Fox", "Silver Skillet", "Golden Corral", "Lucky Strike", "Metro Fitness", "Delta Dental"),
        *("Pioneer Foods", "Pioneer Insurance", "Atlas Insurance", "Atlas Logistics", "Union Savings Bank"),
        *("Northfield Savings Bank", "Bluestone Bank and Trust", "Summit Credit Union", "Beacon Credit Union"),
        *("Granite Credit Union", "Trailhead Credit Union", "Sunrise Credit Union", "Summit Community Bank"),
        *("Keystone Community Bank", "Union Bank and Trust", "Harbor Community Bank", "Prairie Community Bank"),
    )
)
"""Businesses that exist; their words were once among the parts."""


@pytest.mark.parametrize("name", ["bank", "restaurant"])
def test_no_composed_name_is_a_real_business(name: str) -> None:
    domain = load(name)
    assert isinstance(domain, ServiceDomain)
    made = set(domain.companies)
    for scenario in domain.scenario_by_name.values():
        for slot, table in scenario.tables.items():
            if table["type"] == "name":
                made |= set(compose(table["patterns"], table["parts"], slot))
    assert len(made) >= 200
    assert not made & REAL


def test_alternatives_nest_and_count() -> None:
    source = "<a|b <c|d>|> {{ x }}"
    assert n_expansions(source) == 4
    dice = Dice(rng(1))
    seen = {Phrase(source, "here").render({"x": "X"}, dice.index, str) for _ in range(200)}
    assert seen == {"A X", "B c X", "B d X", "X"}
    with pytest.raises(ValueError, match="without"):
        alternatives("a> b")


def test_templates_are_sandboxed_and_strict() -> None:
    with pytest.raises(UserError, match="here"):
        Phrase("{{ missing }}", "here").render({}, int, str)
    with pytest.raises(Exception, match="unsafe"):
        Phrase("{{ x.__class__.__mro__ }}", "here").render({"x": "y"}, int, str)


def test_tidy() -> None:
    assert tidy(" okay , so  i'm here .  and you?") == "Okay, so I'm here. And you?"
    assert tidy("it's March 3rd.. I 'm sure,. ") == "It's March 3rd. I'm sure."
    assert tidy("jane.doe@example.com is mine.") == "jane.doe@example.com is mine."


@pytest.mark.parametrize("name", ["choose", "part", "value"])
def test_a_slot_that_phrasings_would_not_see_is_refused(tmp_path: Path, name: str) -> None:
    folder = readme_domain(tmp_path)
    edited(folder, "domain.toml", "[slots]\n", f'[slots]\n{name} = {{ type = "digits", n = 2 }}\n')
    with pytest.raises(UserError, match=rf"slots\.{name}: phrasings use this name"):
        load_folder(folder)
