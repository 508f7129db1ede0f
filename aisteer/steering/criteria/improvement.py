r"""The expected improvement of one outcome, towards an extreme or a target, where others have to meet constraints.

In each of :math:`S` draws what is to be improved on, :math:`b_s`, is the best value that is feasible in that draw among
good runs and all that is under way. What a candidate may bring is then known in closed form, and

.. math:: \log \frac{1}{S} \sum_s \mathrm{E}\bigl[(f(x) - b_s)_+ \mid s\bigr] \prod_j P(c_j \text{ holds} \mid s)

is searched: the noisy expected improvement of Letham et al., Bayesian Anal. 2019, 14, 495, with the sum over what
the candidate itself may be taken exactly. As long as no run is feasible, what is searched is the probability to be
feasible.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aisteer.problem.objective import Target
from aisteer.steering.criteria.drawn import Drawn
from aisteer.steering.criteria.feasibility import asked, log_feasible, log_feasible_drawn, values_met
from aisteer.steering.criteria.gains import log_closer, log_h
from aisteer.steering.criteria.protocol import Scores, Sought
from aisteer.steering.fitting import Belief
from aisteer.steering.improvement import expected_improvement, log_expected_improvement
from aisteer.steering.noisy_improvement import NoisyImprovement, contenders, normal_draws
from aisteer.surrogates.factors import cholesky

__all__ = ["Closeness", "Extreme", "Gain", "Improvement"]

Array = NDArray[np.float64]

_DRAWS = 128
_CONDITIONED = 48
"""Draws where what the candidate itself may be is taken exactly: fewer do."""
_PRUNING_DRAWS = 512
_BASELINE = 150
_ENTRIES = 2**18
_HOPELESS = 1e-3
"""Probability to be feasible below which a run is not taken for one that could be the best."""


class Gain(Protocol):
    """What is better, and by how much a normal variable is expected to be better still; in standardised units."""

    def worth(self, values: Tensor) -> Tensor:
        """Larger is better; at most the shape of ``values``."""

    def log_expected(self, mean: Tensor, std: Tensor, best: Tensor) -> Tensor:
        """The logarithm of the expected gain over the worth ``best``; all of one shape."""


class Extreme:
    """The larger, the better."""

    def worth(self, values: Tensor) -> Tensor:
        """The value itself."""
        return values

    def log_expected(self, mean: Tensor, std: Tensor, best: Tensor) -> Tensor:
        """The logarithm of the expected improvement."""
        return torch.log(std) + log_h((mean - best) / std)


@dataclass(frozen=True, slots=True)
class Closeness:
    """The nearer to ``level``, standardised, the better."""

    level: float

    def worth(self, values: Tensor) -> Tensor:
        """Minus the distance."""
        return -(values - self.level).abs()

    def log_expected(self, mean: Tensor, std: Tensor, best: Tensor) -> Tensor:
        """The logarithm of the expected gain in closeness."""
        return log_closer(mean - self.level, std, (-best).clamp_min(1e-9))


class Improvement:
    """The expected improvement of the first objective.

    Args:
        exploration: What the standard deviation of a candidate is multiplied by; 1 is the expected improvement.
    """

    def __init__(self, exploration: float = 1.0) -> None:
        self.exploration = max(float(exploration), 1e-6)

    def sought(self, belief: Belief, under_way: Array, *, batch: int, spread: Array, seed: int) -> Sought:
        """The improvement over all that is known and under way; see ``protocol.Criterion``."""
        del spread
        plain = not asked(belief) and not isinstance(belief.objective, Target) and self.exploration == 1.0
        if plain:
            kept = contenders(belief.process, _promising(belief), seed)
            baseline = np.concatenate([kept, under_way])
            draws = normal_draws(len(baseline) + batch, _DRAWS, seed)
            return NoisyImprovement(belief.process, baseline, draws)
        return _Feasible(
            belief, _gain(belief), under_way, batch=batch, seed=seed, exploration=self.exploration
        )

    def scores(self, belief: Belief, x: Array, spread: Array) -> Scores:
        """The improvement over the best run's posterior mean, times the probability to be feasible."""
        del spread
        mean, std = belief.process.predict(x)
        std = self.exploration * std
        chance = log_feasible(belief, x)
        if not belief.feasible:
            zero = np.zeros(len(x))
            return Scores("probability to be feasible", np.exp(chance), zero, chance)
        exploit, explore, order = self._terms(belief, mean, std)
        name = (
            "expected gain in closeness" if isinstance(belief.objective, Target) else "expected improvement"
        )
        if asked(belief):
            name += " times the probability to be feasible"
        unit = belief.objective.unit
        return Scores(name, exploit * np.exp(chance), explore * np.exp(chance), order + chance, unit)

    def _terms(self, belief: Belief, mean: Array, std: Array) -> tuple[Array, Array, Array]:
        goal = belief.objective
        if not isinstance(goal, Target):
            return *expected_improvement(mean, std, belief.best), log_expected_improvement(
                mean, std, belief.best
            )
        reach = max(abs(belief.best - goal.value), 1e-9 * belief.process.scale)
        parts = [expected_improvement(mean, std, goal.value + step) for step in (-reach, 0.0, reach)]
        exploit, explore = (parts[0][i] - 2.0 * parts[1][i] + parts[2][i] for i in (0, 1))
        away, spread, near = (torch.as_tensor(v) for v in (mean - goal.value, std, np.full(len(mean), reach)))
        order: Array = log_closer(away, spread, near).numpy()
        return exploit, explore, order


