"""The fast path's loops in plain torch, for devices that have no kernels here.

Neighbours stand in a table with as many slots for each group as its widest atom has; derivatives are torch's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aisteer.deep_potential.kernels import Pairs, Weight

__all__ = ["EagerLoops", "EagerPasses"]

Integers = NDArray[np.int64]


class EagerPasses:
    """What stands between the matrix products."""

    def multiply(self, columns: Tensor, left: Tensor, right: Tensor, out: Tensor) -> None:
        """Σ_c columns[c, …, left] · columns[c, …, right]; arguments as of ``triton_kernels.products``."""
        for member, (p, q) in enumerate(zip(left, right, strict=True)):
            each = columns[:, :, member]
            torch.sum(each[..., p] * each[..., q], dim=0, out=out[member])

    def pull_back(self, columns: Tensor, by_products: Tensor, table: Tensor, out: Tensor) -> None:
        """From ∂/∂products to ∂/∂columns; arguments as of ``triton_kernels.columns_back``."""
        size = by_products.shape[1]
        twice = torch.eye(table.shape[1], dtype=columns.dtype, device=columns.device) + 1
        for member, places in enumerate(table):
            padded = torch.nn.functional.pad(by_products[member], (0, 1))
            square = padded[:, places.flatten()].view(size, *places.shape) * twice
            out[member] = (columns[:, :, member].transpose(0, 1) @ square).transpose(0, 1)

    def activate(self, values: Tensor, bias: Tensor, step: Tensor, given: Tensor | None, out: Tensor) -> None:
        """Tanh with its slope; arguments as of ``triton_kernels.activation``."""
        slope = values[..., : out.shape[-1]]
        torch.tanh(slope.add_(bias[:, None]), out=out)
        torch.mul(out, out, out=slope)
        slope.neg_().add_(1).mul_(step[:, None])
        out.mul_(step[:, None])
        if given is not None:
            out.view(*out.shape[:-1], -1, given.shape[-1]).add_(given[..., None, :])


class EagerLoops:
    """From neighbours to moments, and from ∂E/∂moments to forces and virials.

    Args:
        pairs: Who is near whom.
        weight: From a distance to the argument of the series.
        members: How many models there are.
        frame_size: Atoms in a frame.
        device: Where torch computes.
    """

    def __init__(
        self, pairs: Pairs, weight: Weight, members: int, frame_size: int, device: torch.device
    ) -> None:
        self._pairs, self._weight, self._frame_size, self._device = pairs, weight, frame_size, device
        total = len(pairs.positions)
        zeros = partial(torch.zeros, dtype=torch.float64, device=device)
        self._forces, self._virial = zeros(members, total, 3), zeros(members, total // frame_size, 9)

    def moments(self, atoms: Integers, scalars: Tensor, vectors: Tensor) -> None:
        """Of these atoms, into (atoms, at least groups · terms) and (3, atoms, groups · terms)."""
        table = _Table.of(self._pairs, self._weight, atoms, self._device)
        self._table, self._leaf = table, table.vectors.requires_grad_()
        terms = vectors.shape[-1] // len(self._weight.shifts)
        self._made = table.moments(self._weight, terms, vectors.dtype)
        scalars[:, : vectors.shape[-1]] = self._made[0].detach()
        vectors.copy_(self._made[1:].detach())

    def spread(self, by_scalars: Tensor, by_vectors: Tensor, first: int) -> None:
        """Add what members from `first` on pull with; ∂E/∂moments (members, atoms, …) and (members, 3, atoms, …)."""
        for number in range(len(by_scalars)):
            slopes = torch.cat([by_scalars[number, None], by_vectors[number]]).to(self._made.dtype)
            (pull,) = torch.autograd.grad(self._made, self._leaf, slopes, retain_graph=True)
            member = first + number
            self._table.spread(pull, self._frame_size, self._forces[member], self._virial[member])

    def sums(self) -> tuple[Tensor, Tensor]:
        """Forces of shape (members, all atoms, 3) and virials (members, frames, 9)."""
        return self._forces, self._virial


@dataclass(frozen=True, eq=False)
class _Table:
    """Atoms of one type with a table of their neighbours, group by group side by side; a slot may be empty.

    Attributes:
        atoms: Numbers through all frames, of shape (atoms,).
        neighbours: Likewise, of shape (atoms, slots).
        real: Which slots are not empty.
        vectors: From atoms to neighbours, of shape (atoms, slots, 3).
        widths: How many slots a group has.
    """

    atoms: Tensor
    neighbours: Tensor
    real: Tensor
    vectors: Tensor
    widths: list[int]

    @classmethod
    def of(cls, pairs: Pairs, weight: Weight, atoms: Integers, device: torch.device) -> _Table:
        groups = len(weight.shifts)
        begins = pairs.start[atoms[:, None] * groups + np.arange(groups)]
        ends = pairs.start[atoms[:, None] * groups + np.arange(groups) + 1]
        widths = (ends - begins).max(axis=0).tolist()
        slots = np.concatenate([np.arange(width) for width in widths]).astype(np.int64)
        of_group = np.repeat(np.arange(groups), widths)
        real = slots < (ends - begins)[:, of_group]
        index = np.where(real, begins[:, of_group] + slots, 0)
        if len(pairs.neighbour):
            neighbours = np.where(real, pairs.neighbour[index], atoms[:, None])
            vectors = pairs.positions[neighbours] - pairs.positions[atoms][:, None] + pairs.offset[index]
        else:
            neighbours, vectors = np.zeros(index.shape, dtype=np.int64), np.zeros((*index.shape, 3))
        vectors = np.where(real[..., None], vectors, 1.0)  # harmless to differentiate

        def there(array: NDArray[np.generic]) -> Tensor:
            return torch.from_numpy(array).to(device)

        return cls(there(atoms), there(neighbours), there(real), there(vectors), widths)

    def moments(self, weight: Weight, terms: int, dtype: torch.dtype) -> Tensor:
        """Of shape (4, atoms, types · intervals · terms), as of ``accumulate_moments``."""
        r = torch.linalg.vector_norm(self.vectors, dim=-1)
        u = ((r - weight.smooth) / (weight.cutoff - weight.smooth)).clamp(0, 1)
        s = (u**3 * (-6 * u**2 + 15 * u - 10) + 1) / r
        shift = torch.as_tensor(np.repeat(weight.shifts, self.widths), device=r.device)
        # What stands in empty slots is outside the range, where a series grows beyond any number.
        x = torch.where(self.real, weight.scale * s - shift, 0.0).to(dtype)
        rows = torch.cat([torch.ones_like(s)[..., None], (s / r)[..., None] * self.vectors], dim=-1)
        rows = (rows * self.real[..., None]).to(dtype)
        series = [torch.ones_like(x), x]
        while len(series) < terms:
            series.append(2 * x * series[-1] - series[-2])
        basis = torch.stack(series, dim=-1)
        parts = zip(
            torch.split(rows, self.widths, dim=1), torch.split(basis, self.widths, dim=1), strict=True
        )
        return torch.cat([row.transpose(1, 2) @ each for row, each in parts], dim=-1).transpose(0, 1)

    def spread(self, pull: Tensor, frame_size: int, forces: Tensor, virial: Tensor) -> None:
        """Add what pairs pull with, of shape (atoms, slots, 3), to forces (all atoms, 3) and virials (frames, 9)."""
        pull = pull * self.real[..., None]
        forces.index_add_(0, self.atoms, pull.sum(1))
        forces.index_add_(0, self.neighbours.flatten(), -pull.reshape(-1, 3))
        nine = -(pull.transpose(1, 2) @ self.vectors.detach()).reshape(-1, 9)
        virial.index_add_(0, self.atoms // frame_size, nine)
