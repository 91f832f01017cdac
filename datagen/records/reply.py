"""What a language-model server was asked and what it said, as it came: kept on request, for a person to read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReplyRecord:
    """One reply. `purpose` is `write`, `describe` or `judge`; `prompt` is the SHA-256 of the messages as they were sent.

    `content` and `reasoning` are as the server gave them, before any reader; `failure` is the reason code of a reply that was not used
    (empty where it was). It holds no address and no key.
    """

    dialog_id: str
    purpose: str
    attempt: int
    seed: int
    guided: bool
    model: str
    prompt: str
    content: str
    reasoning: str = ""
    finish_reason: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    failure: str = ""
