"""What is said beside the turns: the short utterances of prompts/_shared/asides.toml, by kind and by who says them.

A folder of one's own (`domain_folders` in the recipe) may hold another `_shared/asides.toml`, which is read in its place.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from pydantic import Field

from datagen import resources
from datagen.config import Options, read_options
from datagen.domains.files import read_toml
from datagen.domains.names import SHARED
from datagen.errors import UserError
from datagen.records.enums import ClipKind, MarkType, Speaker
from datagen.store.ids import digest

FILE = "asides.toml"
WORDS = {
    ClipKind.BACKCHANNEL: (1, 3),
    ClipKind.FAILED_BARGE_IN: (2, 5),
    ClipKind.SIDE_TALK: (3, 12),
    ClipKind.OFF_TALK: (3, 15),
}
"""Fewest and most words of a text. Over three words Full-Duplex-Bench takes a backchannel for a turn; fewer than three to somebody
else ("yes", "two, please") an agent could take for an answer."""
KIND_OF = {
    MarkType.BACKCHANNEL: ClipKind.BACKCHANNEL,
    MarkType.FAILED_BARGE_IN: ClipKind.FAILED_BARGE_IN,
    MarkType.SIDE_TALK: ClipKind.SIDE_TALK,
}
"""The clips that a mark's text may be realised from."""
_SAYABLE = re.compile(r"[A-Za-z][A-Za-z' ,.?!-]*")

Texts = tuple[str, ...]


class BackchannelTexts(Options):
    """What each side says as a listener."""

    agent: Texts = Field(min_length=1, description="what an agent says while the user speaks")
    user: Texts = Field(min_length=1, description="what a user says while the agent speaks")


class AsidesSpec(Options):
    """asides.toml."""

    failed_barge_in: Texts = Field(min_length=1, description="what is begun and given up")
    side_talk: Texts = Field(min_length=1, description="said to somebody else in the room")
    off_talk: Texts = Field(min_length=1, description="said by bystanders among themselves")
    backchannel: BackchannelTexts = Field(description="what a listener says")


@dataclass(frozen=True)
class Asides:
    """The texts of every kind. `digest` changes with any of them, and with nothing else."""

    spec: AsidesSpec

    def texts(self, kind: ClipKind, side: Speaker) -> Texts:
        """What this side may say of this kind, in the file's order; only backchannels depend on the side."""
        if kind is ClipKind.BACKCHANNEL:
            return self.spec.backchannel.agent if side is Speaker.AGENT else self.spec.backchannel.user
        texts: Texts = getattr(self.spec, kind.value)
        return texts

    def has(self, mark: MarkType, text: str, side: Speaker) -> bool:
        """Whether a mark's text, said by `side`, is one that a voice's clips are made of."""
        return mark in KIND_OF and text in self.texts(KIND_OF[mark], side)

    @cached_property
    def digest(self) -> str:
        return digest(self.spec.output_options())


def asides(search: Iterable[Path | str] = ()) -> Asides:
    """The texts of the first folder of `search` that holds `_shared/asides.toml`, else of prompts/; read once a process.

    UserError, with file, key and text, on an unknown or missing kind, a text that cannot be said, is too long or too short for
    its kind, holds a figure, or stands there twice.
    """
    for top in (Path(s).expanduser().resolve() for s in search):
        if (top / SHARED / FILE).is_file():
            return read(top / SHARED / FILE)
    return read(resources.prompts() / SHARED / FILE)


@lru_cache(maxsize=8)
def read(path: Path) -> Asides:
    """The texts of one file."""
    label = f"{SHARED}/{FILE}"
    spec = read_options(AsidesSpec, read_toml(path, label), label)
    found = Asides(spec)
    for kind in ClipKind:
        for side in Speaker:
            key = f"{kind}.{side}" if kind is ClipKind.BACKCHANNEL else kind.value
            _check(f"{label}.{key}", kind, found.texts(kind, side))
    return found


def _check(where: str, kind: ClipKind, texts: Texts) -> None:
    fewest, most = WORDS[kind]
    for text in texts:
        n_words = len(text.split())
        if not _SAYABLE.fullmatch(text) or text != " ".join(text.split()):
            raise UserError(
                f"{where}: {text!r} has to begin with a letter and hold letters, single spaces and ' , . ? ! - alone: no figures."
            )
        if not fewest <= n_words <= most:
            raise UserError(f"{where}: {text!r} has {n_words} words; a text of this kind has {fewest} to {most}.")
        if texts.count(text) > 1:
            raise UserError(f"{where}: {text!r} stands there twice.")
