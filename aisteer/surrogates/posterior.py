"""A Gaussian process with given hyper-parameters, conditioned on outcomes: what it says of points.

One more outcome under the same hyper-parameters is one more row of the Cholesky factor.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from gpytorch.kernels import Kernel
from torch import Tensor

from aisteer.surrogates.calibration import NOT_AGAIN
from aisteer.surrogates.factors import factorised
from aisteer.surrogates.fidelity_kernel import direct, direct_variances
from aisteer.surrogates.hyper_parameters import Modules, fitted_on
from aisteer.surrogates.protocol import Array, Predicted

__all__ = ["GaussianProcess"]

_AT_ONCE = 256
"""Inputs that are predicted together: what lies between for a whole pool would stay with the process."""


class GaussianProcess:
    """A fitted Gaussian process.

    Args:
        modules: Kernel, mean and likelihood, with their hyper-parameters.
        x: Inputs, shape ``(n, d)``.
        y: Outcomes, shape ``(n,)``, in their unit.
        centre: What was taken from the outcomes before the fit.
        scale: What they were divided by.
        name: The kernel, in words.
        words: What a reader should know of the fit; empty where nothing went wrong.
        before: One with the same hyper-parameters, which may have fewer outcomes: its factor is extended.
    """

    held_out = NOT_AGAIN
    """How ``leave_one_out`` is done."""
    smooth = True
    """Whether what it predicts has a slope that a search can follow."""

    def __init__(
        self,
        modules: Modules,
        x: Array,
        y: Array,
        *,
        centre: float,
        scale: float,
        name: str,
        words: str = "",
        before: GaussianProcess | None = None,
    ) -> None:
        self.modules = modules.eval().requires_grad_(requires_grad=False)
        self.kernel: Kernel = modules.kernel
        self.closed = modules.closed
        if self.closed is not None:
            self.closed.refresh()
        self._runs = x
        self.x, self.y = torch.as_tensor(x), torch.as_tensor(y)
        self.centre, self.scale = centre, scale
        self.name, self.words = name, words
        with torch.no_grad():
            self._constant = self.modules.mean.constant
            self._residual = (self.y - centre) / scale - self._constant
            self._known_inverse: Tensor | None = None
            self._noise = self.modules.likelihood.noise_covar.variances()
            if before is None or not self._extend(before):
                self._factor, jitter = factorised(self._noisy_covariance())
                self._noise = self._noise + jitter
                self._exact = jitter == 0.0
            white = torch.linalg.solve_triangular(self._factor, self._residual.unsqueeze(-1), upper=False)
            self._white = white.squeeze(-1)
            self._alpha = torch.linalg.solve_triangular(self._factor.mT, white, upper=True).squeeze(-1)

    def _extend(self, before: GaussianProcess) -> bool:
        """Take over the factor of the first outcomes and add rows for the others; whether that worked."""
        k = len(before)
        same = before._exact and k <= len(self) and torch.equal(before.x, self.x[:k])
        if not same or not torch.equal(before._noise, self._noise[:k]):
            return False
        self._exact, self._factor, self._known_inverse = True, before._factor, before._known_inverse
        if k == len(self):
            return True
        cross = self.between(self.x[:k], self.x[k:])
        across: Tensor = torch.linalg.solve_triangular(before._factor, cross, upper=False)
        left = self.between(self.x[k:], self.x[k:]) - across.mT @ across
        left.diagonal().add_(self._noise[k:])
        corner, failed = torch.linalg.cholesky_ex(left)
        if int(failed):
            return False
        self._factor = cross.new_zeros(len(self), len(self))
        self._factor[:k, :k] = before._factor
        self._factor[k:, :k] = across.mT
        self._factor[k:, k:] = corner
        if before._known_inverse is not None:
            # The inverse of a matrix in blocks, of which only the diagonal is kept.
            pull = torch.linalg.solve_triangular(before._factor.mT, across, upper=True)
            fresh = torch.cholesky_inverse(corner)
            grown = before._known_inverse + ((pull @ fresh) * pull).sum(-1)
            self._known_inverse = torch.cat([grown, fresh.diagonal()])
        return True

    def __len__(self) -> int:
        return len(self.y)

    def between(self, a: Tensor, b: Tensor) -> Tensor:
        """Prior covariance, standardised, of inputs ``a``, ``n x d``, with ``b``, ``m x d``: ``n x m``."""
        if self.closed is not None:
            return self.closed.pairs(a, b).covariance
        return direct(self.kernel, a, b)

    def own(self, x: Tensor) -> Tensor:
        """Prior variance, standardised, at ``x``, ``m x d``: shape ``m``."""
        if self.closed is not None:
            return x.new_full((len(x),), self.closed.variance)
        return direct_variances(self.kernel, x)

    def _noisy_covariance(self) -> Tensor:
        covariance = self.between(self.x, self.x)
        covariance.diagonal().add_(self._noise)
        return covariance

    def _inverse_diagonal(self) -> Tensor:
        """Of the covariance of the outcomes, shape ``n``."""
        if self._known_inverse is None:
            self._known_inverse = torch.cholesky_inverse(self._factor).diagonal().clone()
        return self._known_inverse

    # --- what it says -------------------------------------------------------------------------

    @property
    def learned_from(self) -> int:
        """Of the outcomes, the first so many that hyper-parameters were fitted on."""
        return fitted_on(len(self))

    @property
    def noise(self) -> float:
        """The learned standard deviation of outcomes whose error is not known, in their unit."""
        return self.scale * math.sqrt(float(self.modules.likelihood.noise))

    @property
    def prior_mean(self) -> float:
        """What it says where nothing is known: the mean of the outcomes, or what was learned of it."""
        return self.centre + self.scale * float(self._constant)

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of the noise-free outcome at ``x``.

        Args:
            x: Inputs, shape ``(m, d)``.

        Returns:
            Two arrays of shape ``(m,)``, in the outcome's unit.
        """
        with torch.no_grad():
            if x is self._runs and len(x):
                mean, std = self._at_runs()
            else:
                places = range(0, max(1, len(x)), _AT_ONCE)
                parts = [self._predicted(torch.as_tensor(x[at : at + _AT_ONCE])) for at in places]
                mean, std = (torch.cat(of) for of in zip(*parts, strict=True))
        return self.centre + self.scale * mean.numpy(), self.scale * std.numpy()

    def _predicted(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        cross = self.between(self.x, inputs)
        mean = self._constant + cross.mT @ self._alpha
        white = torch.linalg.solve_triangular(self._factor, cross, upper=False)
        variance = self.own(inputs) - white.square().sum(0)
        return mean, variance.clamp_min(1e-12).sqrt()

    def _at_runs(self) -> tuple[Tensor, Tensor]:
        r"""At the inputs of the outcomes themselves: nothing is to be solved there.

        With noise variances :math:`D`, the mean is :math:`y - D\alpha` and the variance, for each,
        :math:`d - d^2 (K + D)^{-1}`.
        """
        mean = self._residual + self._constant - self._noise * self._alpha
        variance = self._noise - self._noise.square() * self._inverse_diagonal()
        return mean, variance.clamp_min(1e-12).sqrt()

    def joint(self, x: Array) -> tuple[Array, Array]:
        """Mean, shape ``(m,)``, and covariance, shape ``(m, m)``, of the noise-free outcomes at ``x``."""
        with torch.no_grad():
            inputs = torch.as_tensor(x)
            cross = self.between(self.x, inputs)
            mean = self._constant + cross.mT @ self._alpha
            white = torch.linalg.solve_triangular(self._factor, cross, upper=False)
            covariance = self.between(inputs, inputs) - white.mT @ white
        return self.centre + self.scale * mean.numpy(), self.scale**2 * covariance.numpy()

    def leave_one_out(self) -> Predicted:
        """Predictions of each outcome from the others, in closed form (Rasmussen & Williams, eq. 5.12).

        The hyper-parameters are not fitted again, so this is a little kinder than the truth.
        """
        with torch.no_grad():
            inverse = self._inverse_diagonal()
            mean = self._residual - self._alpha / inverse + self._constant
            std = inverse.rsqrt()
        return Predicted(self.centre + self.scale * mean.numpy(), self.scale * std.numpy())

    def log_predictive(self) -> float:
        """Mean log density of the outcomes, each under its leave-one-out prediction, standardised."""
        left = self.leave_one_out()
        z = (self.y.numpy() - left.mean) / left.std
        return float(np.mean(-0.5 * z**2 - np.log(left.std / self.scale) - 0.5 * math.log(2 * math.pi)))

    def length_scales(self) -> Array | None:
        """Of the kernel's columns, shape ``(d,)`` or ``(1,)``; ``None`` where it has none of its own."""
        for module in self.kernel.modules():
            if getattr(module, "has_lengthscale", False) and module.lengthscale is not None:
                scales: Array = module.lengthscale.detach().numpy().ravel()
                return scales
        return None

    def correlation(self, x: Array) -> Array:
        """Prior correlation of ``x``, shape ``(m, d)``, with the inputs: shape ``(m, n)``."""
        with torch.no_grad():
            inputs = torch.as_tensor(x)
            cross = self.between(inputs, self.x)
            left, right = self.own(inputs), self.own(self.x)
            found: Array = (cross / (left.unsqueeze(-1) * right).sqrt()).numpy()
        return found

    # --- for acquisitions ---------------------------------------------------------------------

    @property
    def constant(self) -> float:
        """The mean far from all outcomes, standardised."""
        return float(self._constant)

    def whitened(self) -> tuple[Tensor, Tensor]:
        """The Cholesky factor of the covariance of outcomes, ``n x n``, and ``w``, ``n``.

        Both are standardised, as the kernel is; ``w`` solves ``factor @ w = y - constant``.
        """
        return self._factor, self._white

    def surprise(self, m: int) -> float:
        """By how much less probable the outcomes after the first ``m`` were than as many of the first.

        In natural logarithms: each outcome given those before it, minus the mean of the first ``m``.
        """
        density = -0.5 * self._white.square() - self._factor.diagonal().log()
        return float((len(self) - m) * density[:m].mean() - density[m:].sum())
