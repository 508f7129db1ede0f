"""When a time series has settled, and how well its mean is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Settled", "equilibration", "standard_error", "statistical_inefficiency"]

Array = NDArray[np.float64]
CANDIDATES = 50


@dataclass(frozen=True, slots=True)
class Settled:
    """The stationary part of a series.

    Attributes:
        start: Index from which it is stationary.
        inefficiency: How many successive values count as one independent value.
        mean: Mean of the stationary part.
        error: Standard error of that mean.
    """

    start: int
    inefficiency: float
    mean: float
    error: float


def standard_error(samples: ArrayLike) -> float:
    """Standard error of the mean of independent samples.

    Widened by Student's t, so that ±1.96 of it covers 95 % also for few samples (at least 5).
    0 for fewer than two samples.
    """
    values = np.asarray(samples, dtype=float)
    free = len(values) - 1
    if free < 1:
        return 0.0
    z = 1.959964
    # Cornish-Fisher expansion of Student's quantile in the inverse of the degrees of freedom.
    student = z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
    return float(values.std(ddof=1) / np.sqrt(len(values)) * student / z)


def statistical_inefficiency(series: ArrayLike) -> float:
    """How many successive values of a stationary series carry the information of one.

    ``1 + 2 Σ (1 - k/n) C(k)``, summed until the autocorrelation ``C`` first drops below zero
    (Chodera et al., J. Chem. Theory Comput. 2007, 3, 26). At least 1.
    """
    values = np.asarray(series, dtype=float)
    count = len(values)
    centred = values - values.mean()
    variance = float(centred @ centred)
    if count < 3 or variance <= 0:
        return 1.0
    transformed = np.fft.rfft(centred, n=2 * count)
    covariance = np.fft.irfft(np.abs(transformed) ** 2, n=2 * count)[1 : count - 1]
    lags = np.arange(1, count - 1)
    correlation = covariance / variance * count / (count - lags)
    negative = np.flatnonzero(correlation <= 0)
    end = int(negative[0]) if negative.size else len(lags)
    return max(1.0, 1.0 + 2.0 * float(((1 - lags / count) * correlation)[:end].sum()))


def equilibration(series: ArrayLike) -> Settled:
    """Where a series becomes stationary: the start that leaves most independent values.

    Chodera, J. Chem. Theory Comput. 2016, 12, 1799. Fifty evenly spaced starts are tried.

    Raises:
        ValueError: Fewer than 4 values, or values that are not finite.
    """
    values = np.asarray(series, dtype=float)
    if values.ndim != 1 or len(values) < 4 or not np.isfinite(values).all():
        raise ValueError("Equilibration is judged on a series of at least 4 finite values.")
    starts = range(0, len(values) - 3, max(1, len(values) // CANDIDATES))
    tried = [(start, statistical_inefficiency(values[start:])) for start in starts]
    start, inefficiency = max(tried, key=lambda pair: (len(values) - pair[0]) / pair[1])
    rest = values[start:]
    error = float(rest.std(ddof=1) * np.sqrt(inefficiency / len(rest)))
    return Settled(start, inefficiency, float(rest.mean()), error)
