"""The embedding nets of all members as Chebyshev series of s, differentiable by their weights.

A net sees one number of a neighbour, s, and T is linear in what it answers. So a step evaluates each net on a few dozen
nodes instead of on every pair, takes the series through these values, and multiplies it with moments that know no net.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aisteer.deep_potential.training.fitting import run
from aisteer.deep_potential.training.stack import Stack

__all__ = ["TERMS", "SeriesOfNets"]

TERMS = (32, 48, 64, 96, 128, 192, 256)
"""How many terms are tried, in this order."""


class SeriesOfNets:
    """Series with ``terms`` terms on 0 ≤ s ≤ s_max, for each pair of types.

    Args:
        stack: Whose embedding nets.
        s_max: The largest s that occurs, by the centre's and the neighbour's type, in 1/Å.
        terms: How many, and how many nodes.
    """

    def __init__(self, stack: Stack, s_max: NDArray[np.float64], terms: int) -> None:
        self._stack = stack
        descriptor = stack.members[0].descriptor
        self._one_sided, self._types = descriptor.one_sided, len(descriptor.sel)
        self._mean = torch.from_numpy(descriptor.mean[:, 0].astype(float))
        self._std = torch.from_numpy(descriptor.std[:, 0].astype(float))
        self._dtype = stack.embedding[0].matrix.dtype
        self._s_max, self.terms = torch.from_numpy(s_max), terms
        angles = (np.arange(terms) + 0.5) * np.pi / terms
        transform = np.cos(np.arange(terms)[:, None] * angles) * (2 / terms)
        transform[0] /= 2
        self._transform = torch.from_numpy(transform)
        self._nodes = torch.from_numpy(np.cos(angles))

    def coefficients(self) -> Tensor:
        """Of shape (members, centre's type, neighbour's type, terms, width); part of autograd's graph."""
        return self._transform.to(self._dtype) @ self._values(self._nodes)

    def error(self) -> float:
        """A bound of the error of the series' derivatives, relative to the largest feature.

        It is the largest difference between series and nets between the nodes, times the square of the number of terms:
        the derivative of a polynomial of degree M is at most M² times its largest value (Markov).
        """
        with torch.no_grad():
            # Halfway between the nodes in the angle is where the first term that is left out is largest.
            angles = torch.arange(1, 2 * self.terms + 1, dtype=torch.float64) * (np.pi / (2 * self.terms))
            between = torch.cos(angles)
            values = self._values(between).double()
            basis = torch.cos(torch.arange(self.terms) * angles[:, None])
            fitted = basis @ self.coefficients().double()
            return self.terms**2 * float((fitted - values).abs().max() / values.abs().max().clamp(min=1e-12))

    def _values(self, x: Tensor) -> Tensor:
        """The nets at x of −1 … 1, of shape (members, centre's type, neighbour's type, len(x), width)."""
        types, rows = self._types, len(x)
        s = (x + 1) / 2 * self._s_max[..., None]
        inputs = ((s - self._mean[:, None, None]) / self._std[:, None, None]).to(self._dtype).transpose(0, 1)
        # The neighbour's type comes first: nets stand at it, or at neighbour · types + centre.
        given = (
            inputs.reshape(1, types, types * rows, 1) if self._one_sided else inputs.reshape(1, -1, rows, 1)
        )
        features = run(self._stack.embedding, given)
        return features.view(features.shape[0], types, types, rows, -1).transpose(1, 2)
