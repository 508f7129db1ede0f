"""Outcomes that lie so far from all others that a surrogate fitted to them would see nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["tamed"]

Array = NDArray[np.float64]

_FAR = 1e3
"""Ranges of the other outcomes beyond which an outcome is not followed any more."""
_SHARE = 0.05
"""Of the outcomes, how many can be outliers at most; one always can."""
_LEAST = 5
_BEYOND = 0.25
_NAMED = 3


def tamed(values: Array, runs: Sequence[str]) -> tuple[Array, str]:
    """``values`` with outliers moved next to the others, and words about it; empty where there are none.

    A few values (at most one in twenty, or one) that are further from the range of all others than a thousand times
    that range are moved to a quarter of it, and a tenth for each power of ten, beyond it, so their order stays. A range
    and not a spread is what they are measured by: runs that gather near an optimum have a small spread.

    Args:
        values: Shape ``(n,)``.
        runs: Their names.
    """
    n = len(values)
    most = max(1, int(_SHARE * n))
    if n < _LEAST:
        return values, ""
    middle = float(np.median(values))
    order = np.argsort(np.abs(values - middle), kind="stable")
    for count in range(most, 0, -1):
        others, far = values[order[:-count]], order[-count:]
        low, high = float(others.min()), float(others.max())
        width = high - low
        away = np.maximum(values[far] - high, low - values[far])
        if width > 0 and (away > _FAR * width).all():
            beyond = width * (_BEYOND + 0.1 * np.log10(away / (_FAR * width)))
            moved = values.copy()
            moved[far] = np.where(values[far] > high, high + beyond, low - beyond)
            named = ", ".join(runs[i] for i in far[:_NAMED]) + (" and others" if count > _NAMED else "")
            return moved, (
                f"{named}: so far from all other outcomes ({_times(away.min() / width)} times their range) that the "
                "surrogate takes it for just beyond them. Mark it bad if it is a fault."
            )
    return values, ""


def _times(factor: float) -> str:
    """How many times, to one digit: ``2,000``."""
    if factor >= 1e6:
        return f"{factor:.0e}"
    digits = 10 ** int(np.log10(max(factor, 1.0)))
    return f"{round(factor / digits) * digits:,}"
