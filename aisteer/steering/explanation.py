"""What a proposal says of itself, made of the model's own terms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisteer.steering.domains import Box, Domain
from aisteer.steering.fitting import Belief
from aisteer.steering.improvement import expected_improvement, log_expected_improvement
from aisteer.steering.protocols import Json

__all__ = ["Standing", "explain"]

Array = NDArray[np.float64]

_NEAREST = 3
_FAR_BELOW = 0.5
_EDGE = 0.02


@dataclass(frozen=True, slots=True)
class Standing:
    """Where others stand: log expected improvements of the candidates that a point is ranked among."""

    values: Array

    @property
    def of(self) -> int:
        """How many there are."""
        return len(self.values)

    def rank(self, value: float) -> int:
        """1 where none is better; ties do not push down."""
        return 1 + int(np.sum(self.values > value + 1e-9))


def explain(
    belief: Belief, domain: Domain, points: list[Json], standing: Standing, *, besides: int = 0
) -> list[Json]:
    """``predicted``, ``acquisition``, ``rank``, ``of`` and ``reasons`` of each point.

    Args:
        belief: The surrogate.
        domain: The space that it was fitted in.
        points: What is asked about.
        standing: What they are ranked among.
        besides: 1 where the points are not among the candidates of ``standing`` themselves.

    The reasons: ``acquisition`` (the expected improvement over the best posterior mean at a run, and its
    two terms, see ``improvement``), ``nearest`` (runs, how near, what came out), ``distance`` (in length
    scales of the kernel and as its correlation with the nearest run; ``far`` where that is below 0.5),
    ``noise`` (learned, where errors are not known), ``calibration`` and ``fit`` (words), ``region`` (edges).
    """
    x = domain.encode(points)
    mean, std = belief.process.predict(x)
    exploit, explore = expected_improvement(mean, std, belief.best)
    log_value = log_expected_improvement(mean, std, belief.best)
    correlation = belief.process.correlation(x)
    sign = belief.objective.sign
    found: list[Json] = []
    for i, point in enumerate(points):
        reasons: list[Json] = [
            {
                "kind": "acquisition",
                "name": "expected improvement",
                "value": float(exploit[i] + explore[i]),
                "exploit": float(exploit[i]),
                "explore": float(explore[i]),
                "best": float(sign * belief.best),
                "best_run": belief.best_run,
                "unit": belief.objective.unit,
            },
            _nearest(belief, domain, x[i]),
            _distance(belief, x[i], correlation[i]),
            *_model(belief),
            *_region(domain, point, x[i]),
        ]
        found.append(
            {
                "predicted": {belief.objective.outcome: [float(sign * mean[i]), float(std[i])]},
                "acquisition": float(exploit[i] + explore[i]),
                "rank": standing.rank(float(log_value[i])),
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