class _Feasible:
    """See the module; in units of the standardised objective."""

    def __init__(
        self, belief: Belief, gain: Gain, under_way: Array, *, batch: int, seed: int, exploration: float
    ) -> None:
        self._belief, self._gain, self._exploration = belief, gain, exploration
        self._constraints = asked(belief)
        self._objective = belief.first.outcome
        names = dict.fromkeys([self._objective, *(n for c in self._constraints for n in c.names)])
        baseline = np.concatenate([self._contenders(tuple(names), seed), under_way])
        size = len(baseline) + batch
        self._drawn = {
            name: Drawn(belief.known[name].process, normal_draws(size, _CONDITIONED, seed + 101 * place))
            for place, name in enumerate(names)
        }
        least = gain.worth((belief.process.y - belief.process.centre) / belief.process.scale).min() - 1.0
        self._best = torch.full((_CONDITIONED,), float(least), dtype=torch.float64)
        if len(baseline):
            self.add(baseline)

    def _contenders(self, names: tuple[str, ...], seed: int) -> Array:
        """Runs that are the best feasible one in any of 512 draws; others would only cost time."""
        belief = self._belief
        x = _promising(belief)
        values = {}
        for place, name in enumerate(names):
            process = belief.known[name].process
            mean, covariance = (torch.as_tensor(part) for part in process.joint(x))
            draws = normal_draws(len(x), _PRUNING_DRAWS, seed + 101 * place)
            size = float(covariance.diagonal().mean())
            samples = mean + draws @ cholesky(covariance, size=max(size, 1e-300)).mT
            values[name] = (samples - process.centre) / process.scale
        worth = self._gain.worth(values[self._objective])
        worth = torch.where(values_met(belief, self._constraints, values), worth, -torch.inf)
        best = worth.max(-1)
        kept = torch.unique(best.indices[torch.isfinite(best.values)]).numpy()
        found: Array = x[kept]
        return found

    def add(self, x: Array) -> None:
        """Let ``x`` be improved on too, in the draws in which it is feasible."""
        values = {name: drawn.add(x) for name, drawn in self._drawn.items()}
        worth = self._gain.worth(values[self._objective])
        worth = torch.where(values_met(self._belief, self._constraints, values), worth, -torch.inf)
        self._best = torch.maximum(self._best, worth.amax(0))

    def __call__(self, x: Tensor) -> Tensor:
        """Values, shape ``b``, at inputs ``x``, shape ``b x d``."""
        size = max(1, _ENTRIES // max(len(self._drawn[self._objective]), _CONDITIONED))
        parts = [self._values(x[at : at + size]) for at in range(0, len(x), size)]
        return torch.cat(parts) if parts else x.new_zeros(0)

    def _values(self, x: Tensor) -> Tensor:
        chance = log_feasible_drawn(self._belief, self._constraints, self._drawn, x)
        if not self._belief.feasible:
            return chance.logsumexp(-1) - math.log(_CONDITIONED)
        mean, std = self._drawn[self._objective].at(x)
        wide = (self._exploration * std).unsqueeze(-1).expand_as(mean)
        gain = self._gain.log_expected(mean, wide, self._best.expand_as(mean))
        return (gain + chance).logsumexp(-1) - math.log(_CONDITIONED)


def _gain(belief: Belief) -> Gain:
    goal, process = belief.objective, belief.process
    return Closeness((goal.value - process.centre) / process.scale) if isinstance(goal, Target) else Extreme()


def _promising(belief: Belief) -> Array:
    """The runs that are best by posterior mean, shape ``(m, d)``; of those that may be feasible at all."""
    mean, _ = belief.first.predict(belief.x)
    worth: Array = belief.objective.worth(mean)
    if asked(belief):
        worth = np.where(
            log_feasible(belief, belief.x) > math.log(_HOPELESS), worth, worth - 2 * np.ptp(worth) - 1
        )
    found: Array = belief.x[np.argsort(-worth, kind="stable")[:_BASELINE]]
    return found
