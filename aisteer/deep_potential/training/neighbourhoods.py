"""What a training reads of the frames again and again: pairs, found once, and the loops over them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from aisteer.deep_potential.description import Descriptor
from aisteer.deep_potential.training.pair_loops import fill_moments, pull_forces, push_moments

__all__ = ["Loops", "Neighbourhoods"]

Reals = NDArray[np.float64]
Integers = NDArray[np.int64]

# A dozen of their arguments are the same for all, and handed on as one tuple.
_fill: Callable[..., None] = fill_moments
_pull: Callable[..., None] = pull_forces
_push: Callable[..., None] = push_moments


@dataclass(frozen=True, eq=False)
class Neighbourhoods:
    """The pairs of some frames of one composition, by centre, then the neighbour's type.

    Attributes:
        types: Of the atoms of one frame, of shape (atoms,).
        counts: Neighbours by type, of shape (frames, atoms, types).
        neighbour: Of shape (pairs,), numbers within the frame.
        vectors: From centre to neighbour, of shape (pairs, 3), in Å.
        first: Of shape (frames + 1,): where the pairs of a frame begin.
    """

    types: Integers
    counts: Integers
    neighbour: Integers
    vectors: Reals
    first: Integers

    def __len__(self) -> int:
        return len(self.counts)

    def take(self, frames: Integers) -> Neighbourhoods:
        """Some of the frames, in that order."""
        where = [slice(self.first[frame], self.first[frame + 1]) for frame in frames]
        lengths = self.first[frames + 1] - self.first[frames]
        return Neighbourhoods(
            self.types,
            self.counts[frames],
            np.concatenate([self.neighbour[part] for part in where]),
            np.concatenate([self.vectors[part] for part in where]),
            np.concatenate([[0], np.cumsum(lengths)]),
        )


class Loops:
    """The loops over the pairs of one batch. Rows are its atoms by type, then frame.

    Attributes:
        rows: Of each type, which rows are its atoms.
        order: Of shape (rows,): which atom a row is, counted through all frames.
        frames: How many.
    """

    def __init__(self, batch: Neighbourhoods, descriptor: Descriptor, s_max: Reals, terms: int) -> None:
        frames, self._size, kinds = batch.counts.shape
        types = np.tile(batch.types, frames)
        self.order = np.argsort(types, kind="stable")
        ends = np.searchsorted(types[self.order], np.arange(kinds + 1)).tolist()
        self.rows = [slice(begin, end) for begin, end in pairwise(ends)]
        self.frames, self._kinds, self._terms = frames, kinds, terms
        self._start = np.concatenate([[0], np.cumsum(batch.counts.ravel())])
        shift = np.repeat(np.arange(frames) * self._size, np.diff(batch.first))
        self._neighbour = batch.neighbour + shift
        self._vectors, self._types = batch.vectors, types
        self._slots = np.array(descriptor.sel, dtype=np.int64)
        self._seen = np.array(
            [[(i, j) not in descriptor.excluded for j in range(kinds)] for i in range(kinds)]
        )
        self._shared: tuple[Any, ...] = (
            self._seen,
            descriptor.cutoff,
            descriptor.smooth_from,
            np.ascontiguousarray(2 / s_max),
            # In one order of memory, as another would be compiled for itself.
            np.ascontiguousarray(descriptor.mean, dtype=float),
            np.ascontiguousarray(descriptor.std, dtype=float),
        )

    def moments(self) -> torch.Tensor:
        """Of shape (rows, 4, types · M)."""
        made = np.empty((len(self.order), 4, self._kinds, self._terms))
        given = (self.order, self._start, self._vectors, self._types, self._slots, *self._shared)
        _in_threads(len(self.order), lambda begin, end, _: _fill(begin, end, *given, made))
        return torch.from_numpy(made).view(len(self.order), 4, -1)

    def forces(self, slopes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Forces (members, frames, atoms, 3), virial (members, frames, 9), from ∂E/∂Q (members, rows, 4, types · M)."""
        given = slopes.double().contiguous().numpy().reshape(len(slopes), -1, 4, self._kinds, self._terms)
        workers, atoms = _workers(len(self.order)), len(self.order)
        forces = np.zeros((workers, len(slopes), atoms, 3))
        virial = np.zeros((workers, len(slopes), self.frames, 9))

        def pull(begin: int, end: int, worker: int) -> None:
            _pull(begin, end, *self._pairs(), given, forces[worker], virial[worker])

        _in_threads(atoms, pull)
        summed = torch.from_numpy(forces.sum(0)).view(len(slopes), self.frames, self._size, 3)
        return summed, torch.from_numpy(virial.sum(0))

    def pushed(self, forces: torch.Tensor, virial: torch.Tensor) -> torch.Tensor:
        """The adjoint of :meth:`forces`: of the shape of its slopes."""
        members = len(forces)
        made = np.empty((members, len(self.order), 4, self._kinds, self._terms))
        by_atom = np.ascontiguousarray(forces.reshape(members, -1, 3).numpy())
        by_frame = np.ascontiguousarray(virial.numpy())

        def push(begin: int, end: int, _: int) -> None:
            _push(begin, end, *self._pairs(), by_atom, by_frame, made)

        _in_threads(len(self.order), push)
        return torch.from_numpy(made).view(members, len(self.order), 4, -1)

    def _pairs(self) -> tuple[Any, ...]:
        given = (self.order, self._start, self._neighbour, self._vectors, self._types)
        return (*given, *self._shared, self._size)


def _workers(count: int) -> int:
    """As many threads as torch has, and none for little work."""
    return min(torch.get_num_threads(), max(1, count // 64))


def _in_threads(count: int, work: Callable[[int, int, int], object]) -> None:
    workers = _workers(count)
    if workers == 1:
        work(0, count, 0)
        return
    ends = np.linspace(0, count, workers + 1).astype(int).tolist()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, ends[:-1], ends[1:], range(workers)))
