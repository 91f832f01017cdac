"""No domain is another one renamed: names, titles, phrasings and scenarios of two domains are compared."""

import shutil
from pathlib import Path

import pytest

from datagen import domains, resources
from datagen.domains import load_folder
from datagen.domains.across import grams_of, jaccard, problems_across
from datagen.domains.service import ServiceDomain

NOUNS = {
    "for dinner": "for the show",
    "a table": "a seat",
    "kitchen": "stage",
    "menu": "program",
    "waiter": "usher",
}


def service_domains() -> list[ServiceDomain]:
    return [d for d in map(domains.load, domains.available()) if isinstance(d, ServiceDomain)]


def test_the_shipped_domains_have_nothing_of_each_other() -> None:
    assert [f"{p.where}: {p.what}" for p in problems_across(service_domains())] == []


def copied(tmp_path: Path, rename: bool) -> ServiceDomain:
    """The restaurant as another domain, its nouns exchanged where `rename`."""
    folder = tmp_path / "theater"
    shutil.copytree(resources.prompts() / "restaurant", folder)
    for path in folder.rglob("*.toml"):
        text = path.read_text()
        for old, new in NOUNS.items() if rename else ():
            text = text.replace(f" {old}", f" {new}")
        path.write_text(text)
    return ServiceDomain.load(folder)


@pytest.mark.parametrize("rename", [False, True])
def test_a_copy_is_seen_renamed_or_not(tmp_path: Path, rename: bool) -> None:
    copy = copied(tmp_path, rename)
    found = problems_across([ServiceDomain.load(resources.prompts() / "restaurant"), copy])
    said = [f"{p.where}: {p.what}" for p in found]
    assert sum("reads like a renamed copy" in s for s in said) >= len(copy.scenarios)
    assert any("say the same as restaurant's" in s for s in said)
    assert any("is a company of restaurant too" in s for s in said)
    assert any(s.startswith("theater/scenarios/") and "is the title of restaurant/" in s for s in said)


def test_a_small_copy_is_seen_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    copy = copied(tmp_path, rename=False)
    for path in sorted((copy.folder / "scenarios").glob("*.toml"))[1:]:
        path.unlink()
    copy.folder.rename(tmp_path / "b" / "aquarium")
    small = ServiceDomain.load(tmp_path / "b" / "aquarium")
    found = [p.what for p in problems_across([ServiceDomain.load(resources.prompts() / "restaurant"), small])]
    assert sum("phrasings of" in what for what in found) == 1


def test_slots_are_masked_and_alternatives_count() -> None:
    assert grams_of("It's {{ amount | cap }} a <day|night>.") == grams_of("It's {{ fee }} a day|night")
    assert jaccard(grams_of("one two three four"), grams_of("one two three five")) == pytest.approx(1 / 3)
    assert grams_of("Hi") == frozenset([("hi",)])


def test_each_shipped_service_domain_is_made_to_one_standard() -> None:
    for domain in service_domains():
        assert domain.check() == [], domain.name
        n_scenarios, n_tools = len(domain.scenarios), len(domain.tools)
        assert n_scenarios >= 10, domain.name
        assert len(domain.spec.roles) >= 3, domain.name
        assert len(domain.spec.policies) >= 2, domain.name
        assert n_tools >= 3, domain.name
        assert len({s.split(".")[0] for s in domain.acts}) >= 3, domain.name
        refusals = [r for s in domain.scenario_by_name.values() for r in s.refusals if r not in domain.refusals]
        assert len(refusals) >= n_scenarios, domain.name
        assert (domain.folder / "acts.j2").is_file() or domain.name == "bank", domain.name


def test_a_folder_that_is_no_domain_is_not_one(tmp_path: Path) -> None:
    (tmp_path / "domain.toml").write_text('kind = "service"\n')
    with pytest.raises(Exception, match="title"):
        load_folder(tmp_path)
