"""The Jinja of prompts and phrasings: a sandbox, and less than all of Jinja, since a domain may come from anybody.

Jinja's sandbox keeps a template from files and processes, not from taking all memory or never ending. So a template here says texts,
tests, loops over what it is given, filters and methods of texts, and no more: nothing that grows what it works on again and again,
nothing that draws by itself; loops and lengths have limits at run time.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from jinja2 import BaseLoader, StrictUndefined, Template, TemplateRuntimeError, TemplateSyntaxError, nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

MOST_STEPS = 10_000
"""Rounds of loops, and included files, in one text."""
MOST_CHARACTERS = 1_000_000
"""Of one text: many times the context of any model."""
METHODS = frozenset(
    "items keys values get lower upper title capitalize strip lstrip rstrip startswith endswith split".split()  # noqa: SIM905
)
"""What may be called on a value."""
FILTERS = frozenset(
    "abs an cap capitalize count default d first float int items join last length list low lower max min plural reject "  # noqa: SIM905
    "rejectattr reverse select selectattr sort string sum title trim unique upper wordcount".split()
)
_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.Name, nodes.Getattr, nodes.Getitem, nodes.If, nodes.CondExpr,
    nodes.For, nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Add, nodes.Sub, nodes.Neg,
    nodes.Div, nodes.FloorDiv, nodes.Concat, nodes.Slice, nodes.Call, nodes.List, nodes.Tuple, nodes.Assign, nodes.Include,
)  # fmt: skip
_SAID = {
    nodes.Mul: "*", nodes.Pow: "**", nodes.Mod: "%", nodes.Pos: "+ before a value",
    nodes.AssignBlock: "set … endset", nodes.CallBlock: "call", nodes.FilterBlock: "filter … endfilter", nodes.FromImport: "from … import",
}  # fmt: skip
_STEPS, _COUNTED = "_steps_", "_counted_"
_TOO_DEEP = "nested too deep."


class Limited(Template):
    """A template whose text, and the loops on the way to it, have a length. TemplateRuntimeError where it would be longer."""

    def new_context(
        self, vars: dict[str, Any] | None = None, shared: bool = False, locals: Mapping[str, Any] | None = None
    ) -> Context:
        if shared:  # an included file: it counts on where the file around it is
            _count((vars or {}).get(_STEPS), 1)
            return super().new_context(vars, shared, locals)
        return super().new_context({**(vars or {}), _STEPS: [0]}, shared, locals)

    def render(self, *args: Any, **kwargs: Any) -> str:
        said, n = [], 0
        for text in self.generate(*args, **kwargs):
            n += len(text)
            if n > MOST_CHARACTERS:
                raise TemplateRuntimeError(f"a text of over {MOST_CHARACTERS} characters")
            said.append(text)
        return "".join(said)


class Prompting(ImmutableSandboxedEnvironment):
    """Jinja as far as prompts need it. TemplateSyntaxError, with the line, where a template asks for more."""

    template_class = Limited

    def __init__(self, loader: BaseLoader | None = None, **more: Any) -> None:
        super().__init__(loader=loader, undefined=StrictUndefined, autoescape=False, **more)
        self.globals.clear()
        self.filters = {name: self.filters[name] for name in FILTERS if name in self.filters}
        self.filters[_COUNTED] = _counted

    def _parse(self, source: str, name: Any, filename: Any) -> nodes.Template:
        try:
            return super()._parse(source, name, filename)
        except RecursionError:
            raise TemplateSyntaxError(_TOO_DEEP, 1, name, filename) from None

    def _generate(self, source: nodes.Template, name: Any, filename: Any, defer_init: bool = False) -> str:
        """Where every template passes on its way to code, an expression too."""
        self.check(source, name, filename)
        for loop in source.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, _COUNTED, [], [], None, None, lineno=loop.lineno)
            loop.set_environment(self)
        try:
            return super()._generate(source, name, filename, defer_init)
        except RecursionError:
            raise TemplateSyntaxError(_TOO_DEEP, 1, name, filename) from None

    def check(self, source: nodes.Template, name: str | None = None, filename: str | None = None) -> None:
        """TemplateSyntaxError where a parsed template asks for more than prompts need."""
        stored: set[str] = set()
        try:
            for node in _all(source):
                why = _fault(node, stored, self.filters)
                if why:
                    raise TemplateSyntaxError(f"{why} A prompt's template needs none", node.lineno, name, filename)
        except RecursionError:
            raise TemplateSyntaxError(_TOO_DEEP, 1, name, filename) from None


def _all(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _all(child)


def _fault(node: nodes.Node, stored: set[str], filters: Mapping[str, Callable[..., Any]]) -> str:
    """What is wrong with one node, "" where nothing is."""
    if not isinstance(node, _NODES):
        return f"there is {_SAID.get(type(node)) or type(node).__name__.lower()} here."
    if isinstance(node, nodes.Name) and node.name in (_STEPS, _COUNTED):
        return f"the name {node.name} is taken."
    if isinstance(node, nodes.Filter) and (node.name not in filters or node.name == _COUNTED):
        return f"the filter {node.name} is none of {', '.join(sorted(filters.keys() - {_COUNTED}))}."
    if (
        isinstance(node, nodes.Filter)
        and node.name == "join"
        and sum(f.name == "join" for f in node.find_all(nodes.Filter))
    ):
        return "there is a join within a join."
    if isinstance(node, nodes.Call) and not _may_be_called(node):
        return f"there is a call of something else than a helper or {', '.join(sorted(METHODS))}."
    if isinstance(node, nodes.For) and node.recursive:
        return "there is a loop that calls itself."
    if isinstance(node, nodes.Include) and not (node.with_context and _names_a_template(node.template)):
        return "there is an include of something else than the name of a .j2 file."
    if isinstance(node, nodes.Assign):
        again = sorted(stored & {n.name for n in node.node.find_all(nodes.Name)} if _is_grown(node.node) else ())
        stored |= {n.name for n in node.find_all(nodes.Name) if n.ctx == "store"}
        if again:
            return f"{again[0]} is set to something that is made of what was set before."
    return ""


def _names_a_template(value: nodes.Node) -> bool:
    return isinstance(value, nodes.Const) and str(value.value).endswith(".j2")


def _is_grown(value: nodes.Node) -> bool:
    """Whether a value may be longer than what it is made of."""
    return any(
        True for _ in _all(value) if isinstance(_, nodes.Add | nodes.Concat | nodes.List | nodes.Tuple | nodes.Filter)
    )


def _may_be_called(node: nodes.Call) -> bool:
    plain = not (node.dyn_args or node.dyn_kwargs)
    return plain and (
        isinstance(node.node, nodes.Name) or (isinstance(node.node, nodes.Getattr) and node.node.attr in METHODS)
    )


@pass_context
def _counted(context: Context, items: Any) -> list[Any]:
    """What a loop goes over, its rounds counted."""
    found = []
    for item in items:
        _count(context.get(_STEPS), 1)
        found.append(item)
    return found


def _count(steps: Any, n: int) -> None:
    taken = cast("list[int]", steps)
    taken[0] += n
    if taken[0] > MOST_STEPS:
        raise TemplateRuntimeError(f"loops of over {MOST_STEPS} rounds")
