"""The prompt files of prompts/_shared/llm: the templates, and the asks beside them that are drawn for a dialogue."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Template, TemplateSyntaxError
from pydantic import Field

from datagen.config import Options, read_options
from datagen.domains.files import read_toml
from datagen.engines.llm.prompt_files import PromptFiles, folders_of
from datagen.errors import UserError

FOLDER, ASKS = "llm", "asks.toml"
Texts = tuple[str, ...]


class CallerAsks(Options):
    """Who a user is and how both begin and end."""

    people: Texts = Field(min_length=1, description="how old, and what they do")
    talks: Texts = Field(min_length=1, description="how they talk")
    places: Texts = Field(min_length=1, description="where they are")
    agent_opening: Texts = Field(min_length=1, description="how an agent begins")
    user_opening: Texts = Field(min_length=1, description="how a caller begins")
    closing: Texts = Field(min_length=1, description="how a call ends")
    talk_opening: Texts = Field(min_length=1, description="how a talk that is no call begins")
    talk_closing: Texts = Field(min_length=1, description="how such a talk ends")


class DescribeAsks(Options):
    """What a description is about."""

    angles: Texts = Field(min_length=1, description="what one variant has")


class Asks(Options):
    """asks.toml."""

    caller: CallerAsks = Field(description="callers")
    mood: dict[str, Texts] = Field(description="what a mood is in words")
    event: dict[str, Texts] = Field(description="what has to happen, in words")
    rule: dict[str, str] = Field(description="what keeping a constraint means, by its type")
    describe: DescribeAsks = Field(description="angles of descriptions")


class Templates(PromptFiles):
    """The templates of some folders and their asks. UserError, with file and line, where one is at fault."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        super().__init__(FOLDER, folders)
        where = f"{self.label}/{ASKS}"
        self.asks = read_options(Asks, read_toml(self.file(ASKS), where), where)
        self._lines: dict[str, Template] = {}

    def line(self, source: str, view: Mapping[str, Any]) -> str:
        """The text of one ask of asks.toml, a template too."""
        if "{" not in source:
            return source
        if source not in self._lines:
            try:
                self._lines[source] = self.template(source)
            except TemplateSyntaxError as error:
                raise UserError(f"{self.label}/{ASKS}: {error.message} In: {source!r}") from None
        return self.rendered(ASKS, lambda: self._lines[source], view, source)

    def event(self, name: str) -> Texts:
        """The ways to ask for something; UserError where asks.toml has none."""
        if not self.asks.event.get(name):
            raise UserError(f"{self.label}/{ASKS}: event.{name}: there is no text. Write at least one.")
        return self.asks.event[name]

    def rule(self, kind: str, view: Mapping[str, Any]) -> str:
        """What keeping a type of constraint means; UserError where asks.toml does not say."""
        if kind not in self.asks.rule:
            raise UserError(
                f"{self.label}/{ASKS}: rule.{kind}: there is no text for this type of constraint. Write one."
            )
        return self.line(self.asks.rule[kind], view)

    def check(self) -> None:
        """Compiles every template and every ask, so that a fault is found before any work."""
        super().check()
        for source in (*(t for texts in self.asks.event.values() for t in texts), *self.asks.rule.values()):
            try:
                self.template(source)
            except TemplateSyntaxError as error:
                raise UserError(f"{self.label}/{ASKS}: {error.message} In: {source!r}") from None


def templates(search: Iterable[Path | str] = ()) -> Templates:
    """The templates of `search` and of prompts/, the first folder that has a file winning; read once a process."""
    return _read(folders_of(FOLDER, search))


@lru_cache(maxsize=8)
def _read(folders: tuple[Path, ...]) -> Templates:
    return Templates(folders)
