"""The messages of a request: shared instructions first, the same bytes for every dialogue of a kind, then the dialogue's own."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from datagen.engines.writers.llm.brief import Brief
from datagen.engines.writers.llm.templates import Templates
from datagen.records.enums import Kind, Speaker, Tag, Vocal

Messages = list[dict[str, str]]


class Prompts:
    """The messages of every purpose, from the templates; the system message is rendered once a kind."""

    def __init__(self, templates: Templates, listens: Mapping[Speaker, Sequence[str]]) -> None:
        self.templates = templates
        self._listens = {str(side): list(texts) for side, texts in listens.items()}
        self._systems: dict[Kind, str] = {}

    def dialog(self, brief: Brief) -> Messages:
        """What asks for a dialogue."""
        return [
            _message("system", self.system(brief.kind)),
            _message("user", self.templates.render(brief.kind.value, brief.view)),
        ]

    def system(self, kind: Kind) -> str:
        """The instructions that all requests of a kind share."""
        if kind not in self._systems:
            tags = [str(t) for t in Tag if t is not Tag.NEUTRAL]
            view = {"kind": str(kind), "tags": tags, "vocals": [str(v) for v in Vocal], "listens": self._listens}
            self._systems[kind] = self.templates.render("system", view)
        return self._systems[kind]

    def describe(self, view: Mapping[str, Any]) -> Messages:
        """What asks for a scenario's description."""
        return [_message("user", self.templates.render("describe", view))]

    def role_context(self, facts: Sequence[str], opening: str) -> Messages:
        """What asks for a role context in the model's words."""
        return [_message("user", self.templates.render("role_context", {"facts": list(facts), "opening": opening}))]


def digest_of(*sent: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 of messages as they were sent, of one request or several, as 64 hex digits."""
    text = "\n".join(json.dumps(list(messages), ensure_ascii=False, sort_keys=True) for messages in sent)
    return hashlib.sha256(text.encode()).hexdigest()


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}
