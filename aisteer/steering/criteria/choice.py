"""Which criterion serves which goal, and what it is called where a user asks for another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aisteer.problem.goals import Goals
from aisteer.steering.criteria.confidence import Confidence
from aisteer.steering.criteria.hypervolume import Hypervolume
from aisteer.steering.criteria.improvement import Improvement
from aisteer.steering.criteria.protocol import Criterion
from aisteer.steering.criteria.thompson import Thompson
from aisteer.steering.criteria.variance import VarianceReduction

__all__ = ["criterion"]

_STANDARD_DEVIATIONS = 2.0


def criterion(
    goals: Goals, acquisition: str | None, exploration: float, weights: Mapping[str, Any]
) -> Criterion:
    """What a policy searches by.

    Args:
        goals: What is sought.
        acquisition: One of ``goals.acquisitions``; the first of them where it is none of them.
        exploration: How much is made of what is not known; 1 is usual.
        weights: Of several objectives, by outcome.
    """
    name = acquisition if acquisition in goals.acquisitions else goals.acquisitions[0]
    match name:
        case _ if goals.several:
            return Hypervolume(dict(weights), exploration)
        case "learning" | "level":
            return VarianceReduction()
        case "ucb" | "straddle" | "variance":
            return Confidence(_STANDARD_DEVIATIONS * exploration if name != "variance" else 1.0)
        case "thompson":
            return Thompson(exploration)
        case _:
            return Improvement(exploration)
