"""HTTP itself: one session, one exchange at a time, within its limits of time and size."""

import asyncio
import re
import urllib.parse
import urllib.request
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

from datagen.engines.llm.answers import Answer, Broken, read_answer
from datagen.engines.llm.chat import ChatFailure, ChatReply, Fault
from datagen.engines.llm.options import ServerOptions
from datagen.engines.llm.spread import Server
from datagen.errors import EngineError, UserError, one_line

if TYPE_CHECKING:
    import aiohttp

KEEP_ALIVE_S = 4.0
"""Idle connections are closed by us before the server does it at the moment of a request: uvicorn, and so vLLM, waits 5 s."""
PROBE_TIMEOUT_S = 10.0
TOKENIZE_TIMEOUT_S = 20.0
LEAST_SECRET = 16
"""Characters of a key from which it is taken out of a reply's text too: local servers have keys such as EMPTY, which are words."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is: `base` ends with /v1, `name` is that without credentials, `proxy` the environment's for it or None."""

    base: str
    name: str
    proxy: str | None


class TooLargeError(Exception):
    """A body is longer than it may be."""


def address_of(url: str) -> Address:
    """The address in a base URL, with or without /v1, a trailing slash or the whole path of chat completions; UserError for none."""
    text = url.strip()
    try:
        parts = urllib.parse.urlsplit(text)
        host, port = parts.hostname or "", parts.port
        host.encode("idna")  # UnicodeError is a ValueError: a label that is empty or too long
    except ValueError:
        host, port = "", None
    more = parts.query or parts.fragment if host else ""
    if not host or more or port == 0 or parts.scheme not in ("http", "https") or re.search(r"\s", text):
        shown = text if "@" not in text else "…@" + text.rsplit("@", 1)[1]
        why = f" ({more!r} is no part of one)" if more else ""
        raise UserError(
            f"urls: {shown!r} is no address of a server{why}. Write http://HOST:PORT/v1 or https://HOST/v1."
        )
    path = parts.path.rstrip("/").removesuffix("/chat/completions").removesuffix("/models").rstrip("/")
    path = path if path.endswith("/v1") or _versioned(path) else f"{path}/v1"
    bare = f"[{host}]" if ":" in host else host
    place = f"{bare}:{port}" if port else bare
    credentials = parts.netloc.rpartition("@")[0]
    base = f"{parts.scheme}://{credentials}@{place}{path}" if credentials else f"{parts.scheme}://{place}{path}"
    return Address(base, f"{parts.scheme}://{place}{path}", _proxy_of(parts.scheme, host))


