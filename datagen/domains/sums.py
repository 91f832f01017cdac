"""The numbers of a word problem: some are drawn, others computed from them by formulas, so that the answer is known."""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from datagen.domains.phrasing import Dice
from datagen.text.forms import dollars as two_places

ANSWER = "answer"
"""The number that a problem asks for: every problem has it."""
MAX_DRAWS = 200

_OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Numbers:
    """A problem's numbers by name, in order: a range (lowest, highest, step) or a formula over those before it.

    `money` are counted in cents, and shown as dollars; `require` are conditions that a draw has to meet.
    """

    sources: Mapping[str, tuple[int, int, int] | ast.expr]
    money: frozenset[str]
    require: tuple[ast.expr, ...]

    def values(self, dice: Dice) -> dict[str, int]:
        """One draw; ValueError where a formula gives no whole number above zero, or no draw meets the conditions."""
        for _ in range(MAX_DRAWS):
            found: dict[str, int] = {}
            for name, source in self.sources.items():
                if isinstance(source, tuple):
                    low, high, step = source
                    found[name] = low + step * dice.index((high - low) // step + 1)
                else:
                    found[name] = evaluate(source, found)
            if all(evaluate(c, found) for c in self.require):
                wrong = next((n for n, v in found.items() if v <= 0), None)
                if wrong:
                    raise ValueError(f"{wrong} is {found[wrong]} with {found}: numbers are above zero. Add a require.")
                return found
        raise ValueError(f"none of {MAX_DRAWS} draws meets its conditions (require).")

    def draw(self, dice: Dice) -> dict[str, str]:
        """One draw as it is said: `24`, `$3.50`, `1,200`."""
        return {name: self.shown(name, value) for name, value in self.values(dice).items()}

    def shown(self, name: str, value: int) -> str:
        """A number as display text."""
        if name not in self.money:
            return f"{value:,}"
        whole, cents = divmod(value, 100)
        return f"${whole:,}.{two_places(f'0.{cents:02d}')[-2:]}" if cents else f"${whole:,}"


def compile_numbers(
    table: Mapping[str, tuple[int, ...] | str], money: tuple[str, ...], require: tuple[str, ...]
) -> Numbers:
    """A problem's numbers; ValueError where a range or a formula is none, or the answer is missing."""
    sources: dict[str, tuple[int, int, int] | ast.expr] = {}
    for name, source in table.items():
        if isinstance(source, str):
            sources[name] = parse(source, set(sources))
        elif len(source) in (2, 3) and source[0] <= source[1] and (*source, 1)[2] > 0:
            sources[name] = (source[0], source[1], (*source, 1)[2])
        else:
            raise ValueError(f"numbers.{name}: needs [lowest, highest] or [lowest, highest, step], got {list(source)}.")
    if not isinstance(sources.get(ANSWER), ast.expr):
        raise ValueError(f'numbers: needs a formula for {ANSWER}, e.g. {ANSWER} = "a - b".')
    for name in money:
        if name not in sources:
            raise ValueError(f"money: there is no number {name!r}. There are: {', '.join(sources)}.")
    return Numbers(sources, frozenset(money), tuple(parse(c, set(sources)) for c in require))


def parse(source: str, names: set[str]) -> ast.expr:
    """A formula of whole numbers: names, + - * // % and comparisons; ValueError names what it may not hold."""
    try:
        body = ast.parse(source, mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"{source!r} is no formula: {error.msg}.") from None
    for node in ast.walk(body):
        if isinstance(node, ast.Name) and node.id not in names:
            raise ValueError(
                f"{source!r}: there is no number {node.id!r} before it. There are: {', '.join(sorted(names))}."
            )
        known = isinstance(node, ast.BinOp | ast.Compare | ast.Name | ast.Load | ast.operator | ast.cmpop)
        if not known and not (isinstance(node, ast.Constant) and type(node.value) is int):
            raise ValueError(f"{source!r}: {type(node).__name__} has no place in a formula of whole numbers.")
        if isinstance(node, ast.operator | ast.cmpop) and type(node) not in _OPERATORS:
            raise ValueError(f"{source!r}: only + - * // % and comparisons are known.")
    return body


def evaluate(node: ast.expr, values: Mapping[str, int]) -> int:
    """A parsed formula with its numbers put in; ValueError where it divides by zero."""
    if isinstance(node, ast.Constant):
        return int(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.Name):
        return values[node.id]
    try:
        if isinstance(node, ast.BinOp):
            return int(_OPERATORS[type(node.op)](evaluate(node.left, values), evaluate(node.right, values)))
    except ZeroDivisionError:
        raise ValueError(f"{ast.unparse(node)} divides by zero with {dict(values)}.") from None
    assert isinstance(node, ast.Compare)
    left = evaluate(node.left, values)
    for operator_, right_node in zip(node.ops, node.comparators, strict=True):
        right = evaluate(right_node, values)
        if not _OPERATORS[type(operator_)](left, right):
            return 0
        left = right
    return 1
