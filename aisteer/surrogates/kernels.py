"""Covariance functions for boxes of parameters and for features of candidates."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from botorch.models.kernels.categorical import CategoricalKernel
from gpytorch.constraints import GreaterThan
from gpytorch.kernels import AdditiveKernel, Kernel, MaternKernel, ProductKernel, ScaleKernel
from gpytorch.priors import GammaPrior, LogNormalPrior
from numpy.typing import NDArray
from torch import Tensor

__all__ = [
    "Candidate",
    "Tanimoto",
    "TanimotoDistance",
    "box_kernels",
    "feature_kernels",
    "scaled",
    "tanimoto",
]

_ARD_UP_TO = 30
_SPARSE = 0.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A kernel to be tried: its name in words, and how to make a fresh one.

    ``learned_mean`` says whether the mean far from all outcomes is fitted, or is that of the outcomes;
    ``fitted`` how many scales are read off the outcomes, for which few of them make it too sure of itself.
    """

    name: str
    make: Callable[[], Kernel]
    learned_mean: bool = False
    fitted: int = 0


def tanimoto(a: Tensor, b: Tensor) -> Tensor:
    r"""Tanimoto similarity :math:`x \cdot y / (|x|^2 + |y|^2 - x \cdot y)` of rows.

    Args:
        a: Fingerprints, bits or counts that are not negative, ``... x n x f``.
        b: The same, ``... x m x f``.

    Returns:
        ``... x n x m``, 0 to 1; two empty fingerprints are equal.
    """
    dot = a @ b.transpose(-1, -2)
    union = a.square().sum(-1).unsqueeze(-1) + b.square().sum(-1).unsqueeze(-2) - dot
    return torch.where(union > 0, dot / union.clamp_min(1e-12), 1.0)


def _tanimoto_of_pairs(a: Tensor, b: Tensor) -> Tensor:
    """Of each row with the one at the same place, ``... x n``."""
    dot = (a * b).sum(-1)
    union = a.square().sum(-1) + b.square().sum(-1) - dot
    return torch.where(union > 0, dot / union.clamp_min(1e-12), 1.0)


class Tanimoto(Kernel):  # type: ignore[misc]
    """The Tanimoto similarity as a covariance (Ralaivola et al., Neural Networks 2005, 18, 1093)."""

    has_lengthscale = False

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **params: Any) -> Tensor:  # noqa: ARG002, FBT001, FBT002
        """Covariance of rows; ``params`` are those of GPyTorch."""
        return _tanimoto_of_pairs(x1, x2) if diag else tanimoto(x1, x2)


class TanimotoDistance(Kernel):  # type: ignore[misc]
    r"""A squared exponential over the Tanimoto distance, :math:`\exp(-(1 - T) / 2\ell^2)`.

    :math:`\sqrt{1 - T}` is a Euclidean distance (Gower & Legendre, J. Classif. 1986, 3, 5), so this is a
    covariance; its length scale says how near two fingerprints must be to tell of each other.
    """

    has_lengthscale = True

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **params: Any) -> Tensor:  # noqa: ARG002, FBT001, FBT002
        """Covariance of rows; ``params`` are those of GPyTorch."""
        if diag:
            similarity, scale = _tanimoto_of_pairs(x1, x2), self.lengthscale.squeeze(-1)
        else:
            similarity, scale = tanimoto(x1, x2), self.lengthscale
        return torch.exp(-0.5 * (1.0 - similarity) / scale.square())


def _shape(kernel: Kernel) -> torch.Size:
    """The batch shape of a kernel and its parts.

    Where they are of one shape, nothing is to be broadcast; torch loads SymPy, and with it some 50 MB, to
    broadcast shapes.
    """
    own: torch.Size = kernel._batch_shape  # noqa: SLF001  GPyTorch has no other name for it
    if not all(part.batch_shape == own for part in kernel.sub_kernels()):
        own = Kernel.batch_shape.fget(kernel)
    return own


class _Scaled(ScaleKernel):  # type: ignore[misc]
    batch_shape = Kernel.batch_shape.getter(_shape)


class _Sum(AdditiveKernel):  # type: ignore[misc]
    batch_shape = Kernel.batch_shape.getter(_shape)


class _Product(ProductKernel):  # type: ignore[misc]
    batch_shape = Kernel.batch_shape.getter(_shape)


