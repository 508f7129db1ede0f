"""What a surrogate must be able to do so that policies can use it, and what it may be able to do besides.

Inputs are rows of numbers, shape ``(m, d)``; outcomes are in their own unit. ``std`` is that of the noise-free
outcome unless it is said otherwise: what a measurement would show has the noise on top.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from aisteer.errors import AisteerError, BadOutcome

__all__ = [
    "Array",
    "NotFitted",
    "Predicted",
    "Surrogate",
    "checked",
]

Array = NDArray[np.float64]


class NotFitted(AisteerError, ValueError):
    """Outcomes that a surrogate cannot learn from. A policy goes on with a Gaussian process and says so."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """Predictions of outcomes that were held out of what made them.

    Attributes:
        mean: Shape ``(n,)``, in the outcome's unit.
        std: Of the measurement, noise included, shape ``(n,)``.
    """

    mean: Array
    std: Array


@runtime_checkable
class Surrogate(Protocol):
    """Something fitted that predicts with an uncertainty."""

    @property
    def name(self) -> str:
        """What it is, for a human."""

    @property
    def words(self) -> str:
        """What a reader should know of the fit; empty where nothing went wrong."""

    @property
    def noise(self) -> float:
        """The standard deviation of outcomes whose error is not known; where it varies, its typical value."""

    @property
    def prior_mean(self) -> float:
        """What it says where nothing is known."""

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of the noise-free outcome at ``x``: two arrays of shape ``(m,)``."""

    def leave_one_out(self) -> Predicted:
        """Predictions of each outcome from the others, or from a part of the others that it was not in."""


def checked(x: Array, y: Array, error: Array) -> None:
    """Make sure that there is something to be fitted on.

    Raises:
        BadOutcome: The shapes do not go together, or something is not finite.
    """
    if x.ndim != 2 or y.shape != (len(x),) or error.shape != y.shape:
        raise BadOutcome(
            f"Inputs of shape {x.shape}, outcomes of shape {y.shape} and errors of shape {error.shape} do not go "
            "together, so nothing was fitted. Give (n, d), (n,) and (n,)."
        )
    if not (
        np.isfinite(x).all() and np.isfinite(y).all() and np.isfinite(error).all() and (error >= 0).all()
    ):
        bad = int((~(np.isfinite(x).all(axis=1) & np.isfinite(y) & np.isfinite(error) & (error >= 0))).sum())
        raise BadOutcome(
            f"{bad} of {len(y)} outcomes have a value, an input or a standard error that is not finite, so nothing "
            "was fitted. Leave those runs out; a failed run is no outcome.",
            bad=bad,
        )
