"""The three loops over neighbours that a training step needs, compiled by Numba; none evaluates a network.

Moments Q[k, m] = Σ_j R̃_jk T_m(x_j) hold all that a net sees of a neighbourhood. The way from slopes ∂E/∂Q to forces and
virial is linear, and the third loop is its adjoint: what Q changes by when every pair's vector moves a little.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from aisteer.deep_potential.kernels import compiled

__all__ = ["fill_moments", "pull_forces", "push_moments"]

Reals = NDArray[np.float64]
Integers = NDArray[np.int64]
Truths = NDArray[np.bool_]


@compiled(fastmath=True)
def _surroundings(  # noqa: PLR0917  compiled functions are called by position
    vectors: Reals,
    first: int,
    n: int,
    cutoff: float,
    smooth: float,
    scale: float,
    mean: Reals,
    std: Reals,
    rows: Reals,
    near: Reals,
    t: Reals,
    d: Reals,
) -> None:
    """Of n pairs: R̃ in rows (4, n); r̂, ds/dr, q = w/r² and dq/dr in near (6, n); T_m(x) in t and T_m'(x) in d."""
    for p in range(n):
        v = vectors[first + p]
        r = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2])
        u = min(1.0, max(0.0, (r - smooth) / (cutoff - smooth)))
        w = u * u * u * (-6 * u * u + 15 * u - 10) + 1
        slope = -30 * u * u * (u - 1) * (u - 1) / (cutoff - smooth)
        q = w / (r * r)
        rows[0, p] = (w / r - mean[0]) / std[0]
        for c in range(3):
            near[c, p] = v[c] / r
            rows[c + 1, p] = (q * v[c] - mean[c + 1]) / std[c + 1]
        near[3, p] = slope / r - q
        near[4, p] = q
        near[5, p] = slope / (r * r) - 2 * q / r
        x = scale * w / r - 1
        t[0, p], t[1, p] = 1.0, x
        d[0, p], d[1, p] = 0.0, 1.0
    for m in range(2, len(t)):
        for p in range(n):
            twice = 2 * t[1, p]
            t[m, p] = twice * t[m - 1, p] - t[m - 2, p]
            d[m, p] = 2 * t[m - 1, p] + twice * d[m - 1, p] - d[m - 2, p]


@compiled(fastmath=True)
def _widest(begin: int, end: int, order: Integers, start: Integers, kinds: int) -> int:
    """The most neighbours of one type."""
    most = 1
    for i in range(begin, end):
        for k in range(kinds):
            most = max(most, start[order[i] * kinds + k + 1] - start[order[i] * kinds + k])
    return most


@compiled(fastmath=True)
def fill_moments(  # noqa: PLR0917  compiled functions are called by position
    begin: int,
    end: int,
    order: Integers,
    start: Integers,
    vectors: Reals,
    types: Integers,
    slots: Integers,
    seen: Truths,
    cutoff: float,
    smooth: float,
    scale: Reals,
    mean: Reals,
    std: Reals,
    moments: Reals,
) -> None:
    """Into moments (rows, 4, types, M) for the atoms order[begin:end]; empty slots, which are at s = 0, included.

    The neighbours of type k of an atom are the pairs start[atom · types + k] up to the next; ``types`` are the atoms',
    ``slots`` is sel, ``seen`` says which types see each other, ``mean`` and ``std`` are (types, 4).
    x = scale[own type, k] · s − 1.
    """
    kinds, terms = moments.shape[2], moments.shape[3]
    widest = _widest(begin, end, order, start, kinds)
    rows, near = np.empty((4, widest)), np.empty((6, widest))
    t, d = np.empty((terms, widest)), np.empty((terms, widest))
    for i in range(begin, end):
        atom = order[i]
        own = types[atom]
        for k in range(kinds):
            if not seen[own, k]:
                moments[i, :, k] = 0.0
                continue
            first = start[atom * kinds + k]
            n = start[atom * kinds + k + 1] - first
            _surroundings(
                vectors, first, n, cutoff, smooth, scale[own, k], mean[own], std[own], rows, near, t, d
            )
            empty = slots[k] - n
            for m in range(terms):
                for c in range(4):
                    total = 0.0
                    for p in range(n):
                        total += rows[c, p] * t[m, p]
                    moments[i, c, k, m] = total - empty * mean[own, c] / std[own, c]
                empty = -empty  # T_m(−1) = (−1)^m