class Wire:
    """A session to any number of servers, opened at its first exchange in the loop that runs then."""

    def __init__(self, options: ServerOptions, key: str) -> None:
        self._options = options
        self._key = key
        self._session: aiohttp.ClientSession | None = None
        self.closed = False

    async def chat(self, server: Server, body: bytes) -> Answer:
        """What the server answers to the JSON of a chat completion; whatever goes wrong on the way is Broken."""
        answer = await self._exchange(server, body)
        if isinstance(answer, ChatFailure):
            reply = self._without_key(answer.reply) if answer.reply else None
            return replace(answer, detail=self.unkeyed(answer.detail), reply=reply)
        return (
            self._without_key(answer)
            if isinstance(answer, ChatReply)
            else replace(answer, said=self.unkeyed(answer.said))
        )

    async def _exchange(self, server: Server, body: bytes) -> Answer:
        import aiohttp

        begun = False
        try:
            async with self._opened().post(
                f"{server.base}/chat/completions", data=body, proxy=server.proxy, allow_redirects=False
            ) as response:
                begun = True
                received = await self._received(response)
                answer = read_answer(response.status, response.headers, received, server.name)
        except TooLargeError:
            return ChatFailure(Fault.TOO_LARGE, f"a reply of more than {self._options.max_reply_bytes} bytes")
        except TimeoutError as error:
            if isinstance(error, aiohttp.ConnectionTimeoutError):
                return Broken(f"no connection within {self._options.connect_timeout_s:g} s", refused=True)
            what = "the reply came to a stop" if begun else f"no reply within {self._options.timeout_s:g} s"
            return Broken(what, late=not begun)
        except aiohttp.ClientConnectorError as error:
            return Broken(one_line(error.os_error), refused=True)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Broken(_said(error))
        return answer

    async def get_models(self, server: Server) -> tuple[int, bytes]:
        """Status and body of the server's list of models; OSError (TimeoutError is one) or ValueError where it has none to give."""
        return await self._short(server, "GET", f"{server.base}/models", None, PROBE_TIMEOUT_S)

    async def tokenize(self, server: Server, body: bytes) -> tuple[int, bytes]:
        """What vLLM's /tokenize answers, which stands beside /v1; errors as `get_models`."""
        return await self._short(
            server, "POST", f"{server.base.removesuffix('/v1')}/tokenize", body, TOKENIZE_TIMEOUT_S
        )

    async def _short(
        self, server: Server, method: str, url: str, body: bytes | None, most_s: float
    ) -> tuple[int, bytes]:
        """Status and body of an exchange that takes seconds at most, all of it."""
        import aiohttp

        limits = aiohttp.ClientTimeout(total=min(most_s, self._options.timeout_s))
        try:
            async with self._opened().request(
                method, url, data=body, proxy=server.proxy, allow_redirects=False, timeout=limits
            ) as response:
                return response.status, await self._received(response)
        except TimeoutError:
            raise TimeoutError(f"no answer within {limits.total:g} s") from None
        except aiohttp.ClientConnectorError as error:
            raise OSError(one_line(error.os_error)) from None
        except TooLargeError:
            raise OSError("an answer that is too long") from None
        except aiohttp.ClientError as error:
            raise OSError(_said(error)) from None

    def unkeyed(self, text: str) -> str:
        """A server's words without the key, should it quote it."""
        return text.replace(self._key, "***") if self._key else text

    def _without_key(self, reply: ChatReply) -> ChatReply:
        """The reply without the key, should the server put it there: it is kept, and published."""
        texts = (reply.content, reply.reasoning, reply.model, reply.finish_reason)
        if len(self._key) < LEAST_SECRET or not any(self._key in text for text in texts):
            return reply
        content, reasoning, model, finish = map(self.unkeyed, texts)
        return replace(reply, content=content, reasoning=reasoning, model=model, finish_reason=finish)

    async def close(self) -> None:
        """Closes every connection; there will be no others."""
        self.closed = True
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def _received(self, response: "aiohttp.ClientResponse") -> bytes:
        """The body, bounded in length, and in the pauses within it; the whole exchange has the session's limit."""
        most = self._options.max_reply_bytes
        if (response.content_length or 0) > most:
            raise TooLargeError
        parts: list[bytes] = []
        n_bytes = 0
        clock = asyncio.get_running_loop().time
        async with asyncio.timeout(self._options.idle_timeout_s) as pause:
            while chunk := await response.content.readany():
                n_bytes += len(chunk)
                if n_bytes > most:
                    raise TooLargeError
                parts.append(chunk)
                pause.reschedule(clock() + self._options.idle_timeout_s)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def check_open(self) -> None:
        """EngineError after `close`."""
        if self.closed:
            raise EngineError("The client of the language-model servers is closed. Make a new one.")

    def _opened(self) -> "aiohttp.ClientSession":
        self.check_open()
        if self._session is None:
            import aiohttp

            headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
            if self._key:
                headers["Authorization"] = f"Bearer {self._key}"
            limits = aiohttp.ClientTimeout(total=self._options.timeout_s, connect=self._options.connect_timeout_s)
            # The limiters bound the connections; an unread rest is not worth keeping a connection for.
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S, ttl_dns_cache=300)
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=limits, headers=headers, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session


def _said(error: Exception) -> str:
    return f"{one_line(error)} ({type(error).__name__})"


def _versioned(path: str) -> bool:
    """Whether a path ends with a version other than v1, as Gemini's and Zhipu's OpenAI-compatible ones do."""
    last = path.rpartition("/")[2]
    return last == "openai" or (last[:1] == "v" and last[1:2].isdigit())


def _proxy_of(scheme: str, host: str) -> str | None:
    """The environment's proxy for a host (HTTP_PROXY, HTTPS_PROXY, NO_PROXY); never one for this machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return None
    try:
        if ip_address(host).is_loopback:
            return None
    except ValueError:
        pass
    if urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get(scheme)
