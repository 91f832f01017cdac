"""What an HTTP answer of a chat server means: a reply, a failure of this request, or a fault of the server's."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from datagen.engines.llm.chat import ChatFailure, ChatReply, Fault, ServedModel

MAX_SAID_CHARS = 240
"""How much of a server's own words a message quotes."""
MAX_NAME_CHARS = 200
MAX_COUNT = 10**9
"""Of tokens: two of them fit in a column of 32 bits."""
TOO_LONG = re.compile(
    r"context.{0,20}(?:length|window|size)|maximum (?:model|prompt|input|sequence) length|"
    r"(?:prompt|input|messages?)\b.{0,40}too long|reduce the length of|longer than the (?:maximum )?(?:model|context)",
    re.IGNORECASE,
)
"""How servers say that a row does not fit: vLLM ("This model's maximum context length is …", "… longer than the maximum model
length of …"), OpenAI (the code `context_length_exceeded`), SGLang, llama.cpp ("exceeds the available context size"), TGI."""
NO_MODEL = re.compile(
    r"\bmodel\b.{0,200}(?:does not exist|not found|not exist|unknown)|(?:no such|unknown) model", re.I | re.S
)
QUOTA = re.compile(r"insufficient_quota|billing_hard_limit|exceeded your current quota", re.IGNORECASE)
PUSH_BACKS = frozenset((429, 503, 529))
"""529 is what some services answer when they are overloaded."""
PASSING = frozenset((408, 409, 425, 500, 502, 504, 520, 521, 522, 523, 524))
"""Faults that another try may not meet: timeouts on the way, a crashed worker, a gateway without a server behind it."""
NO_JSON = (ValueError, RecursionError)
"""What `json.loads` raises: the first for bytes that are no text too, the second for brackets without end."""


@dataclass(frozen=True, slots=True)
class PushBack:
    """The server has too much to do; `retry_after_s` is its own wish, where it has one."""

    said: str
    retry_after_s: float | None


@dataclass(frozen=True, slots=True)
class Broken:
    """This try failed and another may not. `refused`: nothing listens there; `late`: it took longer than a reply may."""

    said: str
    refused: bool = False
    late: bool = False


@dataclass(frozen=True, slots=True)
class Unfit:
    """This server will answer no request like this one, however often: `key`, `model`, `quota` or `address` says why."""

    why: str
    said: str


Answer = ChatReply | ChatFailure | PushBack | Broken | Unfit


def read_answer(status: int, headers: Mapping[str, str], body: bytes, url: str) -> Answer:
    """What a server's answer to a chat completion means. `url` is the server's name in messages."""
    if status == HTTPStatus.OK:
        return _reply(body, url)
    said, words = words_of(status, body), _words(body)
    if status in PUSH_BACKS:
        if QUOTA.search(words):
            return Unfit("quota", said)
        return PushBack(said, retry_after_s(headers.get("Retry-After")))
    if status in PASSING:
        return Broken(said)
    if status in (401, 403):
        return Unfit("key", said)
    if 300 <= status < 400:
        return Unfit("address", f"HTTP {status} to {headers.get('Location', 'nowhere')}"[:MAX_SAID_CHARS])
    if status in (404, 405):
        return Unfit("model" if NO_MODEL.search(words) else "address", said)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE or (status == HTTPStatus.BAD_REQUEST and TOO_LONG.search(words)):
        return ChatFailure(Fault.CONTEXT_LENGTH, said)
    if status == HTTPStatus.BAD_REQUEST and "model_not_found" in words:
        return Unfit("model", said)
    return ChatFailure(Fault.BAD_REQUEST, said)


def read_models(body: bytes) -> tuple[ServedModel, ...]:
    """The models of a list; ValueError where the body is none."""
    try:
        parsed = json.loads(body)
    except NO_JSON:
        raise ValueError("no JSON") from None
    rows = parsed.get("data") if isinstance(parsed, dict) else None
    if not isinstance(rows, list):
        raise ValueError("no list of models")
    found = []
    for row in rows:
        if isinstance(row, dict) and isinstance(row.get("id"), str):
            length = row.get("max_model_len")
            found.append(ServedModel(row["id"], length if isinstance(length, int) and length > 0 else None))
    return tuple(found)


