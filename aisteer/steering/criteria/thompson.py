"""Thompson sampling: each choice is the best point of one draw of what may be true.

Outcomes are drawn together at many candidates, and the best feasible one is taken; where the draw has none, the one
that misses the constraints least (Eriksson & Poloczek, AISTATS 2021). Of several objectives it is the one that adds
most to the dominated volume. What is under way is met by drawing anew for each choice.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from aisteer.steering.criteria.feasibility import asked
from aisteer.steering.criteria.hypervolume import reference_of
from aisteer.steering.criteria.improvement import Improvement
from aisteer.steering.fitting import Belief
from aisteer.steering.pareto import front, hypervolume
from aisteer.surrogates.factors import cholesky

__all__ = ["Thompson", "drawn_choices"]

Array = NDArray[np.float64]


class Thompson(Improvement):
    """For the reader the expected improvement: a draw has no terms. ``drawn_choices`` chooses."""


def drawn_choices(belief: Belief, candidates: Array, n: int, rng: np.random.Generator) -> list[int]:
    """Up to ``n`` different places among ``candidates``, each the best of a draw of its own.

    Args:
        belief: The fitted surrogates.
        candidates: Inputs, shape ``(m, d)``.
        n: How many.
        rng: Draws.
    """
    names = list(belief.known)
    drawn: dict[str, Array] = {}
    for name in names:
        known = belief.known[name]
        mean, covariance = known.process.joint(candidates)
        matrix = torch.as_tensor(covariance)
        factor = cholesky(matrix, size=max(float(matrix.diagonal().mean()), 1e-300)).numpy()
        drawn[name] = known.sign * (mean + rng.standard_normal((n, len(candidates))) @ factor.T)
    chosen: list[int] = []
    for turn in range(n):
        values = {name: drawn[name][turn] for name in names}
        order = np.argsort(-_worth(belief, values), kind="stable")
        place = next((int(i) for i in order if int(i) not in chosen), None)
        if place is None:
            break
        chosen.append(place)
    return chosen


def _worth(belief: Belief, values: dict[str, Array]) -> Array:
    """What each candidate is worth in one draw; below all feasible ones where it misses a constraint."""
    goals = belief.goals
    if goals.several and len(belief.known) > 1:
        worth = _growth(belief, values)
    else:
        worth = goals.first.worth(values[goals.first.outcome])
    constraints = asked(belief)
    if not constraints:
        found: Array = worth
        return found
    missed = np.zeros(len(worth))
    for c in constraints:
        size = np.hypot.reduce([k * belief.known[name].process.scale for name, k in c.coefficients.items()])
        missed += np.maximum(c.excess(values), 0.0) / max(float(size), 1e-300)  # type: ignore[arg-type]
    return np.where(missed > 0, worth.min() - 1.0 - missed, worth)


def _growth(belief: Belief, values: dict[str, Array]) -> Array:
    """What each candidate's draw adds to the volume that the runs' means dominate."""
    names = [one.outcome for one in belief.goals.objectives if one.outcome in belief.known]
    signs = np.array([belief.known[name].sign for name in names])
    reference = signs * reference_of(belief).values
    drawn = signs * np.stack([values[name] for name in names], axis=1)
    at_runs = signs * np.stack([belief.known[name].predict(belief.x)[0] for name in names], axis=1)
    kept = at_runs[front(at_runs)]
    before = hypervolume(kept, reference)
    grown = np.full(len(drawn), -1.0)
    for place in np.flatnonzero(front(drawn)):
        grown[place] = hypervolume(np.concatenate([kept, drawn[place : place + 1]]), reference) - before
    return grown
