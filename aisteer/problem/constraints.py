"""Constraints between parameters, or between outcomes, written the way they are read."""

from __future__ import annotations

import ast
import keyword
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from aisteer.errors import BadDefinition
from aisteer.problem.expressions import Expression, parsed
from aisteer.problem.naming import did_you_mean
from aisteer.problem.parameters import Choice, Float, Int, Parameter

__all__ = ["Constraint", "Linear", "Nonlinear", "check_bounds", "check_names", "parse_constraint"]

_ROUNDING = 1e-9
_WORDS = re.compile(rf"\b({'|'.join(sorted(set(keyword.kwlist) - {'True', 'False', 'None'}))})\b")
_MARK = "__as_a_name"
"""Behind a name that Python would take for one of its own words: ``yield`` is what chemists maximize."""


@dataclass(frozen=True, slots=True)
class Linear:
    """``sum(coefficients[name] * value[name]) <= bound``.

    Attributes:
        text: The constraint as the user wrote it.
        coefficients: By parameter name; none is zero.
        bound: The right-hand side.
    """

    text: str
    coefficients: dict[str, float]
    bound: float

    @property
    def names(self) -> tuple[str, ...]:
        """What it speaks of."""
        return tuple(self.coefficients)

    def excess(self, values: Mapping[str, float]) -> float:
        """By how much the left side exceeds the bound; at most 0 where it holds."""
        return sum(c * values[name] for name, c in self.coefficients.items()) - self.bound

    def holds(self, values: Mapping[str, float]) -> bool:
        """Whether it holds, to a relative 1e-9 for rounding."""
        scale = abs(self.bound) + sum(abs(c * values[name]) for name, c in self.coefficients.items())
        return self.excess(values) <= _ROUNDING * max(scale, 1e-300)


@dataclass(frozen=True, slots=True)
class Nonlinear:
    """``left <= right``, where one of them is no linear formula.

    Attributes:
        text: The constraint as the user wrote it.
        left: What must not exceed ``right``.
        right: The other side.
    """

    text: str
    left: Expression
    right: Expression

    @property
    def names(self) -> tuple[str, ...]:
        """What it speaks of."""
        return tuple(dict.fromkeys([*self.left.names, *self.right.names]))

    def excess(self, values: Mapping[str, float]) -> float:
        """By how much the left side exceeds the right; ``nan`` where one of them has no value."""
        return float(self.left.value(values) - self.right.value(values))

    def holds(self, values: Mapping[str, float]) -> bool:
        """Whether both sides have a value and it holds, to a relative 1e-9 for rounding."""
        left, right = self.left.value(values), self.right.value(values)
        return bool(left - right <= _ROUNDING * max(abs(left), abs(right), 1e-300))


Constraint = Linear | Nonlinear


class _NotLinear(Exception):
    """Raised where a formula is more than a sum; it may still be a formula."""


@dataclass(frozen=True, slots=True)
class _Sum:
    """A linear expression: ``coefficients`` by name, and a constant."""

    coefficients: dict[str, float]
    constant: float

    def plus(self, other: _Sum, sign: float = 1.0) -> _Sum:
        merged = dict(self.coefficients)
        for name, coefficient in other.coefficients.items():
            merged[name] = merged.get(name, 0.0) + sign * coefficient
        return _Sum(merged, self.constant + sign * other.constant)

    def times(self, factor: float) -> _Sum:
        return _Sum({n: factor * c for n, c in self.coefficients.items()}, factor * self.constant)


