"""Fitting nets of several members at once, on a device: a matrix product with a batch of members in place of one each.

Where every product is launched by itself its start costs as much as its arithmetic. So what members share is
multiplied once (the moments, with all members' coefficients side by side), and what they do not share is stacked: nets
of alike widths, and products of features filled up with zeros to as many as the member with the most has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aisteer.deep_potential.description import Layer
from aisteer.deep_potential.fitting import Room
from aisteer.deep_potential.folding import Folded

__all__ = ["Batch", "Passes"]

Numbers = NDArray[np.float64]


class Passes(Protocol):
    """What stands between the matrix products; see ``EagerPasses``."""

    def multiply(self, columns: Tensor, left: Tensor, right: Tensor, out: Tensor) -> None: ...  # noqa: D102
    def pull_back(self, columns: Tensor, by_products: Tensor, table: Tensor, out: Tensor) -> None: ...  # noqa: D102
    def activate(  # noqa: D102
        self, values: Tensor, bias: Tensor, step: Tensor, given: Tensor | None, out: Tensor
    ) -> None: ...


class Batch:
    """Folded series and fitting nets of several members for centres of one type.

    Args:
        folded: Of each member.
        nets: Likewise; layers are as wide in all of them.
        biases: Of energies, likewise.
        dtype: Of the matrix products.
        device: Where they are made.
        passes: What stands between them there.
    """

    def __init__(  # noqa: PLR0917
        self,
        folded: Sequence[Folded],
        nets: Sequence[Sequence[Layer]],
        biases: Sequence[float],
        dtype: torch.dtype,
        device: torch.device,
        passes: Passes,
    ) -> None:
        def there(array: Numbers) -> Tensor:
            return torch.as_tensor(np.ascontiguousarray(array), dtype=dtype, device=device)

        self._passes, self._dtype, self._members = passes, dtype, len(folded)
        rank = self._rank = max(each.scalar.shape[1] for each in folded)
        number = self._products = max(len(each.first) for each in folded)
        # Below the moments stand counts of neighbours and a one, which carry what empty slots add.
        whole = [np.concatenate([f.scalar, -f.empty, f.constant[None]]) for f in folded]
        self._scalars = there(np.concatenate([_wider(each, rank) for each in whole], axis=1))
        self._vectors = there(np.concatenate([_wider(each.vector, rank) for each in folded], axis=1))
        terms = len(self._vectors)
        self._scalars_back = self._scalars[:terms].view(terms, -1, rank).permute(1, 2, 0)
        self._vectors_back = self._vectors.view(terms, -1, rank).permute(1, 2, 0)
        places = [_places(each, rank, number) for each in folded]
        self._left, self._right, self._table = (
            torch.from_numpy(np.array(each)).to(device) for each in zip(*places, strict=True)
        )
        self._skips = any(each.skip is not None for each in folded)
        first = [_taller(_with_skip(each, skips=self._skips), number) for each in folded]
        layers = [list(each) for each in zip(*nets, strict=True)]
        hidden = layers[:-1]
        self._matrices = [
            there(np.array(first)),
            *(there(np.array([x.matrix for x in each])) for each in hidden[1:]),
        ]
        self._biases = [there(np.array([x.bias for x in each])) for each in hidden]
        # Where there is no time step it is one.
        self._steps = [
            there(np.array([np.ones(len(x.bias)) if x.idt is None else x.idt for x in each]))
            for each in hidden
        ]
        # How often a layer's input is added to what comes of it; the first one's product carries that.
        widths = [matrix.shape[1:] for matrix in self._matrices[1:]]
        self._repeats = [0, *({narrow: 1, 2 * narrow: 2}.get(wide, 0) for narrow, wide in widths)]
        self._last = there(np.array([x.matrix for x in layers[-1]]))
        shifts = np.array([x.bias[0] for x in layers[-1]], dtype=float) + np.array(biases)
        self._shifts = torch.as_tensor(shifts, device=device)[:, None]

    def __call__(self, scalars: Tensor, vectors: Tensor, room: Room) -> tuple[Tensor, Tensor, Tensor]:
        """Atomic energies, and their derivatives by the moments.

        Args:
            scalars: Moments of the first row, then counts of neighbours by type, then one; of shape (atoms, …).
            vectors: Of the other three rows, of shape (3, atoms, groups · terms).
            room: For what is in between, and for the answer.

        Returns:
            Energies of shape (members, atoms), in double precision, and derivatives of shape (members, atoms, groups ·
            terms) and (members, 3, atoms, groups · terms).
        """
        members, size, rank = self._members, len(scalars), self._rank
        scalars, vectors = (
            self._converted("scalars", scalars, room),
            self._converted("vectors", vectors, room),
        )
        columns = self._take(room, "columns", 4, size, members * rank)
        torch.mm(scalars, self._scalars, out=columns[0])
        torch.mm(vectors.flatten(0, 1), self._vectors, out=columns[1:].flatten(0, 1))
        columns = columns.view(4, size, members, rank)
        products = self._take(room, "products", members, size, self._products)
        self._passes.multiply(columns, self._left, self._right, products)
        energies, by_products = self._fit(products, room)
        back = self._take(room, "columns back", members, 4, size, rank)
        self._passes.pull_back(columns, by_products, self._table, back)
        by_scalars = self._take(room, "by scalars", members, size, vectors.shape[-1])
        by_vectors = self._take(room, "by vectors", members, 3, size, vectors.shape[-1])
        torch.bmm(back[:, 0], self._scalars_back, out=by_scalars)
        torch.bmm(back[:, 1:].flatten(1, 2), self._vectors_back, out=by_vectors.flatten(1, 2))
        return energies, by_scalars, by_vectors

    def _take(self, room: Room, name: str, *shape: int) -> Tensor:
        return room.take(f"{name} {len(shape)}", *shape, dtype=self._dtype)

    def _converted(self, name: str, moments: Tensor, room: Room) -> Tensor:
        if moments.dtype == self._dtype:
            return moments
        return self._take(room, f"converted {name}", *moments.shape).copy_(moments)

    def _fit(self, x: Tensor, room: Room) -> tuple[Tensor, Tensor]:
        """The fitting nets and their derivatives by the products."""
        members, size = x.shape[:2]
        slopes, outs = [], []
        for number, matrix in enumerate(self._matrices):
            value = self._take(room, f"value {number}", members, size, matrix.shape[-1])
            out = self._take(room, f"out {number}", members, size, self._biases[number].shape[-1])
            torch.bmm(x, matrix, out=value)
            given = x if self._repeats[number] else None
            if number == 0 and self._skips:
                given = value[..., out.shape[-1] :]
            self._passes.activate(value, self._biases[number], self._steps[number], given, out)
            slopes.append(value)
            outs.append(out)
            x = out
        energies = torch.bmm(x, self._last)[..., 0].double() + self._shifts
        back = self._last.mT.expand(members, size, -1)
        for number in reversed(range(1, len(slopes))):
            # A layer's input is not needed any more, and as wide as its derivative.
            back = self._back(number, back, slopes[number].mul_(back), outs[number - 1])
        first, wide = slopes[0], back.shape[-1]
        first[..., :wide].mul_(back)
        if self._skips:
            first[..., wide:] = back
        by_products = self._take(room, "products back", members, size, self._products)
        torch.bmm(first, self._matrices[0].mT, out=by_products)
        return energies, by_products

    def _back(self, number: int, back: Tensor, slope: Tensor, out: Tensor) -> Tensor:
        """From the derivative by what a layer gives to that by what it is given."""
        matrix, repeats = self._matrices[number].mT, self._repeats[number]
        if repeats == 0:
            return torch.bmm(slope, matrix, out=out)
        if repeats == 1:
            return torch.baddbmm(back, slope, matrix, out=out)
        narrow = out.shape[-1]
        torch.add(back[..., :narrow], back[..., narrow:], out=out)
        return out.baddbmm_(slope, matrix)


def _wider(rows: Numbers, rank: int) -> Numbers:
    return np.pad(rows, ((0, 0), (0, rank - rows.shape[1])))


def _taller(rows: Numbers, number: int) -> Numbers:
    return np.pad(rows, ((0, number - len(rows)), (0, 0)))


def _with_skip(folded: Folded, *, skips: bool) -> Numbers:
    """The first matrix, and beside it what carries the skip."""
    if not skips:
        return folded.first
    skip = np.zeros_like(folded.first) if folded.skip is None else folded.skip
    return np.concatenate([folded.first, skip], axis=1)


def _places(
    folded: Folded, rank: int, number: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Which columns a product is of, and which product two columns have; `number` is none."""
    chosen = [(p, q) for q, end in enumerate(folded.reach) for p in range(q, end)]
    left, right = np.zeros((2, number), dtype=np.int64)
    left[: len(chosen)], right[: len(chosen)] = np.array(chosen).T
    table = np.full((rank, rank), number)
    for place, (p, q) in enumerate(chosen):
        table[p, q] = table[q, p] = place
    return left, right, table
