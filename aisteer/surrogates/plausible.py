r"""A Gaussian process under several plausible hyper-parameters at once.

Of a handful of outcomes the most probable scales are one guess among many: a parameter that happened to do nothing
in the first runs gets a long length scale, and whatever goes by the variance alone never tries it again. So scales
:math:`\theta_k` are drawn from their posterior density, and all that is said is a mean over them:

.. math:: \bar\mu = \sum_k w_k \mu_k, \qquad
          \bar c(u, x) = \sum_k w_k \bigl[c_k(u, x) + (\mu_k(u) - \bar\mu(u)) (\mu_k(x) - \bar\mu(x))\bigr],

the law of total covariance: what each says is not known, and where they disagree.

The draws are of a normal distribution about the mode, with the curvature there, weighted by how probable they are
(importance sampling), and of those the weights leave eight. The noise and the reach of choices stay as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from aisteer.surrogates.closed_form import ClosedForm, matern
from aisteer.surrogates.fidelity_kernel import direct, direct_variances
from aisteer.surrogates.gaussian_process import doubt
from aisteer.surrogates.posterior import GaussianProcess

__all__ = ["Plausible", "plausible"]

_KEPT = 8
_DRAWN = 128
_AT_ONCE = 64
_UP_TO = 150
"""Outcomes; more of them leave little doubt about the scales."""
_COLUMNS = 20
"""Numbers; with more of them, draws about the mode are all improbable."""
_STEP = 0.15
_WIDER = 1.3
_LEAST_CURVATURE = 1.0 / 3.0
"""That of the prior of a length scale's logarithm."""


class Plausible:
    """A process as it is: one set of hyper-parameters, ``k = 1``; standardised, as the kernel is.

    Args:
        process: The surrogate.

    Attributes:
        weights: Of the sets, shape ``k``; they sum to 1.
        noise: The variance of an outcome whose error is not known.
    """

    def __init__(self, process: GaussianProcess) -> None:
        self.process = process
        self.weights = torch.ones(1, dtype=torch.float64)
        self.noise = (process.noise / process.scale) ** 2
        factor, white = process.whitened()
        self._factor, self._white = factor.unsqueeze(0), white.unsqueeze(0)
        self._constant = torch.tensor([[process.constant]], dtype=torch.float64)

    def covariance(self, a: Tensor, b: Tensor) -> Tensor:
        """Before any outcome, of ``a``, ``n x d``, with ``b``, ``m x d``: ``k x n x m``; differentiable."""
        return direct(self.process.kernel, a, b).unsqueeze(0)

    def variances(self, x: Tensor) -> Tensor:
        """Before any outcome, at ``x``, ``m x d``: ``k x m``."""
        return direct_variances(self.process.kernel, x).unsqueeze(0)

    def whitened(self, x: Tensor) -> Tensor:
        """What outcomes tell of ``x``, ``m x d``: products of its columns are what they take: ``k x N x m``."""
        found: Tensor = torch.linalg.solve_triangular(
            self._factor, self.covariance(self.process.x, x), upper=False
        )
        return found

    def means(self, white: Tensor) -> Tensor:
        """Of what is ``whitened``: ``k x m``."""
        found: Tensor = self._constant + (white.mT @ self._white.unsqueeze(-1)).squeeze(-1)
        return found


class _Drawn(Plausible):
    """One with a closed form, under scales that were drawn: ``lengths``, ``k x c``, and ``scales``, ``k``."""

    def __init__(self, process: GaussianProcess, closed: ClosedForm, logs: Tensor, weights: Tensor) -> None:
        self.process, self.weights = process, weights
        self._form = _Form(process, closed)
        self.noise = self._form.noise
        self._lengths, self._scales = logs[:, :-1].exp(), logs[:, -1].exp()
        self._factor, white = self._form.conditioned(logs)
        constant = (white[..., :1] * white[..., 1:]).sum(-2) / white[..., 1:].square().sum(-2)
        self._constant = constant
        self._white = white[..., 0] - constant * white[..., 1]

    def covariance(self, a: Tensor, b: Tensor) -> Tensor:
        return self._form.covariance(a, b, self._lengths, self._scales)

    def variances(self, x: Tensor) -> Tensor:
        return self._scales.unsqueeze(-1).expand(-1, len(x))


