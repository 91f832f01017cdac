"""The knobs of the writers that are language models: the model, how it is sampled, what is asked of it."""

from typing import Literal

from pydantic import Field, field_validator

from datagen.config import Options, knob
from datagen.engines.llm.options import ServerOptions
from datagen.records.enums import Kind

Structured = Literal["retry", "always", "never"]


class TurnCounts(Options):
    """Fewest and most turns that a dialogue of each kind is asked to have; the plan's seed draws the size in between."""

    service: tuple[int, int] = knob((10, 22), "service calls", "turns")
    tool: tuple[int, int] = knob((10, 22), "service calls with tools", "turns")
    qa: tuple[int, int] = knob((4, 7), "questions and answers", "turns")
    casual: tuple[int, int] = knob((9, 18), "casual talk", "turns")
    instruction: tuple[int, int] = knob((8, 14), "talks that keep a constraint", "turns")

    @field_validator("*")
    @classmethod
    def _in_order(cls, value: tuple[int, int]) -> tuple[int, int]:
        if not 2 <= value[0] <= value[1] <= 200:
            raise ValueError(f"two numbers from 2 to 200, the smaller first; got {list(value)}.")
        return value

    def of(self, kind: Kind) -> tuple[int, int]:
        """The range of a kind; a kind that has none of its own gets the service dialogues'."""
        found: tuple[int, int] = getattr(self, kind.value, self.service)
        return found


class AskRates(Options):
    """How often a dialogue is asked to have something. Unset, what the domain's own files say of its callers holds."""

    barge_in: float = knob(0.35, "the user cuts into a turn of the agent's", "share of dialogues", ge=0, le=1)
    backchannel: float = knob(0.5, "a listener says mhm inside a turn", "share of dialogues", ge=0, le=1)
    hesitation: float = knob(
        0.35,
        "the user looks for words, written out; write.disfluency puts hesitations into any dialogue besides",
        "share of dialogues",
        ge=0,
        le=1,
    )
    vocal: float = knob(0.15, "a laugh, a sigh or the like of the user's", "share of dialogues", ge=0, le=1)
    refusal: float | None = knob(None, "the user asks for something that cannot be had", "share", ge=0, le=1)
    rude: float | None = knob(None, "the user is rude", "share", ge=0, le=1)
    unrelated: float | None = knob(None, "the user asks something off-topic", "share", ge=0, le=1)


class WriterOptions(ServerOptions):
    """A language model as a writer. Unset sampling is what the model's card asks for."""

    model: str = knob("Qwen/Qwen3-8B", "the model's name as the server has it; its family is told from it")
    revision: str = knob(
        "", "revision of the model's weights, noted in every dialogue; empty: unpinned, and it says so"
    )
    licence: str = knob("see the model's card", "the licence of what the model writes; noted as the writer's")
    temperature: float | None = knob(None, "sampling temperature", "", ge=0, le=5)
    top_p: float | None = knob(None, "nucleus sampling", "", gt=0, le=1)
    top_k: int | None = knob(None, "most likely tokens that are sampled from", "tokens", ge=-1)
    min_p: float | None = knob(None, "least probability of a token, against the likeliest", "", ge=0, le=1)
    max_tokens: int = knob(2560, "longest reply, without what thinking takes", "tokens", ge=64, le=131_072)
    thinking_tokens: int = knob(
        2560, "what a reply that begins with thinking may take besides", "tokens", ge=0, le=131_072
    )
    thinking: bool = knob(False, "let models think first that can be told to (Qwen3)")
    reasoning_effort: Literal["low", "medium", "high"] = knob("low", "how long GPT-OSS thinks first")
    structured: Structured = knob(
        "retry", "hold the model to a JSON schema: retry (from the second attempt on) | always | never"
    )
    role_context: Literal["facts", "written"] = knob(
        "facts", "the agent's role context: facts (the domain's own sentences) | written (by the model, from them)"
    )
    descriptions: int = knob(
        8,
        "descriptions that the model makes of each scenario, once, for dialogues to be written from; 0 for none",
        "a scenario",
        ge=0,
        le=1000,
    )
    turns: TurnCounts = Field(default_factory=TurnCounts, description="sizes of dialogues by kind")
    asks: AskRates = Field(default_factory=AskRates, description="how often something is asked for")
    max_words: int = knob(330, "most words of a dialogue that are asked for, both sides", "words", ge=40, le=5000)
    keep_replies: bool = knob(False, "keep every reply as it came", changes_output=False)
    domain_folders: tuple[str, ...] = knob(
        (), "folders to look for domains and prompts in, before prompts/", changes_output=False
    )

    def sampling(self, family: dict[str, float]) -> dict[str, float]:
        """The family's sampling with what is set here in its place."""
        own = {name: getattr(self, name) for name in ("temperature", "top_p", "top_k", "min_p")}
        return {**family, **{name: value for name, value in own.items() if value is not None}}
