"""What a judge is asked: its rubrics, a dialogue as text, the messages and the schema of the reply."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from datagen.config import Options, read_options
from datagen.domains.files import read_toml
from datagen.engines.llm.prompt_files import PromptFiles, folders_of
from datagen.errors import UserError
from datagen.records.transcript import Transcript

FOLDER = "judge"
LOWEST, HIGHEST = 1, 5
_BORDER = "=====\n"
"""Between what is the same in all requests, which servers keep, and the dialogue."""

Messages = list[dict[str, str]]


class Rubric(Options):
    """One thing that is looked at, and what its scores mean."""

    asks: str = Field(description="the question")
    worst: str = Field(description="what a 1 is")
    middle: str = Field(description="what a 3 is")
    best: str = Field(description="what a 5 is")


@dataclass(frozen=True, slots=True)
class Judged:
    """A dialogue as a judge reads it."""

    role_context: str
    turns: str
    n_words: int


def judged(transcript: Transcript) -> Judged:
    """A transcript as text, a line a turn; tags and sounds as the speakers were to make them."""
    lines = [f"{t.speaker}: {t.text_tagged}" for t in transcript.turns]
    return Judged(transcript.role_context, "\n".join(lines), sum(len(t.words) for t in transcript.turns))


class JudgePrompts:
    """The judge's files. UserError where a rubric is not there, or a file is at fault."""

    def __init__(self, search: Sequence[str], wanted: Sequence[str]) -> None:
        self._files = PromptFiles(FOLDER, folders_of(FOLDER, search))
        self.digest = self._files.digest
        label = f"{self._files.label}/rubrics.toml"
        table = read_toml(self._files.file("rubrics.toml"), label)
        known = {name: read_options(Rubric, rubric, f"{label} {name}") for name, rubric in table.items()}
        for name in wanted:
            if name not in known:
                raise UserError(f"judge.rubrics: there is no rubric {name!r}. There are: {', '.join(known)}.")
        self.rubrics = {name: known[name] for name in (wanted or known)}

    def check(self) -> None:
        """UserError where a template is at fault."""
        self._files.check()

    def score(self, dialog: Judged) -> Messages:
        """The messages that ask for a score a rubric."""
        view = {"rubrics": self.rubrics, "role_context": dialog.role_context, "turns": dialog.turns}
        return _messages(self._files.render("score", view))

    def compare(self, first: Judged, second: Judged) -> Messages:
        """The messages that ask which of two dialogues is better."""
        return _messages(self._files.render("compare", {"rubrics": self.rubrics, "first": first, "second": second}))

    def score_schema(self) -> dict[str, Any]:
        """The JSON schema of a score's reply."""
        number = {"type": "integer", "minimum": LOWEST, "maximum": HIGHEST}
        return _object(
            {"why": {"type": "string", "maxLength": 300}, "scores": _object(dict.fromkeys(self.rubrics, number))}
        )

    def compare_schema(self) -> dict[str, Any]:
        """The JSON schema of a comparison's reply."""
        return _object({"why": {"type": "string", "maxLength": 300}, "better": {"enum": ["first", "second", "tie"]}})


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _messages(text: str) -> Messages:
    shared, _, own = text.partition(_BORDER)
    return [{"role": "system", "content": shared.strip()}, {"role": "user", "content": own.strip()}]
