"""What is alike between service domains: names, titles, phrasings and whole scenarios, so that no domain is another one renamed."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from datagen.domains.base import Problem
from datagen.domains.check import all_phrases
from datagen.domains.service import ServiceDomain

N_GRAM = 3
MIN_WORDS = 6
"""Shorter phrasings ("It's {{ phone }}.") are said in every trade."""
ALIKE = 0.7
"""Phrasings whose 3-grams, slots masked, have at least this Jaccard index say the same."""
MAX_ALIKE_SHARE = 0.03
"""The share of a domain's longer phrasings that may say the same as another domain's."""
MAX_SCENARIO_ALIKE = 0.15
"""The Jaccard index of all 3-grams of two scenarios from which one is a renamed copy of the other. Of the shipped ones no pair reaches
half of it; the same scenario with its nouns exchanged keeps 0.5 and more."""

_SLOT = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.S)
_WORD = re.compile(r"[a-z']+|_")

Grams = frozenset[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Text:
    """One phrasing: where it stands, as written, and its 3-grams with slots masked."""

    where: str
    source: str
    grams: Grams


def problems_across(domains: Sequence[ServiceDomain]) -> list[Problem]:
    """Every name, title, phrasing and scenario that two domains share beyond what trades have in common."""
    found = list(_names(domains))
    texts = {d.name: list(_texts(d)) for d in domains}
    scenarios = {(d.name, s): grams for d in domains for s, grams in _scenarios(d).items()}
    found += _copied_phrasings(texts)
    found += _copied_scenarios(scenarios)
    return found


def grams_of(source: str) -> Grams:
    """The 3-grams of a phrasing's words, all alternatives in a row, slots masked; of a shorter one the whole."""
    words = _WORD.findall(_SLOT.sub(" _ ", source.lower()))
    if len(words) < N_GRAM:
        return frozenset([tuple(words)])
    return frozenset(zip(*(words[k:] for k in range(N_GRAM)), strict=False))


def jaccard(one: Grams, other: Grams) -> float:
    """How much of both is in common."""
    return len(one & other) / (len(one | other) or 1)


def _names(domains: Sequence[ServiceDomain]) -> Iterator[Problem]:
    owner: dict[str, str] = {}
    titles: dict[str, str] = {}
    for domain in domains:
        for company in domain.companies:
            if company in owner:
                yield Problem(
                    f"{domain.name}/domain.toml companies", f"{company!r} is a company of {owner[company]} too."
                )
            owner[company] = domain.name
        for info in domain.scenarios:
            where = f"{domain.name}/scenarios/{info.name}.toml"
            key = info.title.casefold()
            if key in titles and not titles[key].startswith(f"{domain.name}/"):
                yield Problem(f"{where} title", f"{info.title!r} is the title of {titles[key]} too.")
            titles[key] = where


def _texts(domain: ServiceDomain) -> Iterator[Text]:
    seen: set[str] = set()
    for scenario in domain.scenario_by_name.values():
        for _, phrases in all_phrases(domain, scenario):
            for phrase in phrases:
                n_words = len(_WORD.findall(_SLOT.sub(" ", phrase.source.lower())))
                if n_words >= MIN_WORDS and phrase.source not in seen:
                    seen.add(phrase.source)
                    yield Text(phrase.where, phrase.source, grams_of(phrase.source))


def _scenarios(domain: ServiceDomain) -> dict[str, Grams]:
    """The 3-grams of all that is a scenario's own: what the whole domain has is left out."""
    found: dict[str, Grams] = {}
    shared = f"{domain.name}/domain.toml"
    for name, scenario in domain.scenario_by_name.items():
        own = (p for _, phrases in all_phrases(domain, scenario) for p in phrases if not p.where.startswith(shared))
        found[name] = frozenset().union(*(grams_of(p.source) for p in own))
    return found


def _copied_phrasings(texts: dict[str, list[Text]]) -> Iterator[Problem]:
    """Domains of which too many phrasings say what one other domain says."""
    by_gram: dict[tuple[str, ...], list[tuple[str, int]]] = defaultdict(list)
    for name, of_domain in texts.items():
        for i, text in enumerate(of_domain):
            for gram in text.grams:
                by_gram[gram].append((name, i))
    reported: set[frozenset[str]] = set()
    for name in sorted(texts, reverse=True):  # of two that have as much in common the later one is told
        of_domain = texts[name]
        alike: dict[str, list[tuple[Text, Text]]] = defaultdict(list)
        for text in of_domain:
            for other, twin in _twins(text, name, texts, by_gram).items():
                alike[other].append((text, twin))
        for other, pairs in alike.items():
            both = frozenset((name, other))
            if both not in reported and len(pairs) > MAX_ALIKE_SHARE * len(of_domain):
                reported.add(both)
                text, twin = pairs[0]
                yield Problem(
                    text.where,
                    f"{len(pairs)} of {len(of_domain)} phrasings of {name} say the same as {other}'s, at most {MAX_ALIKE_SHARE:.0%} may. "
                    f"This one is {twin.where}'s: {text.source!r}.",
                )


def _twins(
    text: Text, name: str, texts: dict[str, list[Text]], by_gram: dict[tuple[str, ...], list[tuple[str, int]]]
) -> dict[str, Text]:
    """For each other domain the first phrasing that says the same."""
    shared = Counter(place for gram in text.grams for place in by_gram[gram] if place[0] != name)
    found: dict[str, Text] = {}
    for (other, i), n_common in shared.items():
        twin = texts[other][i]
        if n_common >= ALIKE * max(len(text.grams), len(twin.grams)) and jaccard(text.grams, twin.grams) >= ALIKE:
            found.setdefault(other, twin)
    return found


def _copied_scenarios(scenarios: dict[tuple[str, str], Grams]) -> Iterator[Problem]:
    for ((domain, name), grams), ((other, twin), others) in combinations(scenarios.items(), 2):
        alike = jaccard(grams, others) if domain != other else 0.0
        if alike >= MAX_SCENARIO_ALIKE:
            what = f"{alike:.0%} of its 3-grams are those of {domain}/{name}: it reads like a renamed copy."
            yield Problem(f"{other}/scenarios/{twin}.toml", f"{what} Write it from its own situation.")
