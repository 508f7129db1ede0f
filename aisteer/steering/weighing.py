"""What runs are worth weighed against what they cost, and what proposals say of that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from aisteer.problem.resources import in_unit
from aisteer.steering.costs import Costs, place_costs
from aisteer.steering.criteria.protocol import Criterion, Scores, Sought
from aisteer.steering.domains import Domain
from aisteer.steering.fitting import Belief
from aisteer.steering.points import placed
from aisteer.steering.protocols import Evidence, Json
from aisteer.surrogates.gaussian_process import Remembered

__all__ = ["CostAware", "PerCost", "Weighing"]

Array = NDArray[np.float64]

_LOGARITHMS = ("improvement", "hypervolume", "level", "learning", None)
"""Acquisitions that are a gain, which can be divided by a cost."""


class Weighing(Protocol):
    """How a policy weighs costs."""

    def criterion(self, base: Criterion, named: str | None, belief: Belief, evidence: Evidence) -> Criterion:
        """What is searched by instead of ``base``, which serves the acquisition that was asked for."""

    def first(self, point: Json, place: int) -> Json:
        """A point of the first design, of which it is the one at ``place``, as it is to be run."""

    def starts(self, belief: Belief, evidence: Evidence) -> Array:
        """Inputs that a search has to look around besides the leading runs, shape ``(m, d)``."""

    def told(
        self, belief: Belief, evidence: Evidence, points: Sequence[Json], criterion: Criterion, spread: Array
    ) -> list[Json]:
        """For each point ``reasons``, and where they are known its ``cost`` in node-hours and its ``gain``."""


class PerCost:
    """A gain divided by the expected cost."""

    def __init__(self, base: Criterion, costs: Costs) -> None:
        self.base, self.costs = base, costs

    def sought(self, belief: Belief, under_way: Array, *, batch: int, spread: Array, seed: int) -> Sought:
        """The logarithm of the gain less that of the cost."""
        return _Less(self.base.sought(belief, under_way, batch=batch, spread=spread, seed=seed), self.costs)

    def scores(self, belief: Belief, x: Array, spread: Array) -> Scores:
        """The gain per node-hour in its two terms."""
        gain, cost = self.base.scores(belief, x, spread), self.costs.at(x)
        return Scores(
            f"{gain.name} per node-hour",
            gain.exploit / cost,
            gain.explore / cost,
            gain.order - np.log(cost),
            f"{gain.unit}/node-hour".lstrip("/"),
        )


class _Less:
    def __init__(self, sought: Sought, costs: Costs) -> None:
        self._sought, self._costs = sought, costs

    def add(self, x: Array) -> None:
        self._sought.add(x)

    def __call__(self, x: Tensor) -> Tensor:
        return self._sought(x) - self._costs.log(x)


class CostAware:
    """Gain per expected node-hour, where runs of one fidelity cost differently over the space."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._remembered = Remembered()
        self._last: tuple[tuple[tuple[str, float], ...], Costs | None] | None = None

    def costs(self, evidence: Evidence) -> Costs | None:
        """Learned from what ended; the same as long as that stays the same."""
        inside = [d for d in evidence.data if placed(self._domain, d.parameters) is not None]
        seen = tuple((d.run, d.cost) for d in inside)
        if self._last is None or self._last[0] != seen:
            self._last = seen, place_costs(inside, self._domain, self._remembered)
        return self._last[1]

    def criterion(self, base: Criterion, named: str | None, belief: Belief, evidence: Evidence) -> Criterion:
        """The gain per cost, once costs are known, of what is a gain at all."""
        del belief
        costs = self.costs(evidence)
        return base if costs is None or named not in _LOGARITHMS else PerCost(base, costs)

    def first(self, point: Json, place: int) -> Json:
        """As it is."""
        del place
        return point

    def starts(self, belief: Belief, evidence: Evidence) -> Array:
        """None besides."""
        del evidence
        return belief.x[:0]

    def told(
        self, belief: Belief, evidence: Evidence, points: Sequence[Json], criterion: Criterion, spread: Array
    ) -> list[Json]:
        """What each is expected to cost, and how that was weighed."""
        del belief, spread
        costs = self.costs(evidence)
        if costs is None:
            words = "Costs are not weighed yet: that begins with five runs whose cost is known."
            return [{"reasons": [{"kind": "cost", "words": words}]} for _ in points]
        x = self._domain.encode(points)
        ran = np.array([d.cost for d in evidence.data if d.cost > 0])
        usual, found = float(np.median(ran)), []
        for cost in costs.at(x).tolist():
            hours = in_unit(float(f"{cost:.3g}"), "node-hours")
            words = f"Estimated to cost {hours} ({costs.words}; their median is {usual:.3g}). " + (
                "Proposals go by what a run promises per node-hour."
                if isinstance(criterion, PerCost)
                else "This acquisition is not weighed by cost."
            )
            reason = {"kind": "cost", "cost": cost, "median": usual, "words": words}
            found.append({"cost": cost, "reasons": [reason]})
        return found
