"""Noise that is known for some outcomes and learned for the others."""

from __future__ import annotations

from typing import Any

import torch
from gpytorch.constraints import GreaterThan
from gpytorch.likelihoods.gaussian_likelihood import _GaussianLikelihoodBase
from gpytorch.likelihoods.noise_models import HomoskedasticNoise
from gpytorch.priors import LogNormalPrior
from linear_operator.operators import DiagLinearOperator
from torch import Tensor

__all__ = ["MixedNoise", "PartlyKnownNoise"]

SMALLEST = 1e-6
"""Of the variance of the outcomes: below it a Cholesky factor in double precision is no longer safe."""


class PartlyKnownNoise(HomoskedasticNoise):  # type: ignore[misc]
    """Variances of ``n`` outcomes: given where finite, one learned value where ``nan``.

    Args:
        variances: Shape ``n``, in units of the standardised outcomes.
    """

    def __init__(self, variances: Tensor) -> None:
        prior = LogNormalPrior(loc=-5.0, scale=2.0)
        super().__init__(
            noise_prior=prior,
            noise_constraint=GreaterThan(SMALLEST, transform=None, initial_value=prior.mode),
        )
        self.learned = torch.isnan(variances)
        self.given = torch.where(self.learned, torch.zeros_like(variances), variances).clamp_min(SMALLEST)

    def variances(self) -> Tensor:
        """Of the outcomes that were fitted, shape ``n``."""
        return torch.where(self.learned, self.noise.expand_as(self.given), self.given)

    def forward(self, *params: Any, shape: torch.Size | None = None, **kwargs: Any) -> Any:
        """The diagonal for ``shape``: that of the fit where it has its length, else the learned value."""
        if shape is None:
            p = params[0] if torch.is_tensor(params[0]) else params[0][0]
            shape = p.shape[:-1] if p.dim() > 1 else p.shape
        if shape[-1] == self.given.shape[-1] and "noise" not in kwargs:
            return DiagLinearOperator(self.variances().expand(shape))
        return super().forward(*params, shape=shape, **kwargs)


class MixedNoise(_GaussianLikelihoodBase):  # type: ignore[misc]
    """The likelihood of outcomes whose noise is ``PartlyKnownNoise``."""

    def __init__(self, variances: Tensor) -> None:
        super().__init__(noise_covar=PartlyKnownNoise(variances))

    @property
    def noise(self) -> Tensor:
        """The learned variance, shape ``1``."""
        found: Tensor = self.noise_covar.noise
        return found
