"""The self-diffusion coefficient of a trajectory, with a standard error that can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aisteer.analysis.convergence import standard_error
from aisteer.analysis.displacement import _own_motion, squared_displacements

__all__ = ["ANGSTROM2_PER_PS", "Diffusion", "diffusion_coefficient"]

ANGSTROM2_PER_PS = 1e-8
"""1 Å²/ps in m²/s."""

TOLERANCE = 0.1
OCTAVES = 3
LARGEST_LAG = 4
FIT_POINTS = 16
BLOCK = 3
FEWEST_BLOCKS = 5

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Diffusion:
    """A self-diffusion coefficient.

    Attributes:
        value: Å²/ps.
        error: Standard error, Å²/ps; ±1.96 of it covers the truth in 95 of 100 trajectories.
        regime: First and last lag of the fit, ps.
        exponent: ``d log MSD / d log lag`` across the fit: near 1 for diffusion, 0 for a solid.
        linear: Whether a linear regime was found. If not, the value is the slope at the longest lags
            that the trajectory supports, and says no more than that.
    """

    value: float
    error: float
    regime: tuple[float, float]
    exponent: float
    linear: bool

    @property
    def si(self) -> tuple[float, float]:
        """Value and standard error in m²/s."""
        return self.value * ANGSTROM2_PER_PS, self.error * ANGSTROM2_PER_PS


def diffusion_coefficient(
    positions: ArrayLike, interval: float, masses: ArrayLike | None = None
) -> Diffusion:
    """Fit Einstein's relation, ``MSD = 6 D t + c``, in the linear regime of the mean square displacement.

    The regime begins at the first lag from which the slope of the mean square displacement stays the same
    within 10 % over three doublings. In the ballistic part it rises, in cages and crystals it falls; a
    constant offset, left by vibrations, does no harm. The regime lasts for these doublings, at most a
    quarter of the trajectory: longer lags add noise and no information.

    The fit is linear in the squared displacements, so it is the mean of one value per atom, and equally
    of one value per time origin. The spread over atoms gives one standard error, right if atoms
    move independently; the spread over blocks of origins, three times the longest lag each, gives
    another, right if atoms move together. The larger is reported. Without a linear regime the value is not
    well defined; then half the change of the slope across the fit is added (in squares).

    Args:
        positions: ``frames x atoms x 3``, unwrapped, Å, of an equilibrated stretch; drift is removed.
        interval: Time between frames, ps.
        masses: ``atoms``; equal unless given.

    Raises:
        ValueError: Fewer than 16 frames or 2 atoms.
    """
    own = _own_motion(positions, masses)
    if len(own) < 16:
        raise ValueError(f"A diffusion coefficient needs at least 16 frames; there are {len(own)}.")
    squared = squared_displacements(own)
    msd = squared.mean(axis=1)
    first, last, linear = _regime(msd)
    lags = np.unique(np.linspace(first, last, FIT_POINTS).round().astype(int))
    weights = _slope_weights(lags * interval) / 6
    error = max(standard_error(weights @ squared[lags]), _error_over_origins(own, lags, weights))
    if not linear:
        middle = (first + last) // 2
        change = _slope(msd, middle, last) - _slope(msd, first, middle)
        error = float(np.hypot(error, abs(change) / 2 / 6 / interval))
    return Diffusion(
        value=float(weights @ msd[lags]),
        error=error,
        regime=(first * interval, last * interval),
        exponent=_exponent(msd, first, last),
        linear=linear,
    )


def _regime(msd: Array) -> tuple[int, int, bool]:
    """First and last lag of the linear regime, in frames, and whether there is one."""
    longest = (len(msd) - 1) // LARGEST_LAG
    first = 1
    while first * 2**2 <= longest:
        octaves = min(OCTAVES, int(np.log2(longest / first)))
        slopes = np.array([_slope(msd, first << k, first << (k + 1)) for k in range(octaves)])
        if np.ptp(slopes) <= TOLERANCE * slopes.mean():
            return first, first << octaves, True
        first = max(first + 1, int(first * 1.2))
    return longest // 2, longest, False


def _slope(msd: Array, first: int, last: int) -> float:
    """Rise of the mean square displacement per frame."""
    return float(msd[last] - msd[first]) / (last - first)


def _exponent(msd: Array, first: int, last: int) -> float:
    if msd[first] <= 0 or msd[last] <= 0:
        return 0.0
    return float(np.log(msd[last] / msd[first]) / np.log(last / first))


def _slope_weights(times: Array) -> Array:
    """Weights whose product with values at ``times`` is the slope of their least-squares line."""
    centred = times - times.mean()
    return np.asarray(centred / (centred**2).sum())


def _error_over_origins(own: Array, lags: NDArray[np.int64], weights: Array) -> float:
    """Standard error over blocks of time origins; 0 where too few fit to say anything."""
    origins = len(own) - int(lags[-1])
    blocks = origins // (BLOCK * int(lags[-1]))
    if blocks < FEWEST_BLOCKS:
        return 0.0
    values = np.zeros(origins)
    for lag, weight in zip(lags, weights, strict=True):
        moved = own[lag : lag + origins] - own[:origins]
        values += weight * (moved**2).sum(axis=2).mean(axis=1)
    return standard_error(np.array([part.mean() for part in np.array_split(values, blocks)]))
