"""Energies and forces without embedding nets: shared moments, one small matrix product, the fitting net."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aisteer.deep_potential.chebyshev import Series, fit_series, s_of
from aisteer.deep_potential.exact import ExactNetwork
from aisteer.deep_potential.kernels import accumulate_forces, accumulate_moments
from aisteer.deep_potential.neighbours import Neighbours
from aisteer.deep_potential.structures import Frames

__all__ = ["Answer", "FastCommittee"]

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Answer:
    """What one member says of all frames: of shape (all atoms,), (all atoms, 3) and (frames, 9)."""

    atomic: Numbers
    forces: Numbers
    virial: Numbers


@dataclass(frozen=True, eq=False)
class _Matrices:
    """One member's series and fitting net for centres of one type, in the precision of the products."""

    scalar: Tensor  # (types · intervals · terms, width)
    vector: Tensor
    constant: Tensor  # (width,)
    empty: Tensor  # (types, width)
    layers: tuple[tuple[Tensor, Tensor, Tensor | None], ...]
    axis: int
    bias: float


class FastCommittee:
    """All members with Chebyshev series of one order.

    Args:
        networks: In double precision.
        r_min: Neighbours nearer than this, in Å, are not to be given.
        order: How many terms a series has, an even number, and how many intervals there are.
        dtype: Of the matrix products.
    """

    def __init__(
        self,
        networks: tuple[ExactNetwork, ...],
        r_min: float,
        order: tuple[int, int],
        dtype: torch.dtype = torch.float64,
    ) -> None:
        descriptor = networks[0].description.descriptor
        self._terms, self._intervals = order
        self._types = len(descriptor.sel)
        self._dtype = dtype
        self._cutoff, self._smooth = descriptor.cutoff, descriptor.smooth_from
        self._s_max = s_of(descriptor, r_min)
        # x = scale · s − shift; the nearest neighbours, of the largest s, are in the first interval.
        self._scale = 2 * self._intervals / self._s_max
        self._shifts = np.tile(2.0 * np.arange(self._intervals)[::-1] + 1, self._types)
        self._members = tuple(
            tuple(
                self._matrices(network, kind, fit_series(network, kind, self._s_max, *order))
                for kind in range(self._types)
            )
            for network in networks
        )

    def __call__(self, frames: Frames, found: Neighbours, atoms: NDArray[np.int64]) -> list[Answer]:
        """What each member says, for the energies of `atoms` alone (numbers through all frames)."""
        size, total = len(frames.types), len(found.counts)
        types = np.tile(frames.types, len(frames))
        order = atoms[np.argsort(types[atoms], kind="stable")]
        ends = np.searchsorted(types[order], np.arange(self._types + 1))
        positions = frames.positions.reshape(-1, 3)
        pairs = (order, self._starts(found), found.neighbour, found.offset, positions)
        shared = (*pairs, self._cutoff, self._smooth, self._scale, self._shifts)
        moments = np.empty((len(order), 4, len(self._shifts), self._terms))
        _in_threads(len(order), lambda begin, end, _: accumulate_moments(begin, end, *shared, moments))
        counts = torch.from_numpy(found.counts[order]).to(self._dtype)
        given = torch.from_numpy(moments).to(self._dtype)
        answers = []
        for member in self._members:
            energies = torch.empty(len(order), dtype=torch.float64)
            slopes = torch.empty_like(given)
            for kind, matrices in enumerate(member):
                part = slice(int(ends[kind]), int(ends[kind + 1]))
                if part.start < part.stop:
                    energies[part] = _atomic(matrices, given[part], counts[part], slopes[part])
            atomic = np.zeros(total)
            atomic[order] = energies.numpy()
            workers = _workers(len(order))
            forces, virial = np.zeros((workers, total, 3)), np.zeros((workers, len(frames), 9))
            backward = slopes.double().numpy()

            def back(begin: int, end: int, worker: int) -> None:
                accumulate_forces(begin, end, *shared, backward, size, forces[worker], virial[worker])  # noqa: B023

            _in_threads(len(order), back)
            answers.append(Answer(atomic, forces.sum(0), virial.sum(0)))
        return answers

    def _starts(self, found: Neighbours) -> NDArray[np.int64]:
        """Where the neighbours of one type in one interval begin; those of a type stand by distance, so by interval."""
        counts = found.counts.ravel()
        if self._intervals > 1:
            u = np.clip((found.distance - self._smooth) / (self._cutoff - self._smooth), 0, 1)
            s = (u**3 * (-6 * u**2 + 15 * u - 10) + 1) / found.distance
            from_far = np.minimum(s * (self._intervals / self._s_max), self._intervals - 1).astype(np.int64)
            group = (
                np.repeat(np.arange(len(counts)), counts) * self._intervals + self._intervals - 1 - from_far
            )
            # Distances are in order to 10⁻⁸ Å; a pair that is out of it goes where its neighbour went.
            group = np.maximum.accumulate(group) if len(group) else group
            counts = np.bincount(group, minlength=len(counts) * self._intervals)
        return np.concatenate([[0], np.cumsum(counts)])

    def _matrices(self, network: ExactNetwork, kind: int, series: Series) -> _Matrices:
        descriptor, fitting = network.description.descriptor, network.description.fitting

        def tensor(array: NDArray[np.floating]) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(self._dtype)

        width = series.scalar.shape[-1]
        return _Matrices(
            scalar=tensor(series.scalar.reshape(-1, width)),
            vector=tensor(series.vector.reshape(-1, width)),
            constant=tensor(series.constant),
            empty=tensor(series.empty),
            layers=tuple(
                (tensor(layer.matrix), tensor(layer.bias), None if layer.idt is None else tensor(layer.idt))
                for layer in fitting.networks[kind]
            ),
            axis=descriptor.axis,
            bias=float(network.description.bias[kind]),
        )


