"""A trust region: a box around the best run that grows while runs get better and shrinks while they do not.

In many dimensions a surrogate knows least where there is most space, at the edges, and a search everywhere keeps
looking there (TuRBO: Eriksson et al., NeurIPS 2019). Where a region has shrunk to nothing the search begins anew
elsewhere, with points spread over the whole box, and only what is found from there on counts for the new region.

None of it is adapted as things happen: the region is read off the runs in their order, so the same runs give the same
region, after a restart of the program too.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aisteer.problem.fidelity import Fidelity
from aisteer.problem.goals import Goals
from aisteer.problem.parameters import Choice
from aisteer.problem.space import Space
from aisteer.steering.protocols import Datum, Evidence, Json
from aisteer.steering.restraint import Restrained, settings_of

__all__ = ["ADAPTIVE", "Region", "asked_for", "earned", "first_missing", "trusted"]

Array = NDArray[np.float64]

ADAPTIVE = "adaptive"
"""How a region is asked for whose size the runs earn; ``True`` is the same."""

_FIRST, _LARGEST, _SMALLEST = 0.8, 1.6, 0.5**7
_SUCCESSES = 3
_LEAST_FAILURES = 4
_BETTER = 1e-3
"""By how much of the range so far a run has to be better than all before to count."""
_GIVEN_UP = 0.1
"""How near, as a share of each side, runs are to the middle of a region that was given up to belong to it."""
_STRETCHED = 8.0
_TRIES = 256


@dataclass(slots=True)
class Region:
    """What the runs have earned.

    Attributes:
        size: The length of a side, as a share of the parameter's.
        runs: The runs that it was made from: all, or those since the search began anew.
        restarts: How often it began anew.
        missing: How many points are still to be spread over the box before it has a middle.
        given_up: The middles of regions that shrank to nothing.
    """

    size: float = _FIRST
    runs: list[Datum] = field(default_factory=list)
    restarts: int = 0
    missing: int = 0
    given_up: list[Json] = field(default_factory=list)


def asked_for(evidence: Evidence) -> bool | float:
    """The trust region that holds: that of the steering, else that of the policy's options; ``True`` if adaptive."""
    options = (evidence.definition.get("policy") or {}).get("options") or {}
    found = evidence.steering.get("trust_region", options.get("trust_region", False))
    return True if found == ADAPTIVE else found or False


def earned(data: Sequence[Datum], goals: Goals, space: Space, initial: int = 0) -> Region:
    """The region that runs have earned.

    Doubled after 3 batches in a row with a run that is better than all before, halved after ``max(4, dimension)`` runs
    in batches that had none; given up from ``0.5**7`` on. A batch is what was proposed at one and the same fit.

    Args:
        data: Runs, oldest first; data from elsewhere does not count.
        goals: What better means: of several objectives, in any of them.
        space: The box.
        initial: How many points the search begins with, here and after a restart.
    """
    own = [d for d in data if d.origin != "prior" and goals.met({n: v for n, (v, _) in d.outcomes.items()})]
    found = Region()
    record = _Record(goals)
    good, poor, spread = 0, 0, min(initial, len(own))
    for group in _batches(own):
        some = group if not found.given_up else [d for d in group if not _near(space, d, found.given_up)]
        if not some and len(found.runs) < spread:
            continue  # what was still under way when the last region was given up
        found.runs += some
        better = record.add(some)
        if len(found.runs) <= spread:
            continue
        good, poor = (good + 1, 0) if better else (0, poor + len(group))
        if good == _SUCCESSES:
            found.size, good = min(2.0 * found.size, _LARGEST), 0
        elif poor >= max(_LEAST_FAILURES, space.dimension):
            found.size, poor = found.size / 2.0, 0
        if found.size < _SMALLEST:
            found.given_up.append(record.best_of(found.runs).parameters)
            found.size, found.runs, found.restarts = _FIRST, [], found.restarts + 1
            record, good, poor, spread = _Record(goals), 0, 0, initial
    found.missing = max(0, spread - len(found.runs)) if found.restarts else 0
    return found


def _batches(data: Sequence[Datum]) -> list[list[Datum]]:
    """Runs that follow each other and were proposed at the same fit; each by itself where that is not known."""
    keyed = ((d.model if d.model is not None else ("alone", place), d) for place, d in enumerate(data))
    return [[d for _, d in group] for _, group in itertools.groupby(keyed, key=lambda pair: pair[0])]


def _near(space: Space, datum: Datum, middles: Sequence[Json]) -> bool:
    try:
        places = space.encode([datum.parameters, *middles])
    except (KeyError, StopIteration):
        return False  # a redefinition may have left it behind
    return bool((np.abs(places[1:] - places[0]).max(axis=1) < _GIVEN_UP).any())


