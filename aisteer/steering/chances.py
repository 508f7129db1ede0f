"""What a run has to be better than, and how likely that is of one whose outcomes are foreseen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisteer.problem.goals import Goals
from aisteer.steering.extrapolation import Final
from aisteer.steering.pareto import front
from aisteer.steering.protocols import Datum

__all__ = ["Standing", "adds"]

Array = NDArray[np.float64]

_DRAWS = 4000


@dataclass(frozen=True, slots=True)
class Standing:
    """What runs have reached.

    Attributes:
        rows: Objectives of the best feasible run, or of the front, larger is better: shape ``(k, m)``. Empty where no
            run is feasible.
        run: The best run; empty where there are several objectives, or none.
        value: Its outcome.
        believed: That is not what was measured of it, but what a surrogate makes of that.
    """

    rows: Array
    run: str = ""
    value: float | None = None
    believed: bool = False

    @classmethod
    def of(cls, goals: Goals, data: Sequence[Datum]) -> Standing:
        """Where ``data`` stands."""
        kept = [d for d in data if all(n in d.outcomes for n in goals.outcomes) and goals.met(_values(d))]
        kept = [d for d in kept if np.isfinite([d.outcomes[n][0] for n in goals.outcomes]).all()]
        if not kept:
            return cls(np.zeros((0, len(goals.objectives))))
        rows = np.array([[float(o.worth(d.outcomes[o.outcome][0])) for o in goals.objectives] for d in kept])
        if goals.several:
            return cls(rows[front(rows)])
        best = int(np.argmax(rows[:, 0]))
        return cls(rows[best : best + 1], kept[best].run, float(kept[best].outcomes[goals.first.outcome][0]))

    def relaxed(self, goals: Goals, best: float, run: str) -> Standing:
        """The same with the best as a surrogate believes it, where that is less: a lucky measurement sets no bar.

        Args:
            goals: What is sought.
            best: The outcome of the best run by the surrogate's mean.
            run: That run.
        """
        if goals.several or not len(self.rows):
            return self
        worth = float(goals.first.worth(best))
        if not worth < self.rows[0, 0]:
            return self
        return Standing(np.array([[worth]]), run or self.run, best, believed=True)

    def beaten(self, goals: Goals, datum: Datum) -> bool:
        """Whether a run that has ended adds to it."""
        if not goals.met(_values(datum)):
            return False
        row = np.array([float(o.worth(datum.outcomes[o.outcome][0])) for o in goals.objectives])
        return not (self.rows >= row).all(axis=1).any()


def adds(goals: Goals, finals: Mapping[str, Final], standing: Standing) -> float:
    """The probability that a run ends better than the best, or adds to the front, and is feasible.

    Outcomes are taken for independent; 1 where no run is feasible yet, since then any may be the first.
    """
    if not len(standing.rows):
        return 1.0
    share = (np.arange(_DRAWS) + 0.5) / _DRAWS
    rng = np.random.default_rng(0)
    one = len(goals.outcomes) == 1
    drawn = {n: finals[n].quantiles(share if one else rng.permutation(share)) for n in goals.outcomes}
    rows = np.stack([np.asarray(o.worth(drawn[o.outcome])) for o in goals.objectives], axis=1)
    good = np.ones(_DRAWS, dtype=bool)
    for row in standing.rows:
        good &= (rows > row).any(axis=1)
    for c in goals.feasible:
        good &= sum(k * drawn[n] for n, k in c.coefficients.items()) <= c.bound
    return float(good.mean())


def _values(datum: Datum) -> dict[str, float]:
    return {name: value for name, (value, _) in datum.outcomes.items()}
