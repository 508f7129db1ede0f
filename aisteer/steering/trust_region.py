"""A trust region: a box around the best run that grows while runs get better and shrinks while they do not.

In many dimensions a surrogate knows least where there is most space, at the edges, and a search everywhere keeps
looking there (Eriksson et al., NeurIPS 2019). It is not adapted as things happen but read off the runs in their order,
so the same runs give the same region.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aisteer.problem.fidelity import Fidelity
from aisteer.problem.goals import Goals
from aisteer.problem.parameters import Choice
from aisteer.problem.space import Space
from aisteer.steering.protocols import Datum, Evidence
from aisteer.steering.restraint import Restrained, settings_of

__all__ = ["earned_size", "trusted"]

Array = NDArray[np.float64]

_FIRST, _LARGEST, _SMALLEST = 0.8, 1.6, 0.5**7
_SUCCESSES = 3
_LEAST_FAILURES = 4
_BETTER = 1e-3
_TRIES = 256


def earned_size(data: Sequence[Datum], goals: Goals, dimension: int) -> float:
    """The length of a side that the runs have earned, as a share of the parameter's.

    Doubled after 3 runs in a row that were better than all before, halved after ``max(4, dimension)`` that were not;
    from ``0.5**7`` on it begins anew.

    Args:
        data: Runs, oldest first; data from elsewhere does not count.
        goals: What better means: of several objectives, in any of them.
        dimension: Parameters.
    """
    size, good, poor = _FIRST, 0, 0
    best: dict[str, float] = {}
    for datum in data:
        if datum.origin == "prior" or not goals.met(
            {name: value for name, (value, _) in datum.outcomes.items()}
        ):
            continue
        better = not best
        for objective in goals.objectives:
            name = objective.outcome
            if name not in datum.outcomes:
                continue
            worth = float(np.asarray(objective.worth(np.array([datum.outcomes[name][0]])))[0])
            better |= name in best and worth > best[name] + _BETTER * abs(best[name])
            best[name] = max(worth, best.get(name, -np.inf))
        good, poor = (good + 1, 0) if better else (0, poor + 1)
        if good == _SUCCESSES:
            size, good = min(2.0 * size, _LARGEST), 0
        elif poor == max(_LEAST_FAILURES, dimension):
            size, poor = size / 2.0, 0
        if size < _SMALLEST:
            size = _FIRST
    return size


def trusted(space: Space, evidence: Evidence, centre: Array, scales: Array | None, goals: Goals) -> Space:
    """The part of a box that is searched, where steering asks for a trust region; else the box.

    Args:
        space: What steering leaves of the box.
        evidence: What is known.
        centre: The best run in the unit cube, shape ``(d,)``.
        scales: Length scales of the surrogate, which stretch the region; ``None`` makes it a cube.
        goals: What is sought.
    """
    asked = evidence.steering.get("trust_region") or False
    if asked is False or not goals.first.has_best:
        return space
    fidelity = Fidelity.of(evidence.definition)
    data = [d for d in evidence.data if fidelity is None or fidelity.true(d.parameters)]
    size = earned_size(data, goals, space.dimension) if asked is True else float(asked)
    sides = np.full(space.dimension, size)
    if scales is not None and len(scales) == space.dimension and (scales > 0).all():
        sides = size * np.minimum(scales / np.exp(np.log(scales).mean()), 8.0)
    low, high = np.clip(centre - sides / 2, 0.0, 1.0), np.clip(centre + sides / 2, 0.0, 1.0)
    free = [
        isinstance(p, Choice) or (fidelity is not None and n == fidelity.name)
        for n, p in space.parameters.items()
    ]
    low[free], high[free] = 0.0, 1.0
    region = Restrained(space, settings_of(evidence), within=(low, high))
    tries = region.decode_uniform(np.random.default_rng(len(evidence.data)).random((_TRIES, space.dimension)))
    return region if any(region.feasible(point) for point in tries) else space
