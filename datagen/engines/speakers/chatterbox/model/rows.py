"""What goes into the model and what comes out: rows, conditionals, tokens, faults, and the errors that end a call.

Imports no torch, so that a process without it can name these types.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

SPEECH_CODES = 6561
"""Codes of the S3 tokenizer; greater ids are marks (start, stop) and have no sound."""
TOKENS_PER_S = 25
"""Speech tokens of a second of sound."""


class ModelError(Exception):
    """A folder, a clip or a setting that the model cannot work with: one line."""


class OutOfMemory(Exception):
    """The device's memory did not suffice for this many rows at once: fewer may do."""


@dataclass(frozen=True)
class Conditionals:
    """What the model knows of one voice at one exaggeration. Computed once, shared by every row that speaks with it.

    prefix: [tokens, width], the speaker's part of T3's input, on the model's device.
    reference: S3Gen's own dictionary (prompt_token, prompt_feat, embedding, …).
    """

    prefix: "Tensor"
    reference: dict[str, Any]

    @property
    def size_bytes(self) -> int:
        """Memory that it holds, for a cache that is bounded."""
        tensors = [self.prefix, *(value for value in self.reference.values() if hasattr(value, "nelement"))]
        return sum(tensor.nelement() * tensor.element_size() for tensor in tensors)


@dataclass(frozen=True)
class Row:
    """One turn to be spoken.

    temperature 0 takes the likeliest token always; cfg_weight 0 runs no unconditional twin. Turbo reads neither
    cfg_weight nor min_p. max_tokens: speech tokens, 25 a second. flow_steps: steps of S3Gen's flow.
    """

    text: str
    conditionals: Conditionals
    seed: int
    temperature: float = 0.8
    top_p: float = 1.0
    min_p: float = 0.05
    repetition_penalty: float = 1.2
    cfg_weight: float = 0.5
    max_tokens: int = 1000
    flow_steps: int = 10


@dataclass(frozen=True)
class Tokens:
    """One row's speech tokens [n] on the CPU, without the stop mark.

    cut: it reached its limit before it stopped. broken: a logit was not finite at token n.
    """

    ids: "Tensor"
    cut: bool = False
    broken: bool = False


@dataclass(frozen=True)
class Fault:
    """Why a row has no sound.

    reason: "cut" (the stop limit came first), "empty" (no sounding token), "numbers" (NaN or infinity), "text"
    (nothing to say, or more than the model has positions for) or "settings" (out of range). detail: one line with the numbers.
    """

    reason: str
    detail: str
