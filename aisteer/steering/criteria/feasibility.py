r"""How likely outcomes meet what is asked of them.

A constraint :math:`\sum_k c_k y_k \le b` over outcomes with independent surrogates holds with probability
:math:`\Phi\bigl((b - \sum_k c_k \mu_k) / \sqrt{\sum_k c_k^2 \sigma_k^2}\bigr)`; several are taken for independent.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aisteer.problem.constraints import Linear
from aisteer.steering.criteria.drawn import Drawn
from aisteer.steering.criteria.gains import log_ndtr
from aisteer.steering.fitting import Belief

__all__ = ["asked", "log_chance", "log_feasible", "log_feasible_drawn", "probabilities", "values_met"]

Array = NDArray[np.float64]


def asked(belief: Belief) -> list[Linear]:
    """The constraints on outcomes that there are surrogates for."""
    return [c for c in belief.goals.feasible if all(name in belief.known for name in c.names)]


def probabilities(belief: Belief, x: Array) -> Array:
    """That each constraint of ``asked`` holds at inputs ``x``, shape ``(n, d)``: shape ``(n, c)``."""
    found: Array = np.exp(_logarithms(belief, x))
    return found


def log_feasible(belief: Belief, x: Array) -> Array:
    """The logarithm of the probability that all hold, shape ``(n,)``."""
    found: Array = _logarithms(belief, x).sum(axis=1)
    return found


def _logarithms(belief: Belief, x: Array) -> Array:
    constraints = asked(belief)
    told = {name: belief.known[name].predict(x) for c in constraints for name in c.names}
    columns = []
    for c in constraints:
        mean = sum(k * told[name][0] for name, k in c.coefficients.items())
        std = np.sqrt(sum((k * told[name][1]) ** 2 for name, k in c.coefficients.items()))
        columns.append(log_ndtr(torch.as_tensor((c.bound - mean) / std)).numpy())
    return np.stack(columns, axis=1) if columns else np.zeros((len(x), 0))


def log_feasible_drawn(
    belief: Belief, constraints: list[Linear], drawn: Mapping[str, Drawn], x: Tensor
) -> Tensor:
    """The logarithm of the probability that all hold, in each draw: shape ``b x S``."""
    told = {name: drawn[name].at(x) for c in constraints for name in c.names}
    total = x.new_zeros(())
    for c in constraints:
        margin, variance = x.new_tensor(c.bound), x.new_zeros(())
        for name, k in c.coefficients.items():
            known, (mean, std) = belief.known[name], told[name]
            process = known.process
            margin = margin - k * known.sign * (process.centre + process.scale * mean)
            variance = variance + (k * process.scale * std).square()
        total = total + log_ndtr(margin / variance.sqrt().unsqueeze(-1))
    return total


def log_chance(belief: Belief, x: Tensor) -> Tensor:
    """As ``log_feasible``, at ``x``, ``b x d``, and differentiable."""
    constraints = asked(belief)
    if not constraints:
        return x.new_zeros(len(x))
    nothing = torch.zeros((1, 0), dtype=torch.float64)
    names = dict.fromkeys(name for c in constraints for name in c.names)
    drawn = {name: Drawn(belief.known[name].process, nothing) for name in names}
    return log_feasible_drawn(belief, constraints, drawn, x)[:, 0]


def values_met(belief: Belief, constraints: list[Linear], values: Mapping[str, Tensor]) -> Tensor:
    """Whether drawn outcomes, standardised and of one shape, meet all constraints."""
    met: Tensor | None = None
    for c in constraints:
        left: Tensor | float = 0.0
        for name, k in c.coefficients.items():
            known = belief.known[name]
            left = left + k * known.sign * (known.process.centre + known.process.scale * values[name])
        here = torch.as_tensor(left) <= c.bound
        met = here if met is None else met & here
    return torch.tensor(data=True) if met is None else met
