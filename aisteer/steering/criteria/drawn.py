r"""A Gaussian process given draws of itself.

What is to be improved on is a matter of chance: outcomes are noisy, and some are not known yet. So :math:`S` functions
:math:`f_s` are drawn at the points that matter, and each is one more vector of exact values to condition on. With
:math:`L` the Cholesky factor of the covariance of outcomes and draws together, a candidate has in each draw

.. math:: w = L^{-1} k(x), \quad \mu_s(x) = \mu_0 + w \cdot r_s, \quad \sigma^2(x) = k(x, x) - w \cdot w

where :math:`r_s` are outcomes and draws, whitened by the same factor.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aisteer.surrogates.factors import cholesky
from aisteer.surrogates.fidelity_kernel import direct, direct_pairs, direct_variances
from aisteer.surrogates.posterior import GaussianProcess

__all__ = ["Drawn"]

Array = NDArray[np.float64]

_LEAST_VARIANCE = 1e-14


class Drawn:
    """A process given ``S`` draws of itself, in units of its standardised outcomes.

    Args:
        process: The surrogate.
        draws: Standard normal, shape ``S x D``, a column for each point that will be added.
    """

    def __init__(self, process: GaussianProcess, draws: Tensor) -> None:
        self.process = process
        closed = process.closed
        self._direct = partial(direct, process.kernel) if closed is None else closed.direct
        self._draws = draws
        self._inputs = process.x
        self._factor, white = process.whitened()
        self._white = white.unsqueeze(-1).expand(-1, len(draws))

    def __len__(self) -> int:
        return len(self._inputs)

    def add(self, x: Array) -> Tensor:
        """Draw values at ``x``, shape ``(p, d)``, and condition on them: shape ``p x S``."""
        with torch.no_grad():
            inputs = torch.as_tensor(x)
            across, own = self._whitened(inputs), self._direct(inputs, inputs)
            # Points that coincide with others know no more than those: jitter is what is wanted there.
            block = cholesky(own - across.mT @ across, size=float(own.diagonal().mean()))
            used = len(self._inputs) - len(self.process)
            fresh = self._draws[:, used : used + len(x)].mT
            values = self.process.constant + across.mT @ self._white + block @ fresh
            above = torch.cat([self._factor, self._factor.new_zeros(len(across), len(x))], dim=1)
            self._factor = torch.cat([above, torch.cat([across.mT, block], dim=1)])
            self._white = torch.cat([self._white, fresh])
            self._inputs = torch.cat([self._inputs, inputs])
        return values

    def at(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean in each draw, ``b x S``, and the standard deviation in all of them, ``b``, at ``x``, ``b x d``."""
        white = self._whitened(x)
        variance = self.process.own(x) - white.square().sum(0)
        mean = self.process.constant + white.mT @ self._white
        return mean, variance.clamp_min(_LEAST_VARIANCE).sqrt()

    def whitened(self, x: Tensor) -> Tensor:
        """What is to be multiplied for a covariance given all that is known: a column for each of ``x``, ``m x d``."""
        return self._whitened(x)

    def covariances(
        self, x: Tensor, others: Tensor, across: Tensor, partners: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Of ``x``, ``b x d``, in all draws: with each of some others, with its own partner, with itself.

        Args:
            x: Inputs.
            others: Inputs, the same for all, ``m x d``.
            across: The others, whitened.
            partners: One for each, ``b x d``.

        Returns:
            Shapes ``b x m``, ``b`` and ``b``; and the mean at the partners in each draw, ``b x S``.
        """
        kernel = self.process.kernel
        white, paired = self._whitened(x), self._whitened(partners)
        with_others = direct(kernel, x, others) - white.mT @ across
        with_partner = direct_pairs(kernel, x, partners) - (white * paired).sum(0)
        own = direct_variances(kernel, x) - white.square().sum(0)
        return with_others, with_partner, own, self.process.constant + paired.mT @ self._white

    def _whitened(self, x: Tensor) -> Tensor:
        cross = self._direct(self._inputs, x)
        found: Tensor = torch.linalg.solve_triangular(self._factor, cross, upper=False)
        return found
