"""Constraints of a box as a search by gradients takes them: in the unit cube, with their slopes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import LinearConstraint, NonlinearConstraint
from torch import Tensor

from aisteer.problem.constraints import Nonlinear
from aisteer.problem.expressions import Functions
from aisteer.problem.parameters import Choice
from aisteer.problem.space import Space

__all__ = ["encoded_constraints"]

Array = NDArray[np.float64]
Excess = Callable[[Mapping[str, Tensor]], Tensor]

_TORCH: Functions = {
    "sqrt": torch.sqrt,
    "exp": torch.exp,
    "log": torch.log,
    "abs": torch.abs,
    "min": lambda a, b: torch.minimum(_tensor(a), _tensor(b)),
    "max": lambda a, b: torch.maximum(_tensor(a), _tensor(b)),
    "sin": torch.sin,
    "cos": torch.cos,
    "tan": torch.tan,
    "pow": lambda a, b: torch.pow(_tensor(a), _tensor(b)),
}
_BEYOND = 1e6
"""What stands for an excess that has no value."""


def _tensor(value: Any) -> Tensor:
    return torch.as_tensor(value, dtype=torch.float64)


def encoded_constraints(space: Space, starts: Array) -> list[LinearConstraint | NonlinearConstraint]:
    """What has to hold at inputs ``x`` in the unit cube, shape ``(d,)``, as SciPy wants it.

    Constraints that are linear there are given as such; others, also linear ones over a logarithmic scale, with
    their slopes, divided by the steepest of them at ``starts``, shape ``(n, d)``. What has no slope (a forbidden
    region) is left out: ask ``space.feasible`` in the end.
    """
    found: list[LinearConstraint | NonlinearConstraint] = []
    excesses = [_of_formulas(c) for c in space.nonlinear if getattr(c, "left", None) is not None]
    if space.linear:
        encoded = space.encoded_constraints()
        if encoded is not None:
            found.append(LinearConstraint(encoded[0], ub=encoded[1]))
        else:
            excesses += [partial(_weighted, c.coefficients, c.bound) for c in space.linear]
    for excess in excesses:
        steepest = max((float(np.abs(_slope(space, excess, x)).max()) for x in starts), default=1.0)
        size = steepest if np.isfinite(steepest) and steepest > 0 else 1.0
        value, slope = partial(_value, space, excess, size=size), partial(_slope, space, excess, size=size)
        found.append(NonlinearConstraint(value, -np.inf, 0.0, jac=slope))
    return found


def _of_formulas(constraint: Nonlinear) -> Excess:
    return lambda values: _tensor(
        constraint.left.value(values, _TORCH) - constraint.right.value(values, _TORCH)
    )


def _weighted(coefficients: Mapping[str, float], bound: float, values: Mapping[str, Tensor]) -> Tensor:
    return torch.stack([k * values[name] for name, k in coefficients.items()]).sum() - bound


def _decoded(space: Space, x: Tensor) -> dict[str, Tensor]:
    """Values of the numbers at ``x``, shape ``d``, without rounding."""
    values = {}
    for column, (name, p) in enumerate(space.parameters.items()):
        if not isinstance(p, Choice):
            values[name] = (
                p.low * (p.high / p.low) ** x[column] if p.log else p.low + x[column] * (p.high - p.low)
            )
    return values


def _value(space: Space, excess: Excess, x: Array, *, size: float = 1.0) -> float:
    with torch.no_grad():
        found = float(excess(_decoded(space, torch.as_tensor(x))))
    return found / size if np.isfinite(found) else _BEYOND


def _slope(space: Space, excess: Excess, x: Array, *, size: float = 1.0) -> Array:
    inputs = torch.tensor(x, requires_grad=True)
    (slope,) = torch.autograd.grad(excess(_decoded(space, inputs)), inputs)
    found: Array = slope.numpy() / size
    return np.where(np.isfinite(found), found, 0.0)
