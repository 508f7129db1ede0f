r"""Whether predictions got worse, or better, with time: a change in standardised residuals.

With residuals :math:`z_i` in the order of time, their mean :math:`\bar z` and spread :math:`s`, the largest

.. math:: \left| \sum_{i \le k} (z_i - \bar z) \right| / (s \sqrt n)

over all :math:`k` is, where nothing changes, that of a Brownian bridge, whose distribution is Kolmogorov's (Brown,
Durbin & Evans, J. R. Stat. Soc. B 1975, 37, 149). The same of :math:`|z_i|` finds a change in their size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEAST", "Drift", "drift"]

Array = NDArray[np.float64]

LEAST = 16
"""Residuals that it takes to say anything."""
_RISK = 0.01
"""Of a false alarm, for each of the two changes; looked at again and again, so it is small."""
_FARTHEST = 10.0
"""Residuals count no more than this, so that one outlier is no drift."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How standardised residuals changed.

    Attributes:
        found: Whether they did, beyond chance.
        since: How many of the latest residuals came after the change.
        bias: Mean residual before and after it.
        size: Root mean square residual before and after it; 1 is what was claimed.
        chance: Probability of so large a change where nothing changes, the smaller one of the two.
        words: For a human.
        cautious: They changed in size only, and are smaller than claimed since.
    """

    found: bool
    since: int
    bias: tuple[float, float]
    size: tuple[float, float]
    chance: float
    words: str
    cautious: bool = False


def drift(residuals: Array) -> Drift | None:
    """Look for one change in residuals, shape ``(n,)``, in predicted standard deviations; ``None`` below 16."""
    if len(residuals) < LEAST:
        return None
    z = np.clip(residuals, -_FARTHEST, _FARTHEST)
    shifted, at_shift = _change(z)
    widened, at_width = _change(np.abs(z))
    chance, place = min((shifted, at_shift), (widened, at_width))
    before, after = z[:place], z[place:]
    bias = (float(before.mean()), float(after.mean()))
    size = (float(np.sqrt((before**2).mean())), float(np.sqrt((after**2).mean())))
    found = chance < _RISK
    since = len(after)
    if not found:
        words = "the predictions have not drifted"
    elif shifted <= widened:
        words = (
            f"the predictions have drifted: the last {since} outcomes lie {bias[1]:+.1f} predicted standard deviations "
            f"off on average, those before {bias[0]:+.1f}"
        )
    else:
        words = (
            f"the predictions have drifted: the last {since} outcomes are {size[1]:.1f} times as far off as claimed, "
            f"those before {size[0]:.1f} times"
        )
    cautious = found and widened < shifted and size[1] < min(1.0, size[0])
    return Drift(found, since, bias, size, chance, words, cautious)


def _change(values: Array) -> tuple[float, int]:
    """How likely so large a change in the mean is where there is none, and after how many values it comes."""
    n, spread = len(values), float(values.std())
    if not spread > 0:
        return 1.0, n // 2
    path = np.abs(np.cumsum(values - values.mean()))[:-1] / (spread * math.sqrt(n))
    place = int(np.argmax(path))
    return _kolmogorov(float(path[place])), place + 1


def _kolmogorov(height: float) -> float:
    """The probability that a Brownian bridge reaches ``height``."""
    if height < 0.2:
        return 1.0
    total = sum((-1) ** (k - 1) * math.exp(-2.0 * k * k * height * height) for k in range(1, 30))
    return float(min(1.0, max(0.0, 2.0 * total)))
