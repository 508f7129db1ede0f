"""Energies, forces and virials of all members on one batch, and the gradient of a loss by all their weights.

All derivatives are written out: the loss is differentiated by forces, which are derivatives themselves, and a general
differentiation twice keeps and moves several times as much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from aisteer.deep_potential.training.fitting import FittingPass
from aisteer.deep_potential.training.neighbourhoods import Loops
from aisteer.deep_potential.training.series import SeriesOfNets
from aisteer.deep_potential.training.stack import Stack

__all__ = ["CommitteePass"]


@dataclass(eq=False)
class _Centres:
    """What is kept of the atoms of one type between the two halves of a step."""

    kind: int
    rows: slice
    moments: Tensor
    coefficients: Tensor
    t: Tensor
    fitting: FittingPass
    by_product: Tensor
    by_t: Tensor


class CommitteePass:
    """One batch.

    Attributes:
        energies: Of shape (members, frames), in eV, float64.
        forces: Of shape (members, frames, atoms, 3), in eV/Å.
        virial: Of shape (members, frames, 9), in eV.
    """

    def __init__(self, stack: Stack, series: SeriesOfNets, loops: Loops) -> None:
        self._stack, self._loops = stack, loops
        descriptor = stack.members[0].descriptor
        self._slots, self._axis = descriptor.slots, descriptor.axis
        self._coefficients = series.coefficients()
        self._dtype = self._coefficients.dtype
        fixed = self._coefficients.detach()
        moments = loops.moments().to(self._dtype)
        members, frames = len(fixed), loops.frames
        slopes = torch.empty(members, *moments.shape, dtype=self._dtype)
        bias = torch.from_numpy(np.array([each.bias for each in stack.members]))
        self.energies = torch.zeros(members, frames, dtype=torch.float64)
        self._centres: list[_Centres] = []
        for kind, rows in enumerate(loops.rows):
            if rows.start == rows.stop:
                continue
            centres = self._forward(kind, rows, moments[rows], fixed[:, kind].flatten(1, 2))
            self._centres.append(centres)
            back = centres.by_t.flatten(1, 2) @ centres.coefficients.transpose(1, 2)
            slopes[:, rows] = back.div_(self._slots).view(members, -1, *moments.shape[1:])
            atomic = centres.fitting.energies.double() + bias[:, kind, None]
            self.energies += atomic.view(members, frames, -1).sum(-1)
        self.forces, self.virial = loops.forces(slopes)

    def _forward(self, kind: int, rows: slice, moments: Tensor, coefficients: Tensor) -> _Centres:
        fitting_layers = self._stack.fitting[kind]
        members, width = len(coefficients), coefficients.shape[-1]
        flat = moments.reshape(-1, moments.shape[-1])
        t = torch.matmul(flat, coefficients).div_(self._slots).view(members, -1, 4, width)
        product = t.transpose(2, 3) @ t[..., : self._axis]
        fitting = FittingPass(fitting_layers, product.flatten(2).to(fitting_layers[0].matrix.dtype))
        by_product = fitting.slopes().to(self._dtype).view(product.shape)
        by_t = self._through_product(t, by_product)
        return _Centres(kind, rows, flat, coefficients, t, fitting, by_product, by_t)

    def _through_product(self, t: Tensor, by_product: Tensor) -> Tensor:
        """From the slopes by Tᵀ T[:, :axis] to those by T."""
        by_t = t[..., : self._axis] @ by_product.transpose(2, 3)
        by_t[..., : self._axis] += t @ by_product
        return by_t

    def gradient(self, by_energies: Tensor, by_forces: Tensor, by_virial: Tensor) -> None:
        """Into ``grad`` of all weights of the stack, from the slopes of a loss by energies, forces and virial."""
        for tensor in self._stack.tensors():
            tensor.grad = None
        pushed = self._loops.pushed(by_forces, by_virial).to(self._dtype)
        by_coefficients = torch.zeros_like(self._coefficients)
        for centres in self._centres:
            found = self._back(centres, by_energies, pushed[:, centres.rows])
            by_coefficients[:, centres.kind] = found.view(by_coefficients[:, centres.kind].shape)
        torch.autograd.backward(self._coefficients, by_coefficients)
        for tensor in self._stack.tensors():
            if tensor.grad is None:  # of a type that is not in this batch
                tensor.grad = torch.zeros_like(tensor)

    def _back(self, centres: _Centres, by_energies: Tensor, pushed: Tensor) -> Tensor:
        """The gradient by the coefficients; those by the weights of the fitting net are put where they belong."""
        members, atoms, _, width = centres.t.shape
        pushed = pushed.reshape(members, atoms * 4, -1)
        moved = torch.bmm(pushed, centres.coefficients).div_(self._slots).view(centres.t.shape)
        along = moved.transpose(2, 3) @ centres.t[..., : self._axis]
        along += centres.t.transpose(2, 3) @ moved[..., : self._axis]
        layers = self._stack.fitting[centres.kind]
        dtype = layers[0].matrix.dtype
        per_atom = by_energies.repeat_interleave(atoms // by_energies.shape[1], dim=1).to(dtype)
        back, gradients = centres.fitting.gradient(per_atom, along.flatten(2).to(dtype))
        tensors = [tensor for layer in layers for tensor in layer.tensors()]
        for tensor, gradient in zip(tensors, gradients, strict=True):
            tensor.grad = gradient
        by_t = self._through_product(centres.t, back.to(self._dtype).view(centres.by_product.shape))
        by_t += self._through_product(moved, centres.by_product)
        found = torch.matmul(centres.moments.T, by_t.view(members, atoms * 4, width))
        return found.baddbmm_(pushed.transpose(1, 2), centres.by_t.view(members, -1, width)).div_(self._slots)
