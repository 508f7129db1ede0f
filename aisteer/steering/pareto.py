r"""Fronts of runs that no other run beats in all objectives, and the volume that they dominate.

The hypervolume is that of all points between a reference and at least one run; larger is better in every
column here. With two objectives it is a sum over the sorted front; with three the front is cut into slabs along
the last one (Fonseca, Paquete & López-Ibáñez, CEC 2006).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["front", "hypervolume", "reference_of", "reference_point", "volumes"]

Array = NDArray[np.float64]

_BEYOND = 0.1
"""How far a derived reference lies below the front, as a share of the front's extent."""


def front(values: Array) -> NDArray[np.bool_]:
    """Which rows of ``values``, shape ``(n, m)``, no other row beats; of equal rows the first.

    Larger is better. A row with ``nan`` is beaten by all.
    """
    kept = np.zeros(len(values), dtype=bool)
    if not len(values):
        return kept
    order = np.lexsort(tuple(-column for column in values.T[::-1]))
    best: list[int] = []
    for place in order:
        row = values[place]
        if np.isnan(row).any() or (best and (values[best] >= row).all(axis=1).any()):
            continue
        best.append(int(place))
    kept[best] = True
    return kept


def hypervolume(values: Array, reference: Array) -> float:
    """The volume between ``reference``, shape ``(m,)``, and the rows of ``values``, shape ``(n, m)``.

    One, two or three objectives; larger is better. Rows that do not exceed the reference in all columns add nothing.
    """
    above = values[(values > reference).all(axis=1)] - reference
    above = above[front(above)]
    if not len(above):
        return 0.0
    if above.shape[1] == 1:
        return float(above.max())
    if above.shape[1] == 2:
        return _area(above)
    heights = np.unique(above[:, 2])
    below = np.concatenate([[0.0], heights[:-1]])
    slabs = (_area(above[above[:, 2] >= top][:, :2]) for top in heights)
    return float(sum((top - bottom) * area for top, bottom, area in zip(heights, below, slabs, strict=True)))


def _area(values: Array) -> float:
    order = np.argsort(-values[:, 0], kind="stable")
    width, height = values[order, 0], np.maximum.accumulate(values[order, 1])
    before = np.concatenate([[0.0], height[:-1]])
    return float((width * (height - before)).sum())


def reference_point(values: Array) -> Array:
    """A reference for runs whose objectives are ``values``, shape ``(n, m)``, ``n >= 1``: below the front.

    It lies below the worst value on the front, by a tenth of the front's extent in each objective (as Ishibuchi
    et al., Evol. Comput. 2018, advise); where the front has no extent, that of all runs is taken.
    """
    best = values[front(values)]
    extent = np.ptp(best, axis=0)
    spread = np.ptp(values, axis=0)
    low = np.where(extent > 0, best.min(axis=0), values.min(axis=0))
    extent = np.where(extent > 0, extent, np.where(spread > 0, spread, np.maximum(np.abs(low), 1.0)))
    found: Array = low - _BEYOND * extent
    return found


def reference_of(values: Array, given: Array) -> Array:
    """The reference that volumes are counted from: as it is given, and where that is ``nan``, of the runs.

    Args:
        values: The objectives of runs that count, larger is better; rows with ``nan`` do not count. ``(n, m)``.
        given: What the objectives say, in the same sense, ``(m,)``.
    """
    known = values[~np.isnan(values).any(axis=1)]
    if not np.isnan(given).any() or not len(known):
        return given
    found: Array = np.where(np.isnan(given), reference_point(known), given)
    return found


def volumes(values: Array, reference: Array) -> Array:
    """The volume that runs dominate after each of them, ``(n,)``; 0 until one exceeds the reference.

    Args:
        values: Their objectives in the order in which they ended, larger is better; rows with ``nan`` add nothing.
        reference: From where it is counted, ``(m,)``.
    """
    found = np.zeros(len(values))
    best, now = values[:0], 0.0
    for place, row in enumerate(values):
        if (row > reference).all() and not (best >= row).all(axis=1).any():
            best = np.concatenate([best[~(best <= row).all(axis=1)], row[None]])
            now = hypervolume(best, reference)
        found[place] = now
    return found
