"""The two loops over neighbours, compiled by Numba: moments of the neighbourhood, and the way back to forces.

Neither evaluates a network. They release the interpreter's lock and take a range of atoms, so that threads share the
work; Numba's own threads would not survive a fork. Moments may be in double or single precision; distances are always
computed in double.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["Pairs", "Weight", "accumulate_forces", "accumulate_moments", "compiled"]

Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]
Reals = NDArray[np.floating[Any]]
Loop = TypeVar("Loop", bound=Callable[..., Any])


class Pairs(NamedTuple):
    """Who is near whom.

    Attributes:
        start: Where the neighbours of one type in one interval begin, for all atoms; of shape (groups + 1,).
        neighbour: Of shape (pairs,).
        offset: Which lattice vector leads to the image that is meant, of shape (pairs, 3).
        positions: Of all atoms, of shape (atoms, 3).
    """

    start: Integers
    neighbour: Integers
    offset: Doubles
    positions: Doubles


class Weight(NamedTuple):
    """From a distance to s, and to x = scale · s − shift, which is in [−1, 1] in its interval.

    Attributes:
        cutoff: From here on the weight is zero.
        smooth: Up to here it is one.
        scale: Of all intervals.
        shifts: By type and interval.
    """

    cutoff: float
    smooth: float
    scale: float
    shifts: Doubles


def compiled(*, fastmath: bool | set[str]) -> Callable[[Loop], Loop]:
    """Compiled when it is first called, and kept on disk for the next process where there is a place to keep it."""
    options = {"nogil": True, "fastmath": fastmath, "error_model": "numpy"}

    def decorate(loop: Loop) -> Loop:
        try:
            made: Loop = njit(cache=True, **options)(loop)
        except RuntimeError:  # neither this folder nor the user's cache can be written
            made = njit(**options)(loop)
        return made

    return decorate


@compiled(fastmath=True)
def _widest(begin: int, end: int, order: Integers, start: Integers, groups: int) -> int:
    widest = 1
    for i in range(begin, end):
        for g in range(order[i] * groups, (order[i] + 1) * groups):
            widest = max(widest, start[g + 1] - start[g])
    return widest


@compiled(fastmath=True)
def _geometry(  # noqa: PLR0917  compiled functions are called by position
    pairs: Pairs,
    weight: Weight,
    atom: int,
    first: int,
    n: int,
    shift: float,
    d: Doubles,
    r: Doubles,
    w: Doubles,
    slope: Doubles,
    x: Reals,
    q: Reals,
) -> None:
    """Of n pairs: d is the vector and r its length, w the weight and slope dw/dr, q = s · r̂."""
    over_range = 1 / (weight.cutoff - weight.smooth)
    for k in range(n):
        j = pairs.neighbour[first + k]
        square = 0.0
        for c in range(3):
            d[c, k] = pairs.positions[j, c] - pairs.positions[atom, c] + pairs.offset[first + k, c]
            square += d[c, k] * d[c, k]
        r[k] = sqrt(square)
    for k in range(n):
        u = min(1.0, max(0.0, (r[k] - weight.smooth) * over_range))
        w[k] = u * u * u * (-6 * u * u + 15 * u - 10) + 1
        slope[k] = -30 * u * u * (u - 1) * (u - 1) * over_range
        x[k] = weight.scale * w[k] / r[k] - shift
        over = w[k] / (r[k] * r[k])
        q[0, k], q[1, k], q[2, k] = over * d[0, k], over * d[1, k], over * d[2, k]


@compiled(fastmath=True)
def accumulate_moments(  # noqa: PLR0917  compiled functions are called by position
    begin: int, end: int, order: Integers, pairs: Pairs, weight: Weight, moments: Reals
) -> None:
    """Σ_j T_m(x_j) and Σ_j q_j T_m(x_j) of atoms order[begin:end]: moments (4, atoms, types · intervals, terms)."""
    groups, real = moments.shape[2], moments.dtype
    most = _widest(begin, end, order, pairs.start, groups)
    d, r, w, slope = np.empty((3, most)), np.empty(most), np.empty(most), np.empty(most)
    x, q, b0, b1 = np.empty(most, real), np.empty((3, most), real), np.empty(most, real), np.empty(most, real)
    for i in range(begin, end):
        atom = order[i]
        for g in range(groups):
            first = pairs.start[atom * groups + g]
            n = pairs.start[atom * groups + g + 1] - first
            _geometry(pairs, weight, atom, first, n, weight.shifts[g], d, r, w, slope, x, q)
            _sum_up(n, x, q[0], q[1], q[2], b0, b1, moments[:, i, g])


@compiled(fastmath=True)
def _sum_up(  # noqa: PLR0917  compiled functions are called by position
    n: int, x: Reals, qx: Reals, qy: Reals, qz: Reals, b0: Reals, b1: Reals, out: Reals
) -> None:
    """The moments of n pairs, of shape (4, terms); T_m and T_{m+1} are b."""
    for k in range(n):
        b0[k], b1[k] = 1, x[k]
    for m in range(0, out.shape[1], 2):
        s0 = s1 = x0 = x1 = y0 = y1 = z0 = z1 = out.dtype.type(0)
        for k in range(n):
            f, h, twice = b0[k], b1[k], x[k] + x[k]
            s0 += f
            s1 += h
            x0 += qx[k] * f
            x1 += qx[k] * h
            y0 += qy[k] * f
            y1 += qy[k] * h
            z0 += qz[k] * f
            z1 += qz[k] * h
            f = twice * h - f
            b0[k], b1[k] = f, twice * f - h
        out[0, m], out[1, m], out[2, m], out[3, m] = s0, x0, y0, z0
        out[0, m + 1], out[1, m + 1], out[2, m + 1], out[3, m + 1] = s1, x1, y1, z1


@compiled(fastmath=True)
def accumulate_forces(  # noqa: PLR0917  compiled functions are called by position
    begin: int,
    end: int,
    order: Integers,
    pairs: Pairs,
    weight: Weight,
    slopes: Reals,
    frame_size: int,
    forces: Doubles,
    virial: Doubles,
) -> None:
    """From ∂E/∂moments (of their shape) to forces (all atoms, 3) and virials (frames, 9), which are added to."""
    groups, real = slopes.shape[2], slopes.dtype
    most = _widest(begin, end, order, pairs.start, groups)
    d, r, w, slope = np.empty((3, most)), np.empty(most), np.empty(most), np.empty(most)
    x, q, b0, b1 = np.empty(most, real), np.empty((3, most), real), np.empty(most, real), np.empty(most, real)
    along, h = np.empty(most, real), np.empty((3, most), real)
    for i in range(begin, end):
        atom = order[i]
        nine = virial[atom // frame_size]
        for g in range(groups):
            first = pairs.start[atom * groups + g]
            n = pairs.start[atom * groups + g + 1] - first
            _geometry(pairs, weight, atom, first, n, weight.shifts[g], d, r, w, slope, x, q)
            _by_pair(n, slopes[:, i, g], x, q[0], q[1], q[2], b0, b1, along, h[0], h[1], h[2])
            _pull(n, weight.scale, d, r, w, slope, along, h)
            for k in range(n):
                j = pairs.neighbour[first + k]
                for c in range(3):
                    forces[atom, c] += h[c, k]
                    forces[j, c] -= h[c, k]
                    for e in range(3):
                        nine[3 * c + e] -= h[c, k] * d[e, k]


@compiled(fastmath=True)
def _by_pair(  # noqa: PLR0917  compiled functions are called by position
    n: int,
    given: Reals,
    x: Reals,
    qx: Reals,
    qy: Reals,
    qz: Reals,
    b0: Reals,
    b1: Reals,
    along: Reals,
    hx: Reals,
    hy: Reals,
    hz: Reals,
) -> None:
    """∂E/∂x and ∂E/∂q of n pairs, into along and h, from ∂E/∂moments (4, terms).

    Both are series of Chebyshev polynomials of the second kind, U_m in b: T_m = (U_m − U_{m−2}) / 2, T'_m = m U_{m−1}.
    """
    terms, real = given.shape[1], given.dtype.type
    zero, one, half = real(0), real(1), real(0.5)
    for k in range(n):
        b0[k], b1[k] = one, x[k] + x[k]
    for sums in (along, hx, hy, hz):
        sums[:n] = 0
    for m in range(0, terms, 2):
        last = m + 2 == terms
        # Of U_m: of the values, which T_0 enters whole, and of the derivative.
        down = one if m == 0 else half
        ax = down * given[1, m] - (zero if last else half * given[1, m + 2])
        ay = down * given[2, m] - (zero if last else half * given[2, m + 2])
        az = down * given[3, m] - (zero if last else half * given[3, m + 2])
        cx = half * given[1, m + 1] - (zero if last else half * given[1, m + 3])
        cy = half * given[2, m + 1] - (zero if last else half * given[2, m + 3])
        cz = half * given[3, m + 1] - (zero if last else half * given[3, m + 3])
        one_up, two_up = real(m + 1), zero if last else real(m + 2)
        after = m + 1 if last else m + 2
        g0, gx = one_up * given[0, m + 1], one_up * given[1, m + 1]
        gy, gz = one_up * given[2, m + 1], one_up * given[3, m + 1]
        k0, kx = two_up * given[0, after], two_up * given[1, after]
        ky, kz = two_up * given[2, after], two_up * given[3, after]
        for k in range(n):
            f, h, twice = b0[k], b1[k], x[k] + x[k]
            hx[k] += ax * f + cx * h
            hy[k] += ay * f + cy * h
            hz[k] += az * f + cz * h
            along[k] += (g0 + gx * qx[k] + gy * qy[k] + gz * qz[k]) * f
            along[k] += (k0 + kx * qx[k] + ky * qy[k] + kz * qz[k]) * h
            f = twice * h - f
            b0[k], b1[k] = f, twice * f - h


@compiled(fastmath=True)
def _pull(  # noqa: PLR0917  compiled functions are called by position
    n: int,
    scale: float,
    d: Doubles,
    r: Doubles,
    w: Doubles,
    slope: Doubles,
    along: Reals,
    h: Reals,
) -> None:
    """From ∂E/∂x (along) and ∂E/∂q (h) to ∂E/∂d, in the place of h."""
    for k in range(n):
        inverse = 1 / r[k]
        over = w[k] * inverse * inverse  # q = over · d
        by_r = slope[k] * inverse - over  # ds/dr
        radial = along[k] * scale * by_r
        radial += (h[0, k] * d[0, k] + h[1, k] * d[1, k] + h[2, k] * d[2, k]) * (by_r - over) * inverse
        for c in range(3):
            h[c, k] = radial * inverse * d[c, k] + h[c, k] * over
