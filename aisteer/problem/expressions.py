"""Formulas of a user's, read and computed without ever being executed as code."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from aisteer.errors import BadDefinition

__all__ = ["FLOATS", "FUNCTIONS", "Expression", "Functions", "parsed"]

Functions = Mapping[str, Callable[..., Any]]
"""What the names of functions, and ``**`` as ``pow``, stand for: on floats, arrays or tensors."""
_Computed = Callable[[Mapping[str, Any], Functions], Any]

FLOATS: Functions = {
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "abs": abs,
    "min": min,
    "max": max,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "pow": math.pow,
}
FUNCTIONS = tuple(name for name in FLOATS if name != "pow")
"""Those that a formula may name."""
_SEVERAL = frozenset({"min", "max"})
_MOST = 400
"""Parts of a formula, and a third of it levels: what is read by recursion has to end."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A formula of numbers, names, ``+ - * / **``, brackets and ``FUNCTIONS``.

    Attributes:
        text: As it is written.
        names: Names of the variables, in the order in which they appear.
    """

    text: str
    names: tuple[str, ...]
    _computed: _Computed

    def value(self, values: Mapping[str, Any], functions: Functions = FLOATS) -> Any:
        """Its value; that of floats is ``nan`` where it has none (a root of -1, a division by 0)."""
        if functions is not FLOATS:
            return self._computed(values, functions)
        try:
            return float(self._computed(values, functions))
        except (ValueError, ArithmeticError):
            return math.nan


def parsed(node: ast.expr, text: str) -> Expression:
    """The formula that ``node`` is.

    Args:
        node: A part of the tree of ``text``.
        text: All that the user wrote, for messages.

    Raises:
        BadDefinition: It holds something else, or too much.
    """
    parts = list(ast.walk(node))
    if len(parts) > _MOST or _depth(node) > _MOST // 3:
        raise BadDefinition(f"The constraint {text!r:.100} is too long: compute it inside the simulation.")
    computed = _compiled(node, text)
    called = {id(part.func) for part in parts if isinstance(part, ast.Call)}
    names = dict.fromkeys(p.id for p in parts if isinstance(p, ast.Name) and id(p) not in called)
    return Expression(ast.unparse(node), tuple(names), computed)


def _depth(node: ast.AST) -> int:
    deepest, level = 0, [node]
    while level:
        deepest += 1
        level = [child for part in level for child in ast.iter_child_nodes(part)]
    return deepest


def _compiled(node: ast.expr, text: str) -> _Computed:
    match node:
        case ast.Constant(value=value) if isinstance(value, int | float) and not isinstance(value, bool):
            return _number(value, text)
        case ast.Name(id=name):
            return lambda values, _: values[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _compiled(operand, text)
            return lambda values, functions: -inner(values, functions)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _compiled(operand, text)
        case ast.BinOp(left=left, op=operator, right=right):
            return _combined(_compiled(left, text), operator, _compiled(right, text), node, text)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            return _called(name, [_compiled(one, text) for one in arguments], text)
        case _:
            raise _unknown(node, text)


def _unknown(node: ast.expr, text: str) -> BadDefinition:
    return BadDefinition(
        f"The constraint {text!r:.100} may hold only numbers, names, + - * / **, brackets and "
        f"{', '.join(FUNCTIONS)}; {ast.unparse(node)!r:.60} is none of these."
    )


def _number(value: float, text: str) -> _Computed:
    try:
        number = float(value)  # whole numbers too: 9**9**9 is to overflow, not to be computed
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise BadDefinition(f"The constraint {text!r:.100} holds a number that is not finite.")
    return lambda _values, _functions: number


def _combined(
    left: _Computed, operator: ast.operator, right: _Computed, node: ast.expr, text: str
) -> _Computed:
    match operator:
        case ast.Add():
            return lambda v, f: left(v, f) + right(v, f)
        case ast.Sub():
            return lambda v, f: left(v, f) - right(v, f)
        case ast.Mult():
            return lambda v, f: left(v, f) * right(v, f)
        case ast.Div():
            return lambda v, f: left(v, f) / right(v, f)
        case ast.Pow():
            return lambda v, f: f["pow"](left(v, f), right(v, f))
        case _:
            raise _unknown(node, text)


def _called(name: str, arguments: Sequence[_Computed], text: str) -> _Computed:
    if name in _SEVERAL and len(arguments) >= 2:
        return lambda v, f: reduce(f[name], (one(v, f) for one in arguments))
    if name in _SEVERAL or len(arguments) != 1:
        wanted = "two or more numbers" if name in _SEVERAL else "one number"
        raise BadDefinition(f"In the constraint {text!r:.100}, {name} takes {wanted}.")
    (only,) = arguments
    return lambda v, f: f[name](only(v, f))
