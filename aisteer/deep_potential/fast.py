"""Energies and forces without embedding nets: shared moments, then matrix products for each member."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from aisteer.deep_potential.chebyshev import fit_series, s_of
from aisteer.deep_potential.exact import ExactNetwork
from aisteer.deep_potential.fitting import Centre, Room
from aisteer.deep_potential.folding import fold
from aisteer.deep_potential.kernels import Pairs, Weight, accumulate_forces, accumulate_moments
from aisteer.deep_potential.neighbours import Neighbours
from aisteer.deep_potential.structures import Frames

__all__ = ["PRECISIONS", "Answer", "FastCommittee", "Precision", "starts_of"]

Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]
Precision = Literal["fp64", "mixed", "fp32"]
Share = Callable[[int, Callable[[int, int, int], object]], None]

PRECISIONS = {
    "fp64": (torch.float64, torch.float64),
    "mixed": (torch.float64, torch.float32),
    "fp32": (torch.float32, torch.float32),
}
"""Of the loops over neighbours and of the matrix products. Distances and sums over atoms are always in double."""

_BLOCK = 512
"""How many atoms go through the matrix products at once: what is in between stays in the cache."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What one member says of all frames: of shape (all atoms,), (all atoms, 3) and (frames, 9)."""

    atomic: Numbers
    forces: Numbers
    virial: Numbers


@dataclass(frozen=True, eq=False)
class _Work:
    """What is evaluated, by what means, and what has come of it so far.

    Attributes:
        pairs: Who is near whom.
        counts: Neighbours by type, of shape (all atoms, types).
        frame_size: Atoms in a frame.
        share: Has threads work on ranges of so many atoms.
        room: Memory for what is in between.
        atomic: Of shape (members, all atoms).
        forces: Of shape (threads, members, all atoms, 3).
        virial: Of shape (threads, members, frames, 9).
    """

    pairs: Pairs
    counts: Integers
    frame_size: int
    share: Share
    room: Room
    atomic: Numbers
    forces: Numbers
    virial: Numbers