class _Record:
    """The best and the worst so far of each objective."""

    def __init__(self, goals: Goals) -> None:
        self.goals = goals
        self.best: dict[str, float] = {}
        self.worst: dict[str, float] = {}

    def _worth(self, datum: Datum) -> dict[str, float]:
        goals = (one for one in self.goals.objectives if one.outcome in datum.outcomes)
        return {
            one.outcome: float(np.asarray(one.worth(np.array([datum.outcomes[one.outcome][0]])))[0])
            for one in goals
        }

    def add(self, data: Sequence[Datum]) -> bool:
        """Whether one of them is better than all before."""
        better = False
        for datum in data:
            for name, worth in self._worth(datum).items():
                least = self.best.get(name, -np.inf)
                margin = _BETTER * (least - self.worst[name]) if name in self.best else 0.0
                better |= worth > least + margin
                self.best[name] = max(worth, least)
                self.worst[name] = min(worth, self.worst.get(name, np.inf))
        return better

    def best_of(self, data: Sequence[Datum]) -> Datum:
        """The best by the first objective."""
        name = self.goals.first.outcome
        return max(data, key=lambda d: self._worth(d).get(name, -np.inf))


def _measured(evidence: Evidence) -> list[Datum]:
    """The runs that count: at the truth."""
    fidelity = Fidelity.of(evidence.definition)
    return [d for d in evidence.data if fidelity is None or fidelity.true(d.parameters)]


def first_missing(space: Space, evidence: Evidence, goals: Goals, initial: int) -> int:
    """How many points are to be spread over the whole box, as a region was given up; those under way count."""
    if asked_for(evidence) is not True or not goals.first.has_best:
        return 0
    region = earned(_measured(evidence), goals, space, initial)
    if not region.missing:
        return 0
    under_way = [*evidence.pending, *(point for _, point in evidence.waiting)]
    fresh = [p for p in under_way if not _near(space, Datum("", p, {}), region.given_up)]
    return max(0, region.missing - len(fresh))


def trusted(
    space: Space, evidence: Evidence, leading: Array, scales: Array | None, goals: Goals, *, initial: int = 0
) -> tuple[Space, Array]:
    """The part of a box that is searched and the runs to look around, where a trust region is asked for; else all.

    Args:
        space: What steering leaves of the box.
        evidence: What is known.
        leading: Inputs of the runs in the unit cube, the best first, shape ``(n, d)``.
        scales: Length scales of the surrogate, which stretch the region; ``None`` makes it a cube.
        goals: What is sought.
        initial: How many points the search begins with.
    """
    asked = asked_for(evidence)
    if asked is False or not goals.first.has_best:
        return space, leading
    size = float(asked)
    if asked is True:
        region = earned(_measured(evidence), goals, space, initial)
        size = region.size
        if region.restarts and region.runs:
            of_it = {row.tobytes() for row in space.encode([d.parameters for d in region.runs])}
            own = [row for row in leading if row.tobytes() in of_it]
            leading = np.array(own) if own else leading
    low, high = _sides(space, evidence, leading[0], size, scales)
    region_space = Restrained(space, settings_of(evidence), within=(low, high))
    rng = np.random.default_rng(len(evidence.data))
    tries = region_space.decode_uniform(rng.random((_TRIES, space.dimension)))
    if not any(region_space.feasible(point) for point in tries):
        return space, leading
    inside = ((leading >= low - 1e-9) & (leading <= high + 1e-9)).all(axis=1)
    return region_space, leading[inside] if inside.any() else leading[:1]


def _sides(
    space: Space, evidence: Evidence, centre: Array, size: float, scales: Array | None
) -> tuple[Array, Array]:
    """The ends of the region, shape ``(d,)`` each: longer where the outcome changes less; choices stay free."""
    sides = np.full(space.dimension, size)
    numbers = np.array([not isinstance(p, Choice) for p in space.parameters.values()])
    if scales is not None and numbers.any() and len(scales) in {space.dimension, int(numbers.sum())}:
        own = scales[numbers] if len(scales) == space.dimension else scales
        if (own > 0).all():
            sides[numbers] = size * np.minimum(own / np.exp(np.log(own).mean()), _STRETCHED)
    low, high = np.clip(centre - sides / 2, 0.0, 1.0), np.clip(centre + sides / 2, 0.0, 1.0)
    fidelity = Fidelity.of(evidence.definition)
    free = ~numbers | np.array([fidelity is not None and n == fidelity.name for n in space.names])
    low[free], high[free] = 0.0, 1.0
    return low, high
