"""Which fidelity to run: points and fidelities by what they tell of the best at the truth per node-hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aisteer.problem.fidelity import Fidelity
from aisteer.problem.parameters import number_in_words
from aisteer.problem.space import Space
from aisteer.steering.box_search import feasible_sobol, maximise
from aisteer.steering.costs import FidelityCosts, costs_of
from aisteer.steering.criteria.drawn import Drawn
from aisteer.steering.criteria.feasibility import asked, log_chance
from aisteer.steering.criteria.protocol import Criterion
from aisteer.steering.criteria.truth import TruthGain
from aisteer.steering.domains import Box
from aisteer.steering.fitting import Belief
from aisteer.steering.protocols import Evidence, Json
from aisteer.steering.restraint import Restrained, settings_of

__all__ = ["Fidelities", "at_the_truth"]

Array = NDArray[np.float64]

_TRUTH_EVERY = 3
_RAW = 256
_LIKELY = float(np.log(0.5))
_STEEP = 10.0
_CAUTION = 1.0
"""Standard deviations at the truth between a mean and the bound that is recommended by."""


def at_the_truth(evidence: Evidence, fidelity: Fidelity) -> Evidence:
    """The evidence with the fidelity pinned to the truth, unless it is pinned elsewhere."""
    pinned = {fidelity.name: fidelity.truth, **(evidence.steering.get("pinned") or {})}
    return replace(evidence, steering={**evidence.steering, "pinned": pinned})


class Fidelities:
    """Weighs what a run tells of the best at the truth against its cost at its fidelity."""

    def __init__(self, space: Space, domain: Box, fidelity: Fidelity, seed: int) -> None:
        self._space, self._domain, self.fidelity, self._seed = space, domain, fidelity, seed
        self._column = space.names.index(fidelity.name)
        self._best: dict[float, tuple[tuple[str, str], Array]] = {}

    def costs(self, evidence: Evidence) -> FidelityCosts:
        """By fidelity, of what was stated and what ended."""
        inside = [d for d in evidence.data if self.fidelity.known(d.parameters)]
        return costs_of(self.fidelity, evidence.definition, inside, self._column)

    def first(self, point: Json, place: int) -> Json:
        """Each third one at the truth, so that what the others miss can be learned; the others below it.

        They lie apart. The same points below and at the truth would say for certain what is missed there, but over six
        functions the truth was foreseen worse, on average, from as many such runs.
        """
        if place % _TRUTH_EVERY == _TRUTH_EVERY - 1:
            meant = self.fidelity.truth
        elif self.fidelity.true(point):
            meant = self.fidelity.next_best
        else:
            return point
        moved = {**point, self.fidelity.name: meant}
        return moved if self._space.feasible(moved) else point

    def criterion(self, base: Criterion, named: str | None, belief: Belief, evidence: Evidence) -> Criterion:
        """The gain at the truth per cost; another acquisition that is asked for stays, at the truth alone."""
        if named not in {None, "improvement"}:
            return base
        exploration = float(evidence.steering.get("exploration", 1.0))
        return TruthGain(self._column, self.costs(evidence), self._promising(belief, evidence), exploration)

    def starts(self, belief: Belief, evidence: Evidence) -> Array:
        """The best mean at the truth, and the best bound."""
        return np.concatenate([self._promising(belief, evidence), self.best(belief, evidence)])

    # --- what would be recommended --------------------------------------------------------------

    def best(self, belief: Belief, evidence: Evidence) -> Array:
        """The input with the best bound at the truth, of those that are rather feasible than not: shape ``(1, d)``.

        The bound is the mean, one standard deviation to the bad side: what promises more but is hardly known would be a
        gamble, and the more so as the best of many means is more often than not one that errs.
        """
        return self._sought(belief, evidence, _CAUTION)

    def _promising(self, belief: Belief, evidence: Evidence) -> Array:
        """The same by the mean."""
        return self._sought(belief, evidence, 0.0)

    def _sought(self, belief: Belief, evidence: Evidence, caution: float) -> Array:
        settings = settings_of(evidence)
        left = {name: settings.get(name) for name in ("pinned", "forbidden")}
        key = belief.digest, repr(left)
        if caution not in self._best or self._best[caution][0] != key:
            self._best[caution] = key, self._searched(belief, left, caution * belief.first.widened)
        return self._best[caution][1]

    def _searched(self, belief: Belief, left: Json, caution: float) -> Array:
        pinned = {**(left["pinned"] or {}), self.fidelity.name: self.fidelity.truth}
        space = Restrained(self._space, {**left, "pinned": pinned})
        known = Drawn(belief.process, torch.zeros((1, 0), dtype=torch.float64))

        def bound(x: Tensor) -> Tensor:
            means, stds = known.at(x)
            value = means[:, 0] - caution * stds
            if asked(belief):
                value = value + _STEEP * (log_chance(belief, x) - _LIKELY).clamp_max(0.0)
            return value

        raw = self._domain.at_truth(self._domain.encode(feasible_sobol(space, _RAW, self._seed + 2)))
        leading = self._domain.at_truth(belief.leading(8))
        rng = np.random.default_rng([self._seed, 7, len(belief.data)])
        point = maximise(space, bound, raw=raw, incumbents=leading, rng=rng, allowed=space.feasible)
        return belief.true[belief.place][None] if point is None else self._domain.encode([point])

    def recommended(self, belief: Belief, evidence: Evidence) -> Json:
        """What would be taken if nothing else ran.

        Returns:
            ``parameters``, ``mean``, ``std``, ``run`` (empty where it did not run) and ``words``.
        """
        x = self.best(belief, evidence)
        point = self._space.decode(x)[0]
        mean, std = belief.first.predict(x)
        ran = [d.run for d in belief.data if all(d.parameters[n] == v for n, v in point.items())]
        unit = belief.first.unit
        where = ", ".join(f"{name} = {_shown(value)}" for name, value in point.items())
        words = (
            f"If nothing else ran, {where} would be recommended: {belief.first.outcome} is expected to be "
            f"{mean[0]:.4g} ± {_rounded(1.96 * std[0], unit)} there (95 %), "
            + (f"as {ran[0]} says." if ran else "where nothing ran at the truth yet.")
            + " Were each place one standard deviation worse than expected, this one would be the best."
        )
        return {
            "parameters": point,
            "mean": float(mean[0]),
            "std": float(std[0]),
            "run": ran[0] if ran else "",
            "words": words,
        }

    # --- what proposals say ---------------------------------------------------------------------

    def told(
        self, belief: Belief, evidence: Evidence, points: Sequence[Json], criterion: Criterion, spread: Array
    ) -> list[Json]:
        """What each costs, brings at the truth and brings per node-hour, beside the same point at the truth."""
        costs, x = self.costs(evidence), self._domain.encode(points)
        true = self._domain.at_truth(x)
        gains = (
            criterion
            if isinstance(criterion, TruthGain)
            else TruthGain(self._column, costs, self._promising(belief, evidence))
        )
        here, there = gains.gain(belief, x, spread).value, gains.gain(belief, true, spread).value
        cost, whole = costs.at(x), costs.at(true)
        recommended = {"kind": "recommendation", **self.recommended(belief, evidence)}
        found: list[Json] = []
        for i, point in enumerate(points):
            reason = {
                "kind": "fidelity",
                "parameter": self.fidelity.name,
                "value": point[self.fidelity.name],
                "truth": self.fidelity.truth,
                "cost": float(cost[i]),
                "cost_at_truth": float(whole[i]),
                "gain": float(here[i]),
                "gain_at_truth": float(there[i]),
                "per_cost": float(here[i] / cost[i]),
                "per_cost_at_truth": float(there[i] / whole[i]),
                "costs": costs.words,
            }
            said = {"reasons": [{**reason, "words": self._words(reason, belief, costs)}, recommended]}
            found.append(
                {**said, "gain": float(here[i]), **({"cost": float(cost[i])} if costs.known else {})}
            )
        return found

    def _words(self, reason: Json, belief: Belief, costs: FidelityCosts) -> str:
        unit = belief.first.unit
        name, hours = self.fidelity.name, "node-hours" if costs.known else "runs at the truth"

        def worth(which: str) -> str:
            gain, per_cost = reason["gain" + which], reason["per_cost" + which]
            return (
                f"is expected to improve the best mean at the truth by {_rounded(gain, unit)}, "
                f"{per_cost:.3g} per {'node-hour' if costs.known else 'cost of a run at the truth'}"
            )

        if reason["value"] == reason["truth"]:
            words = f"{name} = {_shown(reason['value'])}, the truth: estimated to cost {reason['cost']:.3g} {hours} "
            return words + f"({costs.words}), it {worth('')}."
        return (
            f"{name} = {_shown(reason['value'])} of {_shown(reason['truth'])}: estimated to cost {reason['cost']:.3g} "
            f"{hours} instead of {reason['cost_at_truth']:.3g} at the truth ({costs.words}), it {worth('')}; the same "
            f"point at the truth {worth('_at_truth')}."
        )


def _rounded(value: float, unit: str) -> str:
    return number_in_words(float(f"{value:.3g}"), unit)


def _shown(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