def _atomic(matrices: _Matrices, moments: Tensor, counts: Tensor, slopes: Tensor) -> Tensor:
    """Atomic energies of atoms of one type, and in `slopes` their derivatives by the moments, of the same shape."""
    size, width = len(moments), matrices.scalar.shape[1]
    flat = moments.reshape(size, 4, -1)
    t = torch.empty(size, 4, width, dtype=moments.dtype)
    # The constant holds all slots for empty; each neighbour fills one, an excluded one too.
    t[:, 0] = flat[:, 0] @ matrices.scalar + (matrices.constant - counts @ matrices.empty)
    t[:, 1:] = (flat[:, 1:].reshape(3 * size, -1) @ matrices.vector).view(size, 3, width)
    left = t[:, :, : matrices.axis]
    energies, by_product = _fitting(matrices, torch.bmm(t.transpose(1, 2), left).view(size, -1))
    by_product = by_product.view(size, width, matrices.axis)
    by_t = torch.bmm(left, by_product.transpose(1, 2))
    by_t[:, :, : matrices.axis] += torch.bmm(t, by_product)
    out = slopes.view(size, 4, -1)
    out[:, 0] = by_t[:, 0] @ matrices.scalar.T
    out[:, 1:] = (by_t[:, 1:].reshape(3 * size, width) @ matrices.vector.T).view(size, 3, -1)
    return energies.double() + matrices.bias


def _fitting(matrices: _Matrices, x: Tensor) -> tuple[Tensor, Tensor]:
    """The fitting net and its derivative by its input, tanh and its slope from one pass."""
    passed = []
    for matrix, bias, idt in matrices.layers[:-1]:
        y = torch.addmm(bias, x, matrix).tanh_()
        passed.append(y)
        step = y if idt is None else y * idt
        x = _skipped(step, x)
    matrix, bias, _ = matrices.layers[-1]
    energies = torch.addmm(bias, x, matrix)[:, 0]
    slope = matrix[:, 0].expand(len(x), -1)
    for (matrix, _, idt), y in zip(matrices.layers[-2::-1], passed[::-1], strict=True):
        through = slope if idt is None else slope * idt
        back = torch.addcmul(through, through * y, y, value=-1) @ matrix.T
        narrow, wide = matrix.shape
        if wide == narrow:
            back += slope
        elif wide == 2 * narrow:
            back += slope[:, :narrow] + slope[:, narrow:]
        slope = back
    return energies, slope


def _skipped(step: Tensor, x: Tensor) -> Tensor:
    if step.shape[1] == x.shape[1]:
        return step + x
    if step.shape[1] == 2 * x.shape[1]:
        return step + torch.cat([x, x], dim=1)
    return step


def _workers(count: int) -> int:
    """As many threads as torch has, and none for little work."""
    return min(torch.get_num_threads(), max(1, count // 64))


def _in_threads(count: int, work: Callable[[int, int, int], object]) -> None:
    """Work on ranges of atoms, the number of the worker being the third argument."""
    workers = _workers(count)
    if workers == 1:
        work(0, count, 0)
        return
    ends = np.linspace(0, count, workers + 1).astype(int).tolist()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, ends[:-1], ends[1:], range(workers)))
