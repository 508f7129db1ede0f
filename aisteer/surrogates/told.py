r"""What a surrogate says of points as a Gaussian process, so that all acquisitions can search it.

It says a mean :math:`\mu` and a covariance :math:`c` of any points. That is the Gaussian process with the kernel

.. math:: k(x, x') = \mu(x)\,\mu(x') + c(x, x')

conditioned on one thing: an origin :math:`o` with :math:`k(o, x) = \mu(x)`, :math:`k(o, o) = 1` has the value 1.
As an input it is the one whose columns are all infinite.
"""

from __future__ import annotations

import torch
from gpytorch.kernels import Kernel
from torch import Tensor

from aisteer.surrogates.posterior import GaussianProcess
from aisteer.surrogates.protocol import Array, Predicted, Surrogate

__all__ = ["ToldProcess"]


class ToldProcess(GaussianProcess):
    """See the module; what comes of ``predict`` and ``joint`` is for those who derive from it.

    Args:
        surrogate: What is asked; fitted.
        kernel: Its mean and covariance as the module has them, standardised.
        y: The outcomes that it was fitted on, shape ``(n,)``.
        columns: How many an input has.
        centre: What was taken from outcomes to standardise them.
        scale: What they were divided by.
    """

    def __init__(
        self, surrogate: Surrogate, kernel: Kernel, y: Tensor, *, columns: int, centre: float, scale: float
    ) -> None:
        self.surrogate = surrogate
        self.kernel: Kernel = kernel
        self.closed = None
        self.x = torch.full((1, columns), torch.inf, dtype=torch.float64)
        self.y = y
        self.centre, self.scale = centre, scale
        self.name, self.words = surrogate.name, surrogate.words
        self._constant = torch.zeros((), dtype=torch.float64)
        self._factor, self._white = torch.ones(1, 1).double(), torch.ones(1).double()

    def __len__(self) -> int:
        """What it is conditioned on: the origin."""
        return 1

    @property
    def learned_from(self) -> int:
        """It was fitted on all outcomes."""
        return len(self.y)

    @property
    def noise(self) -> float:
        """The typical standard deviation of outcomes whose error is not known, in their unit."""
        return self.surrogate.noise

    def leave_one_out(self) -> Predicted:
        """Of each outcome what is said of it by what was not fitted on it."""
        return self.surrogate.leave_one_out()

    def length_scales(self) -> Array | None:
        """It says none."""
        return None