class _Form:
    """The closed form of a process's kernel under other scales, and how probable those are."""

    def __init__(self, process: GaussianProcess, closed: ClosedForm) -> None:
        self._closed, self.x = closed, process.x
        likelihood = process.modules.likelihood
        # The process enlarged its variance for the doubt that is drawn here.
        self._enlarged = doubt(len(closed.numbers) + 1, len(process))
        variances = likelihood.noise_covar.variances()
        learned = likelihood.noise_covar.learned
        self.noise = max(float(likelihood.noise) / self._enlarged, 1e-6)
        self._variances = torch.where(learned, variances / self._enlarged, variances).clamp_min(1e-6)
        standard = (process.y - process.centre) / process.scale
        self._told = torch.stack([standard, torch.ones_like(standard)], -1)

    @property
    def most_probable(self) -> Tensor:
        """The logarithms of the process's own lengths and of its variance."""
        assert self._closed.lengths is not None
        variance = torch.tensor([self._closed.variance / self._enlarged], dtype=torch.float64)
        return torch.cat([self._closed.lengths, variance]).log()

    def covariance(self, a: Tensor, b: Tensor, lengths: Tensor, scales: Tensor) -> Tensor:
        """``k x n x m``; see ``Plausible.covariance``."""
        columns = self._closed.numbers
        left, right = ((of[:, columns] - 0.5) / lengths.unsqueeze(-2) for of in (a, b))
        found = matern(left, right) * scales[:, None, None]
        return found * self._closed.alike(a, b) if self._closed.options else found

    def conditioned(self, logs: Tensor) -> tuple[Tensor, Tensor]:
        """Factors, ``k x N x N``, and outcomes and ones, whitened by them: ``k x N x 2``."""
        covariance = self.covariance(self.x, self.x, logs[:, :-1].exp(), logs[:, -1].exp())
        factor, _ = torch.linalg.cholesky_ex(covariance + torch.diag_embed(self._variances))
        white = torch.linalg.solve_triangular(factor, self._told.expand(len(logs), -1, -1), upper=False)
        return factor, white

    def surprise(self, logs: Tensor) -> Tensor:
        """Minus the log posterior density of logarithms of lengths and variance, ``s x (c + 1)``: shape ``s``.

        The mean far away is integrated out. Infinite where the covariance is not positive definite.
        """
        parts = [self._part(logs[at : at + _AT_ONCE]) for at in range(0, len(logs), _AT_ONCE)]
        return torch.nan_to_num(torch.cat(parts), nan=math.inf)

    def _part(self, logs: Tensor) -> Tensor:
        factor, white = self.conditioned(logs)
        ones = white[..., 1].square().sum(-1)
        left = white[..., 0].square().sum(-1) - (white[..., 0] * white[..., 1]).sum(-1).square() / ones
        total = 0.5 * (left + ones.log()) + factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        assert self._closed.matern is not None
        density = self._closed.matern.lengthscale_prior.log_prob(logs[:, :-1].exp()).sum(-1)
        density = density + self._closed.scaled.outputscale_prior.log_prob(logs[:, -1].exp())
        found: Tensor = total - density - logs.sum(-1)  # the last as densities are of logarithms here
        return found


def plausible(process: GaussianProcess, seed: int = 0) -> Plausible:
    """A process under the hyper-parameters that its outcomes leave plausible.

    It is the process as it is where they leave little doubt (more than 150 outcomes), where its kernel has no length
    scales in closed form or more than 20 of them, and where nothing better was found.
    """
    closed = process.closed
    known = closed is not None and 0 < len(closed.numbers) <= _COLUMNS and 1 < len(process) <= _UP_TO
    if closed is None or not known:
        return Plausible(process)
    with torch.no_grad():
        form = _Form(process, closed)
        middle, root = _about_the_mode(form.most_probable, form.surprise)
        if not bool(torch.isfinite(root).all()):
            return Plausible(process)
        normal = _normal(len(middle), seed)
        logs = middle + normal @ root.mT
        weights = torch.softmax(0.5 * normal.square().sum(-1) - form.surprise(logs), 0)
        if not bool(torch.isfinite(weights).all()):
            return Plausible(process)
        levels = (torch.arange(_KEPT).double() + 0.5) / _KEPT
        places = torch.searchsorted(weights.cumsum(0), levels).clamp_max(_DRAWN - 1)
        rows, counts = np.unique(places.numpy(), return_counts=True)
        return _Drawn(process, closed, logs[torch.as_tensor(rows)], torch.as_tensor(counts / _KEPT))


def _about_the_mode(start: Tensor, surprise: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """The middle and the root of the covariance of a normal distribution about the mode, a little too wide.

    The start is the mode of the density of scales; that of their logarithms is a Newton step away.
    """
    size = len(start)
    steps = _STEP * torch.eye(size, dtype=torch.float64)
    pairs = torch.tril_indices(size, size, -1)
    both = steps[pairs[0]] + steps[pairs[1]]
    values = surprise(start + torch.cat([torch.zeros(1, size).double(), steps, -steps, both, -both]))
    here, up, down = values[0], values[1 : size + 1], values[size + 1 : 2 * size + 1]
    first, second = values[2 * size + 1 :].tensor_split(2)
    curvature = torch.diag_embed((up + down - 2.0 * here) / _STEP**2)
    mixed = first + second - (up + down)[pairs[0]] - (up + down)[pairs[1]] + 2.0 * here
    curvature[pairs[0], pairs[1]] = curvature[pairs[1], pairs[0]] = mixed / (2.0 * _STEP**2)
    if not bool(torch.isfinite(curvature).all()):
        return start, torch.full_like(curvature, torch.nan)
    sizes, axes = torch.linalg.eigh(curvature)
    sizes = sizes.clamp_min(_LEAST_CURVATURE)
    step = -axes @ ((axes.mT @ ((up - down) / (2.0 * _STEP))) / sizes)
    middle = start + step / step.abs().max().clamp_min(1.0)
    if not bool(surprise(middle[None])[0] < here):
        middle = start
    return middle, _WIDER * axes / sizes.sqrt()


def _normal(size: int, seed: int) -> Tensor:
    """Standard normal, evenly spread: ``s x size``."""
    from scipy.stats import qmc  # who only screens a pool by its bound does without

    uniform = qmc.Sobol(size, scramble=True, rng=np.random.default_rng([seed, 17])).random(_DRAWN)
    found: Tensor = torch.special.ndtri(torch.as_tensor(uniform).clamp(1e-3, 1.0 - 1e-3))
    return found
