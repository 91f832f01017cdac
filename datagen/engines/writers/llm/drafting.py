"""A domain drafted by a language model, file by file: each answer is checked, and what the checker says goes back to the model."""

import json
import re
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from datagen import resources
from datagen.domains.base import Problem
from datagen.domains.scaffold import example
from datagen.domains.service import ServiceDomain
from datagen.engines.llm.chat import SERVERS_FAULTS, ChatReply
from datagen.engines.llm.prompt_files import PromptFiles, folders_of
from datagen.errors import DataError, EngineError, UserError
from datagen.protocols import Failure
from datagen.store.files import write_bytes
from datagen.store.ids import seed_of

FOLDER = "draft"
TRIES = 3
"""How often a file is asked for."""
_BORDER = "=====\n"
_BLOCK = re.compile(r"```(?:toml)?\s*\n(.*?)(?:```|\Z)", re.S)
_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")
_COVERAGE = ("scenarios, at least", "names, at least", "is used nowhere", "roles, at least", "tools, at least")
"""What the checker says of a domain whose other files are still to come."""

Say = Callable[[str], None]


class Completing(Protocol):
    """A model that answers any messages."""

    async def complete(
        self, messages: list[dict[str, str]], schema: Mapping[str, Any] | None = None, seed: int = 0
    ) -> ChatReply | Failure: ...


@dataclass(frozen=True, slots=True)
class Draft:
    """One file as the model wrote it, and what the checker still says of it."""

    text: str
    faults: tuple[str, ...]


class Drafting:
    """One domain being drafted; `say` hears of each file as it is there."""

    def __init__(self, model: Completing, name: str, title: str, seed: int, search: tuple[str, ...], say: Say) -> None:
        self._model, self._name, self._title, self._seed, self._say = model, name, title, seed, say
        self._files = PromptFiles(FOLDER, folders_of(FOLDER, search))
        page = (resources.prompts() / "README.md").read_text(encoding="utf-8").split("## A worked example")[0]
        domain, scenario = example()
        self._view = {"format": page, "example_domain": domain, "example_scenario": scenario, "title": title}

    async def files(self, n_scenarios: int) -> dict[str, Draft]:
        """domain.toml and the scenarios by their path in the folder; DataError where the model gives no domain.toml that loads."""
        _, sample = example()
        domain = await self._draft(
            "domain.toml", {"what": "domain"}, lambda text: self._faults(text, {"sample": sample}, True)
        )
        if domain is None:
            raise DataError(
                f"{self._name}: the model gave no domain.toml that is TOML, in {TRIES} tries. Try a larger model, or write it yourself."
            )
        found = {"domain.toml": domain}
        for name, about in await self._scenarios(domain.text, n_scenarios):
            view = {"what": "scenario", "domain": domain.text, "name": name, "about": about}
            draft = await self._draft(
                f"scenarios/{name}.toml", view, lambda text: self._faults(domain.text, {"sample": text}, False)
            )
            if draft is not None:
                found[f"scenarios/{name}.toml"] = draft
        return found

    async def _scenarios(self, domain: str, n: int) -> list[tuple[str, str]]:
        """Names of scenarios, and what each is about."""
        text = {"type": "string"}
        item = {"type": "object", "properties": {"name": text, "about": text}, "required": ["name", "about"]}
        schema = {
            "type": "object",
            "properties": {"scenarios": {"type": "array", "items": item}},
            "required": ["scenarios"],
        }
        said = ""
        for attempt in range(TRIES):
            said = await self._ask({"what": "list", "domain": domain, "n": n}, f"list {attempt}", schema)
            found = _listed(said)[:n]
            if found:
                return found
        raise DataError(f"{self._name}: the model gave no list of scenarios: {said[:80]!r}.")

    async def _draft(self, file: str, view: dict[str, Any], faults_of: Callable[[str], list[str]]) -> Draft | None:
        """The best of the tries: the one of which the checker says least. None where none is TOML."""
        best: Draft | None = None
        last, faults = "", list[str]()
        for attempt in range(TRIES):
            said = await self._ask({**view, "last": last, "faults": faults[:12]}, f"{file} {attempt}")
            last = _toml(said)
            faults = faults_of(last)
            if _is_toml(last) and (best is None or len(faults) < len(best.faults)):
                best = Draft(last, tuple(faults))
            if best is not None and not best.faults:
                break
        state = "no TOML" if best is None else f"{len(best.faults)} faults" if best.faults else "ok"
        self._say(f"{file}: {state}")
        return best

    async def _ask(self, view: dict[str, Any], what: str, schema: Mapping[str, Any] | None = None) -> str:
        text = self._files.render("domain", {"last": "", "faults": [], **self._view, **view})
        shared, _, own = text.partition(_BORDER)
        messages = [{"role": "system", "content": shared.strip()}, {"role": "user", "content": own.strip()}]
        reply = await self._model.complete(messages, schema, seed_of(self._seed, "draft", self._name, what))
        if isinstance(reply, Failure) and reply.reason in SERVERS_FAULTS:
            raise EngineError(f"{self._name}: {reply.detail}")
        return "" if isinstance(reply, Failure) else reply.content

    def _faults(self, domain: str, scenarios: Mapping[str, str], partly: bool) -> list[str]:
        """What loading and checking say of a domain of these files; `partly` leaves out what its scenario cannot have yet."""
        with tempfile.TemporaryDirectory() as top:
            folder = Path(top) / self._name
            write_bytes(folder / "domain.toml", domain.encode())
            for name, text in scenarios.items():
                write_bytes(folder / "scenarios" / f"{name}.toml", text.encode())
            try:
                found = ServiceDomain.load(folder).check()
            except UserError as error:
                return [str(error)]
        mine = [p for p in found if not partly or p.where.startswith(f"{self._name}/domain.toml")]
        return [f"{p.where}: {p.what}" for p in mine if not _of_others(p)]


def write_draft(files: Mapping[str, Draft], folder: Path, model: str) -> list[str]:
    """Writes a draft's files, each with who wrote it and what is wrong with it at its head; their paths."""
    for path, draft in files.items():
        head = [
            f"# A draft by {model}. Read every line, listen to what comes out, then remove this one.",
            *(f"# To mend: {f}" for f in draft.faults),
        ]
        write_bytes(folder / path, ("\n".join(" ".join(line.split()) for line in head) + "\n" + draft.text).encode())
    return [str(folder / path) for path in files]


def _of_others(problem: Problem) -> bool:
    return any(text in problem.what for text in _COVERAGE)


def _toml(said: str) -> str:
    """The longest block of a reply, or all of it."""
    blocks = _BLOCK.findall(said)
    return (max(blocks, key=len) if blocks else said).strip() + "\n"


def _is_toml(text: str) -> bool:
    try:
        return bool(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError):
        return False


def _listed(said: str) -> list[tuple[str, str]]:
    """(name, about) of the scenarios in a reply, each name once; [] where there are none."""
    try:
        items = json.loads(said[said.index("{") : said.rindex("}") + 1], strict=False)["scenarios"]
        found = {
            str(x["name"]).strip().lower().replace(" ", "_").replace("-", "_"): " ".join(str(x["about"]).split())
            for x in items
        }
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
    return [(name, about) for name, about in found.items() if _NAME.fullmatch(name) and about]
