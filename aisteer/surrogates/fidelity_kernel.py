r"""The covariance of a simulation that can be run more or less exactly.

With :math:`s` from 0 to 1 how good a run is, an outcome is taken for the truth and what a run falls short of it:

.. math:: f(x, s) = g(x) + (1 - s)\,\delta(x, s), \qquad
          k = k_g(x, x') + w\,(1 - s)(1 - s')\,k_\delta(x, x')\,k_s(s, s')

so that the truth :math:`s = 1` is :math:`g` itself, however little is known of :math:`\delta`. This is the linear
truncated kernel of Wu, Toscano-Palmerin, Frazier and Wilson (UAI 2019), as in BoTorch, with a Matérn kernel over
:math:`s` instead of the power of :math:`1 + s s'`; that in turn is the autoregression of Kennedy and O'Hagan
(Biometrika 2000) over a fidelity that is continuous. All of :math:`k` is computed at once: kernels put together of
parts spend ten times as long on their bookkeeping.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from gpytorch.constraints import GreaterThan
from gpytorch.kernels import Kernel, ScaleKernel
from gpytorch.priors import GammaPrior, LogNormalPrior
from torch import Tensor

from aisteer.surrogates.kernels import Candidate, scaled

__all__ = ["Truncated", "direct", "direct_pairs", "direct_variances", "fidelity_kernels"]

_ROOT = math.sqrt(5.0)
_WEIGHT = LogNormalPrior(loc=math.log(0.2) + 1.0, scale=1.0)
"""Of what lower fidelities miss, as a share of the variance: most probably a fifth. As long as hardly any point ran at
two fidelities a small weight explains runs as well as a large one, and would make cheap ones look like the truth."""
_CHANGE = LogNormalPrior(loc=1.0, scale=1.0)
"""Of the reach of what is missed along the fidelity: most probably all of it, so that it keeps its shape and shrinks
as 1 - s, as in BoTorch. A short one would make each fidelity's errors its own, and few runs tell nothing of them."""


class _Matern(torch.autograd.Function):
    """Matérn 5/2 of squared distances; its slope has no division by the distance in it."""

    @staticmethod
    def forward(context: Any, squares: Tensor) -> Tensor:
        root = _ROOT * squares.sqrt()
        decay = torch.exp(-root)
        context.save_for_backward(root, decay)
        found: Tensor = (1.0 + root + (5.0 / 3.0) * squares) * decay
        return found

    @staticmethod
    def backward(context: Any, scale: Tensor) -> Tensor:
        root, decay = context.saved_tensors
        slope: Tensor = scale * (-5.0 / 6.0) * (1.0 + root) * decay
        return slope


def _squares(a: Tensor, b: Tensor) -> Tensor:
    """Squared distances of rows, ``n x k`` and ``m x k``: ``n x m``."""
    squares = a.square().sum(-1).unsqueeze(-1) + b.square().sum(-1) - 2.0 * a @ b.mT
    return squares.clamp_min(0.0)