def words_of(status: int, body: bytes) -> str:
    """`HTTP 500: ` and what an error's body says, in one short line: of OpenAI, vLLM (two forms), FastAPI, as HTML or plain text."""
    line = " ".join(_words(body).split())
    return f"HTTP {status}: {line[:MAX_SAID_CHARS].rstrip()}" if line else f"HTTP {status}"


def retry_after_s(value: str | None, now: datetime | None = None) -> float | None:
    """The seconds of a Retry-After header, which are a number or a date (RFC 9110, 10.2.3); None where it says nothing readable."""
    if value is None:
        return None
    value = value.strip()
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())


def _words(body: bytes) -> str:
    """What an error's body says, its code in front where that is a word; no more of it than its own message, which may quote a prompt."""
    text = body[:65_536].decode("utf-8", "replace")
    try:
        parsed = json.loads(text)
    except NO_JSON:
        return re.sub(r"<[^>]*>", " ", text)
    error = parsed.get("error", parsed) if isinstance(parsed, dict) else parsed
    if not isinstance(error, dict):
        return _writable(error if isinstance(error, str) else json.dumps(parsed, ensure_ascii=False))
    said = next((error[key] for key in ("message", "detail", "error") if error.get(key)), parsed)
    message = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    return _writable(f"{error['code']}: {message}" if isinstance(error.get("code"), str) else message)


def _reply(body: bytes, url: str) -> ChatReply | ChatFailure:
    """A completion's first choice, or what is wrong with it."""
    try:
        parsed = json.loads(body)
    except NO_JSON:
        start = " ".join(body[:60].decode("utf-8", "replace").split())
        return ChatFailure(Fault.BAD_BODY, f"a body of {len(body)} bytes that is no JSON: {start!r}")
    if not isinstance(parsed, dict) or "choices" not in parsed:
        said = words_of(200, body) if isinstance(parsed, dict) else f"a body that is a JSON {type(parsed).__name__}"
        return ChatFailure(Fault.BAD_BODY, said)
    choices = parsed["choices"]
    if not choices:
        return ChatFailure(Fault.EMPTY_CHOICES, "a reply without choices")
    choice = choices[0] if isinstance(choices, list) else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        return ChatFailure(Fault.BAD_BODY, "a reply whose choices hold no message")
    content, usage = message.get("content"), parsed.get("usage")
    if content is not None and not isinstance(content, str):
        return ChatFailure(Fault.BAD_BODY, f"a message whose content is a JSON {type(content).__name__}, not text")
    usage = usage if isinstance(usage, dict) else {}
    reply = ChatReply(
        content=_text(content),
        reasoning=_text(message.get("reasoning") or message.get("reasoning_content")),
        finish_reason=_name(_text(choice.get("finish_reason"))),
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        model=_name(_text(parsed.get("model"))),
        url=url,
    )
    return _faults_of(reply, _text(message.get("refusal")))


def _faults_of(reply: ChatReply, refusal: str) -> ChatReply | ChatFailure:
    """The reply, or the failure that it is by its finish reason and content."""
    if reply.finish_reason == "length":
        detail = f"cut after {reply.completion_tokens} tokens, max_tokens or the context window reached"
        return ChatFailure(Fault.CUT, detail, reply)
    if reply.finish_reason == "content_filter" or (refusal and not reply.content):
        return ChatFailure(Fault.FILTERED, " ".join(refusal.split())[:MAX_SAID_CHARS] or "the content filter", reply)
    if not reply.content.strip():
        only = f"{len(reply.reasoning)} characters of reasoning alone" if reply.reasoning else "nothing"
        return ChatFailure(Fault.NO_CONTENT, f"{only} (finish_reason {reply.finish_reason or 'none'})", reply)
    return reply


def _text(value: Any) -> str:
    return _writable(value) if isinstance(value, str) else ""


def _writable(text: str) -> str:
    """The text with U+FFFD for halves of surrogate pairs, which JSON can hold ("\\ud83d") and no file can."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _name(text: str) -> str:
    """What a server calls something, without what steers a terminal, and no longer than a name is."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text[:MAX_NAME_CHARS])


def _count(value: Any) -> int:
    """A count as the tables hold it; 0, which is unknown, for what can be none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_COUNT else 0
