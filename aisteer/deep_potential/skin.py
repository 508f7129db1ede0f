"""A neighbour list that lasts: pairs up to some way beyond the cutoff, looked through at every step."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from aisteer.deep_potential.neighbours import (
    CLOSEST,
    Neighbours,
    all_pairs,
    on_top_of_each_other,
    within_sel,
)
from aisteer.deep_potential.structures import Frames
from aisteer.errors import BadDefinition

__all__ = ["SKIN", "SkinList"]

SKIN = 1.0
"""Å. In water at 300 K a list of this skin lasts about 15 steps of 0.5 fs or more."""

Reals = NDArray[np.float64]
Integers = NDArray[np.int64]


def _compiled(loop: Callable[..., Any]) -> Callable[..., Any]:
    """Kept on disk where there is a place for it. Not `fastmath`: the order must be the same each time."""
    try:
        made: Callable[..., Any] = njit(cache=True, nogil=True, error_model="numpy")(loop)
    except RuntimeError:  # neither this folder nor the user's cache can be written
        made = njit(nogil=True, error_model="numpy")(loop)
    return made


class SkinList:
    """Finds neighbours of structures that move a little between two calls, as in molecular dynamics.

    Pairs are searched up to ``cutoff + skin``. As long as no atom has moved farther than the skin allows, only these
    are looked at: what is within the cutoff **now** is what :meth:`find` answers, in an order (centre, type, distance)
    that depends on the positions alone and not on when the search was. So a trajectory does not depend on it either,
    and counts, overflow and empty slots are those of real neighbours.

    A cell that is strained takes the pairs along: with the strain A since the search and u what an atom moved beside
    it, a pair that is within the cutoff now was within (cutoff + 2 max u) · ‖A⁻¹‖ then.

    Args:
        skin: In Å; with 0 every call searches.

    Attributes:
        searches: How often pairs were searched.
        calls: How often neighbours were asked for.

    Raises:
        BadDefinition: The skin is negative or not finite.
    """

    def __init__(self, skin: float = SKIN) -> None:
        given: object = skin
        if not isinstance(given, int | float | np.number) or not 0 <= skin < np.inf:
            raise BadDefinition(f"The skin of a neighbour list is a length in Å from 0 on, not {skin!r:.40}.")
        self.skin = float(skin)
        self.searches = 0
        self.calls = 0
        self._searched: tuple[Frames, float] | None = None
        self._start = np.zeros(1, dtype=np.int64)
        self._neighbour = np.empty(0, dtype=np.int64)
        self._shift = np.empty((0, 3))
        self._distance = np.empty(0)
        self._found: tuple[Integers, Integers, Reals, Reals] | None = None

    def find(
        self, frames: Frames, cutoff: float, sel: tuple[int, ...], *, overflow: str = "refuse"
    ) -> Neighbours:
        """All pairs within the cutoff; arguments as for :func:`find_neighbours`.

        The arrays of the answer are written over by the next call.

        Raises:
            NeighbourOverflow: An atom has more than ``sel``.
            BadStructure: Two atoms are on top of each other.
        """
        self.calls += 1
        if not self._lasts(frames, cutoff, len(sel)):
            self._search(frames, cutoff, len(sel))
        assert self._found is not None
        centre, neighbour, offset, distance = self._found
        counts = np.zeros(len(self._start) - 1, dtype=np.int64)
        size = frames.positions.shape[1]
        number, nearest = _look_through(
            frames.positions.reshape(-1, 3),
            frames.cells,
            size,
            len(sel),
            cutoff,
            self._start,
            self._neighbour,
            self._shift,
            self._distance,
            centre,
            neighbour,
            offset,
            distance,
            counts,
        )
        found = Neighbours(
            centre[:number],
            neighbour[:number],
            offset[:number],
            distance[:number],
            counts.reshape(-1, len(sel)),
            0,
        )
        if number and nearest < CLOSEST:
            raise on_top_of_each_other(frames, found)
        return within_sel(found, frames, sel, overflow=overflow)

    def _lasts(self, frames: Frames, cutoff: float, kinds: int) -> bool:
        """Whether every pair within the cutoff is sure to be among those that were searched."""
        if self._searched is None or self.skin == 0:
            return False
        old, reach = self._searched
        alike = (
            reach == cutoff + self.skin
            and old.periodic == frames.periodic
            and old.positions.shape == frames.positions.shape
            and np.array_equal(old.types, frames.types)
            # Another model may know more types, and pairs stand by them.
            and len(self._start) - 1 == frames.positions[..., 0].size * kinds
        )
        if not alike:
            return False
        moved, stretch = frames.positions - old.positions, 1.0
        if not np.array_equal(old.cells, frames.cells):
            if not all(frames.periodic):
                return False
            strain = np.linalg.solve(old.cells, frames.cells)
            moved = frames.positions - old.positions @ strain
            stretch = float(np.linalg.norm(np.linalg.inv(strain), ord=2, axis=(1, 2)).max())
        far = sqrt(float(np.einsum("fai,fai->fa", moved, moved).max()))
        # A hair less than it may be: the sums above are rounded.
        return (cutoff + 2 * far) * stretch < reach - 1e-9

    def _search(self, frames: Frames, cutoff: float, kinds: int) -> None:
        reach = cutoff + self.skin
        pairs = all_pairs(frames, reach, kinds)
        self.searches += 1
        self._neighbour, self._shift, self._distance = pairs.neighbour, pairs.shift, pairs.distance
        self._start = np.concatenate([[0], np.cumsum(pairs.counts)])
        # The positions may be the caller's own, which are moved in place.
        self._searched = (
            Frames(frames.positions.copy(), frames.cells.copy(), frames.periodic, frames.types, frames.shape),
            reach,
        )
        most = len(pairs.neighbour)
        if self._found is None or len(self._found[0]) < most:
            room = most + most // 8
            self._found = (
                np.empty(room, dtype=np.int64),
                np.empty(room, dtype=np.int64),
                np.empty((room, 3)),
                np.empty(room),
            )


@_compiled
def _look_through(  # noqa: PLR0917  compiled functions are called by position
    positions: Reals,
    cells: Reals,
    size: int,
    kinds: int,
    cutoff: float,
    start: Integers,
    neighbour: Integers,
    shift: Reals,
    distance: Reals,
    out_centre: Integers,
    out_neighbour: Integers,
    out_offset: Reals,
    out_distance: Reals,
    counts: Integers,
) -> tuple[int, float]:
    """Measure and sort the pairs in place, and write out those within the cutoff.

    Returns:
        How many those are, and the least distance.
    """
    number, nearest = 0, np.inf
    for group in range(len(start) - 1):
        atom = group // kinds
        cell = cells[atom // size]
        first, last = start[group], start[group + 1]
        for p in range(first, last):
            j = neighbour[p]
            a, b, c = shift[p, 0], shift[p, 1], shift[p, 2]
            square = 0.0
            for k in range(3):
                offset = a * cell[0, k] + b * cell[1, k] + c * cell[2, k]
                d = positions[j, k] - positions[atom, k] + offset
                square += d * d
            r = sqrt(square)
            # They are nearly in order from the step before, so inserting is cheap.
            q = p
            while q > first and (
                distance[q - 1] > r
                or (distance[q - 1] == r and _stands_behind(neighbour, shift, q - 1, j, a, b, c))
            ):
                neighbour[q], distance[q] = neighbour[q - 1], distance[q - 1]
                for k in range(3):
                    shift[q, k] = shift[q - 1, k]
                q -= 1
            neighbour[q], distance[q] = j, r
            shift[q, 0], shift[q, 1], shift[q, 2] = a, b, c
        p = first
        while p < last and distance[p] < cutoff:
            out_centre[number], out_neighbour[number], out_distance[number] = atom, neighbour[p], distance[p]
            for k in range(3):
                out_offset[number, k] = (
                    shift[p, 0] * cell[0, k] + shift[p, 1] * cell[1, k] + shift[p, 2] * cell[2, k]
                )
            number += 1
            p += 1
        counts[group] = p - first
        if p > first:
            nearest = min(nearest, distance[first])
    return number, nearest


@_compiled
def _stands_behind(  # noqa: PLR0917
    neighbour: Integers, shift: Reals, q: int, j: int, a: float, b: float, c: float
) -> bool:
    """Among neighbours at the very same distance: by number, then by image."""
    if neighbour[q] != j:
        return bool(neighbour[q] > j)
    if shift[q, 0] != a:
        return bool(shift[q, 0] > a)
    if shift[q, 1] != b:
        return bool(shift[q, 1] > b)
    return bool(shift[q, 2] > c)
