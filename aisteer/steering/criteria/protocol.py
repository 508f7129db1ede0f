"""What a policy needs of a criterion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from aisteer.steering.fitting import Belief

__all__ = ["Criterion", "Scores", "Sought"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scores:
    """An acquisition at some points.

    Attributes:
        name: What it is.
        exploit: Its term of what the mean promises, shape ``(n,)``.
        explore: Its term of what is not known, shape ``(n,)``; the acquisition is their sum.
        order: What points are ranked by; grows with the acquisition, and does not underflow.
        unit: Of the acquisition, for display.
    """

    name: str
    exploit: Array
    explore: Array
    order: Array
    unit: str = ""

    @property
    def value(self) -> Array:
        """The acquisition, shape ``(n,)``."""
        return self.exploit + self.explore


class Sought(Protocol):
    """An acquisition as a search maximises it: a logarithm, given all that is under way."""

    def __call__(self, x: Tensor) -> Tensor:
        """Values, shape ``b``, at inputs in the unit cube, shape ``b x d``; differentiable."""

    def add(self, x: Array) -> None:
        """Count ``x``, shape ``(p, d)``, among what is under way: choices just made."""


class Criterion(Protocol):
    """What makes a point worth a run."""

    def sought(self, belief: Belief, under_way: Array, *, batch: int, spread: Array, seed: int) -> Sought:
        """The acquisition for a search.

        Args:
            belief: The fitted surrogates.
            under_way: Inputs of runs and proposals without an outcome, shape ``(p, d)``.
            batch: How many points will be added to it at most.
            spread: Inputs all over the space, shape ``(M, d)``.
            seed: Of what is drawn.
        """

    def scores(self, belief: Belief, x: Array, spread: Array) -> Scores:
        """The acquisition at inputs ``x``, shape ``(n, d)``, given what has ended, in its two terms."""
