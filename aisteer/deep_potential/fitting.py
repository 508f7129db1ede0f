"""From moments to atomic energies and back, for atoms of one type of one model: matrix products, nothing allocated."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aisteer.deep_potential.columns import activate_double, activate_single, multiply_columns, pull_back
from aisteer.deep_potential.description import Layer
from aisteer.deep_potential.folding import Folded

__all__ = ["Centre", "Room"]


_SHAPES = 1000
"""How many shapes are remembered, for structures of ever other sizes."""


class Room:
    """Memory that is used again and again, by name; it grows to what was needed."""

    def __init__(self, device: torch.device | None = None) -> None:
        self._device = device
        self._kept: dict[str, Tensor] = {}
        self._shaped: dict[tuple[str | int, ...], Tensor] = {}

    def take(self, name: str, *shape: int, dtype: torch.dtype) -> Tensor:
        """Of that shape, with whatever was in it. A name has one dtype and one number of axes."""
        found = self._shaped.get((name, *shape))
        return self._shape(name, shape, dtype) if found is None else found

    def _shape(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        size = math.prod(shape)
        kept = self._kept.get(name)
        if kept is None or len(kept) < size or len(self._shaped) > _SHAPES:
            self._shaped.clear()  # they would keep the old memory
            kept = self._kept[name] = torch.empty(size, dtype=dtype, device=self._device)
        found = self._shaped[name, *shape] = kept[:size].view(shape)
        return found


class Centre:
    """One model's folded series and fitting net for centres of one type."""

    def __init__(self, folded: Folded, layers: Sequence[Layer], bias: float, dtype: torch.dtype) -> None:
        def tensor(array: NDArray[np.floating]) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(dtype)

        self._scalar, self._vector = tensor(folded.scalar), tensor(folded.vector)
        self._constant, self._empty = tensor(folded.constant), tensor(folded.empty)
        self._rank, self._products = folded.scalar.shape[1], len(folded.first)
        self._reach, self._shift = folded.reach, bias
        self._skip = None if folded.skip is None else tensor(folded.skip)
        self._matrices = [tensor(folded.first), *(tensor(layer.matrix) for layer in layers[1:-1])]
        self._last, self._last_bias = tensor(layers[-1].matrix[:, 0]), tensor(layers[-1].bias)
        self._biases = [tensor(layer.bias) for layer in layers[:-1]]
        # Where there is no time step it is one.
        steps = [np.ones(len(layer.bias)) if layer.idt is None else layer.idt for layer in layers[:-1]]
        self._steps = [tensor(step) for step in steps]
        # How often a layer's input is added to what comes of it.
        widths = [matrix.shape for matrix in self._matrices[1:]]
        self._repeats = [0, *({narrow: 1, 2 * narrow: 2}.get(wide, 0) for narrow, wide in widths)]
        self._dtype = dtype
        self._activate = activate_double if dtype == torch.float64 else activate_single

    def __call__(self, moments: Tensor, counts: Tensor, slopes: Tensor, room: Room) -> Tensor:
        """Atomic energies of shape (atoms,), and in `slopes` their derivatives by the moments.

        Args:
            moments: Of shape (4, atoms, types · intervals · terms).
            counts: Neighbours by type, of shape (atoms, types).
            slopes: Of the shape of `moments`; written.
            room: For what is in between.
        """
        size, rank = counts.shape[0], self._rank
        columns = room.take("columns", 4, rank, size, dtype=self._dtype)
        # The constant holds all slots for empty; each neighbour fills one, an excluded one too.
        torch.addmm(self._constant[:, None], self._empty.T, counts.T, alpha=-1, out=columns[0])
        columns[0].addmm_(self._scalar.T, moments[0].T)
        for row in (1, 2, 3):
            torch.mm(self._vector.T, moments[row].T, out=columns[row])
        products = room.take("products", self._products, size, dtype=self._dtype)
        multiply_columns(columns.numpy(), self._reach, products.numpy())
        energies, by_products = self._fit(products, room)
        back = room.take("columns back", 4, rank, size, dtype=self._dtype)
        pull_back(columns.numpy(), self._reach, by_products.numpy(), back.numpy())
        torch.mm(back[0].T, self._scalar.T, out=slopes[0])
        for row in (1, 2, 3):
            torch.mm(back[row].T, self._vector.T, out=slopes[row])
        return energies.double().add_(self._shift)

    def _fit(self, products: Tensor, room: Room) -> tuple[Tensor, Tensor]:
        """The fitting net and its derivative by the products; both of shape (products, atoms)."""
        x, slopes, size = products.T, [], products.shape[1]
        for number, matrix in enumerate(self._matrices):
            slope = torch.mm(
                x, matrix, out=room.take(f"slope {number}", size, matrix.shape[1], dtype=self._dtype)
            )
            out = room.take(f"value {number}", size, matrix.shape[1], dtype=self._dtype)
            given, repeats = (x, self._repeats[number]) if number else (out, 0)
            self._activate(
                slope.numpy(),
                self._biases[number].numpy(),
                self._steps[number].numpy(),
                given.numpy(),
                repeats,
                out.numpy(),
            )
            if number == 0 and self._skip is not None:
                out.addmm_(x, self._skip)
            slopes.append(slope)
            x = out
        energies = torch.addmv(self._last_bias, x, self._last)
        back = self._last.expand(size, -1)
        for number in reversed(range(1, len(slopes))):
            back = self._back(number, back, slopes[number], room)
        by_products = room.take("products back", self._products, size, dtype=self._dtype)
        torch.mm(self._matrices[0], slopes[0].mul_(back).T, out=by_products)
        if self._skip is not None:
            by_products.addmm_(self._skip, back.T)
        return energies, by_products

    def _back(self, number: int, back: Tensor, slope: Tensor, room: Room) -> Tensor:
        """From the derivative by what a layer gives to that by what it is given; `slope` is written over."""
        matrix, repeats = self._matrices[number], self._repeats[number]
        size, narrow = slope.shape[0], matrix.shape[0]
        out = room.take(f"value {number - 1}", size, narrow, dtype=self._dtype)
        torch.mm(slope.mul_(back), matrix.T, out=out)
        for part in range(repeats):
            out += back[:, part * narrow : (part + 1) * narrow]
        return out
