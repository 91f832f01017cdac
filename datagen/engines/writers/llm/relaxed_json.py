"""JSON as language models write it: single and curly quotes, raw line breaks, comments, trailing commas, bare words, a cut end.

Nothing is made up: what a cut left unfinished is left out, and what cannot be read at all is a ValueError.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

MAX_DEPTH = 40
_SPACE = re.compile(r"(?:[\s\ufeff]+|//[^\n]*|/\*.*?(?:\*/|\Z)|#[^\n]*)*", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?=\s*(?:[,}\]]|\Z))")
_BARE = re.compile(r"[A-Za-z_$][\w$ -]*")
_CLOSING = {'"': '"', "'": "'", "“": "”", "„": "”", "”": "”", "‘": "’", "`": "`"}
_ENDS_KEY = re.compile(r"\s*:")
_ENDS_VALUE = re.compile(
    r"""\s*(?:[}\]]|\Z|,\s*(?:["'“‘`{}\[\]\d-]|[A-Za-z_]\w*\s*["'”]?\s*:|//|/\*|\#|\Z)|//|/\*|\n\s*["'“]\w+["'”]\s*:)"""
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_WORDS = {"true": True, "false": False, "null": None, "none": None, "undefined": None, "nan": None, "infinity": None}
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_STRICT = json.JSONDecoder(strict=False)


@dataclass(frozen=True, slots=True)
class Found:
    """A value in a text: where it ends, and whether it was whole (`closed`) or the text broke off inside it."""

    value: Any
    end: int
    closed: bool


class _Cut:
    """What stands where the text broke off."""


_CUT = _Cut()


def values(text: str, limit: int = 24) -> list[Found]:
    """Every JSON object and list of `text`, in order, whatever stands around them; [] where there is none.

    At most `limit` places are tried, so that a text of nothing but brackets costs little.
    """
    found: list[Found] = []
    at, tries = _next(text, 0), 0
    while at >= 0 and tries < limit:
        tries += 1
        one = _value_at(text, at)
        if one is not None:
            found.append(one)
        at = _next(text, one.end if one is not None else at + 1)
    return found


def _next(text: str, at: int) -> int:
    places = [p for p in (text.find("{", at), text.find("[", at)) if p >= 0]
    return min(places, default=-1)


def _value_at(text: str, at: int) -> Found | None:
    try:
        value, end = _STRICT.raw_decode(text, at)
        return Found(_paired(value) if _HALF.search(text) else value, end, True)
    except (ValueError, RecursionError):
        pass
    reader = _Reader(text, at)
    try:
        value = reader.value(0)
    except ValueError:
        return None
    return Found(value, reader.at, not reader.cut)


def _paired(value: Any) -> Any:
    """The value with U+FFFD for halves of surrogate pairs, which no file can hold."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_paired(v) for v in value]
    return {_paired(k): _paired(v) for k, v in value.items()} if isinstance(value, dict) else value


class _Reader:
    """A recursive descent over one value; `cut` says that the text ended inside it."""

    def __init__(self, text: str, at: int) -> None:
        self.text, self.at, self.cut = text, at, False

    def value(self, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise ValueError("too deep")
        self._skip()
        if self.at >= len(self.text):
            return self._broken()
        c = self.text[self.at]
        if c == "{":
            return self._object(depth)
        if c == "[":
            return self._list(depth)
        if c in _CLOSING:
            return self._string(_ENDS_VALUE)
        number = _NUMBER.match(self.text, self.at)
        if number:
            self.at = number.end()
            return float(number[0]) if re.search(r"[.eE]", number[0]) else int(number[0])
        return self._word()

    def _object(self, depth: int) -> dict[str, Any]:
        self.at += 1
        made: dict[str, Any] = {}
        while not self.cut:
            self._skip(",")
            if self.at >= len(self.text):
                self._broken()
                break
            c = self.text[self.at]
            if c == "}":
                self.at += 1
                break
            if c == "]":
                break  # a brace was forgotten: the list around it ends here
            key = self._string(_ENDS_KEY) if c in _CLOSING else self._key()
            self._skip()
            if self.at >= len(self.text) or key is _CUT:
                self._broken()
                break
            if self.text[self.at] != ":":
                raise ValueError(f"no colon after {key!r}")
            self.at += 1
            value = self.value(depth + 1)
            if value is not _CUT:
                made[str(key)] = value
        return made

    def _list(self, depth: int) -> list[Any]:
        self.at += 1
        made: list[Any] = []
        while not self.cut:
            self._skip(",")
            if self.at >= len(self.text):
                self._broken()
                break
            if self.text[self.at] == "]":
                self.at += 1
                break
            if self.text[self.at] == "}":
                break  # a bracket was forgotten: the object around it ends here
            value = self.value(depth + 1)
            # An element that was not finished is none: half a turn was never said.
            if value is not _CUT and not self.cut:
                made.append(value)
        return made

    def _string(self, ends: re.Pattern[str]) -> Any:
        """A string up to the quote after which its kind of value can end; quotes inside it stay."""
        close = _CLOSING[self.text[self.at]]
        out: list[str] = []
        i = start = self.at + 1
        text = self.text
        while i < len(text):
            c = text[i]
            if c == "\\":
                out.append(text[start:i])
                piece, i = self._escape(i)
                out.append(piece)
                start = i
                continue
            if (c == close or c == '"' == text[self.at]) and ends.match(text, i + 1):
                out.append(text[start:i])
                self.at = i + 1
                return "".join(out)
            i += 1
        return self._broken()

    def _escape(self, i: int) -> tuple[str, int]:
        following = self.text[i + 1 : i + 2]
        if following == "u":
            digits = self.text[i + 2 : i + 6]
            if re.fullmatch(r"[0-9a-fA-F]{4}", digits):
                code = chr(int(digits, 16))
                return ("\ufffd" if "\ud800" <= code <= "\udfff" else code), i + 6
        return _ESCAPES.get(following, following), i + 2

    def _key(self) -> Any:
        found = _BARE.match(self.text, self.at)
        if not found:
            raise ValueError("no key")
        self.at = found.end()
        return found[0].strip()

    def _word(self) -> Any:
        found = _BARE.match(self.text, self.at)
        if not found:
            raise ValueError("no value")
        word = found[0].strip()
        if word.lower() not in _WORDS and self.text[found.end() : found.end() + 1] not in (",", "}", "]", ""):
            raise ValueError(f"a bare word {word!r}")
        self.at = found.end()
        if self.at >= len(self.text):
            return self._broken()
        return _WORDS.get(word.lower(), word)

    def _skip(self, also: str = "") -> None:
        while True:
            found = _SPACE.match(self.text, self.at)
            self.at = found.end() if found else self.at
            if not also or self.text[self.at : self.at + 1] != also:
                return
            self.at += 1

    def _broken(self) -> Any:
        self.cut, self.at = True, len(self.text)
        return _CUT
