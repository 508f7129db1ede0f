"""The fast path's loops by the kernels of :mod:`aisteer.deep_potential.triton_kernels`; interface as of ``eager``.

Importing it takes Triton, which PyTorch's builds for GPUs bring along.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import torch
import triton
import triton.language as tl
from numpy.typing import NDArray
from torch import Tensor
from triton import knobs

from aisteer.deep_potential import triton_kernels as kernels
from aisteer.deep_potential.fitting import Room
from aisteer.deep_potential.kernels import Pairs, Weight

__all__ = ["TritonLoops", "TritonPasses", "try_kernels"]

Integers = NDArray[np.int64]

_PAIRS = 64
"""Neighbours that a warp has at once, of as many atoms as that makes. With more of them registers spill in float64."""

_NUMBERS = 128
"""Numbers that it has at once between matrix products."""

_INTERPRETED = 1 << 11
"""The same where Triton interprets: the fewer programs the better."""

_WIDEST = 1024
"""The most lanes of one atom between matrix products."""


class TritonPasses:
    """What stands between the matrix products."""

    def multiply(self, columns: Tensor, left: Tensor, right: Tensor, out: Tensor) -> None:
        """As of ``EagerPasses``."""
        _, size, members, rank = columns.shape
        number = out.shape[-1]
        tile = _Tile.of(min(number, _WIDEST), _NUMBERS)
        kernels.products[tile.programs(size), triton.cdiv(number, tile.lanes), members](
            columns, left, right, out, size, members, rank, number, **tile.options
        )

    def pull_back(self, columns: Tensor, by_products: Tensor, table: Tensor, out: Tensor) -> None:
        """As of ``EagerPasses``."""
        _, size, members, rank = columns.shape
        tile = _Tile.of(min(rank, _WIDEST), _NUMBERS)
        kernels.columns_back[tile.programs(size), triton.cdiv(rank, tile.lanes), members](
            columns, by_products, table, out, size, members, rank, by_products.shape[-1], **tile.options
        )

    def activate(self, values: Tensor, bias: Tensor, step: Tensor, given: Tensor | None, out: Tensor) -> None:
        """As of ``EagerPasses``."""
        members, size, wide = out.shape
        tile = _Tile.of(min(wide, _WIDEST), _NUMBERS)
        kernels.activation[tile.programs(size), triton.cdiv(wide, tile.lanes), members](
            values,
            bias,
            step,
            values if given is None else given,
            out,
            size,
            values.shape[-1],
            0 if given is None else given.stride(1),
            1 if given is None else given.shape[-1],
            wide,
            PASSES=given is not None,
            **tile.options,
        )


class TritonLoops:
    """From neighbours to moments, and from ∂E/∂moments to forces and virials; arguments as of ``EagerLoops``."""

    def __init__(
        self,
        pairs: Pairs,
        weight: Weight,
        members: int,
        frame_size: int,
        device: torch.device,
        *,
        everyone: bool,
        room: Room,
    ) -> None:
        self._groups, self._room, self._frame_size, self._device = (
            len(weight.shifts),
            room,
            frame_size,
            device,
        )
        self._intervals = int(weight.shifts[0] + 1) // 2
        self._total, self._number = len(pairs.positions), len(pairs.neighbour)
        self._members = members
        self._tile = _Tile.of(int(np.diff(pairs.start).max(initial=1)), _PAIRS)
        self._neighbours = pairs.neighbour
        arrays = pairs.start, pairs.neighbour, pairs.offset, pairs.positions
        constants = np.array([weight.smooth, 1 / (weight.cutoff - weight.smooth), weight.scale])
        self._pairs = tuple(self._there(each) for each in (*arrays, constants))
        double = torch.float64
        self._pulls = room.take("pulls", members, self._number, 3, dtype=double)
        self._forces = room.take("forces", members, self._total, 3, dtype=double)
        self._virials = room.take("virials", members, self._total, 9, dtype=double)
        if not everyone:  # else each place is written
            for each in (self._pulls, self._forces, self._virials):
                each.zero_()

    def _there(self, array: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)

    def moments(self, atoms: Integers, scalars: Tensor, vectors: Tensor) -> None:
        """As of ``EagerLoops``."""
        self._atoms = self._there(atoms)
        size, width = len(atoms), vectors.shape[-1]
        kernels.moment_sums[self._tile.programs(size), self._groups](
            *self._pairs,
            self._atoms,
            scalars,
            vectors,
            size,
            self._groups,
            self._intervals,
            scalars.shape[-1],
            size * width,
            TERMS=width // self._groups,
            **self._tile.options,
        )
        self._real = tl.float64 if vectors.dtype == torch.float64 else tl.float32

    def spread(self, by_scalars: Tensor, by_vectors: Tensor, first: int) -> None:
        """As of ``EagerLoops``."""
        members, size, width = by_scalars.shape
        kernels.pair_pulls[self._tile.programs(size), members](
            *self._pairs,
            self._atoms,
            by_scalars,
            by_vectors,
            self._pulls,
            self._forces,
            self._virials,
            size,
            self._groups,
            self._intervals,
            size * width,
            self._number,
            self._total,
            first,
            REAL=self._real,
            TERMS=width // self._groups,
            **self._tile.options,
        )

    def sums(self) -> tuple[Tensor, Tensor]:
        """As of ``EagerLoops``."""
        neighbour, room, integer = self._pairs[1], self._room, torch.int64
        ordered = room.take("ordered", self._number, dtype=integer)
        order = room.take("order", self._number, dtype=integer)
        torch.sort(neighbour, stable=True, out=(ordered, order))
        atoms = torch.arange(self._total + 1, device=self._device)
        reach = torch.searchsorted(ordered, atoms, out=room.take("reach", self._total + 1, dtype=integer))
        widest = int(np.bincount(self._neighbours, minlength=1).max())
        tile = _Tile.of(min(widest, _PAIRS), _PAIRS)
        kernels.force_sums[tile.programs(self._total), self._members](
            reach, order, self._pulls, self._forces, self._number, self._total, widest, **tile.options
        )
        by_frame = self._virials.view(self._members, -1, self._frame_size, 9)
        return self._forces, by_frame.sum(2)


def try_kernels(device: torch.device) -> None:
    """Run each of them once, on two atoms that are each other's neighbour, and wait for it."""
    double = partial(torch.ones, dtype=torch.float64, device=device)
    pairs = Pairs(np.arange(3), np.array([1, 0]), np.zeros((2, 3)), np.eye(2, 3))
    weight = Weight(6.0, 1.0, 1.0, np.ones(1))
    loops = TritonLoops(pairs, weight, 1, 2, device, everyone=True, room=Room(device))
    scalars, vectors = double(2, 4), double(3, 2, 2)
    loops.moments(np.arange(2), scalars, vectors)
    loops.spread(double(1, 2, 2), double(1, 3, 2, 2), 0)
    forces, _ = loops.sums()
    passes, columns, products = TritonPasses(), double(4, 2, 1, 2), double(1, 2, 3)
    left, right, table = (
        torch.tensor(each, device=device) for each in ([[0, 1, 1]], [[0, 0, 1]], [[[0, 1], [1, 2]]])
    )
    passes.multiply(columns, left, right, products)
    passes.pull_back(columns, products, table, double(1, 4, 2, 2))
    passes.activate(products, double(1, 3), double(1, 3), None, double(1, 2, 3))
    forces.cpu()  # what went wrong on a GPU is told when it is waited for


class _Tile(NamedTuple):
    """How many atoms a program has, with so many lanes each, and in how many warps."""

    atoms: int
    lanes: int
    warps: int

    @classmethod
    def of(cls, wanted: int, warp: int) -> _Tile:
        lanes = max(16, int(triton.next_power_of_2(wanted)))
        together = _INTERPRETED if knobs.runtime.interpret else warp
        return cls(max(1, together // lanes), lanes, min(16, max(1, lanes // warp)))

    def programs(self, size: int) -> int:
        return -(-size // self.atoms)

    @property
    def options(self) -> dict[str, int | bool]:
        return {"ATOMS": self.atoms, "BLOCK": self.lanes, "num_warps": self.warps, "enable_fp_fusion": True}
