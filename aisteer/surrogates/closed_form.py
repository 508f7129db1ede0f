r"""The kernel of a box in closed form: covariances, and their slopes by inputs and by hyper-parameters.

To differentiate :math:`\sigma^2 M(r)\,C` step by step costs several times what it is worth: for a few hundred
outcomes nearly all of a fit and of a search were bookkeeping. With :math:`r^2 = \sum_k (a_k - b_k)^2/\ell_k^2`,

.. math:: M(r) = (1 + \sqrt5 r + \tfrac53 r^2)\, e^{-\sqrt5 r}, \qquad
          \frac{dM}{d(r^2)} = -\tfrac56 (1 + \sqrt5 r)\, e^{-\sqrt5 r}

has no :math:`1/r` in it, so nothing is lost where points coincide, and sums over pairs are matrix products.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from botorch.models.kernels.categorical import CategoricalKernel
from gpytorch.kernels import Kernel, MaternKernel, ProductKernel, ScaleKernel
from torch import Tensor

__all__ = ["ClosedForm", "Pairs", "matern"]

_ROOT = math.sqrt(5.0)


class _Matern(torch.autograd.Function):
    """Of squared distances; its slope has no division by the distance in it."""

    @staticmethod
    def forward(context: Any, squares: Tensor) -> Tensor:
        root = (5.0 * squares).sqrt_()
        decay = torch.exp(-root)
        context.save_for_backward(root, decay)
        near = decay.addcmul(root, decay)
        return near.addcmul_(squares, decay, value=5.0 / 3.0)

    @staticmethod
    def backward(context: Any, scale: Tensor) -> Tensor:
        root, decay = context.saved_tensors
        slope: Tensor = scale * decay.addcmul(root, decay).mul_(-5.0 / 6.0)
        return slope


def matern(left: Tensor, right: Tensor) -> Tensor:
    """Matérn 5/2 of inputs over their length scales, ``... x n x c`` and ``... x m x c``: ``... x n x m``."""
    squares = left.square().sum(-1).unsqueeze(-1) + right.square().sum(-1).unsqueeze(-2)
    squares = (squares - 2.0 * left @ right.mT).clamp_min(0.0)
    found: Tensor = _Matern.apply(squares)  # type: ignore[no-untyped-call]
    return found


@dataclass(frozen=True, slots=True)
class Pairs:
    r"""Covariances of pairs and what their slopes are made of.

    Attributes:
        left: The inputs' numbers over their length scales, ``n x k``.
        right: The same of the others, ``m x k``.
        covariance: ``n x m``.
        steepness: :math:`-2\,dK/d(r^2)`, ``n x m``; ``None`` where nobody asked for slopes.
    """

    left: Tensor
    right: Tensor
    covariance: Tensor
    steepness: Tensor | None


class ClosedForm:
    """A Matérn 5/2 kernel over numbers, times one for choices, times a variance, as it stands now.

    Args:
        scaled: The kernel.
        matern: Its part over numbers; ``None`` where there are only choices.
        choices: Its part over choices; ``None`` where there are only numbers.
    """

    def __init__(
        self, scaled: ScaleKernel, matern: MaternKernel | None, choices: CategoricalKernel | None
    ) -> None:
        self.scaled, self.matern, self.choices = scaled, matern, choices
        self.numbers = [] if matern is None else [int(i) for i in matern.active_dims]
        self.options = [] if choices is None else [int(i) for i in choices.active_dims]
        self.refresh()

    @classmethod
    def of(cls, kernel: Kernel) -> ClosedForm | None:
        """The closed form of a kernel, or ``None`` where it is none of these."""
        if not isinstance(kernel, ScaleKernel) or kernel.batch_shape:
            return None
        base = kernel.base_kernel
        parts = list(base.kernels) if isinstance(base, ProductKernel) else [base]
        matern = [p for p in parts if type(p) is MaternKernel and p.nu == 2.5 and p.ard_num_dims]
        choices = [p for p in parts if type(p) is CategoricalKernel and p.ard_num_dims]
        known = len(matern) <= 1 and len(choices) <= 1 and len(matern) + len(choices) == len(parts)
        if not known or any(p.active_dims is None for p in parts):
            return None
        return cls(kernel, matern[0] if matern else None, choices[0] if choices else None)

    def refresh(self) -> None:
        """Read the hyper-parameters again."""
        with torch.no_grad():
            self.variance = float(self.scaled.outputscale)
            self.lengths = None if self.matern is None else self.matern.lengthscale.detach().reshape(-1)
            self.reaches = None if self.choices is None else self.choices.lengthscale.detach().reshape(-1)

    def scaled_inputs(self, x: Tensor) -> Tensor:
        """The numbers of ``x``, ``n x d``, over their length scales: ``n x k``."""
        if self.lengths is None:
            return x.new_zeros(len(x), 0)
        some = x if len(self.numbers) == x.shape[-1] else x[:, self.numbers]
        # The middle of the cube is subtracted, as small squares lose less by rounding.
        found: Tensor = (some - 0.5) / self.lengths
        return found

    def pairs(self, a: Tensor, b: Tensor, *, slopes: bool = False) -> Pairs:
        """Of inputs ``a``, ``n x d``, with ``b``, ``m x d``."""
        left = self.scaled_inputs(a)
        right = left if b is a else self.scaled_inputs(b)
        covariance, steepness = self._matern(left, right, slopes=slopes)
        for column, reach in zip(self.options, [] if self.reaches is None else self.reaches, strict=True):
            differs = a[:, column].unsqueeze(-1) != b[:, column]
            factor = torch.where(differs, torch.exp(-1.0 / (reach * len(self.options))), 1.0)
            covariance = covariance * factor
            steepness = None if steepness is None else steepness * factor
        return Pairs(left, right, covariance, steepness)

    def direct(self, a: Tensor, b: Tensor) -> Tensor:
        """Covariances of inputs ``a``, ``n x d``, with ``b``, ``m x d``: ``n x m``; differentiable by both."""
        if not torch.is_grad_enabled():
            return self.pairs(a, b).covariance
        left, right = self.scaled_inputs(a), self.scaled_inputs(b)
        return self.variance * matern(left, right) * self.alike(a, b)

    def alike(self, a: Tensor, b: Tensor) -> Tensor:
        """What differing choices leave of a covariance, ``n x m``."""
        found = a.new_ones(len(a), len(b))
        for column, reach in zip(self.options, [] if self.reaches is None else self.reaches, strict=True):
            differs = a[:, column].unsqueeze(-1) != b[:, column]
            found = torch.where(differs, found * torch.exp(-1.0 / (reach * len(self.options))), found)
        return found

    def _matern(self, left: Tensor, right: Tensor, *, slopes: bool) -> tuple[Tensor, Tensor | None]:
        if self.lengths is None:
            flat = left.new_full((len(left), len(right)), self.variance)
            return flat, torch.zeros_like(flat) if slopes else None
        own = left.square().sum(-1)
        others = own if right is left else right.square().sum(-1)
        squares = torch.addmm(own.unsqueeze(-1) + others, left, right.mT, alpha=-2.0).clamp_min_(0.0)
        if right is left:
            squares.fill_diagonal_(0.0)
        root = squares.mul(5.0).sqrt_()
        decay = root.neg().exp_().mul_(self.variance)
        near = decay.addcmul(root, decay)
        steepness = near * (5.0 / 3.0) if slopes else None
        return near.addcmul_(squares, decay, value=5.0 / 3.0), steepness

    def slopes_by_inputs(self, pairs: Pairs, weights: Tensor, dimension: int) -> Tensor:
        """What a sum of covariances gains by moving the second inputs: ``m x d``; choices don't move.

        Args:
            pairs: With their steepness, ``n x m``.
            weights: Of the covariances in the sum, ``n x m``.
            dimension: ``d``.
        """
        found = weights.new_zeros(weights.shape[1], dimension)
        if self.lengths is None:
            return found
        assert pairs.steepness is not None
        pull = pairs.steepness * weights
        moved: Tensor = (pull.mT @ pairs.left - pairs.right * pull.sum(0).unsqueeze(-1)) / self.lengths
        if len(self.numbers) == dimension:
            return moved
        found[:, self.numbers] = moved
        return found

    def slopes_by_hyper_parameters(self, x: Tensor, pairs: Pairs, weights: Tensor) -> dict[str, Tensor]:
        """What a sum of the covariances of ``x`` gains by the logarithms of variance, lengths and reaches.

        Args:
            x: Inputs, ``n x d``.
            pairs: Of ``x`` with itself, with their steepness.
            weights: Symmetric, ``n x n``.
        """
        weighted = weights * pairs.covariance
        found = {"variance": weighted.sum().reshape(1)}
        if self.lengths is not None:
            assert pairs.steepness is not None
            pull = pairs.steepness * weights
            inner = (pairs.left * (pull @ pairs.left)).sum(0)
            found["lengths"] = 2.0 * (pull.sum(0) @ pairs.left.square() - inner)
        if self.reaches is not None:
            sums = [weighted[x[:, column].unsqueeze(-1) != x[:, column]].sum() for column in self.options]
            found["reaches"] = torch.stack(sums) / (self.reaches * len(self.options))
        return found
