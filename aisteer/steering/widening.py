r"""By how much predicted standard deviations are widened, so that their intervals hold as often as they say.

Hyper-parameters are the most probable ones, and a stationary kernel expects neither ridges nor ripples: on a rugged
function, or where a batch is predicted from few runs, outcomes fall outside too often. How often is on record, and the
record corrects it (adaptive conformal inference: Gibbs and Candès, NeurIPS 2021): each outcome outside its 90 %
interval widens the next ones, each one inside narrows them by a ninth of that,

.. math:: \log c \leftarrow \max\bigl(0,\ \log c + \gamma\,(\mathbf 1_\mathrm{outside} - 0.1)\bigr)

so that over a long record a tenth is outside, whatever the function is. Nothing is made narrower than the surrogate has
it. The factor is a function of the record alone. What candidates are chosen by is left as it is: this is what is said.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from aisteer.surrogates.calibration import HALF_WIDTH, LEVEL

__all__ = ["in_words", "widening"]

Array = NDArray[np.float64]

_STEP = 0.25
_MOST = math.log(5.0)
_SAID_FROM = 1.05


def widening(outcomes: Array, mean: Array, std: Array) -> float:
    """The factor, from 1 to 5, for the next predictions.

    Args:
        outcomes: That had been predicted, oldest first, shape ``(n,)``.
        mean: What was predicted, shape ``(n,)``.
        std: Of the measurement as it was predicted, widened as it was then, shape ``(n,)``.
    """
    found = 0.0
    for outside in np.abs(outcomes - mean) > HALF_WIDTH * std:
        found = min(max(found + _STEP * (float(outside) - (1.0 - LEVEL)), 0.0), _MOST)
    return math.exp(found)


def in_words(factor: float) -> str:
    """What a reader should know of it; empty where it is next to nothing."""
    if factor < _SAID_FROM:
        return ""
    return (
        f"Intervals are shown {factor:.2f} times as wide as the surrogate's own, which would have been too narrow: "
        "more than a tenth of the latest outcomes fell outside."
    )
