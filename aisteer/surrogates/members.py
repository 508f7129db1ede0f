r"""A deep ensemble as a Gaussian process, so that all acquisitions can search it (as in ``told``).

The members say of any points together a mean :math:`\mu` and a covariance, that of normal combinations of the members:

.. math:: c(x, x') = \frac{s^2}{M - 1} \sum_j (m_j(x) - \mu(x))\,(m_j(x') - \mu(x'))

What is conditioned on besides the origin are draws at runs and at what is under way.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from gpytorch.kernels import Kernel
from torch import Tensor

from aisteer.surrogates.deep_ensemble import DeepEnsemble
from aisteer.surrogates.protocol import Array
from aisteer.surrogates.told import ToldProcess

__all__ = ["MembersProcess"]


class _Members(Kernel):  # type: ignore[misc]
    """The covariance of the members; the origin is the input whose columns are all infinite."""

    has_lengthscale = False

    def __init__(self, ensemble: DeepEnsemble) -> None:
        super().__init__()
        self._ensemble = ensemble
        self._last: tuple[Tensor, Tensor] | None = None

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **params: Any) -> Tensor:  # noqa: ARG002, FBT001, FBT002
        """Covariance of rows; ``params`` are those of GPyTorch."""
        if diag:
            return self._features(x1).square().sum(-1) + self._own(x1)
        same = x1 is x2 or (x1.shape == x2.shape and torch.equal(x1, x2))
        left = self._features(x1)
        if not same:
            return left @ self._features(x2).mT
        return left @ left.mT + torch.diag_embed(self._own(x1))

    def _features(self, x: Tensor) -> Tensor:
        """Rows whose products are covariances: the mean, and how far from it each member is."""
        if x.requires_grad:
            return self._computed(x)
        if self._last is None or not torch.equal(self._last[0], x):
            self._last = x.clone(), self._computed(x)
        return self._last[1]

    def _computed(self, x: Tensor) -> Tensor:
        origin = torch.isinf(x).all(-1, keepdim=True)
        means, _ = self._ensemble.members(torch.where(origin, 0.0, x))
        mean = means.mean(0)
        apart = (means - mean) * (self._ensemble.calibration_scale / math.sqrt(len(means) - 1))
        features = torch.cat([mean.unsqueeze(-1), apart.mT], dim=-1)
        first = torch.zeros(features.shape[-1], dtype=features.dtype)
        first[0] = 1.0
        return torch.where(origin, first, features)

    def _own(self, x: Tensor) -> Tensor:
        origin = torch.isinf(x).all(-1)
        return torch.where(
            origin, 0.0, self._ensemble.own_variance(torch.where(origin.unsqueeze(-1), 0.0, x))
        )


class MembersProcess(ToldProcess):
    """What a deep ensemble says, with all that acquisitions ask of a Gaussian process.

    Args:
        ensemble: The ensemble.
    """

    held_out = DeepEnsemble.held_out

    def __init__(self, ensemble: DeepEnsemble) -> None:
        self.ensemble = ensemble
        super().__init__(
            ensemble,
            _Members(ensemble),
            ensemble.y,
            columns=ensemble.x.shape[1],
            centre=ensemble.centre,
            scale=ensemble.spread,
        )

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of the noise-free outcome at ``x``, shape ``(m, d)``: two of ``(m,)``."""
        return self.ensemble.predict(x)

    def joint(self, x: Array) -> tuple[Array, Array]:
        """Mean, shape ``(m,)``, and covariance, shape ``(m, m)``, of the noise-free outcomes at ``x``."""
        return self.ensemble.joint(x)

    def correlation(self, x: Array) -> Array:
        """How far members that differ at a run differ alike at ``x``, shape ``(m, d)``: shape ``(m, n)``."""
        with torch.no_grad():
            here, there = (self.ensemble.members(of)[0] for of in (torch.as_tensor(x), self.ensemble.x))
            left, right = (of - of.mean(0) for of in (here, there))
            sizes = left.square().sum(0).sqrt().unsqueeze(-1) * right.square().sum(0).sqrt()
            found: Array = ((left.mT @ right) / sizes.clamp_min(1e-12)).numpy()
        return found
