"""What the write stage hands on: the turns with their text and marks, and the role context that grounds them."""

from dataclasses import dataclass, field

from datagen.records.enums import MarkType, Speaker, Tag, TurnType
from datagen.records.maker import Maker


@dataclass(frozen=True, slots=True)
class Mark:
    """Something to realise at one word of a turn. `word` indexes `turn.text.split()`; `text` is what a backchannel says."""

    type: MarkType
    word: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """One speaker's contribution. `text` is display text (`$12.50`, `7:30`), plain sentences without markup.

    Words are `text.split()`, everywhere. `act` is the writer's own name for what the turn does.
    """

    index: int
    speaker: Speaker
    text: str
    type: TurnType = TurnType.STATEMENT
    act: str = ""
    marks: tuple[Mark, ...] = ()
    tags: tuple[Tag, ...] = ()

    @property
    def words(self) -> list[str]:
        return self.text.split()


@dataclass(frozen=True, slots=True)
class Transcript:
    """A written dialogue. `facts_used` are the display values that the agent states, each found in `role_context`
    or in what the user said. `signature` is the MinHash that publish finds near-duplicates by.
    """

    dialog_id: str
    role_context: str
    turns: tuple[Turn, ...]
    maker: Maker
    facts_used: tuple[str, ...] = ()
    user_role_context: str = ""
    signature: tuple[int, ...] = field(default=())
