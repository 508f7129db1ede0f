"""Screening of a pool: a Gaussian process on features, and the upper confidence bound of each candidate."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from aisteer.problem.goals import Goals
from aisteer.problem.pool import Pool
from aisteer.steering.bayesian import Bayesian, exploration
from aisteer.steering.criteria.confidence import Confidence
from aisteer.steering.criteria.protocol import Criterion, Scores
from aisteer.steering.domains import Candidates
from aisteer.steering.drafting import batch, how_chosen, nothing_expected
from aisteer.steering.explanation import Standing
from aisteer.steering.favour import favour, favoured_rows, turns
from aisteer.steering.fitting import Belief
from aisteer.steering.points import taken_points
from aisteer.steering.protocols import Batch, Evidence, Json
from aisteer.steering.rejections import HALF_LIFE
from aisteer.steering.resembling import Resembling
from aisteer.steering.restraint import allowed_rows
from aisteer.steering.stand_in import predicting, proposing
from aisteer.steering.weighing import CostAware

__all__ = ["BayesianPool"]

Array = NDArray[np.float64]
Rows = list[int]

_INITIAL = 8
_SHORTLIST = 600
_FAVOURED = 100
_WATCHED = 500
"""Candidates that stand for the whole pool where variance everywhere matters."""
_WEIGHED = 5000
"""Candidates, at most, whose ranks take the risk of failing into account; of more, only the shortlist is weighed."""
_STRONGEST = 0.99
_AVOIDED = 10
"""Decisions for which a rejected candidate is not proposed before there is a surrogate."""
_FORGOTTEN = 0.02
_LIFT = float(np.log(10.0))
_EXTREMES = frozenset({"maximize", "minimize"})


class BayesianPool(Bayesian):
    """Proposes the candidates with the largest upper confidence bound, given all that is known and under way.

    The first ones are those that together resemble the pool most. Then the bound of every candidate that has
    not run is computed (mean and one standard deviation, see ``improvement``), and a batch is chosen one by
    one: after each choice the model is conditioned on its predicted mean, as it is on all that runs, is
    accepted or waits. The same evidence gives the same proposals.

    Args:
        pool: The candidates.
        goals: What is sought; or one objective, as in the task's definition.
        seed: Draws the part of the pool that the first candidates resemble.
        initial: How many first candidates; 8 if not given.
        acquisition: One of ``goals.acquisitions``; the bound, less variance or the dominated volume if not given.
        cost_aware: Whether a gain is divided by what a run is expected to cost (``weighing``). A bound is no gain, so
            it is the expected improvement that is divided, once costs are known.
    """

    def __init__(
        self,
        pool: Pool,
        goals: Goals | Json,
        *,
        seed: int = 0,
        initial: int | None = None,
        acquisition: str | None = None,
        cost_aware: bool = False,
    ) -> None:
        self.pool = pool
        self.domain = Candidates(pool)
        self.costs = CostAware(self.domain) if cost_aware else None
        super().__init__(pool, self.domain, goals, seed=seed, acquisition=acquisition, weighing=self.costs)
        self.initial = min(_INITIAL if initial is None else max(1, initial), len(self.domain))
        self._first = Resembling(self.domain, seed, self.initial)
        self._everywhere: tuple[str, Array, Array] | None = None
        size = min(_WATCHED, len(self.domain))
        self._sample = np.random.default_rng([seed, 9]).permutation(len(self.domain))[:size]

    # --- proposing ----------------------------------------------------------------------------

    @proposing
    def propose(self, evidence: Evidence, n: int) -> Batch:
        """Up to ``n`` different candidates that have not run, best first; fewer when the pool is used up."""
        taken = self._taken(evidence)
        belief = self.fitter.belief(evidence)
        first = min(n, max(0, self.initial - len(taken))) if belief is not None else n
        order = self._first.first(len(taken) + len(evidence.rejected) + first) if first else []
        refused, open_to_us = self._refused(evidence), allowed_rows(self.pool, evidence)
        if first and not open_to_us.all():  # what steering leaves may not be among the first of that order
            order = [
                *order,
                *np.random.default_rng([self.seed, 8]).permutation(np.flatnonzero(open_to_us)).tolist(),
            ]
        fits = (
            row for row in dict.fromkeys(order) if open_to_us[row] and row not in taken and row not in refused
        )
        rows = list(itertools.islice(fits, first))
        left = n - len(rows)
        taken |= {*rows, *np.flatnonzero(~open_to_us).tolist()}
        chosen = self._search(evidence, belief, left, taken) if belief is not None and left else []
        notes = how_chosen(len(rows), self.initial, len(chosen))
        points = [self.pool.point(self.domain.keys[row]) for row in [*rows, *chosen]]
        summary = belief.summary(self.domain.names) if belief is not None else {}
        return batch(evidence, points, self.predict(evidence, points), notes, summary)

    def _taken(self, evidence: Evidence) -> set[int]:
        column = self.domain.names.index(self.pool.key)
        keys = (key[column] for key in taken_points(evidence, self.domain.names))
        return {self.domain.place[key] for key in keys if key in self.domain.place}

    def _refused(self, evidence: Evidence) -> set[int]:
        """Candidates that a human rejected within the last few decisions."""
        keys = (p.get(self.pool.key) for p, since in evidence.rejected if since < _AVOIDED)
        return {self.domain.place[key] for key in keys if key in self.domain.place}

    def _search(self, evidence: Evidence, belief: Belief, n: int, taken: set[int]) -> Rows:
        open_rows = np.array([row for row in range(len(self.domain)) if row not in taken], dtype=np.intp)
        if not len(open_rows):
            return []
        factor = self._factor(evidence, open_rows)
        if not self._plain(evidence):
            return self._search_by_criterion(evidence, belief, n, open_rows, factor)
        mean, std = self._predictions(belief)
        std = std * exploration(evidence)
        inside = favoured_rows(self.pool, evidence)[open_rows]
        lift = favour(evidence) * inside * float(np.std(belief.y))
        value = _lessened((mean + std)[open_rows] + lift, factor)
        kept = _shortlisted(value, inside)
        rows, factor, lift, inside = open_rows[kept], factor[kept], lift[kept], inside[kept]
        lift += self._dread(evidence, rows) * float(np.std(belief.y))
        under_way = self._under_way(evidence)
        centre, covariance = belief.process.joint(self.domain.matrix[[*rows.tolist(), *under_way]])
        for place in range(len(rows), len(centre)):
            covariance = _conditioned(covariance, place)
        chosen: Rows = []
        for favoured in turns(evidence, min(n, len(rows)), self.seed):
            spread = np.sqrt(np.maximum(covariance.diagonal()[: len(rows)], 1e-18)) * exploration(evidence)
            value = _lessened(centre[: len(rows)] + spread + lift, factor)
            value[chosen] = -np.inf
            place = _best(value, inside if favoured else None)
            chosen.append(place)
            covariance = _conditioned(covariance, place)
        return [int(rows[place]) for place in chosen]

    def _search_by_criterion(
        self, evidence: Evidence, belief: Belief, n: int, open_rows: NDArray[np.intp], factor: Array
    ) -> Rows:
        """What ``_search`` does, for goals other than one extreme."""
        import torch

        judged, matrix = self._criterion(evidence, belief), self.domain.matrix
        watched = matrix[self._sample]
        inside = favoured_rows(self.pool, evidence)[open_rows]
        extra = np.log(np.maximum(factor, 1e-9)) + favour(evidence) * inside * _LIFT
        order = judged.scores(belief, matrix[open_rows], watched).order + extra
        kept = _shortlisted(order, inside)
        rows, inside = open_rows[kept], inside[kept]
        extra = extra[kept] + self._dread(evidence, rows)
        under_way = matrix[self._under_way(evidence)]
        sought = judged.sought(belief, under_way, batch=n, spread=watched, seed=self.seed)
        chosen: Rows = []
        for favoured in turns(evidence, min(n, len(rows)), self.seed):
            with torch.no_grad():
                value = sought(torch.as_tensor(matrix[rows])).numpy() + extra
            value[chosen] = -np.inf
            place = _best(value, inside if favoured else None)
            chosen.append(place)
            sought.add(matrix[rows[place] : rows[place] + 1])
        return [int(rows[place]) for place in chosen]

    def _plain(self, evidence: Evidence) -> bool:
        """Whether one extreme is sought, by its confidence bound."""
        kind, named = self.goals.first.kind, self._asked_for(evidence)
        return (
            not self.goals.several
            and not self.goals.feasible
            and kind in _EXTREMES
            and named in {None, "ucb"}
            and not (named is None and self._costs_known(evidence))
        )

    def _costs_known(self, evidence: Evidence) -> bool:
        return self.costs is not None and self.costs.costs(evidence) is not None

    def _criterion(self, evidence: Evidence, belief: Belief) -> Criterion:
        named = self._asked_for(evidence)
        priced = named is None and self._costs_known(evidence)
        if not self.goals.several and self.goals.first.has_best and named in {None, "ucb"} and not priced:
            return Confidence(exploration(evidence))
        return self._judging(evidence, belief, named)

    def _under_way(self, evidence: Evidence) -> Rows:
        points = [*evidence.pending, *(p for _, p in evidence.waiting)]
        known = (self.domain.place.get(p.get(self.pool.key)) for p in points)
        return sorted({row for row in known if row is not None})

    def _factor(self, evidence: Evidence, rows: NDArray[np.intp]) -> Array:
        """What multiplies the worth of candidates that resemble rejected ones.

        For each rejected candidate 1 - w s^4, with s the similarity, and w from 0.99 halving with every 10
        decisions that follow.
        """
        total = np.ones(len(rows))
        for point, since in evidence.rejected:
            row = self.domain.place.get(point.get(self.pool.key))
            weight = _STRONGEST * 0.5 ** (since / HALF_LIFE)
            if row is not None and weight > _FORGOTTEN:
                total *= 1.0 - weight * self.domain.similarities([row])[rows, 0] ** 4
        return total

    def _dread(self, evidence: Evidence, rows: NDArray[np.intp]) -> Array:
        """The logarithm of the probability that runs of candidates do not fail, shape ``(n,)``."""
        risk = self.failures.risk(evidence)
        return np.zeros(len(rows)) if risk is None else risk.log_success(self.domain.matrix[rows])

    def _predictions(self, belief: Belief) -> tuple[Array, Array]:
        """Mean and standard deviation of every candidate, kept for as long as the fit is."""
        if self._everywhere is None or self._everywhere[0] != belief.digest:
            self._everywhere = (belief.digest, *belief.process.predict(self.domain.matrix))
        return self._everywhere[1], self._everywhere[2]

    # --- explaining ---------------------------------------------------------------------------

    @predicting
    def predict(self, evidence: Evidence, points: Sequence[Json]) -> list[Json]:
        """What is expected of candidates, and why; nothing (``predicted`` empty) with fewer than 3 outcomes.

        ``rank`` is the place among the candidates that have not run and that steering leaves.
        """
        belief = self.fitter.belief(evidence)
        if belief is None:
            return nothing_expected(points)
        if not points:
            return []
        ran = {self.domain.place.get(d.parameters.get(self.pool.key)) for d in evidence.data}
        open_to_us = allowed_rows(self.pool, evidence)
        rows = [row for row in range(len(self.domain)) if row not in ran and open_to_us[row]]
        judged, watched = self._criterion(evidence, belief), self.domain.matrix[self._sample]
        if self._plain(evidence):  # of a large pool these are remembered
            mean, std = self._predictions(belief)
            process = belief.process
            order = (mean[rows] - process.prior_mean + exploration(evidence) * std[rows]) / process.scale
        else:
            order = judged.scores(belief, self.domain.matrix[rows], watched).order
        risk = self.failures.risk(evidence)
        if risk is not None and len(rows) <= _WEIGHED:
            order = order + risk.log_success(self.domain.matrix[rows])
        return self._explained(
            evidence, belief, points, judged=judged, spread=watched, standing=Standing(order), risk=risk
        )

    def judge(self, evidence: Evidence) -> Callable[[Belief, Array], Scores]:
        """The acquisition at features, shape ``(n, f)``, as things stand."""
        watched = self.domain.matrix[self._sample]
        return lambda belief, x: self._criterion(evidence, belief).scores(belief, x, watched)


def _shortlisted(order: Array, inside: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Of a large pool, the places of those that could be chosen at all: the best, and the best of what is favoured."""
    ranked = np.argsort(-order, kind="stable")
    found: NDArray[np.intp] = np.union1d(ranked[:_SHORTLIST], ranked[inside[ranked]][:_FAVOURED])
    return found


def _best(value: Array, inside: NDArray[np.bool_] | None) -> int:
    """The place of the best; of the best ``inside``, where that is given and any is left there."""
    value = np.where(np.isfinite(value), value, -np.inf)
    kept = value if inside is None else np.where(inside, value, -np.inf)
    return int(np.argmax(kept if np.isfinite(kept).any() else value))


def _lessened(value: Array, factor: Array) -> Array:
    """The worth of candidates above the least of them, times ``factor``."""
    found: Array = (value - value.min()) * factor
    return found


def _conditioned(covariance: Array, place: int) -> Array:
    """The covariance once the outcome at ``place`` is known."""
    column = covariance[:, place]
    variance = max(float(covariance[place, place]), 1e-18)
    known: Array = np.outer(column, column)
    known /= variance
    return np.subtract(covariance, known, out=known)