def parse_constraint(text: str) -> list[Constraint]:
    """Read ``"temperature + 2*x <= 1500"``; a chain ``"1 <= x + y <= 2"`` gives two.

    Only numbers, names, ``+ - * / **``, brackets, the functions of ``expressions`` and ``<= < >= >`` are read;
    nothing is executed. Strict signs are read like ``<=`` and ``>=``: on real numbers the edge makes no difference.

    Raises:
        BadDefinition: It is no inequality of such formulas.
    """
    if not isinstance(text, str):
        raise BadDefinition(f"A constraint is written as text, such as 'x + 2*y <= 3', not {text!r:.100}.")
    try:
        tree = _named(ast.parse(_WORDS.sub(rf"\1{_MARK}", text.strip()), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadDefinition(f"The constraint {text!r:.100} cannot be read: {error}.") from None
    if not isinstance(tree, ast.Compare):
        raise BadDefinition(f"The constraint {text!r:.100} must compare two sides with <= or >=.")
    sides = (tree.left, *tree.comparators)
    found = []
    for left, operator, right in zip(sides, tree.ops, sides[1:], strict=False):
        if isinstance(operator, ast.LtE | ast.Lt):
            found.append(_inequality(text, left, right))
        elif isinstance(operator, ast.GtE | ast.Gt):
            found.append(_inequality(text, right, left))
        else:
            raise BadDefinition(
                f"The constraint {text!r:.100} must use <= or >=. For an equality, compute one of the parameters "
                "from the others inside the simulation and leave it out of the space."
            )
    return found


def _named(tree: ast.expr) -> ast.expr:
    """With the names that are words of Python, such as ``yield``, as they were written."""
    for part in ast.walk(tree):
        if isinstance(part, ast.Name) and part.id.endswith(_MARK):
            part.id = part.id.removesuffix(_MARK)
    return tree


def _inequality(text: str, left: ast.expr, right: ast.expr) -> Constraint:
    try:
        return _finished(text, _linear(left).plus(_linear(right), -1.0))
    except _NotLinear as why:
        if why.args:
            raise BadDefinition(f"The constraint {text!r:.100} {why}.") from None
        return Nonlinear(text, parsed(left, text), parsed(right, text))
    except (RecursionError, OverflowError) as error:
        raise BadDefinition(f"The constraint {text!r:.100} cannot be read: {error}.") from None


def _finished(text: str, difference: _Sum) -> Linear:
    coefficients = {name: c for name, c in difference.coefficients.items() if c != 0.0}
    numbers = (*coefficients.values(), difference.constant)
    if not coefficients:
        raise BadDefinition(f"The constraint {text!r:.100} does not depend on any parameter.")
    if not all(math.isfinite(number) for number in numbers):
        raise BadDefinition(f"The constraint {text!r:.100} holds a number that is not finite.")
    return Linear(text, coefficients, 0.0 - difference.constant)


def _linear(node: ast.expr) -> _Sum:
    match node:
        case ast.Constant(value=value) if isinstance(value, int | float) and not isinstance(value, bool):
            return _Sum({}, float(value))
        case ast.Name(id=name):
            return _Sum({name: 1.0}, 0.0)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _linear(operand).times(-1.0)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _linear(operand)
        case ast.BinOp(left=left, op=operator, right=right):
            return _combined(_linear(left), operator, _linear(right))
        case _:
            raise _NotLinear


def _combined(left: _Sum, operator: ast.operator, right: _Sum) -> _Sum:
    match operator:
        case ast.Add():
            return left.plus(right)
        case ast.Sub():
            return left.plus(right, -1.0)
        case ast.Mult() if not left.coefficients:
            return right.times(left.constant)
        case ast.Mult() if not right.coefficients:
            return left.times(right.constant)
        case ast.Div() if not right.coefficients:
            if right.constant == 0.0:
                raise _NotLinear("divides by zero")
            return left.times(1.0 / right.constant)
        case _:
            raise _NotLinear


def check_names(constraint: Constraint, parameters: Mapping[str, Parameter]) -> None:
    """Make sure that a constraint speaks of parameters that are numbers.

    Raises:
        BadDefinition: It does not.
    """
    if not constraint.names:
        raise BadDefinition(f"The constraint {constraint.text!r:.100} does not depend on any parameter.")
    for name in constraint.names:
        if name not in parameters:
            raise BadDefinition(
                f"The constraint {constraint.text!r:.100} names {name!r}, which is no parameter of the space."
                f"{did_you_mean(name, parameters)}"
            )
        if isinstance(parameters[name], Choice):
            raise BadDefinition(
                f"The constraint {constraint.text!r:.100} names the choice {name!r}, not a number."
            )


def check_bounds(constraint: Linear, parameters: Mapping[str, Parameter]) -> None:
    """Make sure that a linear constraint leaves something of the box.

    Raises:
        BadDefinition: It does not.
    """
    least = 0.0
    for name, coefficient in constraint.coefficients.items():
        parameter = parameters[name]
        assert isinstance(parameter, Float | Int)
        least += min(coefficient * parameter.low, coefficient * parameter.high)
    if least - constraint.bound > 1e-9 * (abs(least) + abs(constraint.bound)):
        raise BadDefinition(f"No point within the bounds meets the constraint {constraint.text!r}.")
