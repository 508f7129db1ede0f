"""An order of a pool's candidates in which each adds most to what resembles the pool."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aisteer.steering.domains import Candidates

__all__ = ["Resembling"]

Array = NDArray[np.float64]

_REFERENCE = 1000
_AT_ONCE = 128


class Resembling:
    """The greedy maximum of the sum, over a random half of the pool, of the similarity to the nearest chosen one.

    Args:
        domain: The candidates.
        seed: Draws the half.
        least: How many are ordered at once, at least.
    """

    def __init__(self, domain: Candidates, seed: int, least: int) -> None:
        self.domain, self._seed, self._least = domain, seed, least
        self._order: list[int] | None = None

    def first(self, n: int) -> list[int]:
        """Places of the first ``n``, or of all."""
        n = min(n, len(self.domain))
        if self._order is None or len(self._order) < n:
            self._order = self._ordered(max(n, self._least))
        return self._order[:n]

    def _ordered(self, n: int) -> list[int]:
        rng = np.random.default_rng([self._seed, 6])
        size = min(_REFERENCE, (len(self.domain) + 1) // 2)
        alike = self.domain.similarities(rng.permutation(len(self.domain))[:size])
        covered = np.zeros(size)
        chosen: list[int] = []
        free = np.ones(len(self.domain), dtype=bool)
        for _ in range(n):
            row = int(np.argmax(np.where(free, _covered_with(alike, covered), -1.0)))
            chosen.append(row)
            free[row] = False
            covered = np.maximum(covered, alike[row])
        return chosen


def _covered_with(alike: Array, covered: Array) -> Array:
    """How well each candidate, with those chosen already, covers the sample: shape ``(n,)``."""
    gain = np.empty(len(alike))
    for begin in range(0, len(alike), _AT_ONCE):
        part = alike[begin : begin + _AT_ONCE]
        gain[begin : begin + _AT_ONCE] = np.maximum(part, covered).sum(axis=1)
    return gain
