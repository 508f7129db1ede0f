r"""Acquisitions and the two terms that each is made of: what the mean promises, and what is not known.

For a prediction with mean :math:`\mu` and standard deviation :math:`\sigma`, and the best so far :math:`b`
(larger is better), with :math:`z = (\mu - b)/\sigma`:

.. math:: \mathrm{EI} = (\mu - b)\,\Phi(z) + \sigma\,\varphi(z) = \text{exploit} + \text{explore}

The first is what the mean promises (negative where it promises less than the best), the second what
not knowing may bring (Jones, Schonlau & Welch, J. Glob. Optim. 1998, 13, 455).

The upper confidence bound, over the mean outcome :math:`m` (which is the prior's mean), is

.. math:: \mathrm{UCB} - m = (\mu - m) + \sigma = \text{exploit} + \text{explore}

(Srinivas et al., ICML 2010, with one standard deviation). It looks for many good candidates rather than
for the single best one, which is what a pool is screened for.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtr

from aisteer.steering.criteria.gains import log_h

__all__ = ["expected_improvement", "log_expected_improvement"]

Array = NDArray[np.float64]

_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


def expected_improvement(mean: Array, std: Array, best: float) -> tuple[Array, Array]:
    """The exploiting and the exploring term of the expected improvement; it is their sum.

    Args:
        mean: Shape ``(n,)``; larger is better.
        std: Shape ``(n,)``, positive.
        best: What is to be improved on.
    """
    z = (mean - best) / std
    density = np.exp(-0.5 * z * z - _LOG_SQRT_2PI)
    return (mean - best) * ndtr(z), std * density


def log_expected_improvement(mean: Array, std: Array, best: float) -> Array:
    """The logarithm of the expected improvement, exact where the improvement itself underflows.

    As in Ament et al., NeurIPS 2023. Shapes as in ``expected_improvement``.
    """
    z = torch.as_tensor((mean - best) / std)
    found: Array = np.log(std) + log_h(z).numpy()
    return found
