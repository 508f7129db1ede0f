"""The network itself in plain torch: what deepmd-kit computes, differentiable twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from aisteer.deep_potential.description import Description, Network
from aisteer.deep_potential.neighbours import Neighbours

__all__ = ["ExactNetwork", "Pairs", "energies_and_gradients"]

_CHUNK = 1 << 16
"""How many neighbour slots are evaluated at once: some 300 MB for the widest usual nets."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Neighbours as tensors, with a table of those of one type for the atoms of one type.

    Attributes:
        centre: Of shape (pairs,).
        neighbour: Of shape (pairs,).
        types: Of shape (all atoms,).
        start: Of shape (all atoms, types): where an atom's neighbours of a type begin among the pairs.
        counts: Of shape (all atoms, types).
    """

    centre: Tensor
    neighbour: Tensor
    types: Tensor
    start: Tensor
    counts: Tensor

    @classmethod
    def of(cls, found: Neighbours, types: Tensor) -> Pairs:
        """From a neighbour list; `types` of all atoms of all frames."""
        counts = torch.from_numpy(found.counts)
        start = (counts.flatten().cumsum(0) - counts.flatten()).reshape(counts.shape)
        return cls(torch.from_numpy(found.centre), torch.from_numpy(found.neighbour), types, start, counts)

    def table(self, atoms: Tensor, kind: int) -> tuple[Tensor, Tensor]:
        """Indices into the pairs, of shape (atoms, most neighbours of that type), and which of them are real."""
        counts = self.counts[atoms, kind]
        slots = torch.arange(int(counts.max()) if len(atoms) else 0)
        real = slots < counts[:, None]
        return (self.start[atoms, kind][:, None] + slots) * real, real


class ExactNetwork(torch.nn.Module):
    """The embedding and fitting nets of one model, as parameters; in float64 if `double`, else as they were trained."""

    def __init__(self, description: Description, *, double: bool = False) -> None:
        super().__init__()
        described = description.descriptor
        self.description = description
        self.dtype = torch.float64 if double else getattr(torch, described.precision)
        self.fitting_dtype = torch.float64 if double else getattr(torch, description.fitting.precision)
        # One-sided nets are shared by all centres, and so are their parameters.
        made = {id(network): _parameters(network) for network in described.networks.values()}
        self._embedding = {pair: made[id(network)] for pair, network in described.networks.items()}
        self.embedding = torch.nn.ModuleList(made.values())
        self.fitting = torch.nn.ModuleList(_parameters(network) for network in description.fitting.networks)
        if double:
            self.double()
        self.register_buffer("mean", torch.as_tensor(described.mean, dtype=self.dtype))
        self.register_buffer("std", torch.as_tensor(described.std, dtype=self.dtype))
        self.register_buffer("bias", torch.as_tensor(description.bias))
        self.mean: Tensor
        self.std: Tensor
        self.bias: Tensor

    def forward(self, vectors: Tensor, pairs: Pairs, atoms: Tensor, kind: int) -> Tensor:
        """Atomic energies.

        Args:
            vectors: From centres to neighbours, of shape (pairs, 3), in Å.
            pairs: Who they lead from and to.
            atoms: Those whose energies are wanted; all of one type.
            kind: That type.

        Returns:
            Energies in eV, of the shape of `atoms`, in float64.
        """
        described = self.description.descriptor
        moments = self._padding(pairs.counts[atoms], kind)
        for other in range(len(described.sel)):
            if (kind, other) in described.excluded:
                continue
            index, real = pairs.table(atoms, other)
            environment = self._environment(vectors[index], real, kind)
            features = self.embed(environment[..., :1], kind, other)
            moments = moments + (environment * real[..., None]).transpose(1, 2) @ features
        moments = moments / described.slots
        product = moments.transpose(1, 2) @ moments[:, :, : described.axis]
        value = _run(self.fitting[kind], product.flatten(1).to(self.fitting_dtype), linear_last=True)
        return value[:, 0].double() + self.bias[kind]

    def _environment(self, vectors: Tensor, real: Tensor, kind: int) -> Tensor:
        """R̃, of shape (atoms, slots, 4)."""
        described = self.description.descriptor
        # A slot that is not real gets a vector that is harmless to differentiate, and counts nothing.
        safe = torch.where(real[..., None], vectors, torch.ones_like(vectors)).to(self.dtype)
        r = torch.linalg.vector_norm(safe, dim=-1, keepdim=True)
        u = (r.clamp(described.smooth_from, described.cutoff) - described.smooth_from) / (
            described.cutoff - described.smooth_from
        )
        weight = u**3 * (-6 * u**2 + 15 * u - 10) + 1
        rows = torch.cat([weight / r, weight * safe / r**2], dim=-1)
        return (rows - self.mean[kind]) / self.std[kind]

    def embed(self, inputs: Tensor, kind: int, other: int) -> Tensor:
        """The embedding net of neighbours of type `other` about centres of type `kind`: (…, 1) becomes (…, width)."""
        return _run(self._embedding[kind, other], inputs, linear_last=False)

    def _padding(self, counts: Tensor, kind: int) -> Tensor:
        """What the empty slots add, of shape (atoms, 4, width): deepmd-kit normalises them too, so it is not zero."""
        described = self.description.descriptor
        empty = -self.mean[kind] / self.std[kind]
        total = torch.zeros(len(counts), 4, described.neuron[-1], dtype=self.dtype)
        for other, slots in enumerate(described.sel):
            features = self.embed(empty[None, :1], kind, other)
            total = (
                total + (slots - counts[:, other]).to(self.dtype)[:, None, None] * empty[:, None] * features
            )
        return total


def energies_and_gradients(
    network: ExactNetwork, vectors: Tensor, pairs: Pairs, chosen: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Atomic energies in eV, and their sum's derivative by each pair's vector in eV/Å, of shape (pairs, 3).

    An atom's energy depends on its own pairs alone, so atoms are taken in portions that bound the memory. Where only
    some are `chosen`, the others have no energy and contribute nothing.
    """
    energies = torch.zeros(len(pairs.types), dtype=torch.float64)
    gradients = torch.zeros_like(vectors)
    everyone = torch.arange(len(pairs.types)) if chosen is None else chosen
    for kind in range(network.description.types):
        for atoms in _portions(pairs, everyone[pairs.types[everyone] == kind]):
            leaf = vectors.detach().requires_grad_()
            value = network(leaf, pairs, atoms, kind)
            energies[atoms] = value.detach()
            if value.requires_grad and len(leaf):
                gradients += torch.autograd.grad(value.sum(), leaf, materialize_grads=True)[0]
    return energies, gradients


