"""What a writer has to know of a dialogue, both to ask for it and to read it: made from the plan and its domain's files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from datagen.engines.writers.llm.reader import Names
from datagen.records.enums import Kind, Speaker


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A tool call that the dialogue has to hold, by the plan: typed arguments and result, and the fields as the tool declares them."""

    name: str
    arguments: Mapping[str, Any]
    result: Mapping[str, Any]
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    returns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Brief:
    """One dialogue to write. `view` is what its prompt template sees; `instance` holds the rules that the plan sets, of
    kind `instruction` alone. `n_turns` are the fewest and the most turns that are asked for.
    """

    dialog_id: str
    kind: Kind
    first_speaker: Speaker
    role_context: str
    names: Names
    user_role_context: str = ""
    calls: tuple[PlannedCall, ...] = ()
    instance: Mapping[str, Any] = field(default_factory=dict)
    n_turns: tuple[int, int] = (2, 40)
    view: Mapping[str, Any] = field(default_factory=dict)