@compiled(fastmath=True)
def pull_forces(  # noqa: PLR0917  compiled functions are called by position
    begin: int,
    end: int,
    order: Integers,
    start: Integers,
    neighbour: Integers,
    vectors: Reals,
    types: Integers,
    seen: Truths,
    cutoff: float,
    smooth: float,
    scale: Reals,
    mean: Reals,
    std: Reals,
    size: int,
    slopes: Reals,
    forces: Reals,
    virial: Reals,
) -> None:
    """Add what slopes ∂E/∂Q say to forces (members, atoms, 3) and virial (members, frames, 9).

    ``slopes`` are (members, rows, 4, types, M), ``size`` is how many atoms a frame has.
    """
    members, _, _, kinds, terms = slopes.shape
    widest = _widest(begin, end, order, start, kinds)
    rows, near = np.empty((4, widest)), np.empty((6, widest))
    t, d = np.empty((terms, widest)), np.empty((terms, widest))
    by_row, along = np.empty((4, widest)), np.empty(widest)
    for i in range(begin, end):
        atom = order[i]
        own, frame = types[atom], atom // size
        for k in range(kinds):
            first = start[atom * kinds + k]
            n = start[atom * kinds + k + 1] - first
            if not seen[own, k] or n == 0:
                continue
            _surroundings(
                vectors, first, n, cutoff, smooth, scale[own, k], mean[own], std[own], rows, near, t, d
            )
            for member in range(members):
                along[:n] = 0.0
                for c in range(4):
                    by_row[c, :n] = 0.0
                for m in range(terms):
                    b0, b1 = slopes[member, i, 0, k, m], slopes[member, i, 1, k, m]
                    b2, b3 = slopes[member, i, 2, k, m], slopes[member, i, 3, k, m]
                    for p in range(n):
                        f = t[m, p]
                        by_row[0, p] += b0 * f
                        by_row[1, p] += b1 * f
                        by_row[2, p] += b2 * f
                        by_row[3, p] += b3 * f
                        along[p] += d[m, p] * (
                            b0 * rows[0, p] + b1 * rows[1, p] + b2 * rows[2, p] + b3 * rows[3, p]
                        )
                for p in range(n):
                    v, other = vectors[first + p], neighbour[first + p]
                    turned = 0.0
                    for c in range(3):
                        turned += by_row[c + 1, p] * v[c] / std[own, c + 1]
                    radial = (by_row[0, p] / std[own, 0] + along[p] * scale[own, k]) * near[
                        3, p
                    ] + turned * near[5, p]
                    for c in range(3):
                        g = radial * near[c, p] + near[4, p] * by_row[c + 1, p] / std[own, c + 1]
                        forces[member, atom, c] += g
                        forces[member, other, c] -= g
                        for e in range(3):
                            virial[member, frame, 3 * c + e] -= g * v[e]


@compiled(fastmath=True)
def push_moments(  # noqa: PLR0917  compiled functions are called by position
    begin: int,
    end: int,
    order: Integers,
    start: Integers,
    neighbour: Integers,
    vectors: Reals,
    types: Integers,
    seen: Truths,
    cutoff: float,
    smooth: float,
    scale: Reals,
    mean: Reals,
    std: Reals,
    size: int,
    forces: Reals,
    virial: Reals,
    pushed: Reals,
) -> None:
    """The adjoint of :func:`pull_forces`: slopes by forces and virial into pushed (members, rows, 4, types, M)."""
    members, _, _, kinds, terms = pushed.shape
    widest = _widest(begin, end, order, start, kinds)
    rows, near = np.empty((4, widest)), np.empty((6, widest))
    t, d = np.empty((terms, widest)), np.empty((terms, widest))
    moved = np.empty((8, widest))
    for i in range(begin, end):
        atom = order[i]
        own, frame = types[atom], atom // size
        for k in range(kinds):
            first = start[atom * kinds + k]
            n = start[atom * kinds + k + 1] - first
            if not seen[own, k] or n == 0:
                pushed[:, i, :, k] = 0.0
                continue
            _surroundings(
                vectors, first, n, cutoff, smooth, scale[own, k], mean[own], std[own], rows, near, t, d
            )
            for member in range(members):
                for p in range(n):
                    v, other = vectors[first + p], neighbour[first + p]
                    along = 0.0
                    for c in range(3):
                        push = forces[member, atom, c] - forces[member, other, c]
                        for e in range(3):
                            push -= virial[member, frame, 3 * c + e] * v[e]
                        moved[c + 1, p] = push
                        along += push * near[c, p]
                    moved[0, p] = near[3, p] * along / std[own, 0]
                    moved[4, p] = rows[0, p] * scale[own, k] * near[3, p] * along
                    for c in range(3):
                        moved[c + 1, p] = (near[5, p] * along * v[c] + near[4, p] * moved[c + 1, p]) / std[
                            own, c + 1
                        ]
                        moved[c + 5, p] = rows[c + 1, p] * scale[own, k] * near[3, p] * along
                for m in range(terms):
                    for c in range(4):
                        total = 0.0
                        for p in range(n):
                            total += t[m, p] * moved[c, p] + d[m, p] * moved[c + 4, p]
                        pushed[member, i, c, k, m] = total
