r"""Somebody else's regressor as a Gaussian process, so that all acquisitions can search it (as in ``told``).

A regressor says a mean :math:`\mu(x)` and a calibrated standard deviation :math:`\sigma(x)`, and nothing of how
outcomes at different points go together. That is taken from the kernel of the space, at the length scales that are
usual before anything is learned, as a correlation :math:`\rho`. So the covariance is
:math:`\sigma(x)\,\sigma(x')\,\rho(x, x')`: what it predicts of one point is the regressor's own, and :math:`\rho` only
says how far a run that is under way spares others.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from gpytorch.kernels import Kernel
from torch import Tensor

from aisteer.surrogates.fidelity_kernel import direct, direct_variances
from aisteer.surrogates.foreign import ForeignSurrogate
from aisteer.surrogates.protocol import Array, Predicted
from aisteer.surrogates.told import ToldProcess

__all__ = ["ForeignProcess", "correlated"]

Ask = Callable[[Callable[[], tuple[Array, Array]]], tuple[Array, Array]]

_KEPT = 8
"""Sets of inputs whose predictions are kept: a search asks for the same ones again and again."""


def correlated(kernel: Kernel) -> Callable[[Array, Array], Array]:
    """The correlation of a kernel as it is: of inputs ``(m, d)`` with others ``(n, d)``, shape ``(m, n)``."""

    def between(a: Array, b: Array) -> Array:
        with torch.no_grad():
            return _correlation(kernel, torch.as_tensor(a), torch.as_tensor(b)).numpy()

    return between


def _correlation(kernel: Kernel, a: Tensor, b: Tensor) -> Tensor:
    left, right = direct_variances(kernel, a), direct_variances(kernel, b)
    found: Tensor = direct(kernel, a, b) / (left.unsqueeze(-1) * right).sqrt()
    return found


class _Told(Kernel):  # type: ignore[misc]
    """Its mean and covariance, standardised; see ``told``."""

    has_lengthscale = False

    def __init__(self, process: ForeignProcess, correlation: Kernel) -> None:
        super().__init__()
        # Not among its parts: the length scales are nobody's finding.
        self._process, self._correlation = process, [correlation]
        self._last: OrderedDict[bytes, tuple[Tensor, Tensor]] = OrderedDict()

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **params: Any) -> Tensor:  # noqa: ARG002, FBT001, FBT002
        """Covariance of rows; ``params`` are those of GPyTorch."""
        x1, x2 = x1.detach(), x2.detach()
        mean, std = self._told(x1)
        if diag:
            return mean.square() + std.square()
        means, stds = self._told(x2)
        left, right = (torch.where(torch.isinf(of), 0.0, of) for of in (x1, x2))
        together = _correlation(self._correlation[0], left, right)
        return torch.outer(mean, means) + torch.outer(std, stds) * together

    def _told(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Standardised mean and standard deviation, shape ``n`` each: 1 and 0 at the origin."""
        key = x.numpy().tobytes()
        if key not in self._last:
            origin = torch.isinf(x).all(-1)
            mean, std = torch.ones(len(x)).double(), torch.zeros(len(x)).double()
            if not bool(origin.all()):
                process, asked = self._process, x[~origin].numpy()
                told, spread = process.predict(asked)
                mean[~origin] = torch.as_tensor((told - process.centre) / process.scale)
                std[~origin] = torch.as_tensor(spread / process.scale)
            self._last[key] = mean, std
            while len(self._last) > _KEPT:
                self._last.popitem(last=False)
        return self._last[key]


class ForeignProcess(ToldProcess):
    """What a regressor says, with all that acquisitions ask of a Gaussian process.

    Args:
        surrogate: The regressor, fitted and calibrated on the outcome in its own sense.
        x: Inputs of the runs as the space encodes them, shape ``(n, d)``.
        y: Outcomes, the larger the better, shape ``(n,)``.
        kernel: Of the space; its correlation is used as it is.
        sign: What outcomes were multiplied by.
        ask: Asks the regressor a question; it may raise ``NotFitted`` instead of waiting for ever.
    """

    held_out = ForeignSurrogate.held_out
    smooth = False

    def __init__(
        self,
        surrogate: ForeignSurrogate,
        x: Array,
        y: Array,
        *,
        kernel: Kernel,
        sign: float,
        ask: Ask = lambda question: question(),
    ) -> None:
        self._sign, self._ask = sign, ask
        self._correlation = kernel.eval().requires_grad_(requires_grad=False)
        self._ran = x
        super().__init__(
            surrogate,
            _Told(self, self._correlation),
            torch.as_tensor(y),
            columns=x.shape[1],
            centre=float(np.mean(y)),
            scale=float(np.std(y)) or 1.0,
        )

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Mean and standard deviation at ``x``, shape ``(m, d)``: two arrays of shape ``(m,)``.

        Raises:
            NotFitted: The regressor raised, did not answer, or said something that is no prediction.
        """
        if not len(x):
            return np.zeros(0), np.zeros(0)
        mean, std = self._ask(lambda: self.surrogate.predict(np.asarray(x)))
        return self._sign * mean, std

    def joint(self, x: Array) -> tuple[Array, Array]:
        """Mean, shape ``(m,)``, and covariance, shape ``(m, m)``, of the outcomes at ``x``."""
        mean, std = self.predict(x)
        return mean, np.outer(std, std) * correlated(self._correlation)(np.asarray(x), np.asarray(x))

    def leave_one_out(self) -> Predicted:
        """Of each outcome what a copy says that was not fitted on it."""
        told = self.surrogate.leave_one_out()
        return Predicted(self._sign * told.mean, told.std)

    def correlation(self, x: Array) -> Array:
        """How outcomes at ``x``, shape ``(m, d)``, go together with those of the runs: shape ``(m, n)``."""
        return correlated(self._correlation)(np.asarray(x), self._ran)
