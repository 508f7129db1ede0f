r"""How much a run would tell of the outcome everywhere, or of where it crosses a level.

To learn, what is searched is the mean, over points spread over the space, of what a run takes from the variance
(Cohn, Ghahramani & Jordan, JAIR 1996, 4, 129); of a level set, of what it is expected to take from the doubt on which
side of the level a point is (the stepwise reduction of uncertainty of Bect et al., Stat. Comput. 2012, 22, 773). Both
are in ``watched``. One step to where the variance is largest would go to the edges of the space instead.

A stationary process is as sure of a plain as of a mountain range. So each point counts by how badly outcomes around
it were foretold from the others (``misjudged``): runs go where the outcome is less smooth than elsewhere.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aisteer.problem.objective import LevelSet
from aisteer.steering.criteria.feasibility import asked, log_chance, log_feasible
from aisteer.steering.criteria.protocol import Scores, Sought
from aisteer.steering.criteria.watched import Watched
from aisteer.steering.fitting import Belief
from aisteer.surrogates.gaussian_process import GaussianProcess

__all__ = ["VarianceReduction", "misjudged"]

Array = NDArray[np.float64]

_ENTRIES = 2**18
_FAR_OFF = 4.0
"""Standard deviations; an outcome that was further off than that counts as if it had been that far."""
_HOLD = 2.0
"""Outcomes foretold as they should be that are counted in everywhere."""


def misjudged(process: GaussianProcess, x: Array) -> Tensor:
    """By how much outcomes around ``x``, shape ``(m, d)``, were further from what the others said than elsewhere.

    The mean square of their distances in standard deviations, weighted by the correlation with ``x`` and drawn
    towards that of all of them, which is 1: shape ``m``.
    """
    left = process.leave_one_out()
    off = np.minimum(np.abs(process.y.numpy() - left.mean) / left.std, _FAR_OFF) ** 2
    near = np.maximum(process.correlation(x), 0.0)
    usual = float(off.mean())
    if not usual > 0.0:
        return torch.ones(len(x), dtype=torch.float64)
    return torch.as_tensor((near @ (off / usual) + _HOLD) / (near.sum(axis=1) + _HOLD))


class VarianceReduction:
    """What a run would take from the variance of the first objective, or from the doubt on which side it lies."""

    def sought(self, belief: Belief, under_way: Array, *, batch: int, spread: Array, seed: int) -> Sought:
        """The logarithm of that, times the probability to be feasible; see ``protocol.Criterion``."""
        del batch, seed
        return _Reduction(belief, under_way, spread)

    def scores(self, belief: Belief, x: Array, spread: Array) -> Scores:
        """What a run is expected to bring.

        To learn: by how much it lessens the root mean square of the standard deviation over the space, in the
        outcome's unit; all of it explores. Of a level set: from the probability that two outcomes which both may be
        true are on different sides of the level, at a random point, a half of what it takes. What that would be if
        nothing were known of the sides is the exploring term; the other one is what is known of them.
        """
        level = _level(belief)
        watched = Watched(belief.process, spread, np.zeros((0, x.shape[1])), level)
        weights = misjudged(belief.process, watched.x.numpy())
        found = []
        with torch.no_grad():
            size = max(1, _ENTRIES // watched.entries)
            for at in range(0, len(x), size):
                taken = watched.taken(torch.as_tensor(x[at : at + size]))
                parts = (
                    [taken]
                    if level is None
                    else [watched.settled(taken), watched.settled(taken, known=False)]
                )
                found.append(torch.stack([part @ weights for part in parts]))
        total = torch.cat(found, -1) if found else torch.zeros((1 if level is None else 2, 0)).double()
        total /= len(watched) if level is None else len(spread)
        chance = log_feasible(belief, x)
        order = np.log(np.maximum(total[0].numpy(), 1e-300)) + chance
        name, unit, odds = "less uncertainty", belief.objective.unit, np.exp(chance)
        if level is None:
            before = (watched.variance * weights).mean()
            lessened = before.sqrt() - (before - total[0]).clamp_min(0.0).sqrt()
            near = everywhere = belief.process.scale * lessened.numpy()
        else:
            name, unit = "less doubt about the sides of the level", ""
            near, everywhere = total.numpy()
        if asked(belief):
            name += " times the probability to be feasible"
        return Scores(name, odds * (near - everywhere), odds * everywhere, order, unit)


class _Reduction:
    def __init__(self, belief: Belief, under_way: Array, spread: Array) -> None:
        self._belief, self._settles = belief, _level(belief) is not None
        self._watched = Watched(belief.process, spread, under_way, _level(belief))
        self._weights = misjudged(belief.process, self._watched.x.numpy())

    def add(self, x: Array) -> None:
        self._watched.add(x)

    def __call__(self, x: Tensor) -> Tensor:
        size = max(1, _ENTRIES // self._watched.entries)
        parts = [self._part(x[at : at + size]) for at in range(0, len(x), size)]
        return torch.cat(parts) if parts else x.new_zeros(0)

    def _part(self, x: Tensor) -> Tensor:
        taken = self._watched.taken(x)
        worth = (self._watched.settled(taken) if self._settles else taken) @ self._weights
        return torch.log((worth / len(self._watched)).clamp_min(1e-300)) + log_chance(self._belief, x)


def _level(belief: Belief) -> float | None:
    goal, process = belief.objective, belief.process
    if not isinstance(goal, LevelSet):
        return None
    return belief.first.sign * (goal.threshold - process.centre) / process.scale
