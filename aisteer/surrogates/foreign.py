r"""Anybody's regressor with ``fit`` and ``predict``, such as scikit-learn's, as a surrogate that is calibrated.

The outcomes are dealt into five parts, and a copy of the regressor is fitted on all but each of them. Where its
``predict`` takes ``return_std``, what it says of its uncertainty is scaled by one factor until the held-out outcomes
lie as deep in their intervals as they should; where it does not, the uncertainty is the spread of what it missed them
by. That is the same everywhere, or, where somebody says how outcomes go together (``correlation``), smaller near runs:

.. math:: \sigma^2(x) = s^2 \bigl(\tau + (1 - \tau)(1 - \max_i \rho(x, x_i)^2)\bigr)

with the :math:`\tau` under which the held-out outcomes are most probable; a quarter unless they clearly say otherwise,
so that nothing is ever taken for certain. Then it is fitted on all.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from aisteer.surrogates.protocol import Array, NotFitted, Predicted, checked
from aisteer.surrogates.spreads import calibrated_scale

__all__ = ["LEAST", "ForeignSurrogate", "Regressor", "fit"]

LEAST = 10
"""Different inputs that it takes."""
_PARTS = 5
_SHOWN = 300
_FLOORS = (0.25, 1.0, 0.5, 0.1, 0.05)
"""Shares of the variance that are left at a run itself; the first is what is taken unless others are clearly better."""
_CLEARLY = 1.0
"""By how much the log density of the held-out outcomes has to favour one."""
_AT_ONCE = 2048

Correlation = Callable[[Array, Array], Array]
"""How outcomes at inputs ``(m, d)`` go together with those at others ``(n, d)``: ``(m, n)``, 1 at the same point."""
Inputs = Callable[[Array], Array]
"""From inputs, shape ``(n, d)``, to those that a regressor takes, shape ``(n, f)``."""


def _as_they_are(x: Array) -> Array:
    return x


class Regressor(Protocol):
    """What scikit-learn's regressors can do; ``predict`` may take ``return_std=True``."""

    def fit(self, x: Array, y: Array, /) -> Any:
        """Learn from inputs, shape ``(n, d)``, and outcomes, shape ``(n,)``."""

    def predict(self, x: Array, /) -> Any:
        """Outcomes, shape ``(m,)``, at inputs ``(m, d)``."""


