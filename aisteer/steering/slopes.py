"""Which way the surrogate's mean goes around a point, in steps of the kernel's length scales."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisteer.steering.domains import Box, Domain
from aisteer.steering.fitting import Belief
from aisteer.steering.protocols import Json

__all__ = ["around", "scales"]

Array = NDArray[np.float64]

_NUDGE = 0.01
"""Half of the difference that a slope is taken over, in length scales."""
_SHOWN = 12


def scales(known: Belief, dimension: int) -> Array:
    """Length scales of the kernel as shares of each parameter's range, shape ``(d,)``; nan where it has none."""
    found = np.full(dimension, np.nan)
    kernel: Any = getattr(known.process, "kernel", None)
    for module in kernel.modules() if kernel is not None else ():
        own = getattr(module, "lengthscale", None) if getattr(module, "has_lengthscale", False) else None
        if own is None or "Categorical" in type(module).__name__:
            continue
        columns = getattr(module, "active_dims", None)
        places = range(dimension) if columns is None else columns.tolist()
        values = own.detach().numpy().ravel()
        found[list(places)] = values if len(values) == len(places) else values[:1]
    return found


def around(known: Belief, domain: Domain, points: list[Json]) -> list[list[Json]]:
    """What a step of one length scale in each parameter would change, by the slope of the mean at each point.

    Args:
        known: The surrogate.
        domain: The space that it was fitted in; of a pool there is nothing to say.
        points: Where.

    Returns:
        For each point one reason ``sensitivity`` or none: ``slopes``, largest first, each with ``name``, ``change`` (of
        the outcome, in its unit) and ``share`` (the step: a length scale, at most the whole range, as a share of it).
        Choices without an order are left out: they have no slope.
    """
    if not isinstance(domain, Box) or not points:
        return [[] for _ in points]
    d, numbers = (
        domain.space.dimension,
        [i for i in range(domain.space.dimension) if i not in domain.categorical],
    )
    if not numbers:
        return [[] for _ in points]
    own = scales(known, d)
    step = np.where(np.isfinite(own), np.minimum(own, 1.0), 1.0)
    x = domain.encode(points)
    up, down = (np.repeat(x[:, None], len(numbers), axis=1) for _ in range(2))
    for place, column in enumerate(numbers):
        up[:, place, column] = np.minimum(1.0, x[:, column] + _NUDGE * step[column])
        down[:, place, column] = np.maximum(0.0, x[:, column] - _NUDGE * step[column])
    width = (up - down).sum(axis=2)
    mean, _ = known.process.predict(np.concatenate([up.reshape(-1, d), down.reshape(-1, d)]))
    above, below = mean.reshape(2, len(points), len(numbers))
    change = known.objective.sign * (above - below) / width * step[numbers]
    found = []
    for row in change:
        order = np.argsort(-np.abs(row), kind="stable")[:_SHOWN]
        slopes = [
            {"name": domain.names[numbers[i]], "change": float(row[i]), "share": float(step[numbers[i]])}
            for i in order
        ]
        found.append([{"kind": "sensitivity", "slopes": slopes, "unit": known.objective.unit}])
    return found
