"""Who made an artefact, and what could not be made."""

from dataclasses import dataclass

from datagen.records.enums import Stage


@dataclass(frozen=True, slots=True)
class Maker:
    """The engine behind an artefact. `options` is the hash of the options that change its output."""

    engine: str
    model: str
    revision: str
    licence: str
    options: str = ""
    deterministic: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class Reject:
    """A dialogue that was planned and not kept: where it failed, a short reason code, and one line for a person."""

    dialog_id: str
    stage: Stage
    reason: str
    detail: str
    attempts: int = 1
    turn: int | None = None
