"""Phrasings: Jinja2 templates with drawn alternatives, compiled once, rendered with a Dice and a view of the slots.

`<a|b|>` is an alternative: it becomes Jinja `if` branches over a draw, so it nests and may hold slots.
"""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jinja2 import TemplateError, TemplateRuntimeError, TemplateSyntaxError, UndefinedError, meta, nodes

from datagen.domains.templates import Prompting
from datagen.errors import UserError, one_line

_FAULTS = (TemplateError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What a template raises that is one: a name that is not there, a division by zero, a number where a text is needed."""
HELPERS = frozenset({"choose", "part"})
"""What every phrasing may call beside its slots."""

_TOKEN = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|[<|>]", re.S)
_DRAWN = re.compile(r"c\d+_$")
"""The names of the draws that alternatives become."""

_SPACES = re.compile(r"\s+")
_BEFORE_STOP = re.compile(r"\s+([,.?!;]|['’](?:s|m|re|ve|ll|d)\b)")
_DOUBLED = re.compile(r"([,;])(?:\s*[,;])+|,(?=[.?!])|(?<=[.?!])[.,;]+")
_START = re.compile(r"(^|[.?!] )([a-z])(?=[a-z']* |[a-z']*[,.?!](?: |$)|[a-z']*$)")
_LONE_I = re.compile(r"\bi(?=['’ ]|$)")
_UNTIDY = re.compile(
    r"\s\s|[^\S ]|^[\s,;.]|\s$|\s[,.?!;'’]|[,;]\s*[,;]|,[.?!]|[.?!][.,;]|(?:^|[.?!] )[a-z]|" + _LONE_I.pattern
)
"""What every text has that any of the above changes; half of the texts have none of it."""


class Dice:
    """Cheap scalar draws from one numpy Generator, in a fixed order."""

    __slots__ = ("_buffer", "_next", "_rng")

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._buffer: list[float] = []
        self._next = 0

    def unit(self) -> float:
        """A number in [0, 1)."""
        if self._next == len(self._buffer):
            self._buffer = self._rng.random(64).tolist()
            self._next = 0
        self._next += 1
        return self._buffer[self._next - 1]

    def index(self, n: int) -> int:
        """An integer in [0, n)."""
        return int(self.unit() * n)

    def pick(self, values: Sequence[Any]) -> Any:
        return values[int(self.unit() * len(values))]

    def chance(self, share: float) -> bool:
        return self.unit() < share

    def between(self, low: int, high: int) -> int:
        """An integer in [low, high]."""
        return low + int(self.unit() * (high - low + 1))

    def weighted(self, values: Sequence[Any], weights: Sequence[float]) -> Any:
        """A value with its weight's share; weights need not sum to 1."""
        left = self.unit() * sum(weights)
        for value, weight in zip(values, weights, strict=True):
            left -= weight
            if left < 0:
                return value
        return values[-1]


def capital(text: str) -> str:
    """`text` with a capital first letter."""
    return text[:1].upper() + text[1:]


def small(text: str) -> str:
    """`text` with a small first letter."""
    return text[:1].lower() + text[1:]


def article(text: str) -> str:
    """`text` with its indefinite article, by its first letter (and the usual exceptions)."""
    word = text.lower()
    exceptional = word.startswith(("hour", "honest", "8", "11", "18", "fhm")) or (
        word.startswith(("a", "e", "i", "o", "u")) and not word.startswith(("uni", "use", "usu", "one", "eu"))
    )
    return f"{'an' if exceptional else 'a'} {text}"


def plural(word: str, n: object) -> str:
    """`word` in the number of `n` ("1" or 1 is singular)."""
    if str(n) == "1":
        return word
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "ch", "sh")) else "s")


def tidy(text: str) -> str:
    """`text` with single spaces, no space before a stop, no doubled commas, and capitals at sentence starts."""
    if not _UNTIDY.search(text):
        return text
    text = _SPACES.sub(" ", text).strip()
    text = _BEFORE_STOP.sub(r"\1", text)
    text = _DOUBLED.sub(lambda m: m.group(1) or "", text).lstrip(",;. ")
    text = _START.sub(lambda m: m.group(1) + m.group(2).upper(), text)
    return _LONE_I.sub("I", text)


