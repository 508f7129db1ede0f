"""Points of a space of which constraints leave so little that draws hardly ever hit it.

A point that meets them is looked for by steps that lessen what they are missed by, from many draws at once. From such
points on it is walked: a step is a part of the difference of two points that are known, or a small one in any
direction, and is taken where it stays inside (ter Braak, Stat. Comput. 2006, 16, 239). So a plane or a corner is
covered along itself, though not as evenly as by draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aisteer.problem.constraints import Constraint
    from aisteer.problem.space import Space

__all__ = ["inside", "walked"]

Point = dict[str, Any]
_STARTS = 32
_ROUNDS = 120
_KEPT = 512
_WALKED = 20_000
"""Steps, at most: where nearly none is possible there are only few points."""


def inside(space: Space, rng: np.random.Generator) -> list[Point]:
    """Some points that meet the constraints; none where none was found.

    Args:
        space: The space.
        rng: Draws.
    """
    import numpy as np

    place = rng.random((_STARTS, space.dimension))
    missed, size = _missed(space, place), np.full(_STARTS, 0.3)
    for _ in range(_ROUNDS):
        tried = np.clip(place + size[:, None] * rng.standard_normal(place.shape), 0.0, 1.0)
        now = _missed(space, tried)
        better = now < missed
        place[better], missed[better] = tried[better], now[better]
        size = np.clip(
            np.where(better, 1.5 * size, 0.8 * size), 1e-9, 0.5
        )  # about a fifth of steps should be better
        if (missed <= 0).sum() >= _STARTS // 2:
            break
    return [point for point in space.decode(place) if space.feasible(point)]


def walked(space: Space, known: Sequence[Point], n: int, rng: np.random.Generator) -> list[Point]:
    """``n`` points on a walk from those that are known; repeated where there are hardly any others.

    Args:
        space: The space.
        known: Points that meet the constraints, at least one.
        n: How many.
        rng: Draws the steps.
    """
    import numpy as np

    at = space.encode(known)[-_KEPT:]
    found: list[Point] = []
    steps = 0
    while len(found) < 4 * n and steps < _WALKED:
        size = max(64, min(512, 4 * (n - len(found))))
        here, one, other = (at[rng.integers(len(at), size=size)] for _ in range(3))
        far = 10.0 ** rng.uniform(-6.0, -0.5, size=(size, 1))
        step = np.where(
            rng.random((size, 1)) < 0.75, rng.uniform(0.0, 1.5, size=(size, 1)) * (one - other), 0.0
        )
        loose = rng.random((size, 1)) < 0.5
        step = step + np.where(
            loose | (np.abs(step).max(axis=1, keepdims=True) == 0), far, 0.0
        ) * rng.standard_normal(here.shape)
        there = here + step
        within = ((there >= 0.0) & (there <= 1.0)).all(axis=1)
        points = [p for p in space.decode(there[within]) if space.feasible(p)]
        steps += size
        if points:
            found += points
            at = np.concatenate([at, space.encode(points)])
            at = at[rng.permutation(len(at))[:_KEPT]]
    different = list({tuple(point.values()): point for point in found}.values()) or list(known)
    order = rng.permutation(len(different))
    return [different[int(i)] for i in np.resize(order, n)]


def _missed(space: Space, unit: NDArray[np.float64]) -> NDArray[np.float64]:
    """By how much points miss the constraints together, shape ``(n,)``; 0 where all are met."""
    import numpy as np

    constraints: tuple[Constraint, ...] = (*space.linear, *space.nonlinear)
    found = np.zeros(len(unit))
    for place, point in enumerate(space.decode(unit)):
        for constraint in constraints:
            if not constraint.holds(point):  # type: ignore[arg-type]
                excess = constraint.excess(point)  # type: ignore[arg-type]
                found[place] += 1e300 if np.isnan(excess) else excess  # nan: a formula without a value there
    return found
