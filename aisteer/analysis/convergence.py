"""When a time series has settled, and how well its mean is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aisteer.analysis.student import NORMAL, student

__all__ = [
    "Settled",
    "equilibration",
    "mean_and_error",
    "slope_and_error",
    "standard_error",
    "statistical_inefficiency",
]

Array = NDArray[np.float64]
CANDIDATES = 50
FEW = 20
"""Of independent values; with fewer beside a line, what looks like noise may be a walk."""
STRETCHES = 8


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

    Widened by Student's t, so that ±1.96 of it covers 95 % also for few samples. 0 for fewer than two samples.
    """
    values = np.asarray(samples, dtype=float)
    if len(values) < 2:
        return 0.0
    return float(values.std(ddof=1) / np.sqrt(len(values))) * _widened(len(values) - 1)


def mean_and_error(series: ArrayLike) -> tuple[float, float]:
    """Mean of a stationary series whose values are correlated, and its standard error.

    As :func:`standard_error`, with as many samples as are independent (:func:`statistical_inefficiency`). The error is
    0 for fewer than two values.
    """
    values = np.asarray(series, dtype=float)
    if len(values) < 2:
        return float(values.mean()), 0.0
    independent = len(values) / statistical_inefficiency(values)
    error = float(values.std(ddof=1) / np.sqrt(independent)) * _widened(max(1.0, independent - 1))
    return float(values.mean()), error


def slope_and_error(times: ArrayLike, series: ArrayLike) -> tuple[float, float]:
    """Slope of the least-squares line through a series whose values are correlated, and its standard error.

    The error is that of independent values about a line, with as many as are independent
    (:func:`statistical_inefficiency` of what is left beside the line), widened by Student's t. Where they are fewer
    than 20 it is also taken from what the series rises by in eight stretches, as for a random walk, whose values about
    a line look independent when they are not (its slope has 6/5 of the variance that the rise from end to end has).
    The larger is reported, which for a short series of independent values is too much.

    Args:
        times: Of the values, increasing, in any unit.
        series: As many values.

    Raises:
        ValueError: Fewer than 3 values.
    """
    t, values = np.asarray(times, dtype=float), np.asarray(series, dtype=float)
    count = len(values)
    if count < 3:
        raise ValueError(f"The error of a slope needs at least 3 values; there are {count}.")
    centred = t - t.mean()
    spread = float(centred @ centred)
    slope = float(centred @ values) / spread
    rest = values - values.mean() - slope * centred
    independent = count / statistical_inefficiency(rest)
    variance = float(rest @ rest) / (count - 2) / spread * count / independent
    error = float(np.sqrt(variance)) * _widened(max(1.0, independent - 2))
    if independent < FEW:
        ends = np.linspace(0, count - 1, min(STRETCHES, count - 1) + 1).round().astype(int)
        rises = np.diff(values[ends]) / np.diff(t[ends])
        error = max(error, float(np.sqrt(6 / 5)) * standard_error(rises))
    return slope, error


def _widened(free: float) -> float:
    """Student's t over the normal quantile, at 97.5 %."""
    return student(free) / NORMAL


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
