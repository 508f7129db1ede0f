"""Loops between the matrix products, compiled by Numba: products of columns of T, and tanh with its slope in one pass.

Atoms are the last axis of columns and products, so that they fill the vector registers whatever the widths are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisteer.deep_potential.kernels import compiled

__all__ = ["activate_double", "activate_single", "multiply_columns", "pull_back"]

Reals = NDArray[np.floating[Any]]
Integers = NDArray[np.int64]


@compiled(fastmath=True)
def multiply_columns(columns: Reals, reach: Integers, products: Reals) -> None:
    """Σ_c columns[c, p] · columns[c, q] for q ≤ p < reach[q], by q and then p; columns (4, R, atoms)."""
    at = 0
    for q in range(len(reach)):
        a, b, c, d = columns[0, q], columns[1, q], columns[2, q], columns[3, q]
        for p in range(q, reach[q]):
            e, f, g, h, out = columns[0, p], columns[1, p], columns[2, p], columns[3, p], products[at]
            for i in range(len(out)):
                out[i] = a[i] * e[i] + b[i] * f[i] + c[i] * g[i] + d[i] * h[i]
            at += 1


@compiled(fastmath=True)
def pull_back(columns: Reals, reach: Integers, by_products: Reals, out: Reals) -> None:
    """From the derivative by the products, of their shape, to that by the columns."""
    out[:] = 0
    at = 0
    for q in range(len(reach)):
        for p in range(q, reach[q]):
            slope = by_products[at]
            for c in range(4):
                right, left, to_right, to_left = columns[c, q], columns[c, p], out[c, q], out[c, p]
                if p == q:  # two arrays that are one are not added to in one loop
                    for i in range(len(slope)):
                        to_left[i] += (slope[i] + slope[i]) * right[i]
                else:
                    for i in range(len(slope)):
                        to_left[i] += slope[i] * right[i]
                        to_right[i] += slope[i] * left[i]
            at += 1


# tanh(v) = 1 − 2 / (exp(2v) + 1), within some 3 units in the last place of 1. exp(2v) = 2ⁿ exp(f) with |f| ≤ ln 2 / 2:
# its Taylor series leaves 1e-17 after 13 terms, 6e-9 after 8. Adding 1.5 · 2^(digits − 1) rounds to n and leaves it in
# the last bits, from where it is shifted into the exponent. So only `contract`: reordering would undo the adding.


@compiled(fastmath={"contract"})
def activate_double(  # noqa: PLR0917  compiled functions are called by position
    values: Reals, bias: Reals, step: Reals, given: Reals, repeats: int, out: Reals
) -> None:
    """With y = tanh(values + bias): out = y · step + what is given, so many times; values = step · (1 − y²)."""
    for i in range(len(values)):
        for k in range(len(bias)):
            v = min(20.0, max(-20.0, values[i, k] + bias[k]))
            shifted = v * 2.8853900817779268 + 6755399441055744.0
            n = shifted - 6755399441055744.0
            f = 2 * v - n * 6.93147180369123816490e-01 - n * 1.90821492927058770002e-10
            e = 1.0 / 40320 + f * (
                1.0 / 362880 + f * (1.0 / 3628800 + f * (1.0 / 39916800 + f * (1.0 / 479001600)))
            )
            e = 1.0 / 24 + f * (1.0 / 120 + f * (1.0 / 720 + f * (1.0 / 5040 + f * e)))
            e = 1.0 + f * (1.0 + f * (0.5 + f * (1.0 / 6 + f * e)))
            power = np.float64(shifted).view(np.int64) << np.int64(52)
            e = np.int64(power + np.float64(e).view(np.int64)).view(np.float64)
            y = 1 - 2 / (e + 1)
            out[i, k] = y * step[k]
            values[i, k] = step[k] * (1 - y * y)
        _pass_by(given, repeats, out, i)


@compiled(fastmath={"contract"})
def activate_single(  # noqa: PLR0917  compiled functions are called by position
    values: Reals, bias: Reals, step: Reals, given: Reals, repeats: int, out: Reals
) -> None:
    """The same in single precision."""
    one, two, half, magic = np.float32(1), np.float32(2), np.float32(0.5), np.float32(12582912)
    bound, to_n = np.float32(9), np.float32(2.8853900817779268)
    ln, rest = np.float32(0.693359375), np.float32(-2.12194440e-4)
    c3, c4, c5 = np.float32(1 / 6), np.float32(1 / 24), np.float32(1 / 120)
    c6, c7 = np.float32(1 / 720), np.float32(1 / 5040)
    for i in range(len(values)):
        for k in range(len(bias)):
            v = min(bound, max(-bound, values[i, k] + bias[k]))
            shifted = v * to_n + magic
            n = shifted - magic
            f = two * v - n * ln - n * rest
            e = one + f * (one + f * (half + f * (c3 + f * (c4 + f * (c5 + f * (c6 + f * c7))))))
            power = np.float32(shifted).view(np.int32) << np.int32(23)
            e = np.int32(power + np.float32(e).view(np.int32)).view(np.float32)
            y = one - two / (e + one)
            out[i, k] = y * step[k]
            values[i, k] = step[k] * (one - y * y)
        _pass_by(given, repeats, out, i)


@compiled(fastmath={"contract"})
def _pass_by(given: Reals, repeats: int, out: Reals, i: int) -> None:
    narrow = given.shape[1]
    for part in range(repeats):
        for k in range(narrow):
            out[i, part * narrow + k] += given[i, k]
