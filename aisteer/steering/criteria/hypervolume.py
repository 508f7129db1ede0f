r"""The expected growth of the volume that several objectives dominate.

In each of :math:`S` draws the front of good runs and all that is under way leaves the space above it; that is cut
into cells, and what a candidate with independent normal objectives adds to a cell with lower corner :math:`l` and
upper corner :math:`u` is :math:`\prod_j \mathrm{E}(y_j - l_j)_+ - \mathrm{E}(y_j - u_j)_+`, in closed form (Yang et
al., J. Glob. Optim. 2019, 75, 3). Averaged over draws that is the noisy expected hypervolume improvement (Daulton
et al., NeurIPS 2021), with the sum over what the candidate itself may be taken exactly. Of two objectives the cells
are the strips between the sorted runs; of three they are BoTorch's.

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

from aisteer.steering.criteria.drawn import Drawn
from aisteer.steering.criteria.feasibility import asked, log_feasible, log_feasible_drawn, values_met
from aisteer.steering.criteria.protocol import Scores, Sought
from aisteer.steering.fitting import Belief
from aisteer.steering.noisy_improvement import normal_draws
from aisteer.steering.pareto import front, reference_point
from aisteer.surrogates.gaussian_process import cholesky

__all__ = ["Hypervolume", "Reference", "reference_of"]

Array = NDArray[np.float64]

_DRAWS = 64
_PRUNING_DRAWS = 256
_BASELINE = 200
_ENTRIES = 2**20
_LEAST = 1e-300
_CORNER = 0.1
_FAR_BELOW = -38.0
_NO_END = 1e8
"""Where a cell without an upper corner ends, in standard deviations: its gradient has to stay finite."""
_NORM = 1.0 / math.sqrt(2.0 * math.pi)


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
        cells = _Cells(torch.as_tensor(kept)[None], torch.as_tensor(reference), self._exponents(belief))
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


class _Cells:
    """The space above the fronts of ``S`` draws, cut into cells.

    Args:
        values: Objectives of the points in each draw, larger is better, shape ``S x P x m``; minus infinity where
            a point does not count.
        reference: Shape ``m``.
        exponents: Weights less 1, shape ``m``.
    """

    def __init__(self, values: Tensor, reference: Tensor, exponents: Tensor) -> None:
        self.low, self.high = (
            _strips(values, reference) if values.shape[-1] == 2 else _boxes(values, reference)
        )
        self._log_density: Tensor | float = 0.0
        if bool(exponents.any()):
            seen = torch.where(torch.isfinite(values), values, reference)
            extent = (
                (seen.amax((0, 1)) - reference).clamp_min(1e-9)
                if values.shape[1]
                else torch.ones_like(reference)
            )
            corner = ((self.low - reference) / extent + _CORNER).clamp_min(1e-9)
            self._log_density = (exponents * corner.log()).sum(-1)

    def expected(self, mean: Tensor, std: Tensor) -> Tensor:
        """The expected growth in each draw, ``b x S``; ``mean``: ``b x S x m`` or ``b x 1 x m``; ``std``: ``b x m``."""
        if self.low.shape[-1] == 2:
            return self._over_strips(mean, std)
        spread = std[:, None, None, :]
        centre = mean.unsqueeze(-2)
        gained = spread * (_h((centre - self.low) / spread) - _h((centre - self.high) / spread))
        found = gained.clamp_min(0.0).prod(-1)
        if isinstance(self._log_density, Tensor):
            found = found * self._log_density.exp()
        total: Tensor = found.sum(-1)
        return total

    def _over_strips(self, mean: Tensor, std: Tensor) -> Tensor:
        """Of two objectives: a strip ends where the next begins, and goes on for ever in the second."""
        spread = std[:, None, None, :]
        gained = spread * _h((mean.unsqueeze(-2) - self.low) / spread)
        beyond = torch.cat([gained[..., 1:, 0], torch.zeros_like(gained[..., :1, 0])], -1)
        found = (gained[..., 0] - beyond).clamp_min(0.0) * gained[..., 1]
        if isinstance(self._log_density, Tensor):
            found = found * self._log_density.exp()
        total: Tensor = found.sum(-1)
        return total

    @property
    def entries(self) -> int:
        """How many numbers one candidate takes."""
        return self.low.numel()


def _h(z: Tensor) -> Tensor:
    """The expected positive part of a normal variable with mean ``z`` and variance 1; relatively exact above -30."""
    inside = z.clamp_min(_FAR_BELOW)
    found: Tensor = _NORM * torch.exp(-0.5 * inside * inside) + inside * torch.special.ndtr(inside)
    return torch.where(z > _FAR_BELOW, found, 0.0)


def _strips(values: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Of two objectives: strips between the points in order of the first, above the best second one beyond."""
    counts = (values > reference).all(-1, keepdim=True)
    above = torch.where(counts, values, reference)
    order = above[..., 0].argsort(-1)
    first, second = (above[..., j].gather(-1, order) for j in (0, 1))
    beyond = second.flip(-1).cummax(-1).values.flip(-1) if second.shape[-1] else second
    edge = reference.expand(*first.shape[:-1], 2)
    low = torch.stack([torch.cat([edge[..., :1], first], -1), torch.cat([beyond, edge[..., 1:]], -1)], dim=-1)
    right = torch.cat([first, torch.full_like(edge[..., :1], _NO_END)], -1)
    return low, torch.stack([right, torch.full_like(right, _NO_END)], dim=-1)


def _boxes(values: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Of three objectives: BoTorch's decomposition of each draw, filled up with cells without extent."""
    from botorch.utils.multi_objective.box_decompositions.non_dominated import FastNondominatedPartitioning

    found = []
    for points in values:
        above = points[(points > reference).all(-1)]
        made = FastNondominatedPartitioning(ref_point=reference, Y=above if len(above) else reference[None])
        found.append(made.get_hypercell_bounds().clamp_max(_NO_END))
    most = max(cells.shape[1] for cells in found)
    filled = [torch.cat([c, c.new_full((2, most - c.shape[1], c.shape[2]), _NO_END)], 1) for c in found]
    bounds = torch.stack(filled, dim=1)
    return bounds[0], bounds[1]


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
        self._cells = _Cells(self._values, self._reference, self._exponents)

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