def scaled(kernel: Kernel) -> ScaleKernel:
    """A kernel times a variance that is near that of the outcomes."""
    return _Scaled(
        kernel,
        outputscale_prior=GammaPrior(2.0, 1.0),
        outputscale_constraint=GreaterThan(1e-3, initial_value=1.0),
    )


def _matern(columns: Sequence[int], *, ard: bool) -> MaternKernel:
    """Matérn 5/2 with length scales that grow with the square root of the dimension.

    The prior is that of Hvarfner, Hellsten and Nardi, ICML 2024.
    """
    d = len(columns)
    prior = LogNormalPrior(loc=math.sqrt(2) + math.log(d) * 0.5, scale=math.sqrt(3))
    return MaternKernel(
        nu=2.5,
        ard_num_dims=d if ard else None,
        active_dims=tuple(columns),
        lengthscale_prior=prior,
        lengthscale_constraint=GreaterThan(2.5e-2, transform=None, initial_value=prior.mode),
    )


def _categorical(columns: Sequence[int]) -> CategoricalKernel:
    """How much other options tell: the prior takes them for alike, as they rarely change everything."""
    return CategoricalKernel(
        ard_num_dims=len(columns),
        active_dims=tuple(columns),
        lengthscale_constraint=GreaterThan(1e-2, initial_value=4.0),
        lengthscale_prior=GammaPrior(3.0, 0.5),
    )


def box_kernels(dimension: int, categorical: Sequence[int]) -> list[Candidate]:
    """The kernel of a box: Matérn 5/2 with a length scale per number, times one for the choices.

    Args:
        dimension: Number of columns.
        categorical: Columns without an order: what counts is whether they are equal.
    """
    numbers = [i for i in range(dimension) if i not in set(categorical)]

    def make() -> Kernel:
        parts: list[Kernel] = []
        if numbers:
            parts.append(_matern(numbers, ard=True))
        if categorical:
            parts.append(_categorical(list(categorical)))
        return scaled(parts[0] if len(parts) == 1 else _Product(*parts))

    return [Candidate("Matérn 5/2", make, learned_mean=True, fitted=dimension + 1)]


def feature_kernels(features: NDArray[np.floating[Any]]) -> list[Candidate]:
    """The kernels that may suit a pool's features; which one does is for its outcomes to say.

    Sparse columns of bits or counts are compared by Tanimoto similarity, others by distance.

    Args:
        features: Of all candidates, shape ``(n, f)``; dense columns already scaled.
    """
    sparse, dense = split_features(features)
    found: list[Candidate] = []
    if sparse:
        every = not dense

        def distance() -> Kernel:
            return scaled(_tanimoto_distance(None if every else sparse))

        def plain() -> Kernel:
            return scaled(Tanimoto() if every else Tanimoto(active_dims=tuple(sparse)))

        found += [Candidate("Tanimoto", plain), Candidate("Tanimoto distance", distance)]
    if dense:

        def matern() -> Kernel:
            return scaled(_matern(dense, ard=len(dense) <= _ARD_UP_TO))

        found.append(Candidate("Matérn 5/2", matern))
    if sparse and dense:
        found.insert(0, Candidate("Tanimoto + Matérn 5/2", lambda: _Sum(plain(), matern())))
    return found


def _tanimoto_distance(columns: Sequence[int] | None) -> TanimotoDistance:
    return TanimotoDistance(
        active_dims=None if columns is None else tuple(columns),
        lengthscale_prior=LogNormalPrior(loc=-0.5, scale=0.7),
        lengthscale_constraint=GreaterThan(5e-2, initial_value=0.5),
    )


def split_features(features: NDArray[np.floating[Any]]) -> tuple[list[int], list[int]]:
    """Columns that look like a fingerprint (bits or counts, mostly zero), and the others.

    Columns that are the same for all candidates tell nothing and are in neither.
    """
    varies = np.ptp(features, axis=0) > 0
    whole = (features >= 0).all(axis=0) & (features == np.round(features)).all(axis=0)
    bits = [int(i) for i in np.flatnonzero(varies & whole)]
    if len(bits) < 16 or np.mean(features[:, bits] == 0) < _SPARSE:
        bits = []
    return bits, [int(i) for i in np.flatnonzero(varies) if int(i) not in set(bits)]
