"""The fast path in plain torch, for any device that torch has: the same series and folded layers, derivatives by torch.

On a CPU the compiled loops of :mod:`aisteer.deep_potential.fast` are several times as fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aisteer.deep_potential.chebyshev import fit_series, s_of
from aisteer.deep_potential.description import Layer
from aisteer.deep_potential.exact import ExactNetwork
from aisteer.deep_potential.fast import PRECISIONS, Answer, Precision, starts_of
from aisteer.deep_potential.folding import Folded, fold
from aisteer.deep_potential.kernels import Weight
from aisteer.deep_potential.neighbours import Neighbours
from aisteer.deep_potential.structures import Frames
from aisteer.errors import BadModel

__all__ = ["DeviceCommittee", "device_of"]

_BLOCK = 2048
"""Atoms at once: with a hundred neighbours and 32 terms some hundred MB."""

Integers = NDArray[np.int64]


def device_of(name: str | None, *, exact: bool) -> torch.device | None:
    """The device of that name, or ``None`` for the compiled loops.

    Raises:
        BadModel: There is no such device, or the networks themselves are wanted there.
    """
    if name is None:
        return None
    if exact:
        raise BadModel("The networks themselves are evaluated on the CPU. Leave out device, or exact=True.")
    try:
        found = torch.device(name)
        torch.empty(1, device=found)
    except (RuntimeError, AssertionError) as error:
        raise BadModel(
            f"There is no device {name!r:.40} here: {str(error).splitlines()[0]:.200} Without device= the CPU is taken."
        ) from error
    return found


class DeviceCommittee:
    """All members on one device; arguments and answers as of :class:`FastCommittee`."""

    def __init__(  # noqa: PLR0917  as FastCommittee has them
        self,
        networks: tuple[ExactNetwork, ...],
        r_min: float,
        order: tuple[int, int],
        cut: float,
        precision: Precision,
        device: torch.device,
    ) -> None:
        descriptor = networks[0].description.descriptor
        self._terms, self._intervals = order
        self._types = len(descriptor.sel)
        self._device = device
        self._series_dtype, dtype = PRECISIONS[precision]
        s_max = s_of(descriptor, r_min)
        shifts = np.tile(2.0 * np.arange(self._intervals)[::-1] + 1, self._types)
        self._weight = Weight(descriptor.cutoff, descriptor.smooth_from, 2 * self._intervals / s_max, shifts)
        self._members = []
        for network in networks:
            nets = network.description.fitting.networks
            folded = [
                fold(fit_series(network, kind, s_max, *order), nets[kind][0], descriptor.axis, cut)
                for kind in range(self._types)
            ]
            bias = network.description.bias
            self._members.append(
                [
                    _Centre(folded[kind], nets[kind], float(bias[kind]), dtype, device)
                    for kind in range(self._types)
                ]
            )

    def __call__(self, frames: Frames, found: Neighbours, atoms: Integers) -> list[Answer]:
        """What each member says, for the energies of `atoms` alone (numbers through all frames)."""
        members, total = len(self._members), len(found.counts)
        types = np.tile(frames.types, len(frames))[atoms]
        zeros = partial(torch.zeros, dtype=torch.float64, device=self._device)
        atomic, forces = zeros(members, total), zeros(members, total, 3)
        virial = zeros(members, len(frames), 9)
        starts = starts_of(found, self._weight, self._intervals)
        for kind in range(self._types):
            alike = atoms[types == kind]
            for begin in range(0, len(alike), _BLOCK):
                block = _Block.of(
                    frames, found, starts, alike[begin : begin + _BLOCK], self._weight, self._device
                )
                vectors = block.vectors.requires_grad_()
                moments = block.moments(self._weight, self._terms, self._series_dtype)
                for number, member in enumerate(self._members):
                    energies, slopes = member[kind](moments.detach(), block.counts)
                    atomic[number, block.atoms] = energies
                    (pull,) = torch.autograd.grad(moments, vectors, slopes, retain_graph=number < members - 1)
                    block.spread(pull, len(frames.types), forces[number], virial[number])
        parts = (each.cpu().numpy() for each in (atomic, forces, virial))
        return [Answer(*each) for each in zip(*parts, strict=True)]


@dataclass(frozen=True, eq=False)
class _Block:
    """Atoms of one type with a table of their neighbours, group by group side by side; a slot may be empty.

    Attributes:
        atoms: Numbers through all frames, of shape (atoms,).
        neighbours: Likewise, of shape (atoms, slots).
        real: Which slots are not empty.
        vectors: From atoms to neighbours, of shape (atoms, slots, 3).
        counts: Neighbours by type.
        widths: How many slots a group has.
    """

    atoms: Tensor
    neighbours: Tensor
    real: Tensor
    vectors: Tensor
    counts: Tensor
    widths: list[int]

    @classmethod
    def of(  # noqa: PLR0917
        cls,
        frames: Frames,
        found: Neighbours,
        starts: Integers,
        atoms: Integers,
        weight: Weight,
        device: torch.device,
    ) -> _Block:
        groups = len(weight.shifts)
        begins = starts[atoms[:, None] * groups + np.arange(groups)]
        ends = starts[atoms[:, None] * groups + np.arange(groups) + 1]
        widths = (ends - begins).max(axis=0).tolist()
        slots = np.concatenate([np.arange(width) for width in widths]).astype(np.int64)
        of_group = np.repeat(np.arange(groups), widths)
        real = slots < (ends - begins)[:, of_group]
        index = np.where(real, begins[:, of_group] + slots, 0)
        positions = frames.positions.reshape(-1, 3)
        if len(found.neighbour):
            neighbours = np.where(real, found.neighbour[index], atoms[:, None])
            vectors = positions[neighbours] - positions[atoms][:, None] + found.offset[index]
        else:
            neighbours, vectors = np.zeros(index.shape, dtype=np.int64), np.zeros((*index.shape, 3))
        vectors = np.where(real[..., None], vectors, 1.0)  # harmless to differentiate

        def there(array: NDArray[np.generic]) -> Tensor:
            return torch.from_numpy(array).to(device)

        return cls(
            there(atoms), there(neighbours), there(real), there(vectors), there(found.counts[atoms]), widths
        )

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


class _Centre:
    """One model's folded series and fitting net for centres of one type."""

    def __init__(
        self, folded: Folded, layers: Sequence[Layer], bias: float, dtype: torch.dtype, device: torch.device
    ) -> None:
        def tensor(array: NDArray[np.floating]) -> Tensor:
            return torch.as_tensor(np.ascontiguousarray(array), dtype=dtype, device=device)

        self._scalar, self._vector = tensor(folded.scalar), tensor(folded.vector)
        self._constant, self._empty, self._bias = tensor(folded.constant), tensor(folded.empty), bias
        chosen = [(p, q) for q, end in enumerate(folded.reach) for p in range(q, end)]
        self._left, self._right = torch.tensor(chosen, device=device).T
        self._skip = None if folded.skip is None else tensor(folded.skip)
        self._layers = [
            (tensor(matrix), tensor(layer.bias), None if layer.idt is None else tensor(layer.idt))
            for matrix, layer in zip([folded.first, *(x.matrix for x in layers[1:])], layers, strict=True)
        ]

    def __call__(self, moments: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Atomic energies, and their derivatives by the moments."""
        leaf = moments.requires_grad_()
        given = leaf.to(self._scalar.dtype)
        first = given[0] @ self._scalar + (self._constant - counts.to(given.dtype) @ self._empty)
        columns = torch.cat([first[None], given[1:] @ self._vector])
        x = (columns[..., self._left] * columns[..., self._right]).sum(0)
        for number, (matrix, bias, step) in enumerate(self._layers[:-1]):
            y = torch.tanh(x @ matrix + bias)
            y = y if step is None else y * step
            narrow, wide = matrix.shape
            if number == 0:
                x = y if self._skip is None else y + x @ self._skip
            elif wide in {narrow, 2 * narrow}:
                x = y + x.repeat(1, wide // narrow)
            else:
                x = y
        matrix, bias, _ = self._layers[-1]
        energies = (x @ matrix + bias)[:, 0].double() + self._bias
        (slopes,) = torch.autograd.grad(energies.sum(), leaf)
        return energies.detach(), slopes
