r"""How much a run would tell of the outcome everywhere, or of where it crosses a level.

To learn, what is searched is the mean, over points spread over the space, of what a run takes from the variance
(Cohn, Ghahramani & Jordan, JAIR 1996, 4, 129); of a level set, of what it is expected to take from the doubt on which
side of the level a point is (the stepwise reduction of uncertainty of Bect et al., Stat. Comput. 2012, 22, 773). Both
are in ``watched``. One step to where the variance is largest would go to the edges of the space instead.
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

__all__ = ["VarianceReduction"]

Array = NDArray[np.float64]

_ENTRIES = 2**18


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
        watched = Watched(belief.process, spread, np.zeros((0, x.shape[1])), level, _error(belief))
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
                found.append(torch.stack([part.mean(-1) for part in parts]))
        total = torch.cat(found, -1) if found else torch.zeros((1 if level is None else 2, 0)).double()
        total *= 1.0 if level is None else len(watched) / len(spread)
        chance = log_feasible(belief, x)
        order = np.log(np.maximum(total[0].numpy(), 1e-300)) + chance
        name, unit, odds = "less uncertainty", belief.objective.unit, np.exp(chance)
        if level is None:
            before = watched.variance.mean()
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
        self._watched = Watched(belief.process, spread, under_way, _level(belief), _error(belief))

    def add(self, x: Array) -> None:
        self._watched.add(x)

    def __call__(self, x: Tensor) -> Tensor:
        size = max(1, _ENTRIES // self._watched.entries)
        parts = [self._part(x[at : at + size]) for at in range(0, len(x), size)]
        return torch.cat(parts) if parts else x.new_zeros(0)

    def _part(self, x: Tensor) -> Tensor:
        taken = self._watched.taken(x)
        worth = (self._watched.settled(taken) if self._settles else taken).mean(-1)
        return torch.log(worth.clamp_min(1e-300)) + log_chance(self._belief, x)


def _level(belief: Belief) -> float | None:
    goal, process = belief.objective, belief.process
    if not isinstance(goal, LevelSet):
        return None
    return belief.first.sign * (goal.threshold - process.centre) / process.scale


def _error(belief: Belief) -> float | None:
    """Nothing is learned of how outcomes scatter where the errors of all are known."""
    return belief.first.run_noise if (belief.first.error > 0).all() else None
