"""The quantile of Student's t at 97.5 %, for errors of few samples."""

from __future__ import annotations

from functools import lru_cache
from math import exp, lgamma, log, log1p, pi, sqrt

__all__ = ["NORMAL", "student"]

NORMAL = 1.959963984540054
"""The quantile of the normal distribution at 97.5 %."""
_MANY = 1e5
"""Degrees of freedom above which the first correction to the normal quantile is right to nine digits."""


@lru_cache(maxsize=256)
def student(free: float) -> float:
    """Quantile of Student's t at 97.5 %, to nine digits, for one degree of freedom (12.7) or more.

    Newton's iteration from the normal quantile. The distribution function bends down there, so it comes to the quantile
    from below and does not pass it.
    """
    if free > _MANY:
        return NORMAL + NORMAL * (NORMAL**2 + 1) / (4 * free)
    scale = exp(lgamma((free + 1) / 2) - lgamma(free / 2)) / sqrt(free * pi)
    t = NORMAL
    for _ in range(10):
        density = scale * (1 + t * t / free) ** (-(free + 1) / 2)
        t += (_outside(t, free) - 0.05) / 2 / density
    return t


def _outside(t: float, free: float, terms: int = 100) -> float:
    """The share beyond ±t: the incomplete beta function I_x(free / 2, 1/2) at x = free / (free + t²).

    By its continued fraction (NIST Digital Library of Mathematical Functions, 8.17.22), from its end.
    """
    a, x, fraction = free / 2, free / (free + t * t), 1.0
    for k in range(terms, 0, -1):
        m = k // 2
        factor = -(a + m) * (a + m + 0.5) if k % 2 else m * (0.5 - m)
        fraction = 1 + factor * x / ((a + k - 1) * (a + k)) / fraction
    beta = lgamma(a) + lgamma(0.5) - lgamma(a + 0.5)
    return exp(a * log(x) + log1p(-x) / 2 - beta) / a / fraction
