"""How far outcomes spread, whatever single ones do, and the scale at which predicted spreads come true."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from aisteer.surrogates.protocol import Array

__all__ = ["Standard", "calibrated_scale", "standard"]

_BEYOND = 5.0
"""How far, in ranges of eight tenths of the outcomes, one may lie from those. Of normal ones none gets a half as far.

A range and not a narrower spread, as runs that gather near an optimum are many and alike.
"""
_LEAST, _MOST = 1e-2, 1e2


@dataclass(frozen=True, slots=True)
class Standard:
    """Standardised outcomes that no single one can rule.

    Attributes:
        y: Less their centre, in spreads, shape ``(n,)``; those far away count as nearer.
        doubt: A standard error in spreads that those are given for that, 0 for the others, shape ``(n,)``.
        centre: What was subtracted.
        spread: What was divided by; 0 where all are equal.
        words: Where some were far away.
    """

    y: Array
    doubt: Array
    centre: float
    spread: float
    words: str


def standard(y: Array) -> Standard:
    """Standardise outcomes, shape ``(n,)``, by those that are not far from eight tenths of them."""
    low, high = (float(end) for end in np.quantile(y, [0.1, 0.9], method="inverted_cdf"))
    reach = _BEYOND * (high - low)
    kept = np.clip(y, low - reach, high + reach) if reach > 0 else y
    far = kept != y
    near = kept[~far]
    centre, spread = float(near.mean()), float(near.std(ddof=1)) if len(near) > 1 else 0.0
    if not spread > 1e-12 * max(abs(centre), 1e-300):
        return Standard(np.zeros_like(y), np.zeros_like(y), centre, 0.0, "")
    words = (
        f"{int(far.sum())} of {len(y)} outcomes lie more than {_BEYOND:.0f} times the range of most others beyond it; "
        "they were counted as lying just there, and in doubt by as much. Mark their runs as bad if they are mistakes."
    )
    doubt = np.where(far, reach / spread, 0.0)
    return Standard((kept - centre) / spread, doubt, centre, spread, words if far.any() else "")


def calibrated_scale(residual: Array, std: Array, error: Array, more: Array | None = None) -> float:
    r"""The factor for predicted standard deviations with which coverage is right on average over all levels.

    An outcome lies in the central interval of level :math:`u = 2\Phi(|r|/\sigma) - 1` and in all wider ones, so that
    is where the mean of :math:`u` over outcomes that were held out is one half.

    Args:
        residual: Of outcomes that were held out, shape ``(n,)``.
        std: Predicted, shape ``(n,)``, positive.
        error: Standard errors of the outcomes, which are not scaled, shape ``(n,)``.
        more: By how much the variance of the residuals is larger than that of what is to be scaled, shape ``(n,)``.
    """
    found = _matched(residual, std, error)
    if more is None:
        return found
    share = more / ((found * std) ** 2 + error**2)
    return _matched(residual * np.sqrt(np.clip(1.0 - share, 0.25, 1.0)), std, error)


def _matched(residual: Array, std: Array, error: Array) -> float:
    def excess(logarithm: float) -> float:
        depth = np.abs(residual) / np.hypot(math.exp(logarithm) * std, error)
        return float(np.mean(2.0 * ndtr(depth) - 1.0)) - 0.5

    low, high = math.log(_LEAST), math.log(_MOST)
    if excess(low) <= 0.0:
        return _LEAST
    if excess(high) >= 0.0:
        return _MOST
    return math.exp(float(brentq(excess, low, high, xtol=1e-6)))
