"""Jinja files of prompts/_shared/NAME: rendered in a sandbox, versioned by a digest of all files beside them.

A folder of the user's own may hold `_shared/NAME/` with files that are read in place of the shipped ones, each by its name.
"""

import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, Template, TemplateError, TemplateSyntaxError

from datagen import resources
from datagen.domains.names import SHARED
from datagen.domains.templates import Prompting
from datagen.errors import UserError, one_line
from datagen.store.ids import digest, file_digest

_FAULTS = (TemplateError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class PromptFiles:
    """The files of some folders, the first that has one winning. UserError, with file and line, where one is no template, or names
    what there is not."""

    def __init__(self, folder: str, folders: tuple[Path, ...]) -> None:
        self.label = f"{SHARED}/{folder}"
        self._folders = folders
        self._env = _environment(folders)
        self.digest = digest([(name, file_digest(self.file(name))) for name in self._names()])

    def render(self, name: str, view: Mapping[str, Any]) -> str:
        """The text of the template `NAME.j2`; UserError where it says nothing."""
        text = self.rendered(f"{name}.j2", lambda: self._env.get_template(f"{name}.j2"), view)
        if not text:
            raise UserError(
                f"{self.label}/{name}.j2: it says nothing. Write the prompt, or remove the file for the shipped one."
            )
        return text

    def check(self) -> None:
        """Compiles every template, so that a fault is found before any work."""
        for name in self._names():
            if name.endswith(".j2"):
                try:
                    self._env.get_template(name)
                except TemplateSyntaxError as error:
                    raise UserError(self.at(error.name or name, error.lineno, error.message or "")) from None
                except (UnicodeDecodeError, OSError) as error:
                    raise UserError(f"{self.label}/{name}: cannot be read as UTF-8: {one_line(error)}.") from None

    def rendered(self, file: str, template: Callable[[], Template], view: Mapping[str, Any], source: str = "") -> str:
        """The text of a template of `file`; `source` is the line of it where it is one line of a table."""
        try:
            return template().render(view).strip()
        except TemplateSyntaxError as error:
            raise UserError(self.at(error.name or file, error.lineno, error.message or "")) from None
        except _FAULTS as error:
            if source:
                raise UserError(f"{self.label}/{file}: {one_line(error)}. In: {source!r}") from None
            raise UserError(self.at(*_place(error, file), one_line(error))) from None

    def template(self, source: str) -> Template:
        """A template of a text that is no file of its own; TemplateSyntaxError where it is none."""
        return self._env.from_string(source)

    def file(self, name: str) -> Path:
        """The file of a name; UserError where no folder has it."""
        for folder in self._folders:
            if (folder / name).is_file():
                return folder / name
        raise UserError(f"{self.label}/{name}: there is no such file.")

    def at(self, file: str, line: int, said: str) -> str:
        """A message about a line of a file."""
        where = f"{self.label}/{file}:{line}" if line else f"{self.label}/{file}"
        return f"{where}: {said.rstrip('.')}."

    def _names(self) -> list[str]:
        found = [p for f in self._folders for p in f.iterdir() if p.suffix in (".j2", ".toml")]
        for path in found:
            if path.is_symlink() and path.resolve().parent != path.parent.resolve():
                raise UserError(
                    f"{self.label}/{path.name}: is a link that leads out of its folder, and what a prompt holds is sent to a server. "
                    "Copy the file."
                )
        return sorted({p.name for p in found})


def folders_of(folder: str, search: Iterable[Path | str]) -> tuple[Path, ...]:
    """Where the files of `_shared/FOLDER` may be: the user's own folders first."""
    own = [Path(s).expanduser().resolve() / SHARED / folder for s in search]
    return (*(f for f in own if f.is_dir()), resources.prompts() / SHARED / folder)


def _environment(folders: tuple[Path, ...]) -> Environment:
    loader = FileSystemLoader([str(f) for f in folders])
    return Prompting(loader, lstrip_blocks=True, auto_reload=False)


def _place(error: BaseException, file: str) -> tuple[str, int]:
    """The innermost line of a template in an error's traceback, which Jinja makes name the templates' own lines."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.suffix == ".j2":
            return path.name, frame.lineno or 0
    return file, 0
