"""The few products of features that matter, folded into the fitting net.

The features of a neighbour are functions of one number, s, so the columns of T are nearly dependent: in the orthonormal
basis V of their singular vectors, T = (T V) Vᵀ, and the size σ_p of a column of T V falls off exponentially with p. The
descriptor is linear in the products S_pq of two such columns, p ≥ q, and so is the fitting net's first layer before its
tanh. Its matrix is folded once, onto the products with σ_p σ_q above a share of σ_0²: some 350 rows instead of 1,600.
Where little can be left out, V is turned instead so that its first columns span the axis columns alone: no other column
stands on the right of a product then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisteer.deep_potential.chebyshev import Series
from aisteer.deep_potential.description import Layer

__all__ = ["CUTS", "Folded", "fold"]

CUTS = (*(10.0 ** (-thirds / 3) for thirds in range(9, 43)), 0.0)
"""The shares that are tried: from 1e-3 to 1e-14, and then nothing is left out."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Folded:
    """What the moments of an atom are multiplied with, for centres of one type of one model.

    Attributes:
        scalar: Of shape (types · intervals · terms, R): moments to the first row of T V.
        vector: Of the same shape: to the other three.
        constant: Of shape (R,): the first row for an atom whose slots are all empty.
        empty: Of shape (types, R): what one empty slot adds to the first row.
        reach: Of shape (columns on the right,): products of column q are those with q ≤ p < reach[q].
        first: Of shape (products, width): the fitting net's first matrix, by q and then p.
        skip: Of the same shape: what passes by that layer's tanh; ``None`` where nothing does.
    """

    scalar: Numbers
    vector: Numbers
    constant: Numbers
    empty: Numbers
    reach: NDArray[np.int64]
    first: Numbers
    skip: Numbers | None


def fold(series: Series, layer: Layer, axis: int, cut: float) -> Folded:
    """Fold the span of the features into the series and into `layer`, the fitting net's first.

    Args:
        series: Of all neighbour types.
        layer: Its matrix has a row for each column of T with each of the first `axis` columns.
        axis: How many columns stand on the right of the descriptor's product.
        cut: The share of σ_0² below which products are left out.
    """
    width = series.scalar.shape[-1]
    parts = (series.scalar, series.vector, series.empty, series.constant)
    rows = np.concatenate([part.reshape(-1, width) for part in parts])
    basis, reach = _basis(rows, axis, cut)
    matrix = layer.matrix.astype(float)
    narrow, wide = matrix.shape
    skips = {narrow: 1, 2 * narrow: 2}
    return Folded(
        scalar=series.scalar.reshape(-1, width) @ basis,
        vector=series.vector.reshape(-1, width) @ basis,
        constant=series.constant @ basis,
        empty=series.empty @ basis,
        reach=reach,
        first=_folded(matrix, basis, axis, reach),
        skip=_folded(np.tile(np.eye(narrow), skips[wide]), basis, axis, reach) if wide in skips else None,
    )


def _basis(rows: Numbers, axis: int, cut: float) -> tuple[Numbers, NDArray[np.int64]]:
    """V of shape (width, R), and of which products the fewest are needed."""
    _, sizes, right = np.linalg.svd(rows, full_matrices=False)
    basis = right[: int((sizes >= cut * sizes[0]).sum())].T
    ranks = np.arange(basis.shape[1])
    reach = (sizes[: len(ranks)] * sizes[: len(ranks), None] >= cut * sizes[0] ** 2).sum(axis=1)
    reach = reach[reach > ranks]
    turned = np.full(min(axis, len(ranks)), len(ranks))
    if (turned - ranks[: len(turned)]).sum() < (reach - ranks[: len(reach)]).sum():
        turn, _ = np.linalg.qr(basis[:axis].T, mode="complete")
        return basis @ turn, turned
    return basis, reach


def _folded(matrix: Numbers, basis: Numbers, axis: int, reach: NDArray[np.int64]) -> Numbers:
    """From rows for D_ab = Σ_pq V_ap V_bq S_pq to rows for S_pq, which is S_qp."""
    rows = matrix.reshape(len(basis), axis, -1)
    full = np.einsum("ap,bq,abh->pqh", basis, basis[:axis], rows, optimize=True)
    full += full.transpose(1, 0, 2).copy()
    ranks = np.arange(basis.shape[1])
    full[ranks, ranks] /= 2
    return np.concatenate([full[q:end, q] for q, end in enumerate(reach)])
