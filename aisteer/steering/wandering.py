"""Climbing an acquisition function that has no slope to follow: by steps that grow shorter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aisteer.problem.space import Space

__all__ = ["wandered"]

Array = NDArray[np.float64]

_SIZES = (0.1, 0.05, 0.02, 0.01, 0.005)
"""Of the steps, as shares of a side, one round each."""
_STEPS = 32
"""From each start and in each round."""
_ANEW = 0.125
"""Of the steps, how many take another option of a choice or another whole number."""


def wandered(space: Space, value: Callable[[Array], Array], starts: Array, rng: np.random.Generator) -> Array:
    """Where each start gets to, shape ``(s, d)``: always feasible, and nowhere worse than it began.

    Args:
        space: The box.
        value: The acquisition at inputs ``(m, d)``: shape ``(m,)``.
        starts: Feasible inputs, shape ``(s, d)``.
        rng: Draws the steps; every other one is in a few columns only, and choices and whole numbers are now and then
            drawn anew.
    """
    if not len(starts):
        return starts
    best, worth = starts.copy(), value(starts)
    s, d = starts.shape
    discrete = space.discrete
    for size in _SIZES:
        base = np.repeat(best, _STEPS, axis=0)
        moved = np.clip(base + size * rng.standard_normal(base.shape), 0.0, 1.0)
        few = rng.random(base.shape) < max(0.2, min(1.0, 3.0 / d))
        moved[::2] = np.where(few[::2], moved[::2], base[::2])
        for column, values in discrete.items():
            anew = rng.random(len(moved)) < _ANEW
            moved[anew, column] = rng.choice(values, size=int(anew.sum()))
        points = space.decode(moved)
        possible = np.array([space.feasible(point) for point in points])
        tried = np.full(len(moved), -np.inf)
        if possible.any():
            rows = space.encode([point for point, good in zip(points, possible, strict=True) if good])
            moved[possible] = rows
            tried[possible] = value(rows)
        place = tried.reshape(s, _STEPS).argmax(axis=1) + np.arange(s) * _STEPS
        better = tried[place] > worth
        best[better], worth[better] = moved[place][better], tried[place][better]
    return best