def _environment() -> Prompting:
    env = Prompting()
    env.filters.update(cap=capital, low=small, an=article, plural=plural)
    return env


ENV = _environment()


def alternatives(source: str) -> str:
    """Jinja source in which every `<a|b>` of `source` is an `if` over `choose(n)`. ValueError on unbalanced brackets."""
    out: list[list[str]] = [[]]
    stack: list[list[list[str]]] = []
    end = 0
    n_sets = 0
    for match in _TOKEN.finditer(source):
        out[-1].append(source[end : match.start()])
        end = match.end()
        token = match.group()
        if token == "<":
            stack.append([])
            out.append([])
        elif token == "|" and stack:
            stack[-1].append(out.pop())
            out.append([])
        elif token == ">":
            if not stack:
                raise ValueError("'>' without '<'")
            branches = [*stack.pop(), out.pop()]
            n_sets += 1
            out[-1].append(_branches(["".join(b) for b in branches], f"c{n_sets}_"))
        else:
            out[-1].append(token)
    if stack:
        raise ValueError("'<' without '>'")
    out[-1].append(source[end:])
    return "".join(out[-1])


def _branches(texts: list[str], name: str) -> str:
    if len(texts) == 1:
        return texts[0]
    head = f"{{% set {name} = choose({len(texts)}) %}}{{% if {name} == 0 %}}{texts[0]}"
    body = "".join(f"{{% elif {name} == {i} %}}{t}" for i, t in enumerate(texts[1:-1], 1))
    return f"{head}{body}{{% else %}}{texts[-1]}{{% endif %}}"


def n_expansions(source: str) -> int:
    """How many different texts the alternatives of `source` multiply to."""
    totals: list[list[int]] = [[1]]
    for match in _TOKEN.finditer(source):
        token = match.group()
        if token == "<":
            totals.append([1])
        elif token == "|" and len(totals) > 1:
            totals[-1].append(1)
        elif token == ">" and len(totals) > 1:
            branches = sum(totals.pop())
            totals[-1][-1] *= branches
    return totals[0][0]


_OPENERS = re.compile(r"\{[{%#]")
_PLAIN_SLOT = re.compile(r"\{\{\s*([a-z_][a-z0-9_]*)\s*(?:\|\s*(?:cap|low|an)\s*)?\}\}")


def _names(source: str, template: str) -> frozenset[str]:
    """The slots that a phrasing names; TemplateSyntaxError where it is no template.

    Most hold nothing but plain slots, and are read without Jinja's parser: a domain has 2,000 phrasings, which every
    worker loads. What a `set` of the alternatives draws is a name of the template's own.
    """
    plain = _PLAIN_SLOT.findall(source)
    if len(plain) == len(_OPENERS.findall(source)):
        return frozenset(plain) - HELPERS
    tree = ENV.parse(template)
    ENV.check(tree)
    found = list(tree.find_all(nodes.Name))
    stored = {n.name for n in found if n.ctx != "load"}
    return frozenset(n.name for n in found if not _DRAWN.match(n.name)) - stored - HELPERS


_Parts = list[Any]
"""A phrasing without statements: texts, slots as (name, filter), and alternatives as a list of their branches."""


def plain_template(source: str) -> Callable[..., str] | None:
    """What renders a phrasing of plain slots and alternatives just as its Jinja template does, in a tenth of the time; None for others.

    Compiling a template takes 4 ms and rendering one 50 µs, most of it for contexts that such phrasings have no use for.
    """
    slots = _PLAIN_SLOT.findall(source)
    known = any(name in ENV.globals or name in HELPERS or name in _WORDS or _DRAWN.match(name) for name in slots)
    if known or len(slots) != len(_OPENERS.findall(source)):
        return None
    parts = _parts(source)

    def render(view: Mapping[str, Any], choose: Callable[[int], int], part: Callable[[str], str]) -> str:
        said: list[str] = []
        _say(parts, view, choose, said)
        return "".join(said)

    return render


_WORDS = frozenset("true false none not and or in is if else self loop super caller varargs kwargs".split())  # noqa: SIM905
"""Names that mean something of their own to Jinja."""


