r"""How much a run would tell of the outcome everywhere, or of where it crosses a level.

A run at :math:`x` takes :math:`c^2(u, x) / (\sigma^2(x) + \tau^2)` from the variance at :math:`u`, with :math:`c`
the posterior covariance and :math:`\tau^2` the noise, whatever its outcome. What is searched is the sum of that
over points spread over the space,

.. math:: \sum_u w(u) \frac{c^2(u, x)}{\sigma^2(x) + \tau^2}

with :math:`w = 1` to learn the outcome everywhere (Cohn, Ghahramani & Jordan, JAIR 1996, 4, 129) and, for a level
:math:`t`, the density that the outcome is the level, :math:`w(u) = \varphi((\mu(u) - t)/\sigma(u))/\sigma(u)` (the
targeted integrated mean square error of Picheny et al., J. Mech. Des. 2010, 132, 071008). One step to where the
variance is largest would go to the edges of the space instead.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aisteer.problem.objective import LevelSet
from aisteer.steering.criteria.feasibility import asked, log_chance, log_feasible
from aisteer.steering.criteria.protocol import Scores, Sought
from aisteer.steering.fitting import Belief
from aisteer.surrogates.gaussian_process import GaussianProcess, cholesky

__all__ = ["VarianceReduction", "Watched"]

Array = NDArray[np.float64]

_ENTRIES = 2**18
_LEAST = 1e-14
_WATCHED = 512


class Watched:
    """A process whose variance at points all over the space is watched, in units of its standardised outcomes.

    Args:
        process: The surrogate.
        watched: Inputs, shape ``(N, d)``; all of them, or with a level the ``M`` = 512 where the outcome is nearest it.
        under_way: Inputs whose outcomes will come, shape ``(p, d)``.
        level: Where the outcome is to be told from more, standardised; ``None`` where it is to be known everywhere.
    """

    def __init__(
        self, process: GaussianProcess, watched: Array, under_way: Array, level: float | None = None
    ) -> None:
        self.process, self.level = process, level
        self._noise = (process.noise / process.scale) ** 2
        self._watched = torch.as_tensor(watched if level is None else _undecided(process, watched, level))
        self._inputs = process.x
        self._factor, white = process.whitened()
        with torch.no_grad():
            self._white = self._solved(self._watched)
            self.mean = process.constant + self._white.mT @ white
            self._prior = process.kernel(self._watched, diag=True)
        if len(under_way):
            self.add(under_way)

    @property
    def variance(self) -> Tensor:
        """At the watched points, shape ``M``."""
        found: Tensor = (self._prior - self._white.square().sum(0)).clamp_min(_LEAST)
        return found

    @property
    def weights(self) -> Tensor:
        """What a variance there counts, shape ``M``; 1 on average."""
        variance = self.variance
        if self.level is None:
            return torch.ones_like(variance)
        logarithm = -0.5 * ((self.mean - self.level).square() / variance + variance.log())
        return len(logarithm) * torch.softmax(logarithm, 0)

    def add(self, x: Array) -> None:
        """Count with the outcomes at ``x``, shape ``(p, d)``, whatever they will be."""
        with torch.no_grad():
            inputs = torch.as_tensor(x)
            across = self._solved(inputs)
            own = self.process.kernel(inputs).to_dense() + self._noise * torch.eye(len(inputs)).double()
            block = cholesky(own - across.mT @ across, size=float(own.diagonal().mean()))
            here = self.process.kernel(inputs, self._watched).to_dense() - across.mT @ self._white
            fresh = torch.linalg.solve_triangular(block, here, upper=False)
            above = torch.cat([self._factor, self._factor.new_zeros(len(across), len(x))], dim=1)
            self._factor = torch.cat([above, torch.cat([across.mT, block], dim=1)])
            self._white = torch.cat([self._white, fresh])
            self._inputs = torch.cat([self._inputs, inputs])

    def reductions(self, x: Tensor, weights: Tensor) -> Tensor:
        """The weighted mean of what a run at ``x``, ``b x d``, takes from the variances: shape ``b x k``.

        Args:
            x: Inputs.
            weights: Shape ``k x M``.
        """
        across = self._solved(x)
        own = (self.process.kernel(x, diag=True) - across.square().sum(0)).clamp_min(_LEAST)
        with_watched = self.process.kernel(x, self._watched).to_dense() - across.mT @ self._white
        taken = with_watched.square() / (own + self._noise).unsqueeze(-1)
        found: Tensor = taken @ weights.mT / len(self._watched)
        return found

    def _solved(self, x: Tensor) -> Tensor:
        cross = self.process.kernel(self._inputs, x).to_dense()
        found: Tensor = torch.linalg.solve_triangular(self._factor, cross, upper=False)
        return found


def _undecided(process: GaussianProcess, x: Array, level: float) -> Array:
    """Those of ``x`` where the outcome is most likely to be the level: elsewhere its weight is next to nothing."""
    if len(x) <= _WATCHED:
        return x
    mean, std = (part / process.scale for part in process.predict(x))
    away = (mean - process.centre / process.scale - level) / std
    order = np.argsort(0.5 * away**2 + np.log(std), kind="stable")
    found: Array = x[np.sort(order[:_WATCHED])]
    return found


class VarianceReduction:
    """What a run would take from the variance of the first objective, everywhere or near its level."""

    def sought(self, belief: Belief, under_way: Array, *, batch: int, spread: Array, seed: int) -> Sought:
        """The weighted reduction, times the probability to be feasible; see ``protocol.Criterion``."""
        del batch, seed
        return _Reduction(belief, under_way, spread)

    def scores(self, belief: Belief, x: Array, spread: Array) -> Scores:
        """By how much a run lessens the root mean square of the standard deviation over the space.

        It is in the outcome's unit. Of a level set it is that near the level; what it would be without the weight of
        the level is the exploring term.
        """
        watched = Watched(belief.process, spread, np.zeros((0, x.shape[1])), _level(belief))
        with torch.no_grad():
            weights = torch.stack([watched.weights, torch.ones_like(watched.weights)])
            before = (weights @ watched.variance) / weights.shape[1]
            size = max(1, _ENTRIES // weights.shape[1])
            parts = [
                watched.reductions(torch.as_tensor(x[i : i + size]), weights) for i in range(0, len(x), size)
            ]
            taken = torch.cat(parts) if parts else torch.zeros(0, 2).double()
            lessened = before.sqrt() - (before - taken).clamp_min(0.0).sqrt()
        near, everywhere = (belief.process.scale * lessened.numpy()).T
        chance = log_feasible(belief, x)
        order = np.log(np.maximum(taken[:, 0].numpy(), 1e-300)) + chance
        name = "less uncertainty" if _level(belief) is None else "less uncertainty near the level"
        if asked(belief):
            name += " times the probability to be feasible"
        odds = np.exp(chance)
        return Scores(name, odds * (near - everywhere), odds * everywhere, order, belief.objective.unit)


class _Reduction:
    def __init__(self, belief: Belief, under_way: Array, spread: Array) -> None:
        self._belief = belief
        self._watched = Watched(belief.process, spread, under_way, _level(belief))
        self._weights = self._watched.weights[None]

    def add(self, x: Array) -> None:
        self._watched.add(x)
        self._weights = self._watched.weights[None]

    def __call__(self, x: Tensor) -> Tensor:
        size = max(1, _ENTRIES // self._weights.shape[1])
        parts = [self._watched.reductions(x[i : i + size], self._weights) for i in range(0, len(x), size)]
        taken = torch.cat(parts)[:, 0] if parts else x.new_zeros(0)
        return torch.log(taken.clamp_min(1e-300)) + log_chance(self._belief, x)


def _level(belief: Belief) -> float | None:
    goal, process = belief.objective, belief.process
    if not isinstance(goal, LevelSet):
        return None
    return belief.first.sign * (goal.threshold - process.centre) / process.scale
