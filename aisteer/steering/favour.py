"""What favoured regions still count for.

At first every proposal is the best point of the regions; after ten decisions every other one is, after twenty every
fourth, and so on: some fifteen in all, however sure a search is of a better place by then. Of the others a point of the
regions counts as more than it is worth, by a bonus that is halved in the same steps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aisteer.problem.pool import Pool
from aisteer.problem.regions import rows_in
from aisteer.steering.protocols import Evidence
from aisteer.steering.rejections import HALF_LIFE

__all__ = ["favour", "favoured_rows", "turns"]

_FORGOTTEN = 0.02
_STREAM = 13


def favour(evidence: Evidence) -> float:
    """What is left of favoured regions: 1 at first, half after every 10 decisions, then nothing."""
    if not evidence.steering.get("favoured"):
        return 0.0
    left = 0.5 ** (evidence.steered.get("favoured", 0) / HALF_LIFE)
    return left if left > _FORGOTTEN else 0.0


def turns(evidence: Evidence, n: int, seed: int) -> list[bool]:
    """Of the next ``n`` points, which are to be the best of the favoured regions; the same evidence draws the same."""
    left = favour(evidence)
    if not left:
        return [False] * n
    made = len(evidence.pending) + len(evidence.waiting)
    rng = np.random.default_rng([seed, _STREAM, evidence.steered.get("favoured", 0), made])
    return [bool(draw < left) for draw in rng.random(n)]


def favoured_rows(pool: Pool, evidence: Evidence) -> NDArray[np.bool_]:
    """Which candidates lie in favoured regions that still count for something, shape ``(n,)``."""
    boxes = evidence.steering.get("favoured") or []
    if not favour(evidence):
        return np.zeros(len(pool), dtype=bool)
    found: NDArray[np.bool_] = np.any([rows_in(pool, box) for box in boxes], axis=0)
    return found
