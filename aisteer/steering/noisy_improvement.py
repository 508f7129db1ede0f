r"""The noisy expected improvement of a Gaussian process, and which runs could be the best at all.

Outcomes are noisy and some are not known yet, so what is to be improved on is itself a matter of chance: in
each of :math:`S` draws :math:`f_s` from the posterior it is the largest value among the good runs and all that
is under way, :math:`B`. The acquisition is (Balandat et al., NeurIPS 2020; Ament et al., NeurIPS 2023)

.. math:: \log \frac{1}{S} \sum_s \mathrm{relu}\bigl(f_s(x) - \max f_s(B)\bigr)

with the relu smoothed and given a fat tail, so that its logarithm has a gradient everywhere.

Each draw at :math:`B` is one more vector of exact values to condition on. With :math:`L` the Cholesky factor of
the covariance of outcomes and :math:`f(B)` together, what is left of a candidate takes one triangular solve:

.. math:: w = L^{-1} k(x), \quad f_s(x) = \mu_0 + w \cdot r_s + \sqrt{k(x, x) - w \cdot w}\; z_s

where :math:`r_s` are outcomes and draws, whitened by the same factor, and :math:`z_s` is standard normal.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from botorch.utils.safe_math import log_fatplus
from botorch.utils.sampling import draw_sobol_normal_samples
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import softplus

from aisteer.surrogates.factors import cholesky
from aisteer.surrogates.posterior import GaussianProcess

__all__ = ["NoisyImprovement", "contenders", "normal_draws"]

Array = NDArray[np.float64]

_TEMPERATURE = 1e-6
"""Of the smoothed relu, in standard deviations of the outcomes."""
_TAIL = 0.1
"""Weight of the fat tail: with it the smoothed relu is convex and never falls."""
_LEAST_VARIANCE = 1e-14
_PRUNING_DRAWS = 2048
_ENTRIES = 2**18
"""Covariances that are computed together, 2 MB of them: the kernel makes some six arrays of that size."""


class NoisyImprovement:
    """The logarithm of the noisy expected improvement, in units of the standardised outcomes.

    Args:
        process: The surrogate; larger is better.
        baseline: Inputs that are to be improved on, shape ``(m, d)``, ``m >= 1``.
        draws: Standard normal, shape ``S x D``: a column for each point of the baseline, for each one that is
            added, and one for the candidate.
    """

    def __init__(self, process: GaussianProcess, baseline: Array, draws: Tensor) -> None:
        self._process, self._draws = process, draws
        self._inputs = process.x
        self._factor, white = process.whitened()
        self._white = white.unsqueeze(-1).expand(-1, len(draws))
        self._best = torch.full((len(draws),), -torch.inf, dtype=torch.float64)
        self.add(baseline)

    def add(self, x: Array) -> None:
        """Let ``x``, shape ``(p, d)``, be improved on too: a run that is under way, or a choice just made."""
        with torch.no_grad():
            inputs = torch.as_tensor(x)
            across, own = self._whitened(inputs), self._process.between(inputs, inputs)
            # Points that coincide with others know no more than those: jitter is what is wanted there.
            block = cholesky(own - across.mT @ across, size=float(own.diagonal().mean()))
            used = len(self._inputs) - len(self._process)
            fresh = self._draws[:, used : used + len(x)].mT
            values = self._process.constant + across.mT @ self._white + block @ fresh
            self._best = torch.maximum(self._best, values.amax(0))
            above = torch.cat([self._factor, self._factor.new_zeros(len(across), len(x))], dim=1)
            self._factor = torch.cat([above, torch.cat([across.mT, block], dim=1)])
            self._white = torch.cat([self._white, fresh])
            self._inputs = torch.cat([self._inputs, inputs])

    def __call__(self, x: Tensor) -> Tensor:
        """Values, shape ``b``, at inputs ``x``, shape ``b x d``."""
        size = max(1, _ENTRIES // len(self._inputs))
        compute = self._values if self._process.closed is None else partial(_WithSlopes.apply, self)
        parts = [compute(x[at : at + size]) for at in range(0, len(x), size)]
        return torch.cat(parts) if parts else x.new_zeros(0)

    @property
    def with_slopes(self) -> Callable[[Tensor], tuple[Tensor, Tensor]] | None:
        """Values, shape ``b``, and slopes, ``b x d``, at inputs; ``None`` where the kernel has no closed form."""
        return None if self._process.closed is None else self._values_and_slopes

    def _values_and_slopes(self, x: Tensor) -> tuple[Tensor, Tensor]:
        size = max(1, _ENTRIES // len(self._inputs))
        with torch.no_grad():
            parts = [self.in_closed_form(x[at : at + size], slopes=True) for at in range(0, len(x), size)]
        values = torch.cat([value for value, _ in parts])
        return values, torch.cat([slope for _, slope in parts if slope is not None])

    def _values(self, x: Tensor) -> Tensor:
        white = self._whitened(x)
        variance = self._process.own(x) - white.square().sum(0)
        normal = self._draws[:, len(self._inputs) - len(self._process)]
        samples = self._process.constant + white.mT @ self._white
        samples = samples + variance.clamp_min(_LEAST_VARIANCE).sqrt().unsqueeze(-1) * normal
        gains: Tensor = log_fatplus(samples - self._best, tau=_TEMPERATURE)
        return gains.logsumexp(-1) - math.log(len(normal))

    def in_closed_form(self, x: Tensor, *, slopes: bool) -> tuple[Tensor, Tensor | None]:
        """Values, shape ``b``, and where asked for their slopes, ``b x d``; the kernel has a closed form."""
        closed = self._process.closed
        assert closed is not None
        pairs = closed.pairs(self._inputs, x, slopes=slopes)
        white: Tensor = torch.linalg.solve_triangular(self._factor, pairs.covariance, upper=False)
        variance = closed.variance - white.square().sum(0)
        normal = self._draws[:, len(self._inputs) - len(self._process)]
        std = variance.clamp_min(_LEAST_VARIANCE).sqrt()
        samples = torch.addmm(torch.outer(std, normal), white.mT, self._white)
        gains, rise = _log_fatplus(samples - (self._best - self._process.constant), slopes=slopes)
        values = gains.logsumexp(-1)
        if rise is None:
            return values - math.log(len(normal)), None
        share = rise.mul_((gains - values.unsqueeze(-1)).exp_())
        by_variance = torch.where(variance > _LEAST_VARIANCE, (share @ normal) / (2.0 * std), 0.0)
        by_white = torch.addmm(white * (-2.0 * by_variance), self._white, share.mT)
        weights = torch.linalg.solve_triangular(self._factor.mT, by_white, upper=True)
        return values - math.log(len(normal)), closed.slopes_by_inputs(pairs, weights, x.shape[-1])

    def _whitened(self, x: Tensor) -> Tensor:
        cross = self._process.between(self._inputs, x)
        found: Tensor = torch.linalg.solve_triangular(self._factor, cross, upper=False)
        return found


class _WithSlopes(torch.autograd.Function):
    """Values with their slopes in closed form: step by step they would take several times as long."""

    @staticmethod
    def forward(context: Any, acquisition: NoisyImprovement, x: Tensor) -> Tensor:
        values, slopes = acquisition.in_closed_form(x, slopes=context.needs_input_grad[1])
        if slopes is not None:
            context.save_for_backward(slopes)
        return values

    @staticmethod
    def backward(context: Any, scale: Tensor) -> tuple[None, Tensor]:
        (slopes,) = context.saved_tensors
        return None, scale.unsqueeze(-1) * slopes


def _log_fatplus(gain: Tensor, *, slopes: bool) -> tuple[Tensor, Tensor | None]:
    """As BoTorch's ``log_fatplus``, and its slope."""
    u = gain / _TEMPERATURE
    tail = u.square().add_(1.0).reciprocal_()
    smooth = softplus(u).add_(tail, alpha=_TAIL)
    found = smooth.log().add_(math.log(_TEMPERATURE))
    if not slopes:
        return found, None
    rise = torch.sigmoid(u).addcmul_(u, tail.square_(), value=-2.0 * _TAIL)
    return found, rise.div_(smooth.mul_(_TEMPERATURE))


def normal_draws(dimension: int, n: int, seed: int) -> Tensor:
    """``n x dimension`` quasi-random standard normal numbers; ``n`` is best a power of 2."""
    found: Tensor = draw_sobol_normal_samples(dimension, n, dtype=torch.float64, seed=seed)
    return found


def contenders(process: GaussianProcess, x: Array, seed: int) -> Array:
    """Those of ``x``, shape ``(m, d)``, that are the best in any of 2,048 draws; others would only cost time."""
    mean, covariance = (torch.as_tensor(found) for found in process.joint(x))
    draws = normal_draws(len(x), _PRUNING_DRAWS, seed)
    samples = mean + draws @ cholesky(covariance).mT
    kept: Array = x[np.unique(samples.argmax(-1).numpy())]
    return kept
