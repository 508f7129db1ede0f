"""A space as a surrogate sees it: inputs, kernels, and how near two points are, in a user's terms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aisteer.problem.pool import Pool
from aisteer.problem.space import Space
from aisteer.steering.protocols import Json
from aisteer.surrogates.columns import Columns
from aisteer.surrogates.fidelity_kernel import fidelity_kernels
from aisteer.surrogates.kernels import Candidate, box_kernels, feature_kernels, split_features

__all__ = ["Box", "Candidates", "Domain"]

Array = NDArray[np.float64]

_AT_ONCE = 128
"""Candidates that are compared together: what lies between for a whole pool would stay with the process."""


class Domain(Protocol):
    """What fitting and explaining need to know of a space."""

    names: tuple[str, ...]

    def encode(self, points: Sequence[Json]) -> Array:
        """Inputs of the surrogate, shape ``(n, d)``."""

    def kernels(self) -> list[Candidate]:
        """Kernels to be tried."""

    def columns(self) -> Columns:
        """How networks are to scale the inputs."""

    def nearness(self, point: Array, others: Array) -> tuple[str, Array]:
        """How near ``point``, shape ``(d,)``, is to ``others``, shape ``(n, d)``: in what terms, and values.

        ``distance``: as a share of the diagonal, small is near; ``similarity``: Tanimoto, 1 is equal.
        """

    def at_truth(self, x: Array) -> Array:
        """The inputs ``x``, shape ``(n, d)``, as they are where a simulation is at its best."""


class Box:
    """A box in the unit cube; ``fidelity`` is the parameter that says how good a run is, where there is one."""

    def __init__(self, space: Space, fidelity: str | None = None) -> None:
        self.space = space
        self.fidelity = None if fidelity is None else space.names.index(fidelity)
        self.names = space.names
        self.categorical = tuple(space.categorical)

    def encode(self, points: Sequence[Json]) -> Array:
        """Positions in the unit cube, shape ``(n, d)``."""
        return self.space.encode(points)

    def kernels(self) -> list[Candidate]:
        """Matérn over the numbers times one for the choices; and one for what runs that are less good miss."""
        if self.fidelity is not None:
            return fidelity_kernels(self.space.dimension, self.categorical, self.fidelity)
        return box_kernels(self.space.dimension, self.categorical)

    def columns(self) -> Columns:
        """Numbers around zero, and a column for each option of a choice without an order."""
        return Columns.of_box(self.space.dimension, {i: self.space.discrete[i] for i in self.categorical})

    def nearness(self, point: Array, others: Array) -> tuple[str, Array]:
        """The share of the diagonal of the box; different choices are a whole side apart."""
        difference = np.abs(others - point)
        for column in self.categorical:
            difference[:, column] = difference[:, column] > 1e-9
        return "distance", np.sqrt((difference**2).mean(axis=1))

    def at_truth(self, x: Array) -> Array:
        """With the highest fidelity, where there is one."""
        if self.fidelity is None:
            return x
        found = x.copy()
        found[:, self.fidelity] = 1.0
        return found


class Candidates:
    """A pool by the features that differ between its candidates; dense ones are scaled to unit variance."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.names = pool.names
        self.keys = pool.keys
        self.place: dict[Any, int] = {key: i for i, key in enumerate(self.keys)}
        raw = np.asarray(pool.matrix, dtype=np.float64)
        sparse, dense = split_features(raw)
        kept = sorted([*sparse, *dense]) or [0]
        matrix = raw[:, kept]
        for column, original in enumerate(kept):
            if original in set(dense):
                matrix[:, column] = (raw[:, original] - raw[:, original].mean()) / raw[:, original].std()
        self.matrix: Array = matrix
        sparse_set = set(sparse)
        self._sparse = [column for column, original in enumerate(kept) if original in sparse_set]
        self._kernels = feature_kernels(matrix)
        self._diagonal = float(np.linalg.norm(np.ptp(matrix, axis=0))) or 1.0

    def __len__(self) -> int:
        return len(self.keys)

    def rows(self, points: Sequence[Json]) -> list[int]:
        """Places of the points in the pool."""
        return [self.place[point[self.pool.key]] for point in points]

    def encode(self, points: Sequence[Json]) -> Array:
        """Features, shape ``(n, f)``."""
        found: Array = self.matrix[self.rows(points)]
        return found

    def kernels(self) -> list[Candidate]:
        """By similarity where features are fingerprints, by distance where they are numbers."""
        return self._kernels

    def columns(self) -> Columns:
        """Around zero; bits share one scale, so that rare ones do not outweigh all others."""
        plain = Columns.of_rows(self.matrix)
        spread = plain.spread.copy()
        if self._sparse:
            spread[self._sparse] = np.sqrt((self.matrix[:, self._sparse].var(axis=0)).mean()) or 1.0
        return Columns(plain.centre, spread)

    def nearness(self, point: Array, others: Array) -> tuple[str, Array]:
        """Tanimoto similarity of fingerprints; else the share of the diagonal of the pool's features."""
        if self._sparse:
            return "similarity", _tanimoto(point[self._sparse], others[:, self._sparse])
        return "distance", np.linalg.norm(others - point, axis=1) / self._diagonal

    def at_truth(self, x: Array) -> Array:
        """Themselves."""
        return x

    def similarities(self, rows: Sequence[int] | NDArray[np.integer[Any]]) -> Array:
        """How alike all candidates are to those at ``rows``: shape ``(n, len(rows))``, 0 to 1."""
        if self._sparse:
            bits = self.matrix[:, self._sparse] if len(self._sparse) < self.matrix.shape[1] else self.matrix
            some = bits[list(rows)]
            alike = np.empty((len(bits), len(some)))
            for begin in range(0, len(bits), _AT_ONCE):
                alike[begin : begin + _AT_ONCE] = _tanimoto(some, bits[begin : begin + _AT_ONCE])
            return alike
        squares = (self.matrix**2).sum(axis=1)
        chosen = self.matrix[list(rows)]
        distance = squares[:, None] + (chosen**2).sum(axis=1)[None, :] - 2.0 * self.matrix @ chosen.T
        # Of the order of one where candidates are as far apart as two drawn at random.
        found: Array = np.exp(-np.maximum(distance, 0.0) / (2.0 * self.matrix.shape[1]))
        return found


def _tanimoto(some: Array, others: Array) -> Array:
    """Similarities of ``others``, shape ``(n, f)``, to ``some``, ``(m, f)``: ``(n, m)``, or ``(n,)`` to one."""
    dot = others @ some.T
    union = (others**2).sum(axis=1).reshape(-1, *([1] * (some.ndim - 1))) + (some**2).sum(axis=-1) - dot
    return np.where(union > 0, dot / np.where(union > 0, union, 1.0), 1.0)