def _portions(pairs: Pairs, atoms: Tensor) -> Iterator[Tensor]:
    widest = max(1, int(pairs.counts.sum(1).max())) if len(pairs.counts) else 1
    size = max(1, _CHUNK // widest)
    yield from (atoms[start : start + size] for start in range(0, len(atoms), size))


def _parameters(network: Network) -> torch.nn.ModuleList:
    layers = []
    for layer in network:
        named = {"matrix": layer.matrix, "bias": layer.bias, "idt": layer.idt}
        layers.append(
            torch.nn.ParameterDict(
                {
                    name: torch.nn.Parameter(torch.as_tensor(np.array(array)))
                    for name, array in named.items()
                    if array is not None
                }
            )
        )
    return torch.nn.ModuleList(layers)


def _run(layers: torch.nn.Module, x: Tensor, *, linear_last: bool) -> Tensor:
    assert isinstance(layers, torch.nn.ModuleList)
    for number, layer in enumerate(layers):
        assert isinstance(layer, torch.nn.ParameterDict)
        y: Tensor = x @ layer["matrix"] + layer["bias"]
        if linear_last and number == len(layers) - 1:
            return y
        y = torch.tanh(y)
        if "idt" in layer:
            y = y * layer["idt"]
        if y.shape[-1] == x.shape[-1]:
            y = y + x
        elif y.shape[-1] == 2 * x.shape[-1]:
            y = y + torch.cat([x, x], dim=-1)
        x = y
    return x
