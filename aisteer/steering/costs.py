"""What a run will cost, learned from those that ended: by how exact it is, or by where in the space it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import lsq_linear
from torch import Tensor

from aisteer.problem.fidelity import Fidelity
from aisteer.steering.domains import Domain
from aisteer.steering.protocols import Datum, Json
from aisteer.surrogates.gaussian_process import Remembered, fit
from aisteer.surrogates.posterior import GaussianProcess

__all__ = ["ASSUMED", "Costs", "FidelityCosts", "PlaceCosts", "costs_of", "fidelity_costs", "place_costs"]

Array = NDArray[np.float64]

ASSUMED = 10.0
"""How many times the cost of the poorest run the truth is taken to cost, as long as nothing says so."""
_GUESS = f"the truth is taken to cost {ASSUMED:g} times the poorest run"
_WEAK = 0.01
"""The weight of that beside one run."""
_LEAST = 5
"""Runs with a known cost that it takes to say where runs are dear."""
_NEAR = (0.02, 0.2)
_STEEP = 4
_LARGEST = 300.0
_AT_ONCE = 1024
"""Places, as a pool may have a hundred thousand."""


class Costs(Protocol):
    """Expected costs, in node-hours."""

    @property
    def words(self) -> str:
        """Where they are from."""

    def log(self, x: Tensor) -> Tensor:
        """Their logarithm at inputs in the unit cube, shape ``b x d``: shape ``b``; differentiable."""

    def at(self, x: Array) -> Array:
        """At inputs, shape ``(n, d)``: shape ``(n,)``, positive."""


@dataclass(frozen=True, slots=True)
class FidelityCosts:
    r"""Costs that never fall with the fidelity.

    The logarithm is :math:`a + \sum_j b_j \varphi_j(s)` with :math:`b_j \ge 0` and rising :math:`\varphi_j` of the
    position :math:`s` of the fidelity, 0 to 1: straight, two that rise at first, one that rises at last. So powers and
    exponentials of a mesh are met alike.

    Attributes:
        column: Of the fidelity.
        intercept: ``a``.
        weights: ``b``, shape ``(4,)``.
        words: Where they are from.
        known: Whether they are in node-hours, as some cost is known.
    """

    column: int
    intercept: float
    weights: Array
    words: str
    known: bool = True

    def log(self, x: Tensor) -> Tensor:
        """See ``Costs``."""
        rising = _rising(x[:, self.column])
        found: Tensor = self.intercept + rising @ torch.as_tensor(self.weights)
        return found

    def at(self, x: Array) -> Array:
        """See ``Costs``."""
        found: Array = self.log(torch.as_tensor(x)).exp().numpy()
        return found


def _rising(s: Tensor) -> Tensor:
    """Functions from 0 to 1 that rise with ``s``, shape ``n``: shape ``n x 4``."""
    s = s.clamp(0.0, 1.0)
    early = [torch.log1p(s / near) / math.log1p(1.0 / near) for near in _NEAR]
    return torch.stack([s, *early, s**_STEEP], dim=-1)


def fidelity_costs(
    column: int, positions: Array, costs: Array, *, declared: Sequence[tuple[float, float]] = ()
) -> FidelityCosts:
    """Costs by fidelity, fitted by least squares of their logarithms.

    Args:
        column: Of the fidelity.
        positions: Of the fidelities of runs that ended, 0 to 1, shape ``(n,)``.
        costs: What they cost, in node-hours, shape ``(n,)``; what is not positive is not known.
        declared: Positions and costs that the user stated; each counts as a run.
    """
    known = np.isfinite(costs) & (costs > 0)
    stated = np.array(declared, dtype=np.float64).reshape(-1, 2)
    s = np.concatenate([positions[known], stated[:, 0]])
    y = np.log(np.concatenate([costs[known], stated[:, 1]]))
    rising = _rising(torch.as_tensor(s)).numpy()
    usual = np.array([math.log(ASSUMED), 0.0, 0.0, 0.0])
    if not len(s):
        words = f"of which nothing is known yet: in units of a run at the truth, {_GUESS}"
        return FidelityCosts(column, -float(usual.sum()), usual, words, known=False)
    pull = math.sqrt(_WEAK) * np.eye(len(usual))
    design = np.block([[np.ones((len(s), 1)), rising], [np.zeros((len(usual), 1)), pull]])
    low = np.concatenate([[-np.inf], np.zeros(len(usual))])
    solved = lsq_linear(design, np.concatenate([y, pull @ usual]), bounds=(low, np.inf), method="bvls").x
    weights = np.clip(solved[1:], 0.0, _LARGEST)
    said = [f"{int(known.sum())} runs that ended"] if known.any() else []
    said += ["what was stated"] if len(stated) else []
    words = f"from {' and '.join(said)}"
    if len(np.unique(np.round(s, 9))) == 1:
        words += f", all of one fidelity: {_GUESS}"
    return FidelityCosts(column, float(np.clip(solved[0], -_LARGEST, _LARGEST)), weights, words)


class PlaceCosts:
    """Costs that differ over the space: a Gaussian process of their logarithm (Snoek et al., NeurIPS 2012).

    The typical cost, whose logarithm is the mean: an expected one would make what nobody tried look dear.
    """

    def __init__(self, process: GaussianProcess, n: int) -> None:
        self.process = process
        self.words = f"from {n} runs that ended"
        factor, white = process.whitened()
        self._alpha = torch.linalg.solve_triangular(factor.mT, white.unsqueeze(-1), upper=True).squeeze(-1)

    def log(self, x: Tensor) -> Tensor:
        """See ``Costs``."""
        cross = self.process.kernel(self.process.x, x).to_dense()
        mean = self.process.constant + cross.mT @ self._alpha
        found: Tensor = self.process.centre + self.process.scale * mean
        return found

    def at(self, x: Array) -> Array:
        """See ``Costs``."""
        with torch.no_grad():
            parts = [self.log(torch.as_tensor(x[at : at + _AT_ONCE])) for at in range(0, len(x), _AT_ONCE)]
            found: Array = torch.cat(parts).exp().numpy() if parts else np.zeros(0)
        return found


def place_costs(data: Sequence[Datum], domain: Domain, remembered: Remembered) -> PlaceCosts | None:
    """Costs over the space as runs had them; ``None`` with fewer than 5 whose cost is known."""
    known = [d for d in data if d.cost > 0]
    if len(known) < _LEAST:
        return None
    x, y = domain.encode([d.parameters for d in known]), np.log([d.cost for d in known])
    return PlaceCosts(fit(x, y, np.zeros(len(y)), domain.kernels(), remembered), len(known))


def costs_of(fidelity: Fidelity, definition: Json, data: Sequence[Datum], column: int) -> FidelityCosts:
    """Costs by fidelity as a task's definition and its runs say them."""
    place = fidelity.parameter.to_unit
    stated = [(float(f), float(c)) for f, c in definition.get("costs") or ()]
    positions = np.array([place(d.parameters[fidelity.name]) for d in data], dtype=np.float64)
    costs = np.array([d.cost for d in data], dtype=np.float64)
    declared = [(_position(fidelity, f), c) for f, c in stated]
    if not declared and definition.get("cost"):
        declared = [(1.0, float(definition["cost"]))]
    return fidelity_costs(column, positions, costs, declared=declared)


def _position(fidelity: Fidelity, value: float) -> float:
    """Where a stated value lies; whatever is outside the bounds is at the bound."""
    options = getattr(fidelity.parameter, "options", None)
    if options is not None:
        return float(np.interp(value, [float(o) for o in options], np.linspace(0.0, 1.0, len(options))))
    low, high = float(fidelity.parameter.low), float(fidelity.parameter.high)  # type: ignore[union-attr]
    return fidelity.parameter.to_unit(min(max(value, low), high))
