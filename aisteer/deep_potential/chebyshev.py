"""Embedding nets as Chebyshev series of s, so that the loop over neighbours needs no network.

The feature vector of a neighbour depends on s alone, and T is linear in it. With G(s) ≈ Σ_m C_m T_m(x), where x maps
[0, s(r_min)] to [−1, 1], the sums over neighbours are moments Σ_j T_m(x_j) and Σ_j s_j r̂_j T_m(x_j), which know nothing
of the network: all members of a committee share them. Where one series does not bend enough, the range is divided into
intervals with a series each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from aisteer.deep_potential.description import Descriptor
from aisteer.deep_potential.exact import ExactNetwork

__all__ = ["ORDERS", "Series", "can_be_fitted", "fit_series", "net_error", "s_of"]

ORDERS = (
    *((terms, 1) for terms in (16, 24, 32, 40, 48, 64, 80, 96, 128)),
    (64, 4),
    (64, 8),
    (64, 16),
    (64, 32),
)
"""(terms, intervals) that are tried, in this order; terms are even, as the loops take two at a time."""


@dataclass(frozen=True, eq=False)
class Series:
    """The embedding nets of one model for centres of one type.

    Attributes:
        scalar: Of shape (types, intervals, terms, width): coefficients of R̃₀ G, for the first row of T; divided by the
            slots. The interval of the largest s comes first, which is that of the nearest neighbours.
        vector: Of the same shape: coefficients of G / σ, for the other three.
        constant: Of shape (width,): the first row of T for an atom whose slots are all empty.
        empty: Of shape (types, width): what one empty slot adds to the first row.
    """

    scalar: NDArray[np.float64]
    vector: NDArray[np.float64]
    constant: NDArray[np.float64]
    empty: NDArray[np.float64]


def can_be_fitted(descriptor: Descriptor, r_min: float) -> bool:
    """Whether T is linear in what the moments hold: davg of the direction is zero, its dstd the same in x, y and z."""
    return bool(
        (descriptor.mean[:, 1:] == 0).all()
        and (descriptor.std[:, 1:] == descriptor.std[:, 1:2]).all()
        and 0 < r_min < descriptor.cutoff
    )


def s_of(descriptor: Descriptor, r: float) -> float:
    """The weight over the distance, s = w(r) / r."""
    u = min(1.0, max(0.0, (r - descriptor.smooth_from) / (descriptor.cutoff - descriptor.smooth_from)))
    return (u**3 * (-6 * u**2 + 15 * u - 10) + 1) / r


def fit_series(network: ExactNetwork, kind: int, s_max: float, terms: int, intervals: int) -> Series:
    """Chebyshev coefficients of the nets that centres of type `kind` use, on 0 ≤ s ≤ s_max; `network` in float64."""
    descriptor = network.description.descriptor
    nodes = 4 * terms
    angles = (np.arange(nodes) + 0.5) * np.pi / nodes
    transform = np.cos(np.arange(terms)[:, None] * angles) * (2 / nodes)
    transform[0] /= 2
    lower = np.arange(intervals)[::-1, None] * s_max / intervals
    s = (lower + (np.cos(angles) + 1) * s_max / intervals / 2).ravel()
    mean, std = descriptor.mean[kind].astype(float), descriptor.std[kind].astype(float)
    scalar, vector, empty = [], [], []
    for other in range(len(descriptor.sel)):
        rows = ((s - mean[0]) / std[0])[:, None]
        features = _features(network, kind, other, rows)
        nothing = np.array([[-mean[0] / std[0]]])
        empty.append((nothing * _features(network, kind, other, nothing))[0] / descriptor.slots)
        seen = (kind, other) not in descriptor.excluded
        shape = (intervals, nodes, features.shape[1])
        scalar.append(seen * (transform @ (rows * features).reshape(shape)) / descriptor.slots)
        vector.append(seen * (transform @ features.reshape(shape)) / std[1] / descriptor.slots)
    constant = np.asarray(descriptor.sel) @ np.array(empty)
    return Series(np.array(scalar), np.array(vector), constant, np.array(empty))


def net_error(
    network: ExactNetwork, kind: int, other: int, s_max: float, series: Series
) -> tuple[float, float]:
    """The largest error of the embedding net and of its derivative by s, on 4,001 points of the fitted range."""
    descriptor = network.description.descriptor
    mean, std = descriptor.mean[kind].astype(float), descriptor.std[kind].astype(float)
    s = torch.linspace(0, s_max, 4001, dtype=torch.float64, requires_grad=True)
    features = network.embed(((s - mean[0]) / std[0])[:, None], kind, other)
    by_s = [torch.autograd.grad(column.sum(), s, retain_graph=True)[0].numpy() for column in features.T]
    fitted = series.vector[other] * std[1] * descriptor.slots
    scale = 2 * len(fitted) / s_max
    where = np.minimum(s.detach().numpy() / s_max * len(fitted), len(fitted) - 1).astype(int)
    errors = []
    for interval, coefficients in enumerate(fitted[::-1]):
        here = where == interval
        x = scale * s.detach().numpy()[here] - (2 * interval + 1)
        value = chebyshev.chebval(x, coefficients).T
        slope = scale * chebyshev.chebval(x, chebyshev.chebder(coefficients)).T
        off = np.abs(value - features.detach().numpy()[here]).max()
        errors.append((off, np.abs(slope - np.stack(by_s, axis=1)[here]).max()))
    net, by_slope = np.max(errors, axis=0)
    return float(net), float(by_slope)


def _features(network: ExactNetwork, kind: int, other: int, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    with torch.no_grad():
        return np.asarray(network.embed(torch.from_numpy(rows), kind, other).numpy())
