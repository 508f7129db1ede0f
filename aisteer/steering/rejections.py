"""How long a rejection is remembered, and how far around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aisteer.steering.points import placed
from aisteer.steering.protocols import Evidence

if TYPE_CHECKING:
    from aisteer.steering.domains import Domain

__all__ = ["HALF_LIFE", "penalties"]

Array = NDArray[np.float64]

HALF_LIFE = 10.0
"""Decisions after which a rejection weighs half."""
_FORGOTTEN = 0.02
_STRONGEST = 0.99
_REJECTED_REACH = 0.10


def penalties(evidence: Evidence, domain: Domain) -> tuple[Array, Array, Array]:
    r"""What multiplies the expected improvement near points that were rejected.

    The factor at :math:`x` is :math:`\prod_i 1 - w_i \exp(-d(x, x_i)^2 / 2 r_i^2)`, with :math:`d` and
    :math:`r` in units of the diagonal. A rejection begins with :math:`w = 0.99`, reaches 10 % of the
    diagonal, and halves with every 10 decisions that follow. What failed is weighed by its risk (``failure_risk``).

    Returns:
        Points, shape ``(m, d)``, weights and reaches, shape ``(m,)``.
    """
    told = [(p, _STRONGEST * 0.5 ** (since / HALF_LIFE)) for p, since in evidence.rejected]
    told = [entry for entry in told if entry[1] > _FORGOTTEN]
    rows, weights = [], []
    for point, weight in told:
        if (row := placed(domain, point)) is not None:
            rows.append(row)
            weights.append(weight)
    if not rows:
        return np.zeros((0, 1)), np.zeros(0), np.zeros(0)
    return np.stack(rows), np.array(weights), np.full(len(rows), _REJECTED_REACH)
