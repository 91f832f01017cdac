"""What the plan stage and the writers see of a domain, whatever its kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from datagen.records.enums import Kind, Split
from datagen.store.pools import Shares


@dataclass(frozen=True, slots=True)
class ScenarioInfo:
    """One scenario of a domain: `share` is its weight among the domain's scenarios."""

    name: str
    title: str
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a domain's files: where (file and key), what, and the fix."""

    where: str
    what: str


class Domain(Protocol):
    """A folder under prompts/, loaded. `digest` changes with any byte of what its dialogues are made from."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of dialogue that it has, its own first: a service domain with tools has kind `tool` too."""
        ...

    @property
    def title(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def scenarios(self) -> tuple[ScenarioInfo, ...]: ...
    def scenarios_of(self, kind: Kind) -> tuple[ScenarioInfo, ...]:
        """The scenarios that dialogues of this kind may have: of kind `tool` those with a step that calls one."""
        ...

    def instance(self, scenario: str, split: Split, shares: Shares, rng: np.random.Generator) -> Mapping[str, Any]:
        """The grounded scenario: slot name to value (JSON types), businesses from the split's pool alone.

        `agent_sex` and `customer_sex` (female, male or empty), where they are among it, are what the names suggest: the
        voices are cast by them.
        """
        ...

    def details(self, kind: Kind, scenario: str) -> Mapping[str, Any]:
        """What the instance of a dialogue holds besides where its kind is not the domain's own: the tools of kind `tool`."""
        ...

    def traits(self, scenario: str, rng: np.random.Generator) -> Mapping[str, Any]:
        """How the caller of this dialogue behaves (JSON types): mood, what goes wrong, what comes up."""
        ...

    def check(self) -> list[Problem]:
        """Every fault of the domain's files, [] where there is none."""
        ...
