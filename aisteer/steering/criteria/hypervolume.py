r"""The expected growth of the volume that several objectives dominate.

In each of :math:`S` draws the front of good runs and all that is under way leaves the space above it; that is cut
into cells, and what a candidate with independent normal objectives adds to a cell with lower corner :math:`l` and
upper corner :math:`u` is :math:`\prod_j \mathrm{E}(y_j - l_j)_+ - \mathrm{E}(y_j - u_j)_+`, in closed form (Yang et
al., J. Glob. Optim. 2019, 75, 3). Averaged over draws that is the noisy expected hypervolume improvement (Daulton
et al., NeurIPS 2021), with the sum over what the candidate itself may be taken exactly. How the space is cut:
``cells``.

A weight :math:`w_j` other than 1 makes a weighted hypervolume of it, with the density :math:`\prod_j ((y_j -
r_j)/\Delta_j)^{w_j - 1}` taken at the corner of each cell: still a volume that only better runs increase.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aisteer.steering.criteria.cells import Cells
from aisteer.steering.criteria.drawn import Drawn
from aisteer.steering.criteria.feasibility import asked, log_feasible, log_feasible_drawn, values_met
from aisteer.steering.criteria.protocol import Scores, Sought
from aisteer.steering.fitting import Belief
from aisteer.steering.noisy_improvement import normal_draws
from aisteer.steering.pareto import front, reference_point
from aisteer.surrogates.factors import cholesky

__all__ = ["Hypervolume", "Reference", "reference_of"]

Array = NDArray[np.float64]

_DRAWS = 64
_PRUNING_DRAWS = 256
_BASELINE = 200
_ENTRIES = 2**20
_LEAST = 1e-300


@dataclass(frozen=True, slots=True)
class Reference:
    """What runs have to exceed to count.

    Attributes:
        values: In each objective's own sense, shape ``(m,)``.
        derived: Outcomes for which the data had to give it.
        relaxed: No run exceeds what was given yet, so the data have to give it for the time being.
    """

    values: Array
    derived: tuple[str, ...]
    relaxed: bool


def reference_of(belief: Belief) -> Reference:
    """The reference of several objectives: as given, or below the front of what is known."""
    names = _objectives(belief)
    goals = {one.outcome: getattr(one, "reference", None) for one in belief.goals.objectives}
    signs = np.array([belief.known[name].sign for name in names])
    values = signs * np.stack([belief.known[name].predict(belief.x)[0] for name in names], axis=1)
    if asked(belief):
        likely = log_feasible(belief, belief.x) > math.log(0.5)
        values = values[likely] if likely.any() else values
    own = reference_point(values)
    given = signs * np.array([np.nan if goals[name] is None else goals[name] for name in names])
    known = np.where(np.isnan(given), own, given)
    relaxed = not bool((values > known).all(axis=1).any())
    found = np.minimum(known, own) if relaxed else known
    return Reference(signs * found, tuple(name for name in names if goals[name] is None), relaxed)


class Hypervolume:
    """The expected growth of the dominated volume.

    Args:
        weights: By outcome; instead of those that the objectives have.
        exploration: What the standard deviations of a candidate are multiplied by.
    """

    def __init__(self, weights: dict[str, float] | None = None, exploration: float = 1.0) -> None:
        self.weights = weights or {}
        self.exploration = max(float(exploration), 1e-6)

    def sought(self, belief: Belief, under_way: Array, *, batch: int, spread: Array, seed: int) -> Sought:
        """The logarithm of the expected growth; see ``protocol.Criterion``."""
        del spread
        return _Growth(
            belief,
            self._exponents(belief),
            under_way,
            batch=batch,
            seed=seed,
            exploration=self.exploration,
        )

    def scores(self, belief: Belief, x: Array, spread: Array) -> Scores:
        """The growth over the front of the posterior means, as a share of the volume between reference and ideal point.

        The exploiting term is what the means themselves add.
        """
        del spread
        names = _objectives(belief)
        at_runs = _standard(belief, names, belief.x)[0]
        if asked(belief):
            likely = log_feasible(belief, belief.x) > math.log(0.5)
            at_runs = at_runs[likely]
        reference = _reference(belief, names)
        kept = at_runs[front(at_runs)] if len(at_runs) else at_runs
        cells = Cells(torch.as_tensor(kept)[None], torch.as_tensor(reference), self._exponents(belief))
        mean, std = (torch.as_tensor(part) for part in _standard(belief, names, x))
        chance = log_feasible(belief, x)
        if not belief.feasible:
            return Scores("probability to be feasible", np.exp(chance), np.zeros(len(x)), chance)
        with torch.no_grad():
            total = cells.expected(mean[:, None], self.exploration * std)[:, 0].numpy()
            sure = cells.expected(mean[:, None], torch.full_like(std, 1e-6))[:, 0].numpy()
        ideal = np.maximum(kept.max(axis=0) - reference, 1e-9) if len(kept) else np.ones(len(names))
        odds = np.exp(chance) / float(np.prod(ideal))
        name = "expected growth of the dominated volume"
        if asked(belief):
            name += " times the probability to be feasible"
        order = np.log(np.maximum(total, _LEAST)) + chance
        return Scores(name, odds * sure, odds * (total - sure), order)

    def _exponents(self, belief: Belief) -> Tensor:
        usual = {one.outcome: getattr(one, "weight", 1.0) for one in belief.goals.objectives}
        found = [max(float(self.weights.get(name, usual[name])), 0.0) - 1.0 for name in _objectives(belief)]
        return torch.tensor(found, dtype=torch.float64)


def _objectives(belief: Belief) -> list[str]:
    return [one.outcome for one in belief.goals.objectives if one.outcome in belief.known]


def _standard(belief: Belief, names: list[str], x: Array) -> tuple[Array, Array]:
    """Means and standard deviations, larger being better, standardised: two of shape ``(n, m)``."""
    told = [(belief.known[name].process, *belief.known[name].process.predict(x)) for name in names]
    mean = np.stack([(mean - p.centre) / p.scale for p, mean, _ in told], axis=1)
    return mean, np.stack([std / p.scale for p, _, std in told], axis=1)


def _reference(belief: Belief, names: list[str]) -> Array:
    own = reference_of(belief).values
    processes = [(belief.known[name].sign, belief.known[name].process) for name in names]
    return np.array([(s * r - p.centre) / p.scale for (s, p), r in zip(processes, own, strict=True)])


class _Growth:
    def __init__(
        self,
        belief: Belief,
        exponents: Tensor,
        under_way: Array,
        *,
        batch: int,
        seed: int,
        exploration: float,
    ) -> None:
        self._belief, self._exponents, self._exploration = belief, exponents, exploration
        self._constraints = asked(belief)
        self._names = _objectives(belief)
        self._size = _DRAWS if len(self._names) == 2 else _DRAWS // 2
        every = dict.fromkeys([*self._names, *(n for c in self._constraints for n in c.names)])
        self._reference = torch.as_tensor(_reference(belief, self._names))
        baseline = np.concatenate([self._contenders(list(every), seed), under_way])
        size = len(baseline) + batch
        self._drawn = {
            name: Drawn(belief.known[name].process, normal_draws(size, self._size, seed + 101 * place))
            for place, name in enumerate(every)
        }
        self._values = torch.zeros((self._size, 0, len(self._names)), dtype=torch.float64)
        self.add(baseline)

    def _contenders(self, names: list[str], seed: int) -> Array:
        """Runs that are on the front in any of 256 draws."""
        belief = self._belief
        x = belief.x
        if len(x) > _BASELINE:
            mean, std = _standard(belief, self._names, x)
            hopeful = np.flatnonzero(front(mean + std))
            others = np.argsort(-(mean + std).sum(axis=1), kind="stable")
            x = x[np.unique(np.concatenate([hopeful, others[:_BASELINE]]))]
        values: dict[str, Tensor] = {}
        for place, name in enumerate(names):
            process = belief.known[name].process
            centre, covariance = (torch.as_tensor(part) for part in process.joint(x))
            draws = normal_draws(len(x), _PRUNING_DRAWS, seed + 101 * place)
            factor = cholesky(covariance, size=max(float(covariance.diagonal().mean()), 1e-300))
            values[name] = ((centre + draws @ factor.mT) - process.centre) / process.scale
        objectives = torch.stack([values[name] for name in self._names], dim=-1)
        met = values_met(belief, self._constraints, values)
        objectives = (
            torch.where(met.unsqueeze(-1), objectives, -torch.inf) if self._constraints else objectives
        )
        above = (objectives > self._reference).all(-1)
        beaten = ((objectives.unsqueeze(-2) <= objectives.unsqueeze(-3)).all(-1)).sum(-1) > 1
        found: Array = x[(above & ~beaten).any(0).numpy()]
        return found

    def add(self, x: Array) -> None:
        """Let ``x`` count as if its outcomes were those that are drawn."""
        if len(x):
            told = {name: drawn.add(x) for name, drawn in self._drawn.items()}
            values = torch.stack([told[name] for name in self._names], dim=-1)
            if self._constraints:
                met = values_met(self._belief, self._constraints, told)
                values = torch.where(met.unsqueeze(-1), values, -torch.inf)
            self._values = torch.cat([self._values, values.transpose(0, 1)], dim=1)
        self._cells = Cells(self._values, self._reference, self._exponents)

    def __call__(self, x: Tensor) -> Tensor:
        """Values, shape ``b``, at inputs ``x``, shape ``b x d``."""
        size = max(1, _ENTRIES // self._cells.entries)
        parts = [self._part(x[at : at + size]) for at in range(0, len(x), size)]
        return torch.cat(parts) if parts else x.new_zeros(0)

    def _part(self, x: Tensor) -> Tensor:
        chance = log_feasible_drawn(self._belief, self._constraints, self._drawn, x)
        if not self._belief.feasible:
            return chance.logsumexp(-1) - math.log(self._size)
        told = [self._drawn[name].at(x) for name in self._names]
        mean = torch.stack([mean for mean, _ in told], dim=-1)
        std = self._exploration * torch.stack([std for _, std in told], dim=-1)
        growth = self._cells.expected(mean, std).clamp_min(_LEAST).log()
        return (growth + chance).logsumexp(-1) - math.log(self._size)
