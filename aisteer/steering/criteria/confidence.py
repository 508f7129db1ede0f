r"""Optimism: the mean and some standard deviations, for an extreme, a target, a level or where least is known.

Upper confidence bound :math:`\mu + \beta\sigma` (Srinivas et al., ICML 2010); of a target or a level :math:`t`, the
straddle :math:`\beta\sigma - |\mu - t|` (Bryan et al., NeurIPS 2005); to learn, :math:`\sigma` alone. What is under
way counts as if its outcome were its mean: the standard deviation shrinks there.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aisteer.problem.objective import Learn, LevelSet, Target
from aisteer.steering.criteria.drawn import Drawn
from aisteer.steering.criteria.feasibility import asked, log_chance, log_feasible
from aisteer.steering.criteria.protocol import Scores, Sought
from aisteer.steering.fitting import Belief

__all__ = ["Confidence"]

Array = NDArray[np.float64]

_ENTRIES = 2**18


class Confidence:
    """The mean, or how near it is to the level, and ``beta`` standard deviations."""

    def __init__(self, beta: float) -> None:
        self.beta = max(float(beta), 0.0)

    def sought(self, belief: Belief, under_way: Array, *, batch: int, spread: Array, seed: int) -> Sought:
        """The bound in standard deviations of the outcomes, and the logarithm of the probability to be feasible."""
        del spread, seed
        return _Bound(belief, under_way, batch, self.beta)

    def scores(self, belief: Belief, x: Array, spread: Array) -> Scores:
        """The bound over the mean outcome, or over the level itself."""
        del spread
        mean, std = belief.process.predict(x)
        level = _level(belief)
        promised = mean - belief.process.prior_mean if level is None else -np.abs(mean - level)
        if isinstance(belief.objective, Learn):
            promised = np.zeros(len(mean))
        explore = self.beta * std
        order = (promised + explore) / belief.process.scale + log_feasible(belief, x)
        name = "optimistic gain over the mean outcome" if level is None else "straddle of the level"
        if isinstance(belief.objective, Target):
            name = "optimistic closeness"
        if isinstance(belief.objective, Learn):
            name = "uncertainty"
        if asked(belief):
            name += ", ranked with the probability to be feasible"
        return Scores(name, promised, explore, order, belief.objective.unit)


class _Bound:
    def __init__(self, belief: Belief, under_way: Array, batch: int, beta: float) -> None:
        self._belief, self._beta = belief, beta
        level, process = _level(belief), belief.process
        self._level = None if level is None else (level - process.centre) / process.scale
        self._known = Drawn(process, torch.zeros((1, len(under_way) + batch), dtype=torch.float64))
        if len(under_way):
            self._known.add(under_way)

    def add(self, x: Array) -> None:
        self._known.add(x)

    def __call__(self, x: Tensor) -> Tensor:
        size = max(1, _ENTRIES // len(self._known))
        parts = [self._part(x[at : at + size]) for at in range(0, len(x), size)]
        return torch.cat(parts) if parts else x.new_zeros(0)

    def _part(self, x: Tensor) -> Tensor:
        mean, std = self._known.at(x)
        promised = mean[:, 0] if self._level is None else -(mean[:, 0] - self._level).abs()
        if isinstance(self._belief.objective, Learn):
            promised = torch.zeros_like(std)
        bound = promised + self._beta * std if self._belief.feasible else torch.zeros_like(std)
        return bound + log_chance(self._belief, x)


def _level(belief: Belief) -> float | None:
    """The level or target in the process's sense; ``None`` for an extreme."""
    goal = belief.objective
    if isinstance(goal, LevelSet):
        return goal.threshold
    return goal.value if isinstance(goal, Target) else None
