"""The two loops over neighbours, compiled by Numba: moments of the neighbourhood, and the way back to forces.

Neither evaluates a network. They release the interpreter's lock and take a range of atoms, so that threads share the
work; Numba's own threads would not survive a fork. Moments may be in double or single precision; distances are always
computed in double.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["accumulate_forces", "accumulate_moments", "compiled"]

Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]
Reals = NDArray[np.floating[Any]]
Loop = TypeVar("Loop", bound=Callable[..., Any])


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
def _real(size: int, like: Reals) -> Reals:
    return np.empty(size, like.dtype)


@compiled(fastmath=True)
def _geometry(  # noqa: PLR0917  compiled functions are called by position
    positions: Doubles,
    atom: int,
    neighbour: Integers,
    offset: Doubles,
    first: int,
    last: int,
    cutoff: float,
    smooth: float,
    d: Doubles,
    r: Doubles,
    w: Doubles,
    slope: Doubles,
) -> None:
    """Of pairs first … last: d is the vector and r its length, w the weight and slope dw/dr."""
    for k in range(last - first):
        p = first + k
        j = neighbour[p]
        square = 0.0
        for c in range(3):
            d[c, k] = positions[j, c] - positions[atom, c] + offset[p, c]
            square += d[c, k] * d[c, k]
        r[k] = sqrt(square)
        u = min(1.0, max(0.0, (r[k] - smooth) / (cutoff - smooth)))
        w[k] = u * u * u * (-6 * u * u + 15 * u - 10) + 1
        slope[k] = -30 * u * u * (u - 1) * (u - 1) / (cutoff - smooth)


@compiled(fastmath=True)
def accumulate_moments(  # noqa: PLR0917  compiled functions are called by position
    begin: int,
    end: int,
    order: Integers,
    start: Integers,
    neighbour: Integers,
    offset: Doubles,
    positions: Doubles,
    cutoff: float,
    smooth: float,
    scale: float,
    shifts: Doubles,
    moments: Reals,
) -> None:
    """Σ_j T_m(x_j) and Σ_j q_j T_m(x_j) of atoms order[begin:end]: moments (4, atoms, types · intervals, terms).

    x = scale · s − shift is in [−1, 1] in its interval, q = s · r̂. ``start`` says where among the pairs the neighbours
    of one type in one interval begin, for all atoms.
    """
    groups, terms, real = moments.shape[2], moments.shape[3], moments.dtype.type
    widest = _widest(begin, end, order, start, groups)
    d, r, w, slope = np.empty((3, widest)), np.empty(widest), np.empty(widest), np.empty(widest)
    x, b0, b1 = _real(widest, moments), _real(widest, moments), _real(widest, moments)
    qx, qy, qz = _real(widest, moments), _real(widest, moments), _real(widest, moments)
    for i in range(begin, end):
        atom = order[i]
        for g in range(groups):
            first, last = start[atom * groups + g], start[atom * groups + g + 1]
            n = last - first
            _geometry(positions, atom, neighbour, offset, first, last, cutoff, smooth, d, r, w, slope)
            for k in range(n):
                x[k] = scale * w[k] / r[k] - shifts[g]
                over = w[k] / (r[k] * r[k])
                qx[k], qy[k], qz[k] = over * d[0, k], over * d[1, k], over * d[2, k]
                b0[k], b1[k] = 1, x[k]
            for m in range(0, terms, 2):
                s0 = s1 = x0 = x1 = y0 = y1 = z0 = z1 = real(0)
                for k in range(n):
                    f, h = b0[k], b1[k]
                    twice = x[k] + x[k]
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
                moments[0, i, g, m], moments[0, i, g, m + 1] = s0, s1
                moments[1, i, g, m], moments[1, i, g, m + 1] = x0, x1
                moments[2, i, g, m], moments[2, i, g, m + 1] = y0, y1
                moments[3, i, g, m], moments[3, i, g, m + 1] = z0, z1


@compiled(fastmath=True)
def accumulate_forces(  # noqa: PLR0917  compiled functions are called by position
    begin: int,
    end: int,
    order: Integers,
    start: Integers,
    neighbour: Integers,
    offset: Doubles,
    positions: Doubles,
    cutoff: float,
    smooth: float,
    scale: float,
    shifts: Doubles,
    slopes: Reals,
    frame_size: int,
    forces: Doubles,
    virial: Doubles,
) -> None:
    """From ∂E/∂moments (of their shape) to forces (all atoms, 3) and virials (frames, 9), which are added to."""
    groups = slopes.shape[2]
    widest = _widest(begin, end, order, start, groups)
    d, r, w, slope = np.empty((3, widest)), np.empty(widest), np.empty(widest), np.empty(widest)
    x, along = _real(widest, slopes), _real(widest, slopes)
    qx, qy, qz = _real(widest, slopes), _real(widest, slopes), _real(widest, slopes)
    hx, hy, hz = _real(widest, slopes), _real(widest, slopes), _real(widest, slopes)
    b0, b1 = _real(widest, slopes), _real(widest, slopes)
    for i in range(begin, end):
        atom = order[i]
        for g in range(groups):
            first, last = start[atom * groups + g], start[atom * groups + g + 1]
            n = last - first
            _geometry(positions, atom, neighbour, offset, first, last, cutoff, smooth, d, r, w, slope)
            for k in range(n):
                x[k] = scale * w[k] / r[k] - shifts[g]
                over = w[k] / (r[k] * r[k])
                qx[k], qy[k], qz[k] = over * d[0, k], over * d[1, k], over * d[2, k]
            _by_pair(n, slopes[:, i, g], x, qx, qy, qz, b0, b1, along, hx, hy, hz)
            for k in range(n):
                inverse = 1 / r[k]
                by_r = (slope[k] - w[k] * inverse) * inverse  # ds/dr
                over = w[k] * inverse * inverse  # q = over · d
                by_over = (slope[k] - 2 * w[k] * inverse) * inverse * inverse
                radial = (
                    along[k] * scale * by_r + (hx[k] * d[0, k] + hy[k] * d[1, k] + hz[k] * d[2, k]) * by_over
                ) * inverse
                pull = (
                    radial * d[0, k] + hx[k] * over,
                    radial * d[1, k] + hy[k] * over,
                    radial * d[2, k] + hz[k] * over,
                )
                j = neighbour[first + k]
                for c in range(3):
                    forces[atom, c] += pull[c]
                    forces[j, c] -= pull[c]
                    for e in range(3):
                        virial[atom // frame_size, 3 * c + e] -= pull[c] * d[e, k]


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
        along[k], hx[k], hy[k], hz[k] = zero, zero, zero, zero
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
