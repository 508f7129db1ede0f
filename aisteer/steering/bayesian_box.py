"""Bayesian optimisation of a box: a Gaussian process and its noisy expected improvement."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from aisteer.problem.space import Space
from aisteer.steering.box_search import Acquisition, Penalized, feasible_sobol, maximise
from aisteer.steering.domains import Box
from aisteer.steering.drafting import batch, how_chosen, nothing_expected
from aisteer.steering.explanation import Standing, explain, improvement
from aisteer.steering.fitting import Belief, Fitter
from aisteer.steering.noisy_improvement import NoisyImprovement, contenders, normal_draws
from aisteer.steering.points import Key, point_key, taken_points
from aisteer.steering.protocols import Batch, Evidence, Json
from aisteer.steering.rejections import penalties
from aisteer.steering.restraint import guided, restrained, settings_of

__all__ = ["BayesianBox"]

Array = NDArray[np.float64]

_RAW = 512
_DRAWS = 128
_BASELINE = 150


class BayesianBox:
    """Proposes where the expected improvement over all that is known and under way is largest.

    The first points are of a Sobol sequence within the constraints. Then batches are chosen one by one by
    the logarithm of the noisy expected improvement (Ament et al., NeurIPS 2023), each given the ones before
    it and all that runs, is accepted or waits. The same evidence gives the same proposals.

    Args:
        space: The box.
        objective: As in the task's definition.
        seed: Of the Sobol sequence and of the searches.
        initial: How many first points; twice the number of parameters and two, at most 12, if not given.
    """

    name = "bayesian"

    def __init__(self, space: Space, objective: Json, *, seed: int = 0, initial: int | None = None) -> None:
        self.space = space
        self.seed = seed
        self.domain = Box(space)
        self.fitter = Fitter(self.domain, objective)
        self.initial = min(2 * space.dimension + 2, 12) if initial is None else max(1, initial)
        self._reference: tuple[Json, Array] | None = None

    # --- proposing ----------------------------------------------------------------------------

    def propose(self, evidence: Evidence, n: int) -> Batch:
        """Up to ``n`` different drafts, best first."""
        taken = taken_points(evidence, self.domain.names)
        belief = self.fitter.belief(evidence)
        first = min(n, max(0, self.initial - len(taken))) if belief is not None else n
        space = restrained(self.space, evidence)
        points = self._first_points(space, taken, self._avoided(evidence), first)
        left = n - len(points)
        chosen = self._search(space, evidence, belief, left, taken) if belief is not None and left else []
        notes = how_chosen(len(points), self.initial, len(chosen))
        points += chosen
        summary = belief.summary(self.domain.names) if belief is not None else {}
        return batch(evidence, points, self.predict(evidence, points), notes, summary)

    def _avoided(self, evidence: Evidence) -> set[Key]:
        return {point_key(self.domain.names, p) for p, since in evidence.rejected if since < 10}

    def _first_points(self, space: Space, taken: set[Key], avoided: set[Key], n: int) -> list[Json]:
        found: list[Json] = []
        if n:
            for point in feasible_sobol(space, self.initial + len(taken) + len(avoided) + n, self.seed):
                key = point_key(self.domain.names, point)
                if key not in taken and key not in avoided:
                    taken.add(key)
                    found.append(point)
                if len(found) == n:
                    break
        return found

    def _search(
        self, space: Space, evidence: Evidence, belief: Belief, n: int, taken: set[Key]
    ) -> list[Json]:
        under_way = [*evidence.pending, *(p for _, p in evidence.waiting)]
        pending = self.domain.encode(under_way)
        avoided = self._avoided(evidence)
        centres, weights, reaches = penalties(evidence, self.domain)
        order = np.argsort(-belief.process.predict(belief.x)[0], kind="stable")
        rng = np.random.default_rng([self.seed, 5, len(belief.data), len(under_way)])
        raw = self.domain.encode(feasible_sobol(space, _RAW, int(rng.integers(2**31))))
        kept = contenders(belief.process, belief.x[order[:_BASELINE]], self.seed)
        baseline = np.concatenate([kept, pending])
        draws = normal_draws(len(baseline) + n, _DRAWS, self.seed)
        plain = NoisyImprovement(belief.process, baseline, draws)
        acquisition: Acquisition = plain
        if len(weights):
            acquisition = Penalized(plain, centres, weights, reaches)
        acquisition = guided(acquisition, space, evidence, raw)
        found: list[Json] = []
        for _ in range(n):
            point = maximise(
                space,
                acquisition,
                raw=raw,
                incumbents=belief.x[order[:5]],
                rng=rng,
                allowed=partial(self._allowed, space=space, taken=taken | avoided, pending=pending),
            )
            if point is None:
                break
            taken.add(point_key(self.domain.names, point))
            found.append(point)
            if len(found) < n:
                chosen = self.domain.encode([point])
                pending = np.concatenate([pending, chosen])
                plain.add(chosen)
        return found

    def _allowed(self, point: Json, space: Space, taken: set[Key], pending: Array) -> bool:
        """Whether it is new, apart from what is under way, and within the constraints."""
        if point_key(self.domain.names, point) in taken or not space.feasible(point):
            return False
        if not len(pending):
            return True
        x = self.domain.encode([point])[0]
        return bool((np.abs(pending - x).max(axis=1) > 1e-6).all())

    def _spread(self, evidence: Evidence) -> Array:
        """Points spread over what steering leaves of the space, kept for as long as it leaves the same."""
        settings = settings_of(evidence)
        left = {name: settings.get(name) for name in ("pinned", "forbidden")}
        if self._reference is None or self._reference[0] != left:
            spread = feasible_sobol(restrained(self.space, evidence), _RAW, self.seed + 1)
            self._reference = left, self.domain.encode(spread)
        return self._reference[1]

    # --- explaining ---------------------------------------------------------------------------

    def predict(self, evidence: Evidence, points: Sequence[Json]) -> list[Json]:
        """What is expected of points, and why; nothing (``predicted`` empty) with fewer than 3 outcomes.

        ``rank`` is the place among 512 points spread over what steering leaves of the space.
        """
        belief = self.fitter.belief(evidence)
        if belief is None:
            return nothing_expected(points)
        if not points:
            return []
        mean, std = belief.process.predict(self._spread(evidence))
        standing = Standing(improvement(belief, mean, std).order)
        return explain(belief, self.domain, list(points), score=improvement, standing=standing, besides=1)
