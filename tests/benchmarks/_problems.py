"""Functions whose optimum is known, as problems that ours and every peer are given in the same words; NumPy only.

All are minimised. No box is centred at its optimum: a first point in the middle would give it away.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

__all__ = ["PROBLEMS", "Parameter", "Problem", "hartmann", "late"]

Point = dict[str, Any]

ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
A = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


@dataclass(frozen=True)
class Parameter:
    """``kind`` is float, log, int, ordered or choice; the last two have ``options`` instead of bounds."""

    name: str
    kind: str
    low: float = 0.0
    high: float = 1.0
    options: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Problem:
    """A function to be minimised over parameters.

    Attributes:
        value: Of values in the order of the parameters, an array or a list of rows: shape ``(n,)``.
        best: Its least value where the constraints hold.
        constraints: ``(coefficients by name, bound)``: their weighted sum may not be larger.
    """

    name: str
    parameters: tuple[Parameter, ...]
    value: Callable[[Any], np.ndarray]
    best: float
    constraints: tuple[tuple[dict[str, float], float], ...] = ()

    def __call__(self, point: Point) -> float:
        return float(self.value([[point[p.name] for p in self.parameters]])[0])

    def excess(self, point: Point) -> list[float]:
        """By how much each constraint is broken; not positive where it holds."""
        return [
            sum(c * point[name] for name, c in terms.items()) - bound for terms, bound in self.constraints
        ]

    def texts(self) -> list[str]:
        """The constraints as text: ``-1 * x0 + -1 * x1 <= 4``."""
        return [
            f"{' + '.join(f'{c:g} * {name}' for name, c in terms.items())} <= {bound:g}"
            for terms, bound in self.constraints
        ]

    @property
    def first(self) -> int:
        """Points of the first design: twice the number of parameters and two, at most 12."""
        return min(2 * len(self.parameters) + 2, 12)

    @cached_property
    def range(self) -> float:
        """From the optimum to the largest of 10,000 values drawn at random."""
        rng = np.random.default_rng(0)
        columns = [_drawn(p, rng, 10_000) for p in self.parameters]
        rows: Any = (
            np.column_stack(columns)
            if not any(p.options for p in self.parameters)
            else list(zip(*columns, strict=True))
        )
        return float(self.value(rows).max()) - self.best


def _drawn(parameter: Parameter, rng: np.random.Generator, n: int) -> Any:
    if parameter.options:
        return [parameter.options[i] for i in rng.integers(len(parameter.options), size=n)]
    if parameter.kind == "int":
        return rng.integers(int(parameter.low), int(parameter.high) + 1, size=n)
    unit = rng.random(n)
    if parameter.kind == "log":
        return parameter.low * (parameter.high / parameter.low) ** unit
    return parameter.low + unit * (parameter.high - parameter.low)


def late(seed: int, turn: int) -> int:
    """Which of the four runs of a round is told one round later."""
    return int(np.random.default_rng([seed, turn, 11]).integers(4))


# --- functions --------------------------------------------------------------------------------


def hartmann(x: np.ndarray) -> np.ndarray:
    """To be maximised over the unit box; Picheny et al., Struct. Multidiscip. Optim. 48, 607 (2013)."""
    x = np.atleast_2d(x)
    found: np.ndarray = (ALPHA * np.exp(-(A * (x[:, None, :] - P) ** 2).sum(axis=2))).sum(axis=1)
    return found


def _branin(rows: Any) -> np.ndarray:
    x, y = np.asarray(rows, dtype=float).T
    valley = (y - 5.1 / (4 * np.pi**2) * x**2 + 5 / np.pi * x - 6) ** 2
    return valley + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10


def _ackley(rows: Any) -> np.ndarray:
    x = np.asarray(rows, dtype=float)
    bowl = -20 * np.exp(-0.2 * np.sqrt((x**2).mean(axis=1)))
    return bowl - np.exp(np.cos(2 * np.pi * x).mean(axis=1)) + 20 + math.e


def _rosenbrock(rows: Any) -> np.ndarray:
    x = np.asarray(rows, dtype=float)
    return (100 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1 - x[:, :-1]) ** 2).sum(axis=1)


def _levy(rows: Any) -> np.ndarray:
    w = 1 + (np.asarray(rows, dtype=float) - 1) / 4
    inner = ((w[:, :-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:, :-1] + 1) ** 2)).sum(axis=1)
    outer = (w[:, -1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[:, -1]) ** 2)
    return np.sin(np.pi * w[:, 0]) ** 2 + inner + outer


def _michalewicz(rows: Any) -> np.ndarray:
    x = np.asarray(rows, dtype=float)
    i = np.arange(1, x.shape[1] + 1)
    return -(np.sin(x) * np.sin(i * x**2 / np.pi) ** 20).sum(axis=1)


def _styblinski(rows: Any) -> np.ndarray:
    x = np.asarray(rows, dtype=float)
    return 0.5 * (x**4 - 16 * x**2 + 5 * x).sum(axis=1)


_SOLVENTS = {"water": 0.55, "ethanol": 0.1, "toluene": 1.0, "hexane": 0.31, "acetone": 0.8}
_GRADES = {"low": 0.0, "fair": 0.27, "good": 0.5, "high": 0.73, "pure": 1.0}


def _mixed(rows: Sequence[Sequence[Any]]) -> np.ndarray:
    """Hartmann's function where a number is on a log scale, one whole, one a grade and one a choice."""
    x = np.array(
        [[a, b, math.log10(c) / 3 + 1, n / 12, _SOLVENTS[s], _GRADES[g]] for a, b, c, n, s, g in rows]
    )
    return -hartmann(x)


def _floats(n: int, low: float, high: float) -> tuple[Parameter, ...]:
    return tuple(Parameter(f"x{i}", "float", low, high) for i in range(n))


_MIXED = (
    Parameter("x0", "float"),
    Parameter("x1", "float"),
    Parameter("concentration", "log", 1e-3, 1.0),
    Parameter("steps", "int", 0, 12),
    Parameter("solvent", "choice", options=tuple(_SOLVENTS)),
    Parameter("grade", "ordered", options=tuple(_GRADES)),
)

PROBLEMS: dict[str, Problem] = {
    problem.name: problem
    for problem in (
        Problem(
            "branin",
            (Parameter("x0", "float", -5, 10), Parameter("x1", "float", 0, 15)),
            _branin,
            0.39788735772973816,
        ),
        Problem("hartmann6", _floats(6, 0, 1), lambda rows: -hartmann(np.asarray(rows)), -3.3223680114155),
        Problem("ackley10", _floats(10, -20, 45), _ackley, 0.0),
        Problem("rosenbrock4", _floats(4, -2.048, 2.048), _rosenbrock, 0.0),
        Problem("levy8", _floats(8, -10, 10), _levy, 0.0),
        Problem("michalewicz5", _floats(5, 0, math.pi), _michalewicz, -4.687658179),
        Problem("mixed", _MIXED, _mixed, -3.168831695157109),
        Problem(
            "constrained",
            _floats(5, -5, 5),
            _styblinski,
            -190.0147222389,
            (({"x0": -1.0, "x1": -1.0}, 5.0), ({"x2": -1.0, "x3": -1.0, "x4": 1.0}, 2.5)),
        ),
    )
}
