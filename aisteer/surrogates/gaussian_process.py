"""Gaussian processes, fitted by maximum a posteriori on BoTorch and GPyTorch modules.

The hyper-parameters are a function of the data alone: a fit never starts from the one before, so the same
evidence gives the same predictions after a restart. To stay fast they are fitted on the first ``m`` of
``n`` outcomes, where ``m`` grows in steps of a tenth (``fitted_on``), and all ``n`` are conditioned on; as long as
those ``m`` are the same, what was found for them is remembered (``Remembered``). Where the outcomes that followed
are clearly less probable than the first ``m`` were, they are fitted again on all, starting from what was found.

One more outcome under the same hyper-parameters is one more row of the Cholesky factor.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from gpytorch.kernels import Kernel
from linear_operator.utils.errors import NotPSDError
from numpy.typing import NDArray
from torch import Tensor

from aisteer.surrogates.calibration import NOT_AGAIN
from aisteer.surrogates.fidelity_kernel import direct, direct_variances
from aisteer.surrogates.hyper_parameters import Modules, most_probable, refined
from aisteer.surrogates.kernels import Candidate

__all__ = ["GaussianProcess", "LeaveOneOut", "Remembered", "cholesky", "doubt", "fit", "fitted_on"]

Array = NDArray[np.float64]

_EVERY_ONE_UP_TO = 100
_STEP = 1.1
_CHOOSE_FROM = 10
_CLEARLY = 3.0
"""By how much a log density has to favour one of two: 20 to 1."""
_EXTENDED_FROM = 200
"""Outcomes from which a factor is extended; below that a new one takes no time, and is equal to the last digit."""
_AT_ONCE = 256
"""Inputs that are predicted together: what lies between for a whole pool would stay with the process."""


@dataclass(frozen=True, slots=True)
class LeaveOneOut:
    """What the model says of each outcome from the others; its hyper-parameters saw them all.

    Attributes:
        mean: Shape ``(n,)``, in the outcome's unit.
        std: Of the measurement, noise included, shape ``(n,)``.
    """

    mean: Array
    std: Array


def fitted_on(n: int) -> int:
    """Of ``n`` outcomes those that hyper-parameters are fitted on: up to 100 all, then in steps of a tenth."""
    if n <= _EVERY_ONE_UP_TO:
        return n
    step = math.floor(math.log(n / _EVERY_ONE_UP_TO) / math.log(_STEP) + 1e-9)
    return min(n, round(_EVERY_ONE_UP_TO * _STEP**step))


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
                self._factor, jitter = _factorised(self._noisy_covariance())
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

    def leave_one_out(self) -> LeaveOneOut:
        """Predictions of each outcome from the others, in closed form (Rasmussen & Williams, eq. 5.12).

        The hyper-parameters are not fitted again, so this is a little kinder than the truth.
        """
        with torch.no_grad():
            inverse = self._inverse_diagonal()
            mean = self._residual - self._alpha / inverse + self._constant
            std = inverse.rsqrt()
        return LeaveOneOut(self.centre + self.scale * mean.numpy(), self.scale * std.numpy())

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


def cholesky(matrix: Tensor, *, size: float | None = None) -> Tensor:
    """The factor, with as little jitter as it takes.

    Args:
        matrix: A covariance, ``n x n``.
        size: What jitter is measured by; the mean of the diagonal if not given.

    Raises:
        NotPSDError: It is not positive definite with a jitter of a ten-thousandth of the size either.
    """
    return _factorised(matrix, size)[0]


def _factorised(matrix: Tensor, size: float | None = None) -> tuple[Tensor, float]:
    """The factor, and the jitter that it took."""
    size = float(matrix.diagonal().mean()) if size is None else size
    for jitter in (0.0, 1e-10, 1e-8, 1e-6, 1e-4):
        factor: Tensor
        shaken = matrix.clone() if jitter else matrix
        shaken.diagonal().add_(jitter * size)
        factor, failed = torch.linalg.cholesky_ex(shaken)
        if not int(failed) and bool(torch.isfinite(factor.diagonal()).all()):
            return factor, jitter * size
    raise NotPSDError("The covariance of the outcomes is not positive definite.")


# --- fitting ----------------------------------------------------------------------------------


class Remembered:
    """The hyper-parameters of the last fit, by kernel, for as long as they would be fitted on the same outcomes.

    They are what a search would find again, so whoever forgets them loses time and nothing else. From 200
    outcomes on the last process is kept too, for its factor: then what follows is equal but for rounding.
    """

    def __init__(self) -> None:
        self._outcomes = ""
        self._found: dict[str, tuple[Modules, str]] = {}
        self._conditioned: dict[str, GaussianProcess] = {}

    def most_probable(
        self, candidate: Candidate, x: Tensor, y: Tensor, variances: Tensor
    ) -> tuple[Modules, str]:
        """As ``hyper_parameters.most_probable``; the modules are not to be changed."""
        total = hashlib.sha256()
        for part in (x, y, variances):
            total.update(part.numpy().tobytes())
        if total.hexdigest() != self._outcomes:
            self._outcomes, self._found, self._conditioned = total.hexdigest(), {}, {}
        if candidate.name not in self._found:
            self._found[candidate.name] = most_probable(candidate, x, y, variances)
        return self._found[candidate.name]

    def before(self, candidate: Candidate) -> GaussianProcess | None:
        """The last process with the hyper-parameters that are remembered."""
        return self._conditioned.get(candidate.name)

    def keep(self, candidate: Candidate, process: GaussianProcess) -> None:
        """Remember a process with these hyper-parameters."""
        if len(process) >= _EXTENDED_FROM:
            self._conditioned[candidate.name] = process


def fit(
    x: Array,
    y: Array,
    error: Array,
    kernels: Sequence[Candidate],
    remembered: Remembered | None = None,
) -> GaussianProcess:
    """Fit a Gaussian process, choosing the kernel that clearly best predicts each outcome from the others.

    Args:
        x: Inputs, shape ``(n, d)``, ``n >= 1``.
        y: Outcomes, shape ``(n,)``, finite.
        error: Their standard errors, shape ``(n,)``; 0 where not known, there the noise is learned.
        kernels: Candidates, the usual one first; with fewer than 10 outcomes it is taken unasked.
        remembered: Of fits with these kernels.

    Returns:
        The process, conditioned on all outcomes. Where the fit failed, its hyper-parameters are those of
        the prior, and ``words`` says so.
    """
    # A DataFrame's columns are read-only.
    x, y, error = (np.require(one, np.float64, "W") for one in (x, y, error))
    m = fitted_on(len(y))
    centre = float(np.mean(y[:m]))
    spread = float(np.std(y[:m], ddof=1)) if m > 1 else 0.0
    constant = not spread > 1e-12 * max(abs(centre), 1e-300)
    scale = 1.0 if constant else spread
    words = "All outcomes are equal so far, so their spread is not known." if constant else ""
    variances = torch.as_tensor(np.where(error > 0, (error / scale) ** 2, np.nan))
    standard = torch.as_tensor((y - centre) / scale)
    remembered = Remembered() if remembered is None else remembered
    best: GaussianProcess | None = None
    for candidate in kernels if m >= _CHOOSE_FROM and not constant else kernels[:1]:
        inputs = torch.as_tensor(x[:m])
        modules, trouble = remembered.most_probable(candidate, inputs, standard[:m], variances[:m])
        made = partial(GaussianProcess, x=x, y=y, centre=centre, scale=scale, name=candidate.name)
        said = " ".join(w for w in (words, trouble) if w)
        process = made(
            _for_all(modules, candidate, variances, m), words=said, before=remembered.before(candidate)
        )
        remembered.keep(candidate, process)
        if len(y) > m and process.surprise(m) > _CLEARLY:
            again = refined(modules, candidate, torch.as_tensor(x), standard, variances)
            process = (
                process if again is None else made(_for_all(again, candidate, variances, len(y)), words=said)
            )
        if best is None or len(y) * (process.log_predictive() - best.log_predictive()) > _CLEARLY:
            best = process
    assert best is not None
    return best


def _for_all(modules: Modules, candidate: Candidate, variances: Tensor, m: int) -> Modules:
    """Modules with the hyper-parameters that ``m`` outcomes gave, for outcomes with these variances.

    The most probable scales are surer of themselves than those outcomes allow. So variance and learned noise are
    enlarged together, by ``doubt``: that widens what is predicted, and moves no mean.
    """
    full = Modules(candidate, variances)
    full.load_state_dict(modules.state_dict())
    factor = doubt(candidate.fitted, m)
    if factor > 1.0:
        for module, name in ((full.kernel, "outputscale"), (full.likelihood.noise_covar, "noise")):
            setattr(module, name, getattr(module, name).detach() * factor)
    return full


def doubt(fitted: int, m: int) -> float:
    """By how much ``m`` outcomes make too little of the variance, of which ``fitted`` scales were read off.

    As a variance is divided by the degrees of freedom that are left; each scale counts for two, as where to
    look was chosen by it too. At most 3.
    """
    return m / max(m - 2.0 * fitted, m / 3.0)
