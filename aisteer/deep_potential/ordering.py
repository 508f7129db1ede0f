"""Pairs that were found once, put in order from both ends: by centre, then the neighbour's type, then distance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aisteer.deep_potential.kernels import compiled

__all__ = ["order_pairs"]

Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]

# One 64-bit key for a pair among the neighbours of one type of an atom: distance | which pair, and from which end. The
# distance keeps 30 bits, which is finer than a hundred-thousandth of a picometre.
_PAIR_BITS = 33


_FEW = 512


@compiled(fastmath=set())
def _sort(keys: Integers, first: int, last: int, room: Integers) -> None:
    """All are different. A group has some tens: counting those that are smaller has no branches to foretell."""
    number = last - first
    if number > _FEW:
        keys[first:last].sort()
        return
    for a in range(number):
        room[a] = keys[first + a]
    for a in range(number):
        key, smaller = room[a], 0
        for b in range(number):
            smaller += int(room[b] < key)
        keys[first + smaller] = key


@compiled(fastmath=set())
def order_pairs(  # noqa: PLR0917  compiled functions are called by position
    first: NDArray[np.uint64],
    second: NDArray[np.uint64],
    shifts: NDArray[np.int32],
    distances: Doubles,
    types: Integers,
    kinds: int,
    cutoff: float,
    start: int,
    centre: Integers,
    neighbour: Integers,
    shift: Doubles,
    distance: Doubles,
    counts: Integers,
) -> None:
    """Write out twice as many pairs as are given.

    Args:
        first: Of shape (pairs,), each pair once.
        second: Likewise.
        shifts: Of shape (pairs, 3): lattice vectors from the second to its image.
        distances: Of shape (pairs,).
        types: Of the atoms.
        kinds: How many types there are.
        cutoff: The largest distance.
        start: Number of the first atom.
        centre: Written, like `neighbour`, `shift` and `distance`.
        neighbour: Written.
        shift: Written.
        distance: Written.
        counts: Written: neighbours by type, of shape (atoms · types,).
    """
    counts[:] = 0
    for p in range(len(first)):
        i, j = np.int64(first[p]), np.int64(second[p])
        counts[i * kinds + types[j]] += 1
        counts[j * kinds + types[i]] += 1
    place = np.empty(len(counts) + 1, np.int64)
    place[0] = 0
    for group in range(len(counts)):
        place[group + 1] = place[group] + counts[group]
    keys = np.empty(2 * len(first), np.int64)
    fill = place[:-1].copy()
    scale = (1 << 30) / (1.0001 * cutoff)
    for p in range(len(first)):
        i, j = np.int64(first[p]), np.int64(second[p])
        key = (np.int64(distances[p] * scale) << _PAIR_BITS) | (2 * p)
        here, there = i * kinds + types[j], j * kinds + types[i]
        keys[fill[here]] = key
        fill[here] += 1
        keys[fill[there]] = key | 1
        fill[there] += 1
    room = np.empty(_FEW, np.int64)
    for group in range(len(counts)):
        _sort(keys, place[group], place[group + 1], room)
        for q in range(place[group], place[group + 1]):
            p, turned = (keys[q] & ((1 << _PAIR_BITS) - 1)) >> 1, keys[q] & 1
            centre[q] = start + group // kinds
            neighbour[q] = start + np.int64(first[p] if turned else second[p])
            distance[q] = distances[p]
            for k in range(3):
                shift[q, k] = -shifts[p, k] if turned else shifts[p, k]
