r"""Points all over a space, and what a run would tell of the outcomes there.

A run at :math:`x` is expected to take :math:`r(u, x) = c^2(u, x) / (\sigma^2(x) + \tau^2)` from the variance at
:math:`u`, with :math:`c` the posterior covariance and :math:`\tau^2` the noise, whatever its outcome. Of the
probability :math:`p(u)` that the outcome is above a level :math:`t`, it is expected to take from :math:`p(1 - p)`

.. math:: \int_0^{\arcsin q} \frac{1}{2\pi} \exp\Bigl(-\frac{a^2}{1 + \sin\theta}\Bigr)\,d\theta, \qquad
          a = \frac{\mu(u) - t}{\sigma(u)}, \quad q = \frac{r(u, x)}{\sigma^2(u)}

for :math:`p(1 - p)` is the probability that of two outcomes the first is above and the second below: the run makes
them go together with correlation :math:`q`, and the slope of that probability by :math:`q` is their density.

Means and covariances are those under several plausible hyper-parameters together (``surrogates.plausible``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aisteer.surrogates.factors import cholesky
from aisteer.surrogates.plausible import plausible
from aisteer.surrogates.posterior import GaussianProcess

__all__ = ["Watched"]

Array = NDArray[np.float64]

_LEAST = 1e-14
_WATCHED = 256
_NODES, _WEIGHTS = (torch.as_tensor(part) for part in np.polynomial.legendre.leggauss(6))


@dataclass(frozen=True, slots=True)
class _Places:
    """What is known of some inputs.

    Attributes:
        x: Shape ``m x d``.
        white: Of outcomes, under each of the hyper-parameters, ``k x N x m``.
        mean: Over all of them, shape ``m``.
        apart: What each says beyond that, ``k x m``.
        taken: Of what is under way, whitened, ``p x m``.
    """

    x: Tensor
    white: Tensor
    mean: Tensor
    apart: Tensor
    taken: Tensor

    def some(self, kept: Tensor) -> _Places:
        """Those at the places ``kept``."""
        return _Places(
            self.x[kept],
            self.white[..., kept],
            self.mean[kept],
            self.apart[:, kept],
            self.taken[:, kept],
        )


class Watched:
    """A process whose variance at points all over the space is watched, in units of its standardised outcomes.

    Args:
        process: The surrogate.
        watched: Inputs, shape ``(N, d)``, evenly spread: the first ``M`` = 256 of them, or with a level the 256 whose
            side is least known.
        under_way: Inputs whose outcomes will come, shape ``(p, d)``.
        level: Where the outcome is to be told from more, standardised; ``None`` where it is to be known everywhere.
        error: Of an outcome, where all are known, in its unit; ``None`` where how they scatter is learned.
    """

    def __init__(
        self,
        process: GaussianProcess,
        watched: Array,
        under_way: Array,
        level: float | None = None,
        error: float | None = None,
    ) -> None:
        self.level = level
        self._known = plausible(process)
        self._noise = self._known.noise if error is None else max((error / process.scale) ** 2, 1e-6)
        self._under_way: _Places | None = None
        self._factor = torch.zeros((0, 0), dtype=torch.float64)
        with torch.no_grad():
            if level is None:
                self._watched = self._places(torch.as_tensor(watched[:_WATCHED]))
            else:
                self._watched = self._places(torch.as_tensor(watched))
                away = (self.mean - level).square() / self.variance
                self._watched = self._watched.some(away.argsort(stable=True)[:_WATCHED].sort().values)
        if len(under_way):
            self.add(under_way)

    def __len__(self) -> int:
        return len(self._watched.x)

    @property
    def entries(self) -> int:
        """How many numbers one candidate takes."""
        return len(self) * len(self._known.weights)

    @property
    def mean(self) -> Tensor:
        """At the watched points, shape ``M``."""
        return self._watched.mean

    @property
    def variance(self) -> Tensor:
        """At the watched points, shape ``M``."""
        return self._variances(self._watched)

    def add(self, x: Array) -> None:
        """Count with the outcomes at ``x``, shape ``(p, d)``, whatever they will be."""
        with torch.no_grad():
            before = torch.zeros((0, x.shape[1])).double() if self._under_way is None else self._under_way.x
            places = self._places(torch.cat([before, torch.as_tensor(x)]), alone=True)
            own = self._between(places, places)
            own = own + self._noise * torch.eye(len(own), dtype=torch.float64)
            # Points that coincide with others know no more than those: jitter is what is wanted there.
            self._factor = cholesky(own, size=float(own.diagonal().mean()))
            self._under_way = places
            self._watched = self._with_what_is_taken(self._watched)

    def taken(self, x: Tensor) -> Tensor:
        """What a run at each of ``x``, ``b x d``, is expected to take from the variances: ``b x M``."""
        places = self._places(x)
        across = self._between(places, self._watched)
        found: Tensor = across.square() / (self._variances(places) + self._noise).unsqueeze(-1)
        return found

    def settled(self, taken: Tensor, *, known: bool = True) -> Tensor:
        """What of ``p(1 - p)`` goes where ``taken``, ``b x M``, goes from the variances: ``b x M``.

        ``known`` says whether what is known of the sides counts; else the mean is taken to be the level everywhere.
        """
        assert self.level is not None
        variance = self.variance
        top = torch.arcsin((taken / variance).clamp(0.0, 1.0 - 1e-9))
        squares = (self.mean - self.level).square() / variance if known else torch.zeros_like(variance)
        total = torch.zeros_like(taken)
        for node, weight in zip(_NODES, _WEIGHTS, strict=True):
            total = total + 0.5 * weight * torch.exp(-squares / (1.0 + torch.sin(0.5 * (node + 1.0) * top)))
        return total * top / (2.0 * math.pi)

    def _places(self, x: Tensor, *, alone: bool = False) -> _Places:
        """``alone``: without what is under way."""
        white = self._known.whitened(x)
        means = self._known.means(white)
        mean = self._known.weights @ means
        found = _Places(x, white, mean, means - mean, x.new_zeros((0, len(x))))
        return found if alone else self._with_what_is_taken(found)

    def _with_what_is_taken(self, places: _Places) -> _Places:
        if self._under_way is None:
            return places
        across = self._between(self._under_way, places, alone=True)
        taken = torch.linalg.solve_triangular(self._factor, across, upper=False)
        return _Places(places.x, places.white, places.mean, places.apart, taken)

    def _between(self, a: _Places, b: _Places, *, alone: bool = False) -> Tensor:
        """Covariances of ``n`` with ``m`` inputs: ``n x m``."""
        weights = self._known.weights
        each = self._known.covariance(a.x, b.x) - a.white.mT @ b.white
        found = torch.tensordot(weights, each, 1) + (weights.unsqueeze(-1) * a.apart).mT @ b.apart
        if not alone and len(a.taken):
            found = found - a.taken.mT @ b.taken
        covariance: Tensor = found
        return covariance

    def _variances(self, places: _Places) -> Tensor:
        each = self._known.variances(places.x) - places.white.square().sum(-2) + places.apart.square()
        found: Tensor = self._known.weights @ each - places.taken.square().sum(0)
        return found.clamp_min(_LEAST)
