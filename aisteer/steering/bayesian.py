"""What Bayesian searches of a box and of a pool have in common: fits, risks, what judges, what is said of points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aisteer.problem.goals import Goals
from aisteer.problem.pool import Pool
from aisteer.problem.space import Space
from aisteer.steering.criteria.choice import criterion
from aisteer.steering.criteria.protocol import Criterion
from aisteer.steering.domains import Domain
from aisteer.steering.explanation import Standing, explain
from aisteer.steering.failure_risk import Failures, Risk
from aisteer.steering.fitting import Belief, Fitter
from aisteer.steering.protocols import Evidence, Json
from aisteer.steering.stand_in import troubles
from aisteer.steering.weighing import Weighing

__all__ = ["Bayesian", "exploration"]

Array = NDArray[np.float64]


class Bayesian:
    """See the module.

    Args:
        candidates: What is searched.
        domain: The same as the surrogates see it.
        goals: What is sought; or one objective, as in the task's definition.
        seed: Of everything that is drawn.
        acquisition: One of ``goals.acquisitions``; the usual one if not given.
        weighing: How costs are weighed; not at all if not given.
    """

    name = "bayesian"
    repeatable = True

    def __init__(
        self,
        candidates: Space | Pool,
        domain: Domain,
        goals: Goals | Json,
        *,
        seed: int,
        acquisition: str | None,
        weighing: Weighing | None,
    ) -> None:
        self.candidates = candidates
        self.seed = seed
        self.fitter = Fitter(domain, goals)
        self.failures = Failures(domain)
        self.faults: dict[str, str] = {}
        self.goals = self.fitter.goals
        self.acquisition = acquisition
        self.weighing = weighing

    def _asked_for(self, evidence: Evidence) -> str | None:
        """The acquisition that is asked for: while it runs, else in the definition."""
        named: str | None = evidence.steering.get("acquisition") or self.acquisition
        return named

    def _judging(self, evidence: Evidence, belief: Belief, named: str | None) -> Criterion:
        """The acquisition called ``named``, as steering has it, with costs weighed."""
        weights = evidence.steering.get("weights") or {}
        found = criterion(self.goals, named, exploration(evidence), weights)
        return found if self.weighing is None else self.weighing.criterion(found, named, belief, evidence)

    def _explained(
        self,
        evidence: Evidence,
        belief: Belief,
        points: Sequence[Json],
        *,
        judged: Criterion,
        spread: Array,
        standing: Standing,
        risk: Risk | None,
        besides: int = 0,
    ) -> list[Json]:
        """What ``explain`` says of points, with what weighing their cost adds."""
        weighed = None
        if self.weighing is not None:
            weighed = self.weighing.told(belief, evidence, points, judged, spread)
        return explain(
            belief,
            self.fitter.domain,
            list(points),
            criterion=judged,
            spread=spread,
            standing=standing,
            besides=besides,
            weighed=weighed,
            risk=risk,
        )

    @property
    def trouble(self) -> str:
        """What is wrong with it, or with the surrogate that was asked for; empty while nothing is."""
        return troubles(self)


def exploration(evidence: Evidence) -> float:
    """How much is made of what is not known: 1 is usual."""
    return float(evidence.steering.get("exploration", 1.0))