class Truncated(Kernel):  # type: ignore[misc]
    """See the module; of unit variance at the truth.

    Args:
        numbers: Columns with an order, without the fidelity.
        choices: Columns without one.
        fidelity: The column of the fidelity.
    """

    has_lengthscale = True

    def __init__(self, numbers: Sequence[int], choices: Sequence[int], fidelity: int) -> None:
        d = max(1, len(numbers))
        usual = _lengths(d)
        super().__init__(
            ard_num_dims=d,
            lengthscale_prior=usual,
            lengthscale_constraint=GreaterThan(2.5e-2, transform=None, initial_value=usual.mode),
        )
        self.numbers, self.choices, self.fidelity = list(numbers), list(choices), fidelity
        self._hold("weight", 1, 1e-5, _WEIGHT, _WEIGHT.mode)
        self._hold("missed", 1, 2.5e-2, usual, usual.mode)
        self._hold("change", 1, 2.5e-2, _CHANGE, _CHANGE.mode)
        if choices:
            self._hold("reach", len(choices), 1e-2, GammaPrior(2.0, 1.0), 1.0)

    def _hold(self, name: str, size: int, least: float, prior: Any, start: Any) -> None:
        """A positive hyper-parameter with its prior."""
        value = torch.full((size,), float(start))
        self.register_parameter(f"raw_{name}", torch.nn.Parameter(value))
        self.register_constraint(f"raw_{name}", GreaterThan(least, transform=None))
        self.register_prior(f"{name}_prior", prior, f"raw_{name}")

    def direct(self, a: Tensor, b: Tensor) -> Tensor:
        """Covariances of inputs ``a``, ``n x d``, with ``b``, ``m x d``: ``n x m``; differentiable."""
        s, t = a[:, self.fidelity].unsqueeze(-1), b[:, self.fidelity].unsqueeze(-1)
        some, others = a[:, self.numbers] - 0.5, b[:, self.numbers] - 0.5
        lengths = self.lengthscale.reshape(-1)[: len(self.numbers)]
        truth = _squares(some / lengths, others / lengths)
        missed = _squares(some / self.raw_missed, others / self.raw_missed)
        change = _squares(s / self.raw_change, t / self.raw_change)
        differs = [a[:, column].unsqueeze(-1) != b[:, column] for column in self.choices]
        return self._put_together(truth, missed, change, (1.0 - s) @ (1.0 - t).mT, differs)

    def pairs(self, a: Tensor, b: Tensor) -> Tensor:
        """Covariances of each of ``a`` with the one at the same place of ``b``, ``n x d``: shape ``n``."""
        s, t = a[:, self.fidelity], b[:, self.fidelity]
        apart = a[:, self.numbers] - b[:, self.numbers]
        lengths = self.lengthscale.reshape(-1)[: len(self.numbers)]
        truth, missed = ((apart / by).square().sum(-1) for by in (lengths, self.raw_missed))
        change = ((s - t) / self.raw_change).square()
        differs = [a[:, column] != b[:, column] for column in self.choices]
        return self._put_together(truth, missed, change, (1.0 - s) * (1.0 - t), differs)

    def _put_together(
        self, truth: Tensor, missed: Tensor, change: Tensor, short: Tensor, differs: Sequence[Tensor]
    ) -> Tensor:
        """Of squared distances for each of the parts."""
        root, other, third = (
            _Matern.apply(part)  # type: ignore[no-untyped-call]
            for part in (truth, missed, change)
        )
        total: Tensor = root + self.raw_weight * short * other * third
        for place, where in enumerate(differs):
            far = torch.exp(-1.0 / (self.raw_reach[place] * len(self.choices)))
            total = total * torch.where(where, far, 1.0)
        return total

    def own(self, x: Tensor) -> Tensor:
        """Variances at ``x``, ``n x d``: shape ``n``."""
        found: Tensor = 1.0 + self.raw_weight * (1.0 - x[:, self.fidelity]).square()
        return found

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **params: Any) -> Tensor:  # noqa: ARG002, FBT001, FBT002
        """Covariance of rows; ``params`` are those of GPyTorch."""
        return self.direct(x1, x2).diagonal() if diag else self.direct(x1, x2)


def _lengths(dimension: int) -> LogNormalPrior:
    """As those of a box: they grow with the square root of the dimension (Hvarfner et al., ICML 2024)."""
    return LogNormalPrior(loc=math.sqrt(2) + math.log(dimension) * 0.5, scale=math.sqrt(3))


def direct(kernel: Kernel, a: Tensor, b: Tensor) -> Tensor:
    """Covariances of rows, ``n x m``, without what GPyTorch puts around them where that can be spared."""
    if isinstance(kernel, ScaleKernel) and isinstance(kernel.base_kernel, Truncated):
        found: Tensor = kernel.outputscale * kernel.base_kernel.direct(a, b)
        return found
    dense: Tensor = kernel(a, b).to_dense()
    return dense


def direct_pairs(kernel: Kernel, a: Tensor, b: Tensor) -> Tensor:
    """Covariances of rows with those at the same place, shape ``n``, likewise."""
    if isinstance(kernel, ScaleKernel) and isinstance(kernel.base_kernel, Truncated):
        found: Tensor = kernel.outputscale * kernel.base_kernel.pairs(a, b)
        return found
    return direct(kernel, a, b).diagonal()


def direct_variances(kernel: Kernel, x: Tensor) -> Tensor:
    """Variances of rows, shape ``n``, likewise."""
    if isinstance(kernel, ScaleKernel) and isinstance(kernel.base_kernel, Truncated):
        found: Tensor = kernel.outputscale * kernel.base_kernel.own(x)
        return found
    diagonal: Tensor = kernel(x, diag=True)
    return diagonal


def fidelity_kernels(dimension: int, categorical: Sequence[int], fidelity: int) -> list[Candidate]:
    """The kernel of a box, one of whose columns says how good a run is.

    Args:
        dimension: Number of columns.
        categorical: Columns without an order.
        fidelity: The column of the fidelity, 1 at the truth.
    """
    numbers = [i for i in range(dimension) if i != fidelity and i not in set(categorical)]

    def make() -> Kernel:
        return scaled(Truncated(numbers, categorical, fidelity))

    words = "Matérn 5/2, and one for what lower fidelities miss"
    return [Candidate(words, make, learned_mean=True, fitted=dimension + 1)]
