"""What a proposal says of itself, made of the model's own terms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisteer.steering.domains import Box, Domain
from aisteer.steering.fitting import Belief
from aisteer.steering.improvement import expected_improvement, log_expected_improvement
from aisteer.steering.protocols import Json
from aisteer.steering.slopes import around

__all__ = ["Score", "Scores", "Standing", "explain", "improvement", "optimism"]

Array = NDArray[np.float64]

_NEAREST = 3
_FAR_BELOW = 0.5
_EDGE = 0.02


@dataclass(frozen=True, slots=True)
class Scores:
    """An acquisition at some points.

    Attributes:
        name: What it is.
        exploit: Its term of what the mean promises, shape ``(n,)``.
        explore: Its term of what is not known, shape ``(n,)``; the acquisition is their sum.
        order: What points are ranked by; grows with the acquisition, and does not underflow.
    """

    name: str
    exploit: Array
    explore: Array
    order: Array


Score = Callable[[Belief, Array, Array], Scores]


def improvement(belief: Belief, mean: Array, std: Array) -> Scores:
    """The expected improvement over the best posterior mean at a run."""
    exploit, explore = expected_improvement(mean, std, belief.best)
    order = log_expected_improvement(mean, std, belief.best)
    return Scores("expected improvement", exploit, explore, order)


def optimism(belief: Belief, mean: Array, std: Array) -> Scores:
    """The upper confidence bound, over the mean outcome."""
    promised = mean - belief.process.prior_mean
    return Scores("optimistic gain over the mean outcome", promised, std, promised + std)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where others stand: ``Scores.order`` of the candidates that a point is ranked among."""

    values: Array

    @property
    def of(self) -> int:
        """How many there are."""
        return len(self.values)

    def rank(self, value: float) -> int:
        """1 where none is better; ties do not push down."""
        return 1 + int(np.sum(self.values > value + 1e-9))


def explain(
    belief: Belief,
    domain: Domain,
    points: list[Json],
    *,
    score: Score,
    standing: Standing,
    besides: int = 0,
) -> list[Json]:
    """``predicted``, ``acquisition``, ``rank``, ``of`` and ``reasons`` of each point.

    Args:
        belief: The surrogate.
        domain: The space that it was fitted in.
        points: What is asked about.
        score: The acquisition of the policy.
        standing: What they are ranked among.
        besides: 1 where the points are not among the candidates of ``standing`` themselves.

    The reasons: ``acquisition`` (the policy's, with its two terms, see ``aisteer.steering.improvement``),
    ``improvement`` (expected, over the best run), ``nearest`` (runs, how near, what came out), ``distance`` (in length
    scales of the kernel and as its correlation with the nearest run; ``far`` where that is below 0.5),
    ``sensitivity`` (see ``aisteer.steering.slopes``), ``noise`` (learned, where errors are not known),
    ``calibration`` and ``fit`` (words), ``region`` (edges).
    """
    x = domain.encode(points)
    mean, std = belief.process.predict(x)
    scores, gain = score(belief, mean, std), improvement(belief, mean, std)
    correlation = belief.process.correlation(x)
    sign = belief.objective.sign
    slopes = around(belief, domain, points)
    found: list[Json] = []
    for i, point in enumerate(points):
        reasons: list[Json] = [
            {
                "kind": "acquisition",
                "name": scores.name,
                "value": float(scores.exploit[i] + scores.explore[i]),
                "exploit": float(scores.exploit[i]),
                "explore": float(scores.explore[i]),
                "unit": belief.objective.unit,
            },
            {
                "kind": "improvement",
                "value": float(gain.exploit[i] + gain.explore[i]),
                "best": float(sign * belief.best),
                "best_run": belief.best_run,
            },
            _nearest(belief, domain, x[i]),
            _distance(belief, x[i], correlation[i]),
            *slopes[i],
            *_model(belief),
            *_region(domain, point, x[i]),
        ]
        found.append(
            {
                "predicted": {belief.objective.outcome: [float(sign * mean[i]), float(std[i])]},
                "acquisition": float(scores.exploit[i] + scores.explore[i]),
                "rank": standing.rank(float(scores.order[i])),
                "of": standing.of + besides,
                "reasons": reasons,
            }
        )
    return found


def _nearest(belief: Belief, domain: Domain, point: Array) -> Json:
    measure, values = domain.nearness(point, belief.x.copy())
    order = np.argsort(-values if measure == "similarity" else values, kind="stable")[:_NEAREST]
    runs = [
        {
            "run": belief.data[i].run,
            measure: float(values[i]),
            "value": float(belief.y[i]),
            "standard_error": float(belief.error[i]) or None,
            "parameters": {name: belief.data[i].parameters.get(name) for name in domain.names},
        }
        for i in order
    ]
    return {"kind": "nearest", "measure": measure, "runs": runs, "outcome": belief.objective.outcome}


def _distance(belief: Belief, point: Array, correlation: Array) -> Json:
    """The nearest run in the kernel's own sense; ``length_scales`` for kernels that have them."""
    place = int(np.argmax(correlation))
    reason: Json = {
        "kind": "distance",
        "run": belief.data[place].run,
        "correlation": float(correlation[place]),
        "far": bool(correlation[place] < _FAR_BELOW),
    }
    scales = belief.process.length_scales()
    if scales is not None and len(scales) == len(point):
        reason["length_scales"] = float(np.sqrt((((belief.x[place] - point) / scales) ** 2).sum()))
    return reason


def _model(belief: Belief) -> list[Json]:
    reasons: list[Json] = []
    if np.any(belief.error == 0):
        reasons.append({"kind": "noise", "std": belief.process.noise, "learned": True})
    known = belief.calibration
    reasons.append({"kind": "calibration", "trusted": known.trusted, "words": known.words})
    if belief.skill is not None and belief.skill.explained <= 0:
        reasons.append({"kind": "fit", "words": belief.skill.words})
    if belief.process.words:
        reasons.append({"kind": "fit", "words": belief.process.words})
    return reasons


def _region(domain: Domain, point: Json, x: Array) -> list[Json]:
    """Which bounds of a box it lies at, within 2 % of their width."""
    if not isinstance(domain, Box):
        return []
    edges = {
        name: "lower" if u < _EDGE else "upper"
        for i, (name, u) in enumerate(zip(domain.names, x.tolist(), strict=True))
        if i not in domain.categorical and (u < _EDGE or u > 1 - _EDGE)
    }
    if not edges:
        return []
    words = ", ".join(f"{name} = {point[name]:.6g} is at its {side} bound" for name, side in edges.items())
    return [{"kind": "region", "edges": edges, "words": words}]
