"""Cholesky factors of covariances that rounding may have left without one."""

from __future__ import annotations

import torch
from linear_operator.utils.errors import NotPSDError
from torch import Tensor

__all__ = ["cholesky", "factorised"]


def cholesky(matrix: Tensor, *, size: float | None = None) -> Tensor:
    """The factor, with as little jitter as it takes.

    Args:
        matrix: A covariance, ``n x n``.
        size: What jitter is measured by; the mean of the diagonal if not given.

    Raises:
        NotPSDError: It is not positive definite with a jitter of a ten-thousandth of the size either.
    """
    return factorised(matrix, size)[0]


def factorised(matrix: Tensor, size: float | None = None) -> tuple[Tensor, float]:
    """The factor, and the jitter that it took; as ``cholesky``."""
    size = float(matrix.diagonal().mean()) if size is None else size
    for jitter in (0.0, 1e-10, 1e-8, 1e-6, 1e-4):
        factor: Tensor
        shaken = matrix.clone() if jitter else matrix
        shaken.diagonal().add_(jitter * size)
        factor, failed = torch.linalg.cholesky_ex(shaken)
        if not int(failed) and bool(torch.isfinite(factor.diagonal()).all()):
            return factor, jitter * size
    raise NotPSDError("The covariance of the outcomes is not positive definite.")
