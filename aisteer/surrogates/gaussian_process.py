"""Gaussian processes, fitted by maximum a posteriori on BoTorch and GPyTorch modules.

The hyper-parameters are a function of the data alone: a fit never starts from the one before, so the same
evidence gives the same predictions after a restart. To stay fast they are fitted on the first ``m`` of
``n`` outcomes, where ``m`` grows in steps of a tenth (``fitted_on``), and all ``n`` are conditioned on; as long as
those ``m`` are the same, what was found for them is remembered (``Remembered``).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from gpytorch.kernels import Kernel
from linear_operator.utils.errors import NotPSDError
from numpy.typing import NDArray
from torch import Tensor

from aisteer.surrogates.hyper_parameters import Modules, most_probable
from aisteer.surrogates.kernels import Candidate

__all__ = ["GaussianProcess", "LeaveOneOut", "Remembered", "cholesky", "fit", "fitted_on"]

Array = NDArray[np.float64]

_EVERY_ONE_UP_TO = 40
_STEP = 1.1
_CHOOSE_FROM = 10
_CLEARLY = 3.0
"""By how much the log density of all outcomes has to favour a kernel over one named before it: 20 to 1."""
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
    """Of ``n`` outcomes those that hyper-parameters are fitted on: up to 40 all, then in steps of a tenth."""
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
    """

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
    ) -> None:
        self.modules = modules.eval().requires_grad_(requires_grad=False)
        self.kernel: Kernel = modules.kernel
        self.x, self.y = torch.as_tensor(x), torch.as_tensor(y)
        self.centre, self.scale = centre, scale
        self.name, self.words = name, words
        with torch.no_grad():
            self._constant = self.modules.mean.constant
            self._residual = (self.y - centre) / scale - self._constant
            self._factor = cholesky(self.modules.covariance(self.x))
            self._alpha = torch.cholesky_solve(self._residual.unsqueeze(-1), self._factor).squeeze(-1)

    def __len__(self) -> int:
        return len(self.y)

    # --- what it says -------------------------------------------------------------------------

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
            places = range(0, max(1, len(x)), _AT_ONCE)
            parts = [self._predicted(torch.as_tensor(x[at : at + _AT_ONCE])) for at in places]
            mean, std = (torch.cat(of) for of in zip(*parts, strict=True))
        return self.centre + self.scale * mean.numpy(), self.scale * std.numpy()

    def _predicted(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        cross = self.kernel(self.x, inputs).to_dense()
        mean = self._constant + cross.mT @ self._alpha
        white = torch.linalg.solve_triangular(self._factor, cross, upper=False)
        variance = self.kernel(inputs, diag=True) - white.square().sum(0)
        return mean, variance.clamp_min(1e-12).sqrt()

    def joint(self, x: Array) -> tuple[Array, Array]:
        """Mean, shape ``(m,)``, and covariance, shape ``(m, m)``, of the noise-free outcomes at ``x``."""
        with torch.no_grad():
            inputs = torch.as_tensor(x)
            cross = self.kernel(self.x, inputs).to_dense()
            mean = self._constant + cross.mT @ self._alpha
            white = torch.linalg.solve_triangular(self._factor, cross, upper=False)
            covariance = self.kernel(inputs).to_dense() - white.mT @ white
        return self.centre + self.scale * mean.numpy(), self.scale**2 * covariance.numpy()

    def leave_one_out(self) -> LeaveOneOut:
        """Predictions of each outcome from the others, in closed form (Rasmussen & Williams, eq. 5.12).

        The hyper-parameters are not fitted again, so this is a little kinder than the truth.
        """
        with torch.no_grad():
            inverse = torch.cholesky_inverse(self._factor).diagonal()
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
            cross = self.kernel(inputs, self.x).to_dense()
            left, right = self.kernel(inputs, diag=True), self.kernel(self.x, diag=True)
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
        with torch.no_grad():
            residual = self._residual.unsqueeze(-1)
            white = torch.linalg.solve_triangular(self._factor, residual, upper=False)
        return self._factor, white.squeeze(-1)


def cholesky(matrix: Tensor, *, size: float | None = None) -> Tensor:
    """The factor, with as little jitter as it takes.

    Args:
        matrix: A covariance, ``n x n``.
        size: What jitter is measured by; the mean of the diagonal if not given.

    Raises:
        NotPSDError: It is not positive definite with a jitter of a ten-thousandth of the size either.
    """
    size = float(matrix.diagonal().mean()) if size is None else size
    for jitter in (0.0, 1e-10, 1e-8, 1e-6, 1e-4):
        factor: Tensor
        factor, failed = torch.linalg.cholesky_ex(matrix + jitter * size * torch.eye(len(matrix)).double())
        if not int(failed) and bool(torch.isfinite(factor).all()):
            return factor
    raise NotPSDError("The covariance of the outcomes is not positive definite.")


# --- fitting ----------------------------------------------------------------------------------


class Remembered:
    """The hyper-parameters of the last fit, by kernel, for as long as they would be fitted on the same outcomes.

    They are what a search would find again, so whoever forgets them loses time and nothing else.
    """

    def __init__(self) -> None:
        self._outcomes = ""
        self._found: dict[str, tuple[Modules, str]] = {}

    def most_probable(
        self, candidate: Candidate, x: Tensor, y: Tensor, variances: Tensor
    ) -> tuple[Modules, str]:
        """As ``hyper_parameters.most_probable``; the modules are not to be changed."""
        total = hashlib.sha256()
        for part in (x, y, variances):
            total.update(part.numpy().tobytes())
        if total.hexdigest() != self._outcomes:
            self._outcomes, self._found = total.hexdigest(), {}
        if candidate.name not in self._found:
            self._found[candidate.name] = most_probable(candidate, x, y, variances)
        return self._found[candidate.name]


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
        full = Modules(candidate, variances)
        full.load_state_dict(modules.state_dict())
        said = " ".join(w for w in (words, trouble) if w)
        made = GaussianProcess(full, x, y, centre=centre, scale=scale, name=candidate.name, words=said)
        if best is None or len(y) * (made.log_predictive() - best.log_predictive()) > _CLEARLY:
            best = made
    assert best is not None
    return best
