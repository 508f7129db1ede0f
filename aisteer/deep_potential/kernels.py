"""The two loops over neighbours, compiled by Numba: moments of the neighbourhood, and the way back to forces.

Neither evaluates a network. Both release the interpreter's lock and take a range of atoms, so that threads share the
work; Numba's own threads would not survive a fork.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["accumulate_forces", "accumulate_moments"]

Reals = NDArray[np.float64]
Integers = NDArray[np.int64]
Loop = TypeVar("Loop", bound=Callable[..., None])


def _compiled(loop: Loop) -> Loop:
    """Compiled when it is first called, and kept on disk for the next process where there is a place to keep it."""
    options = {"nogil": True, "fastmath": True, "error_model": "numpy"}
    try:
        made: Loop = njit(cache=True, **options)(loop)
    except RuntimeError:  # neither this folder nor the user's cache can be written
        made = njit(**options)(loop)
    return made


@_compiled
def _geometry(  # noqa: PLR0917  compiled functions are called by position
    positions: Reals,
    atom: int,
    neighbour: Integers,
    offset: Reals,
    first: int,
    last: int,
    cutoff: float,
    smooth: float,
    scale: float,
    shift: float,
    x: Reals,
    q: Reals,
    d: Reals,
    r: Reals,
    w: Reals,
    slope: Reals,
) -> None:
    """Pairs first … last: x is s mapped to [−1, 1] in its interval, q is s · r̂, d the vector, slope dw/dr."""
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
        x[k] = scale * w[k] / r[k] - shift
        for c in range(3):
            q[c, k] = w[k] * d[c, k] / square


@_compiled
def accumulate_moments(  # noqa: PLR0917  compiled functions are called by position
    begin: int,
    end: int,
    order: Integers,
    start: Integers,
    neighbour: Integers,
    offset: Reals,
    positions: Reals,
    cutoff: float,
    smooth: float,
    scale: float,
    shifts: Reals,
    moments: Reals,
) -> None:
    """Σ_j T_m(x_j) and Σ_j q_j T_m(x_j), for atoms order[begin:end], into moments (atoms, 4, types · intervals, M).

    ``start`` says where among the pairs the neighbours of one type in one interval begin, for all atoms.
    """
    kinds, terms = moments.shape[2], moments.shape[3]
    widest = 1
    for i in range(begin, end):
        for t in range(kinds):
            widest = max(widest, start[order[i] * kinds + t + 1] - start[order[i] * kinds + t])
    x, r, w, slope = np.empty(widest), np.empty(widest), np.empty(widest), np.empty(widest)
    b0, b1, q, d = np.empty(widest), np.empty(widest), np.empty((3, widest)), np.empty((3, widest))
    qx, qy, qz = q[0], q[1], q[2]
    for i in range(begin, end):
        atom = order[i]
        for t in range(kinds):
            first, last = start[atom * kinds + t], start[atom * kinds + t + 1]
            n = last - first
            _geometry(
                positions,
                atom,
                neighbour,
                offset,
                first,
                last,
                cutoff,
                smooth,
                scale,
                shifts[t],
                x,
                q,
                d,
                r,
                w,
                slope,
            )
            for k in range(n):
                b0[k], b1[k] = 1.0, x[k]
            for m in range(0, terms, 2):
                s0 = s1 = x0 = x1 = y0 = y1 = z0 = z1 = 0.0
                for k in range(n):
                    f, g, twice = b0[k], b1[k], 2 * x[k]
                    s0 += f
                    s1 += g
                    x0 += qx[k] * f
                    x1 += qx[k] * g
                    y0 += qy[k] * f
                    y1 += qy[k] * g
                    z0 += qz[k] * f
                    z1 += qz[k] * g
                    f = twice * g - f
                    b0[k], b1[k] = f, twice * f - g
                moments[i, 0, t, m], moments[i, 0, t, m + 1] = s0, s1
                moments[i, 1, t, m], moments[i, 1, t, m + 1] = x0, x1
                moments[i, 2, t, m], moments[i, 2, t, m + 1] = y0, y1
                moments[i, 3, t, m], moments[i, 3, t, m + 1] = z0, z1


@_compiled
def accumulate_forces(  # noqa: PLR0917  compiled functions are called by position
    begin: int,
    end: int,
    order: Integers,
    start: Integers,
    neighbour: Integers,
    offset: Reals,
    positions: Reals,
    cutoff: float,
    smooth: float,
    scale: float,
    shifts: Reals,
    slopes: Reals,
    frame_size: int,
    forces: Reals,
    virial: Reals,
) -> None:
    """From ∂E/∂moments (of their shape) to forces (all atoms, 3) and virials (frames, 9), which are added to."""
    kinds, terms = slopes.shape[2], slopes.shape[3]
    widest = 1
    for i in range(begin, end):
        for t in range(kinds):
            widest = max(widest, start[order[i] * kinds + t + 1] - start[order[i] * kinds + t])
    x, r, w, slope = np.empty(widest), np.empty(widest), np.empty(widest), np.empty(widest)
    b0, b1, e0, e1 = np.empty(widest), np.empty(widest), np.empty(widest), np.empty(widest)
    along, hx, hy, hz = np.empty(widest), np.empty(widest), np.empty(widest), np.empty(widest)
    q, d = np.empty((3, widest)), np.empty((3, widest))
    qx, qy, qz = q[0], q[1], q[2]
    for i in range(begin, end):
        atom = order[i]
        frame = atom // frame_size
        for t in range(kinds):
            first, last = start[atom * kinds + t], start[atom * kinds + t + 1]
            n = last - first
            _geometry(
                positions,
                atom,
                neighbour,
                offset,
                first,
                last,
                cutoff,
                smooth,
                scale,
                shifts[t],
                x,
                q,
                d,
                r,
                w,
                slope,
            )
            for k in range(n):
                b0[k], b1[k], e0[k], e1[k] = 1.0, x[k], 0.0, 1.0
                along[k], hx[k], hy[k], hz[k] = 0.0, 0.0, 0.0, 0.0
            for m in range(0, terms, 2):
                g0, gx, gy, gz = (
                    slopes[i, 0, t, m],
                    slopes[i, 1, t, m],
                    slopes[i, 2, t, m],
                    slopes[i, 3, t, m],
                )
                k0, kx, ky, kz = (
                    slopes[i, 0, t, m + 1],
                    slopes[i, 1, t, m + 1],
                    slopes[i, 2, t, m + 1],
                    slopes[i, 3, t, m + 1],
                )
                for k in range(n):
                    f, g, df, dg, twice = b0[k], b1[k], e0[k], e1[k], 2 * x[k]
                    hx[k] += gx * f + kx * g
                    hy[k] += gy * f + ky * g
                    hz[k] += gz * f + kz * g
                    along[k] += (g0 + gx * qx[k] + gy * qy[k] + gz * qz[k]) * df
                    along[k] += (k0 + kx * qx[k] + ky * qy[k] + kz * qz[k]) * dg
                    f, df = twice * g - f, 2 * g + twice * dg - df
                    b0[k], b1[k] = f, twice * f - g
                    e0[k], e1[k] = df, 2 * f + twice * df - dg
            for k in range(n):
                inverse = 1 / r[k]
                by_r = (slope[k] - w[k] * inverse) * inverse  # ds/dr
                over = w[k] * inverse * inverse  # q = over · d
                by_over = (slope[k] - 2 * w[k] * inverse) * inverse * inverse
                radial = (
                    along[k] * scale * by_r + (hx[k] * d[0, k] + hy[k] * d[1, k] + hz[k] * d[2, k]) * by_over
                )
                radial *= inverse
                j = neighbour[first + k]
                for c in range(3):
                    pull = radial * d[c, k] + (hx[k] if c == 0 else hy[k] if c == 1 else hz[k]) * over
                    forces[atom, c] += pull
                    forces[j, c] -= pull
                    for e in range(3):
                        virial[frame, 3 * c + e] -= pull * d[e, k]
