"""Bayesian search of a box: a Gaussian process for each outcome, and what a run is worth by them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from aisteer.problem.fidelity import Fidelity
from aisteer.problem.goals import Goals
from aisteer.problem.objective import LevelSet
from aisteer.problem.space import Space
from aisteer.steering.bayesian import Bayesian
from aisteer.steering.box_search import Acquisition, Penalized, feasible_sobol
from aisteer.steering.context import in_context, judged_in_context
from aisteer.steering.criteria.protocol import Criterion, Scores
from aisteer.steering.criteria.thompson import Thompson, drawn_choices
from aisteer.steering.domains import Box
from aisteer.steering.drafting import batch, how_chosen, nothing_expected
from aisteer.steering.explanation import Standing
from aisteer.steering.failure_risk import Risk, Risked
from aisteer.steering.favour import turns
from aisteer.steering.fidelities import Fidelities, at_the_truth
from aisteer.steering.fitting import Belief
from aisteer.steering.guided import best_of, everywhere, favoured_too, regions
from aisteer.steering.points import Key, placed, point_key, taken_points
from aisteer.steering.protocols import Batch, Evidence, Json
from aisteer.steering.rejections import penalties
from aisteer.steering.restraint import restrained, settings_of
from aisteer.steering.stand_in import predicting, proposing
from aisteer.steering.trust_region import first_missing, trusted
from aisteer.steering.weighing import CostAware, Weighing

__all__ = ["BayesianBox"]

Array = NDArray[np.float64]
Allowed = Callable[[Json], bool]

_RAW = 512
_FINE = 4096
"""Points spread over the space where a level set, which is thin, has to be met by some."""
_LEADING = 5
_AROUND = 64
"""Points that draws are made at around each of the leading runs."""


class BayesianBox(Bayesian):
    """Proposes where a run is worth most, given all that is known and under way.

    The first points are of a Sobol sequence within the constraints. Then batches are chosen one by one by what
    suits the goals (``criteria``): the logarithm of the noisy expected improvement (Ament et al., NeurIPS 2023) for
    an extreme, its like for a target or several objectives, less variance for a level set or learning. Each is
    chosen given the ones before it and all that runs, is accepted or waits. The same evidence gives the same
    proposals.

    Args:
        space: The box.
        goals: What is sought; or one objective, as in the task's definition.
        seed: Of the Sobol sequence and of the searches.
        initial: How many first points; twice the number of parameters and two, at most 12, if not given.
        acquisition: One of ``goals.acquisitions``; the first of them if not given.
        fidelity: The parameter that says how good a run is. Then points and fidelities are chosen together, by what
            they tell of the best at the truth per cost (``criteria.truth``).
        cost_aware: Whether a gain is divided by what a run is expected to cost (``weighing``).
    """

    def __init__(
        self,
        space: Space,
        goals: Goals | Json,
        *,
        seed: int = 0,
        initial: int | None = None,
        acquisition: str | None = None,
        fidelity: Fidelity | None = None,
        cost_aware: bool = False,
    ) -> None:
        self.space = space
        self.fidelity = fidelity
        self.domain = Box(space, fidelity.name if fidelity else None)
        self.initial = min(2 * space.dimension + 2, 12) if initial is None else max(1, initial)
        weighing: Weighing | None = CostAware(self.domain) if cost_aware else None
        if fidelity is not None:
            weighing = Fidelities(space, self.domain, fidelity, seed)
        super().__init__(space, self.domain, goals, seed=seed, acquisition=acquisition, weighing=weighing)
        self._reference: tuple[Json, Array] | None = None

    # --- proposing ----------------------------------------------------------------------------

    @proposing
    def propose(self, evidence: Evidence, n: int) -> Batch:
        """Up to ``n`` different drafts, best first."""
        evidence = self._meant(evidence)
        taken = taken_points(evidence, self.domain.names)
        belief = self.fitter.belief(evidence)
        first = n
        if belief is not None:
            missing = first_missing(self.space, evidence, self.goals, self.initial)
            first = min(n, max(missing, self.initial - len(taken)))
        space = restrained(self.space, evidence)
        points = self._first_points(space, taken, evidence, first)
        chosen: list[Json] = []
        if belief is not None and len(points) < n:
            chosen = self._search(space, evidence, belief, n - len(points), taken)
        notes = how_chosen(len(points), self.initial, len(chosen))
        points += chosen
        summary = belief.summary(self.domain.names) if belief is not None else {}
        if belief is not None and isinstance(self.weighing, Fidelities):
            summary["recommended"] = self.weighing.recommended(belief, evidence)
        return batch(evidence, points, self.predict(evidence, points), notes, summary)

    def _meant(self, evidence: Evidence) -> Evidence:
        """With what is pinned unsaid: the context, and the truth where an acquisition cannot choose a fidelity."""
        evidence = in_context(evidence)
        chooses = self.fidelity is None or self._named(evidence) in {None, "improvement"}
        return evidence if chooses or self.fidelity is None else at_the_truth(evidence, self.fidelity)

    def _rejected(self, evidence: Evidence) -> set[Key]:
        return {point_key(self.domain.names, p) for p, _ in evidence.rejected}

    def _avoided(self, evidence: Evidence) -> set[Key]:
        return {point_key(self.domain.names, p) for p, since in evidence.rejected if since < 10}

    def _first_points(self, space: Space, taken: set[Key], evidence: Evidence, n: int) -> list[Json]:
        """Points of the sequence; what was rejected comes again, later, only where there are no others left.

        So does what data from elsewhere already stand for: a point nearer to them than half of what is between points.
        """
        found: list[Json] = []
        again: list[Json] = []
        rejected, avoided = self._rejected(evidence), self._avoided(evidence)
        if n:
            rows = (placed(self.domain, d.parameters) for d in evidence.data if d.origin == "prior")
            # Those of an earlier space are nowhere.
            given = np.array([row for row in rows if row is not None])
            apart = 0.5 * self.initial ** (-1 / space.dimension)
            more = n if len(given) == 0 else 4 * n
            spread = feasible_sobol(space, self.initial + len(taken) + len(rejected) + more, self.seed)
            for place, drawn in enumerate(spread):
                pinned = self.weighing is None or getattr(space, "pinned", {})
                point = drawn if pinned or self.weighing is None else self.weighing.first(drawn, place)
                key = point_key(self.domain.names, point)
                if key in taken or key in avoided:
                    continue
                taken.add(key)
                near = (
                    len(given) > 0
                    and np.linalg.norm(given - self.domain.encode([point]), axis=1).min() < apart
                )
                (again if near or key in rejected else found).append(point)
                if len(found) == n:
                    break
            taken -= {point_key(self.domain.names, p) for p in again[n - len(found) :]}
        return [*found, *again[: n - len(found)]]

    def _search(
        self, space: Space, evidence: Evidence, belief: Belief, n: int, taken: set[Key]
    ) -> list[Json]:
        under_way = [*evidence.pending, *(p for _, p in evidence.waiting)]
        pending = self.domain.encode(under_way)
        taken = taken | self._avoided(evidence)
        rng = np.random.default_rng([self.seed, 5, len(belief.data), len(under_way)])
        judged = self._criterion(evidence, belief)
        every, scales = belief.leading(len(belief.data)), belief.process.length_scales()
        space, leading = trusted(space, evidence, every, scales, self.goals, initial=self.initial)
        leading = leading[:_LEADING]
        raw = self.domain.encode(feasible_sobol(space, _RAW, int(rng.integers(2**31))))
        raw = favoured_too(raw, space, evidence)
        risk = self.failures.risk(evidence)
        if isinstance(judged, Thompson) or self._named(evidence) == "thompson":
            allowed = partial(self._allowed, space, taken=taken, pending=pending)
            inputs = np.concatenate([raw, leading])
            return self._drawn(space, belief, inputs, n=n, rng=rng, allowed=allowed, risk=risk)
        sought = judged.sought(belief, pending, batch=n, spread=self._spread(evidence), seed=self.seed)
        if self.weighing is not None:
            leading = np.concatenate([leading, self.weighing.starts(belief, evidence)])
        centres, weights, reaches = penalties(evidence, self.domain)
        acquisition: Acquisition = sought
        if len(weights):
            acquisition = Penalized(sought, centres, weights, reaches)
        if risk is not None:
            acquisition = Risked(acquisition, risk)
        whole = everywhere(acquisition, space, evidence, raw)
        parts = regions(acquisition, space, evidence, raw)
        found: list[Json] = []
        for favoured in turns(evidence, n, self.seed):
            allowed = partial(self._allowed, taken=taken, pending=pending)
            search = partial(best_of, incumbents=leading, rng=rng, allowed=allowed, smooth=belief.smooth)
            point = (search(parts) if favoured else None) or search([whole])
            if point is None:
                break
            taken.add(point_key(self.domain.names, point))
            found.append(point)
            if len(found) < n:
                chosen = self.domain.encode([point])
                pending = np.concatenate([pending, chosen])
                sought.add(chosen)
        return found

    def _drawn(
        self,
        space: Space,
        belief: Belief,
        inputs: Array,
        *,
        n: int,
        rng: np.random.Generator,
        allowed: Allowed,
        risk: Risk | None,
    ) -> list[Json]:
        """The best points of draws at ``inputs`` and around the best of them."""
        near = np.repeat(inputs[-_LEADING:], _AROUND, axis=0)
        near = near + rng.choice([0.02, 0.1], size=(len(near), 1)) * rng.standard_normal(near.shape)
        points = space.decode(np.concatenate([inputs, np.clip(near, 0.0, 1.0)]))
        different = list({point_key(self.domain.names, p): p for p in points if allowed(p)}.values())
        if not different:
            return []
        x = self.domain.encode(different)
        if risk is not None:  # whether a run ends is drawn too
            ends = np.flatnonzero(rng.random(len(x)) >= risk.at(x))
            kept = ends if len(ends) >= n else np.argsort(risk.at(x), kind="stable")[:n]
            different, x = [different[place] for place in kept], x[kept]
        return [different[place] for place in drawn_choices(belief, x, n, rng)]

    def _named(self, evidence: Evidence) -> str | None:
        """The acquisition that is asked for, or the one that it comes to in a context."""
        return judged_in_context(evidence, self._asked_for(evidence), self.goals.first.kind)

    def _criterion(self, evidence: Evidence, belief: Belief) -> Criterion:
        return self._judging(evidence, belief, self._named(evidence))

    def _allowed(self, space: Space, point: Json, *, taken: set[Key], pending: Array) -> bool:
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
            size = _FINE if isinstance(self.goals.first, LevelSet) else _RAW
            spread = feasible_sobol(restrained(self.space, evidence), size, self.seed + 1)
            self._reference = left, self.domain.encode(spread)
        return self._reference[1]

    # --- explaining ---------------------------------------------------------------------------

    @predicting
    def predict(self, evidence: Evidence, points: Sequence[Json]) -> list[Json]:
        """What is expected of points, and why; nothing (``predicted`` empty) with fewer than 3 outcomes.

        ``rank`` is the place among 512 points spread over what steering leaves of the space.
        """
        belief = self.fitter.belief(evidence)
        if belief is None:
            return nothing_expected(points)
        if not points:
            return []
        evidence = self._meant(evidence)
        spread, judged = self._spread(evidence), self._criterion(evidence, belief)
        risk, some = self.failures.risk(evidence), spread[:_RAW]
        order = judged.scores(belief, some, spread).order
        standing = Standing(order + (0.0 if risk is None else risk.log_success(some)))
        return self._explained(
            evidence, belief, points, judged=judged, spread=spread, standing=standing, risk=risk, besides=1
        )

    def judge(self, evidence: Evidence) -> Callable[[Belief, Array], Scores]:
        """The acquisition at inputs, shape ``(n, d)``, as things stand."""
        evidence = self._meant(evidence)
        spread = self._spread(evidence)
        return lambda belief, x: self._criterion(evidence, belief).scores(belief, x, spread)
