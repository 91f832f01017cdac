"""What goes to a chat server and what comes back: a request, a reply, or a failure with a closed reason code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Fault(StrEnum):
    """Why a request has no usable reply. Faults of transport have been tried again before they come back as one of these."""

    CUT = "cut"
    """finish_reason is `length`: `reply` holds what there is of it."""
    NO_CONTENT = "no_content"
    """The message has no content, or an empty one (a think block that never closed, say); `reply` holds the reasoning."""
    EMPTY_CHOICES = "empty_choices"
    """The reply has no choices."""
    BAD_BODY = "bad_body"
    """The body is not the JSON of a chat completion."""
    TOO_LARGE = "too_large"
    """The body is longer than `max_reply_bytes`."""
    FILTERED = "filtered"
    """The server's content filter took the reply away, or the model refused in the field made for it."""
    CONTEXT_LENGTH = "context_length"
    """Prompt and max_tokens do not fit into the model's context window."""
    BAD_REQUEST = "bad_request"
    """The server refuses this request for another reason; its words are the detail."""
    OVERLOADED = "overloaded"
    """Servers pushed back (429, 503) more often than a request may wait."""
    NO_TEXT = "no_text"
    """What there is cannot be told from reasoning, or is nothing else (`Family.clean`)."""
    UNANSWERED = "unanswered"
    """Every try ended in a fault of transport: 5xx, a cut body, a lost connection, a timeout."""


SERVERS_FAULTS = frozenset((Fault.CONTEXT_LENGTH, Fault.BAD_REQUEST, Fault.OVERLOADED, Fault.UNANSWERED))
"""What another reply would not mend: the server, or what is asked of it."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A chat completion to ask for. The model is the client's.

    `messages` are {role, content} mappings; `sampling` (temperature, top_p, max_tokens …) and `extra` (chat_template_kwargs,
    reasoning_effort …) are fields of the body as they stand, `extra` last. `schema` is a JSON schema for the reply, sent as
    `response_format`. `seed` is 0 or more; 31 bits of it are sent, which every server takes.
    """

    messages: Sequence[Mapping[str, Any]]
    sampling: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    schema: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChatReply:
    """A reply as the server gave it. `reasoning` is what it kept apart as such; `url` says which server, for messages alone."""

    content: str
    reasoning: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    model: str
    url: str


@dataclass(frozen=True, slots=True)
class ChatFailure:
    """Why there is no usable reply, one line for a person, and what came all the same (CUT, NO_CONTENT, FILTERED)."""

    reason: Fault
    detail: str
    reply: ChatReply | None = None


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model of a server's list. `max_model_len` is its context window in tokens, where the server says it (vLLM does)."""

    id: str
    max_model_len: int | None = None
