"""Whether predictions are to be believed: how often outcomes fell where they were said to fall."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEVEL", "NEEDED", "Calibration", "Skill", "calibration", "skill", "wilson"]

Array = NDArray[np.float64]

LEVEL = 0.9
"""Of the central interval whose coverage is counted."""
_HALF_WIDTH = 1.6448536269514722
"""Half the width of that interval, in standard deviations of a normal distribution."""
NEEDED = 8
"""Predictions made before the run that it takes to say anything."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How often outcomes fell inside the 90 % interval that was predicted before they were known.

    Attributes:
        inside: Outcomes inside.
        of: Outcomes that had been predicted.
        level: What the interval claims.
        low: Lower end of the 95 % Wilson interval of the coverage.
        high: Upper end.
        nll: Mean negative log density of the outcomes under their predictions; ``None`` without any.
        trusted: Enough were predicted, and the coverage is not below what was claimed.
        words: All of that, for a human.
    """

    inside: int
    of: int
    level: float
    low: float
    high: float
    nll: float | None
    trusted: bool
    words: str

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Skill:
    """How well outcomes are predicted from the others (leave-one-out).

    Attributes:
        rmse: Root mean square error, in the outcome's unit.
        spread: What it would be if each were predicted by the mean of the others.
        explained: Share of the variance that is explained; negative is worse than the mean.
        inside: Share inside the 90 % interval.
        nll: Mean negative log density.
        words: For a human; says that the hyper-parameters were not fitted again.
    """

    rmse: float
    spread: float
    explained: float
    inside: float
    nll: float
    words: str

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def wilson(inside: int, of: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """The Wilson score interval of a share (Wilson, J. Am. Stat. Assoc. 1927, 22, 209)."""
    if of == 0:
        return 0.0, 1.0
    share = inside / of
    centre = share + z * z / (2 * of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    norm = 1 + z * z / of
    # At the ends the interval reaches 0 and 1 exactly; rounding would leave a trace.
    low = 0.0 if inside == 0 else max(0.0, (centre - half) / norm)
    high = 1.0 if inside == of else min(1.0, (centre + half) / norm)
    return low, high


def calibration(outcome: Array, mean: Array, std: Array) -> Calibration:
    """Compare outcomes with what was predicted before they were known.

    Args:
        outcome: Shape ``(n,)``.
        mean: Predicted, shape ``(n,)``.
        std: Predicted for the measurement, noise included, shape ``(n,)``; positive.
    """
    of = len(outcome)
    inside = int(np.sum(np.abs(outcome - mean) <= _HALF_WIDTH * std))
    low, high = wilson(inside, of)
    trusted = of >= NEEDED and high >= LEVEL
    nll = _negative_log_density(outcome, mean, std) if of else None
    return Calibration(
        inside, of, LEVEL, low, high, nll, trusted, _words(inside, of, low, high, trusted=trusted)
    )


def _words(inside: int, of: int, low: float, high: float, *, trusted: bool) -> str:
    if of == 0:
        return "No outcome has been predicted before it was known, so the predictions are untested."
    counted = (
        f"{inside} of {of} outcomes fell inside the {LEVEL:.0%} interval predicted before they ran "
        f"(coverage {low:.0%} to {high:.0%})"
    )
    if of < NEEDED:
        return f"{counted}; too few to trust it: at least {NEEDED} are needed."
    if not trusted:
        return f"{counted}; the model is over-confident: do not trust its uncertainties."
    if low > LEVEL:
        return f"{counted}; the model is cautious: its uncertainties are too wide."
    return f"{counted}; that agrees with what it claims."


def skill(outcome: Array, mean: Array, std: Array) -> Skill | None:
    """Score leave-one-out predictions; ``None`` with fewer than 3 outcomes or no spread.

    Args:
        outcome: Shape ``(n,)``.
        mean: Predicted from the others, shape ``(n,)``.
        std: Predicted for the measurement, shape ``(n,)``; positive.
    """
    n = len(outcome)
    if n < 3 or not np.ptp(outcome) > 0:
        return None
    rmse = float(np.sqrt(np.mean((outcome - mean) ** 2)))
    spread = float(np.std(outcome, ddof=1) * math.sqrt(n / (n - 1)))  # The mean leaves the outcome out too.
    explained = 1.0 - (rmse / spread) ** 2
    inside = float(np.mean(np.abs(outcome - mean) <= _HALF_WIDTH * std))
    verdict = (
        f"explains {explained:.0%} of the variance" if explained > 0 else "does no better than their mean"
    )
    words = (
        f"Predicting each of {n} outcomes from the others, the model {verdict} ({inside:.0%} inside the "
        f"{LEVEL:.0%} interval; the hyper-parameters were not fitted again)."
    )
    return Skill(rmse, spread, explained, inside, _negative_log_density(outcome, mean, std), words)


def _negative_log_density(outcome: Array, mean: Array, std: Array) -> float:
    return float(np.mean(0.5 * ((outcome - mean) / std) ** 2 + np.log(std) + 0.5 * math.log(2 * math.pi)))