class ForeignSurrogate:
    """A fitted regressor of somebody else's, with a calibrated uncertainty.

    ``predict`` speaks of measurements: what is noise and what is not known, the regressor does not say.
    """

    noise = 0.0
    """Nothing on top of what ``predict`` says."""
    held_out = "each from a copy that was not fitted on it"
    words = ""

    def __init__(
        self,
        regressor: Regressor,
        y: Array,
        told: Predicted,
        scale: float,
        *,
        spread: Callable[[Array], Array] | None = None,
        inputs: Inputs | None = None,
    ) -> None:
        self.regressor, self.calibration_scale = regressor, scale
        self._spread, self._inputs = spread, inputs or _as_they_are
        self.name = type(regressor).__name__
        self.prior_mean = float(np.mean(y))
        self._told = told

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Mean and calibrated standard deviation at ``x``, shape ``(m, d)``: two arrays of shape ``(m,)``.

        Raises:
            NotFitted: The regressor raised, or said something that is no prediction.
        """
        mean, std = _asked(self.regressor, self._inputs(x))
        if self._spread is not None:
            std = self._spread(x)
        return mean, self.calibration_scale * std

    def leave_one_out(self) -> Predicted:
        """Of each outcome what a copy says that was not fitted on it."""
        return self._told


def fit(
    regressor: Regressor,
    x: Array,
    y: Array,
    error: Array,
    *,
    seed: int = 0,
    correlation: Correlation | None = None,
    inputs: Inputs | None = None,
) -> ForeignSurrogate:
    """Fit copies of ``regressor``, which itself stays as it is, and calibrate what they say.

    Args:
        regressor: Not fitted; where its ``fit`` takes ``sample_weight`` and all errors are known, they are weights.
        x: Inputs, shape ``(n, d)``.
        y: Outcomes, shape ``(n,)``.
        error: Their standard errors, shape ``(n,)``; 0 where not known.
        seed: Deals the parts.
        correlation: How outcomes go together, for one that says nothing of its uncertainty; the same everywhere if not
            given.
        inputs: What the regressor takes instead of ``x``; ``x`` itself if not given.

    Raises:
        BadOutcome: Something is not finite, or the shapes do not go together.
        NotFitted: There are fewer than 10 different inputs, or the regressor raised or talked nonsense.
    """
    checked(x, y, error)
    places, group = np.unique(x, axis=0, return_inverse=True)
    name = type(regressor).__name__
    if len(places) < LEAST:
        raise NotFitted(
            f"{name} takes outcomes at {LEAST} different points at least and there are {len(places)}: with fewer, "
            "nothing could be held out to calibrate it.",
            needed=LEAST,
        )
    parts = (np.random.default_rng(seed).permutation(len(places)) % _PARTS)[group.reshape(-1)]
    measured = None if correlation is None or _says_std(regressor) else correlation
    taken = (inputs or _as_they_are)(x)
    mean, std, away = np.empty_like(y), np.empty_like(y), np.empty_like(y)
    for part in range(_PARTS):
        inside, outside = parts != part, parts == part
        one = _taught(regressor, taken[inside], y[inside], error[inside])
        mean[outside], std[outside] = _asked(one, taken[outside])
        if measured is not None:
            away[outside] = _away(measured, x[outside], x[inside])
    if not float(np.sqrt(np.mean((y - mean) ** 2))) > 0:
        raise NotFitted(f"{name} missed no held-out outcome at all, so its uncertainty cannot be calibrated.")
    taught = _taught(regressor, taken, y, error)
    if measured is None:
        scale = _scale(y - mean, std, error)
        told = Predicted(mean, np.hypot(scale * std, error))
        return ForeignSurrogate(taught, y, told, scale, inputs=inputs)
    floor = _floor(y - mean, away, error)
    std = _nearer(away, floor)
    scale = _scale(y - mean, std, error)
    told = Predicted(mean, np.hypot(scale * std, error))
    return ForeignSurrogate(
        taught,
        y,
        told,
        scale,
        spread=lambda new: _nearer(_away(measured, new, places), floor),
        inputs=inputs,
    )


def _scale(missed: Array, std: Array, error: Array) -> float:
    """What the standard deviations have to be multiplied by."""
    unit = float(np.sqrt(np.mean(missed**2))) / float(np.sqrt(np.mean(std**2)))
    return unit * calibrated_scale(missed, unit * std, error)


def _away(correlation: Correlation, x: Array, runs: Array) -> Array:
    """The share of the variance that the nearest run alone leaves at ``x``, shape ``(m,)``."""
    parts = [correlation(x[at : at + _AT_ONCE], runs).max(axis=1) for at in range(0, len(x), _AT_ONCE)]
    nearest = np.concatenate(parts) if parts else np.zeros(0)
    found: Array = np.clip(1.0 - nearest**2, 0.0, 1.0)
    return found


def _nearer(away: Array, floor: float) -> Array:
    found: Array = np.sqrt(floor + (1.0 - floor) * away)
    return found


def _floor(missed: Array, away: Array, error: Array) -> float:
    """The share of the variance that is left at a run itself, by the held-out outcomes."""

    def density(floor: float) -> float:
        std = _nearer(away, floor)
        std = np.hypot(_scale(missed, std, error) * std, error)
        return float(-np.sum(np.log(std) + 0.5 * (missed / std) ** 2))

    best, most = _FLOORS[0], density(_FLOORS[0]) + _CLEARLY
    for floor in _FLOORS[1:]:
        if (now := density(floor)) > most:
            best, most = floor, now
    return best


def _taught(regressor: Regressor, x: Array, y: Array, error: Array) -> Regressor:
    """A copy that was fitted."""
    try:
        one: Any = copy.deepcopy(regressor)
        known = bool((error > 0).all()) and "sample_weight" in inspect.signature(one.fit).parameters
        weights = {"sample_weight": np.mean(error**2) / error**2} if known else {}
        one.fit(x.copy(), y.copy(), **weights)
    except Exception as raised:
        raise _failed(regressor, "fit", raised) from raised
    taught: Regressor = one
    return taught


def _says_std(regressor: Any) -> bool:
    try:
        return "return_std" in inspect.signature(regressor.predict).parameters
    except (AttributeError, TypeError, ValueError):
        return False


def _asked(regressor: Any, x: Array) -> tuple[Array, Array]:
    """Mean and standard deviation as it says them; 1 where it says none."""
    try:
        if _says_std(regressor):
            mean, std = regressor.predict(x.copy(), return_std=True)
        else:
            mean, std = regressor.predict(x.copy()), np.ones(len(x))
        found, spread = (np.asarray(part, dtype=np.float64).reshape(-1) for part in (mean, std))
    except Exception as raised:
        raise _failed(regressor, "predict", raised) from raised
    name = type(regressor).__name__
    if found.shape != (len(x),) or spread.shape != found.shape:
        raise NotFitted(
            f"{name}.predict gave {found.shape} means and {spread.shape} deviations for {len(x)} points."
        )
    if not (np.isfinite(found).all() and np.isfinite(spread).all() and (spread >= 0).all()):
        raise NotFitted(f"{name}.predict gave a value that is not finite, or a negative standard deviation.")
    return found, np.maximum(spread, 1e-12 * max(float(spread.max(initial=0.0)), 1e-300))


def _failed(regressor: Any, what: str, raised: Exception) -> NotFitted:
    said = f"{type(raised).__name__}: {raised}"[:_SHOWN]
    return NotFitted(f"{type(regressor).__name__}.{what} failed with {said}, so it predicts nothing.")
