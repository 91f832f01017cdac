"""What the write stage hands on: the turns with their text and marks, and the role context that grounds them."""

from collections.abc import Mapping
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
class ToolCall:
    """A function that the agent calls in a turn of its own, as its word `word` (the last of a holding phrase) ends.

    `arguments` and `result` are JSON objects as canonical text, as the tool's schema in the domain's files has them. The
    result is there before the agent's turn `result_turn`, which speaks it, begins.
    """

    name: str
    arguments: str
    result: str
    word: int
    result_turn: int


@dataclass(frozen=True, slots=True)
class Turn:
    """One speaker's contribution. `text` is display text (`$12.50`, `7:30`), plain sentences without markup.

    Words are `text.split()`, everywhere. `act` is the writer's own name for what the turn does. `tags` say how all of it is
    delivered. `calls` are the agent's alone.
    """

    index: int
    speaker: Speaker
    text: str
    type: TurnType = TurnType.STATEMENT
    act: str = ""
    marks: tuple[Mark, ...] = ()
    tags: tuple[Tag, ...] = ()
    calls: tuple[ToolCall, ...] = ()

    @property
    def words(self) -> list[str]:
        return self.text.split()

    @property
    def text_tagged(self) -> str:
        """The text with how it is delivered: `<anxious> I think [sigh] it's gone.`"""
        vocals: dict[int, list[str]] = {}
        for mark in self.marks:
            if mark.type is MarkType.VOCAL:
                vocals.setdefault(mark.word, []).append(f"[{mark.text}]")
        said = [part for i, word in enumerate(self.words) for part in (*vocals.get(i, ()), word)]
        return " ".join([*(f"<{tag}>" for tag in self.tags if tag is not Tag.NEUTRAL), *said])


@dataclass(frozen=True, slots=True)
class Generation:
    """How a language model wrote a dialogue: enough to ask it again.

    `sampling` is JSON (temperature, top_p …), `prompt` the SHA-256 of the messages as they were sent, `templates` the digest of the
    prompt files, `seed` the one that the server got, `attempt` counts from 0, `guided` whether a JSON schema held the model.
    Tokens are as the server counted them, over all requests of this attempt; None where it did not say.
    """

    model: str
    revision: str
    sampling: str
    prompt: str
    templates: str
    seed: int
    attempt: int
    guided: bool
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """A written dialogue. `facts_used` are the display values that the agent states, each found in `role_context`
    or in what the user said. `signature` is the MinHash that publish finds near-duplicates by. `constraint` is what a dialogue of kind
    `instruction` has to keep, as JSON {"type": …}; empty in others. `generation` is None where no language model
    wrote it; `scores` are an LLM judge's, by rubric, {} without one.
    """

    dialog_id: str
    role_context: str
    turns: tuple[Turn, ...]
    maker: Maker
    facts_used: tuple[str, ...] = ()
    user_role_context: str = ""
    signature: tuple[int, ...] = field(default=())
    constraint: str = ""
    generation: Generation | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