def _parts(source: str) -> _Parts:
    """The parts of a source whose brackets pair (`alternatives` has seen to it)."""
    out: list[_Parts] = [[]]
    stack: list[list[_Parts]] = []
    end = 0
    for match in _TOKEN.finditer(source):
        out[-1].append(source[end : match.start()])
        end, token = match.end(), match.group()
        if token == "<":
            stack.append([])
            out.append([])
        elif token == "|" and stack:
            stack[-1].append(out.pop())
            out.append([])
        elif token == ">":
            branches = [*stack.pop(), out.pop()]
            out[-1] += branches[0] if len(branches) == 1 else [branches]
        elif token == "|":
            out[-1].append(token)
        else:
            name, _, how = token[2:-2].partition("|")
            out[-1].append((name.strip(), ENV.filters[how.strip()] if how else str))
    out[-1].append(source[end:])
    return out[-1]


def _say(parts: _Parts, view: Mapping[str, Any], choose: Callable[[int], int], said: list[str]) -> None:
    for part in parts:
        if type(part) is str:
            said.append(part)
        elif type(part) is tuple:
            name, how = part
            if name not in view:
                raise UndefinedError(f"{name!r} is undefined")
            said.append(str(how(view[name])))
        else:
            _say(part[choose(len(part))], view, choose, said)


MOST_DEEP, MOST_PARTS = 8, 200
"""How deep parts may lie in each other, and how many one `part(…)` may come to."""
_nested = threading.local()


def _bounded(part: Callable[[str], str]) -> Callable[[str], str]:
    """`part`, refusing parts that hold themselves, and those that hold others that hold others without end."""

    def call(name: str) -> str:
        depth: int = getattr(_nested, "depth", 0)
        _nested.n = getattr(_nested, "n", 0) + 1 if depth else 1
        if depth >= MOST_DEEP or _nested.n > MOST_PARTS:
            raise TemplateRuntimeError(
                f"part({name!r}): parts within parts, over {MOST_DEEP} deep or {MOST_PARTS} in all"
            )
        _nested.depth = depth + 1
        try:
            return part(name)
        finally:
            _nested.depth = depth

    return call


class Phrase:
    """One phrasing: its source, the slots that it names (`stated`: says, not only tests), and a template compiled at its first use.

    UserError, naming `where`, when the source is no valid Jinja or its brackets do not pair.
    """

    __slots__ = ("_render", "names", "parts", "source", "stated", "where")

    def __init__(self, source: str, where: str) -> None:
        self.source = source
        self.where = where
        try:
            self.names = _names(source, alternatives(source))
        except (TemplateSyntaxError, ValueError) as error:
            raise UserError(f"{where}: {one_line(error)}. In: {source!r}") from None
        self.stated = self.names & frozenset(
            re.findall(r"[a-z_][a-z0-9_]*", " ".join(re.findall(r"\{\{(.*?)\}\}", source)))
        )
        self.parts = frozenset(re.findall(r"""part\(\s*["']([^"']+)["']\s*\)""", source))
        self._render: Callable[..., str] | None = None

    def render(self, view: Mapping[str, Any], choose: Callable[[int], int], part: Callable[[str], str]) -> str:
        """The tidied text; UserError when the phrasing names what the view does not hold, or does with it what cannot be done."""
        if self._render is None:
            self._render = plain_template(self.source) or ENV.from_string(alternatives(self.source)).render
        try:
            return tidy(self._render(view, choose=choose, part=_bounded(part) if "part" in self.source else part))
        except _FAULTS as error:
            raise UserError(f"{self.where}: {one_line(error)}. In: {self.source!r}") from None


def condition(source: str, where: str) -> Callable[[Mapping[str, Any]], bool]:
    """A test over slots from a Jinja expression (`pick == 'express'`)."""
    try:
        expression = ENV.compile_expression(source, undefined_to_none=False)
    except TemplateSyntaxError as error:
        raise UserError(f"{where}: {error.message}. In: {source!r}") from None
    except RecursionError:
        raise UserError(f"{where}: brackets nested too deep. In: {source[:80]!r}…") from None

    def holds(view: Mapping[str, Any]) -> bool:
        try:
            return bool(expression(dict(view)))
        except _FAULTS as error:
            raise UserError(f"{where}: {one_line(error)}. In: {source!r}") from None

    return holds


def names_in_condition(source: str) -> frozenset[str]:
    """The slots that a condition names."""
    return frozenset(meta.find_undeclared_variables(ENV.parse("{{ " + source + " }}")))
