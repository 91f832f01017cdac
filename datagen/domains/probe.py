"""Evaluation sets of single probes: service roles, each with a fixed context and seven utterances of a caller with reference answers.

The form is Service-Duplex-Bench's (PersonaPlex paper, section 3.3 and table 3).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from datagen.config import Options, read_options
from datagen.domains.base import Problem, ScenarioInfo
from datagen.domains.files import read_toml
from datagen.domains.names import People
from datagen.domains.phrasing import article
from datagen.errors import UserError
from datagen.records.enums import Kind, Split
from datagen.store.ids import tree_digest
from datagen.store.pools import Shares

TYPES = {
    "Q0": "proper noun",
    "Q1": "context details",
    "Q2": "context details",
    "Q3": "unfulfillable request",
    "Q4": "customer rudeness",
    "Q5": "unspecified",
    "Q6": "unrelated",
}
"""The seven probes of a role and what each tests."""

MAX_USER_WORDS, MAX_REFERENCE_WORDS = 40, 50


class ProbeSpec(Options):
    """One utterance of a caller, and an answer that keeps to the role's context."""

    user: str = Field(min_length=8, description="what the caller says")
    reference: str = Field(min_length=8, description="a good answer")


class RoleSpec(Options):
    """A service role: the company, the agent, what it knows, and its seven probes."""

    company: str = Field(min_length=2, description="name of the company")
    business: str = Field(min_length=2, description="what the company is, without article")
    agent: str = Field(min_length=2, description="first and last name of the agent")
    facts: tuple[str, ...] = Field(min_length=3, description="what the agent knows, a sentence each")
    probes: dict[str, ProbeSpec] = Field(description="Q0 to Q6")


class HeadSpec(Options):
    """domain.toml of a folder of probes."""

    kind: Literal["probe"] = Field(description="probe")
    title: str = Field(description="shown in lists")


class ProbeDomain:
    """A folder of roles. Scenarios are their probes, `role.Q3`; they belong to every split, since none is ever trained on."""

    kind = Kind.PROBE

    def __init__(self, name: str, title: str, roles: Mapping[str, RoleSpec], digest: str) -> None:
        self.name, self.title, self.digest, self.roles = name, title, digest, roles
        self.scenarios = tuple(ScenarioInfo(f"{r}.{q}", f"{r}: {TYPES[q]}") for r in roles for q in TYPES)

    @classmethod
    def load(cls, folder: Path) -> "ProbeDomain":
        """The domain in `folder`, or a UserError that names the file and the key at fault."""
        label = f"{folder.name}/domain.toml"
        head = read_options(HeadSpec, read_toml(folder / "domain.toml", label), label)
        roles = {p.stem: _role(p, f"{folder.name}/roles/{p.name}") for p in sorted((folder / "roles").glob("*.toml"))}
        if not roles:
            raise UserError(f"{folder.name}/roles: there is no role. Write one: prompts/README.md.")
        return cls(folder.name, head.title, roles, tree_digest(folder))

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return (self.kind,)

    def scenarios_of(self, kind: Kind) -> tuple[ScenarioInfo, ...]:
        return self.scenarios

    def instance(self, scenario: str, split: Split, shares: Shares, rng: np.random.Generator) -> Mapping[str, Any]:
        """{company, business, agent_name, agent_sex, probe, probe_type}; nothing is drawn: a role's context is fixed."""
        role, probe = self._find(scenario)
        return {
            "company": role.company,
            "business": role.business,
            "agent_name": role.agent,
            "agent_sex": People.shared().sex(role.agent.split()[0]),
            "probe": probe,
            "probe_type": TYPES[probe],
        }

    def traits(self, scenario: str, rng: np.random.Generator) -> Mapping[str, Any]:
        """{mood}: annoyed where the probe is rude."""
        return {"mood": "annoyed" if scenario.endswith(".Q4") else "neutral"}

    def role_context(self, scenario: str) -> str:
        """The agent's prompt of a probe's role."""
        role, _ = self._find(scenario)
        return (
            f"You work for {role.company} which is {article(role.business)} and your name is {role.agent}. "
            f"Information: {' '.join(role.facts)}"
        )

    def probe(self, scenario: str) -> ProbeSpec:
        """The utterance and the reference answer of a scenario."""
        role, probe = self._find(scenario)
        return role.probes[probe]

    def check(self) -> list[Problem]:
        """Roles with one company or agent, utterances said twice, and texts that are too long to be a single turn."""
        return list(self._problems())

    def _problems(self) -> Iterator[Problem]:
        for key in ("company", "agent", "business"):
            seen: dict[str, str] = {}
            for name, role in self.roles.items():
                value = getattr(role, key)
                if value in seen:
                    yield Problem(f"{self.name}/roles/{name}.toml {key}", f"{value!r} is {seen[value]}'s too.")
                seen[value] = name
        said: dict[str, str] = {}
        for name, role in self.roles.items():
            for probe, spec in role.probes.items():
                where = f"{self.name}/roles/{name}.toml probes.{probe}"
                for key, limit in (("user", MAX_USER_WORDS), ("reference", MAX_REFERENCE_WORDS)):
                    n_words = len(getattr(spec, key).split())
                    if n_words > limit:
                        yield Problem(f"{where}.{key}", f"{n_words} words, at most {limit} are a single turn.")
                if spec.user in said:
                    yield Problem(f"{where}.user", f"{said[spec.user]} says the same.")
                said[spec.user] = where

    def _find(self, scenario: str) -> tuple[RoleSpec, str]:
        name, _, probe = scenario.partition(".")
        if name not in self.roles or probe not in TYPES:
            raise UserError(f"{self.name}: there is no probe {scenario!r} (role.Q0 to role.Q6).")
        return self.roles[name], probe


def _role(path: Path, label: str) -> RoleSpec:
    table = read_toml(path, label)
    probes = table.get("probes", {})
    if not isinstance(probes, dict):
        raise UserError(f"{label} probes: a table of Q0 to Q6 is needed.")
    spec = read_options(RoleSpec, table, label)
    if list(spec.probes) != list(TYPES):
        raise UserError(
            f"{label} probes: {', '.join(spec.probes) or 'none'}; {', '.join(TYPES)} are needed, in this order."
        )
    return spec