class FastCommittee:
    """All members with Chebyshev series of one order.

    Args:
        networks: In double precision.
        r_min: Neighbours nearer than this, in Å, are not to be given.
        order: How many terms a series has, an even number, and how many intervals there are.
        cut: Which products of features are left out; see :mod:`aisteer.deep_potential.folding`.
        precision: Of the loops over neighbours and of the matrix products.
    """

    def __init__(
        self,
        networks: tuple[ExactNetwork, ...],
        r_min: float,
        order: tuple[int, int],
        cut: float = 0.0,
        precision: Precision = "fp64",
    ) -> None:
        descriptor = networks[0].description.descriptor
        self._terms, self._intervals = order
        self._types = len(descriptor.sel)
        self._series_dtype, self._dtype = PRECISIONS[precision]
        self._s_max = s_of(descriptor, r_min)
        # The nearest neighbours, of the largest s, are in the first interval.
        shifts = np.tile(2.0 * np.arange(self._intervals)[::-1] + 1, self._types)
        scale = 2 * self._intervals / self._s_max
        self._weight = Weight(float(descriptor.cutoff), float(descriptor.smooth_from), scale, shifts)
        self._members = tuple(
            tuple(self._centre(network, kind, cut) for kind in range(self._types)) for network in networks
        )
        self._rooms: list[Room] = []

    def _centre(self, network: ExactNetwork, kind: int, cut: float) -> Centre:
        description = network.description
        series = fit_series(network, kind, self._s_max, self._terms, self._intervals)
        layers = description.fitting.networks[kind]
        folded = fold(series, layers[0], description.descriptor.axis, cut)
        return Centre(folded, layers, float(description.bias[kind]), self._dtype)

    def __call__(self, frames: Frames, found: Neighbours, atoms: Integers) -> list[Answer]:
        """What each member says, for the energies of `atoms` alone (numbers through all frames)."""
        members, total, threads = len(self._members), len(found.counts), torch.get_num_threads()
        types = np.tile(frames.types, len(frames))[atoms]
        positions = frames.positions.reshape(-1, 3)
        with ExitStack() as stack:
            work = _Work(
                pairs=Pairs(
                    starts_of(found, self._weight, self._intervals), found.neighbour, found.offset, positions
                ),
                counts=found.counts,
                frame_size=len(frames.types),
                share=_shared_by(threads, stack),
                room=self._room(),
                atomic=np.zeros((members, total)),
                forces=np.zeros((threads, members, total, 3)),
                virial=np.zeros((threads, members, len(frames), 9)),
            )
            for kind in range(self._types):
                alike = atoms[types == kind]
                for begin in range(0, len(alike), _BLOCK):
                    self._evaluate(work, kind, alike[begin : begin + _BLOCK])
        self._rooms.append(work.room)
        sums = work.forces.sum(0), work.virial.sum(0)
        return [Answer(*each) for each in zip(work.atomic, *sums, strict=True)]

    def _room(self) -> Room:
        try:
            return self._rooms.pop()
        except IndexError:  # none is free; asking first would not be safe where several threads evaluate
            return Room()

    def _evaluate(self, work: _Work, kind: int, atoms: Integers) -> None:
        """Add what atoms of one type contribute."""
        size, room = len(atoms), work.room
        shape = (4, size, len(self._weight.shifts), self._terms)
        moments = room.take("moments", *shape, dtype=self._series_dtype)
        work.share(size, partial(self._forward, work, atoms, moments.numpy()))
        flat = moments.view(4, size, -1).to(self._dtype)
        counts = torch.from_numpy(work.counts[atoms]).to(self._dtype)
        slopes = room.take("slopes", *flat.shape, dtype=self._dtype)
        for number, member in enumerate(self._members):
            work.atomic[number, atoms] = member[kind](flat, counts, slopes, room).numpy()
            backward = slopes.to(self._series_dtype).view(shape).numpy()
            work.share(size, partial(self._back, work, atoms, backward, number))

    def _forward(
        self, work: _Work, atoms: Integers, moments: NDArray[np.floating], begin: int, end: int, _: int
    ) -> None:
        accumulate_moments(begin, end, atoms, work.pairs, self._weight, moments)

    def _back(  # noqa: PLR0917  threads add the last three
        self,
        work: _Work,
        atoms: Integers,
        slopes: NDArray[np.floating],
        member: int,
        begin: int,
        end: int,
        thread: int,
    ) -> None:
        forces, virial = work.forces[thread, member], work.virial[thread, member]
        accumulate_forces(
            begin, end, atoms, work.pairs, self._weight, slopes, work.frame_size, forces, virial
        )


def starts_of(found: Neighbours, weight: Weight, intervals: int) -> Integers:
    """Where the neighbours of one type in one interval begin; those of a type stand by distance, so by interval."""
    counts = found.counts.ravel()
    if intervals > 1:
        u = np.clip((found.distance - weight.smooth) / (weight.cutoff - weight.smooth), 0, 1)
        s = (u**3 * (-6 * u**2 + 15 * u - 10) + 1) / found.distance
        from_far = np.minimum(s * weight.scale / 2, intervals - 1).astype(np.int64)
        group = np.repeat(np.arange(len(counts)), counts) * intervals + intervals - 1 - from_far
        # Distances are in order to 10⁻⁸ Å; a pair that is out of it goes where its neighbour went.
        group = np.maximum.accumulate(group) if len(group) else group
        counts = np.bincount(group, minlength=len(counts) * intervals)
    return np.concatenate([[0], np.cumsum(counts)])


def _shared_by(threads: int, stack: ExitStack) -> Share:
    """Has threads work on ranges of atoms, the third argument being the thread's number; until the stack is left."""
    pool = stack.enter_context(ThreadPoolExecutor(threads)) if threads > 1 else None

    def share(count: int, work: Callable[[int, int, int], object]) -> None:
        workers = min(threads, max(1, count // 32))  # little work is done by the caller alone
        if pool is None or workers == 1:
            work(0, count, 0)
            return
        ends = np.linspace(0, count, workers + 1).astype(int).tolist()
        list(pool.map(work, ends[:-1], ends[1:], range(workers)))

    return share
