"""The weights of all members of a committee in one set of tensors, members along the first axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from aisteer.deep_potential.description import Description, Layer, Network

__all__ = ["Stack", "StackedLayer"]


@dataclass(eq=False)
class StackedLayer:
    """One layer of all members, and of all nets of one kind where there are several: leading axes come first.

    Attributes:
        matrix: Of shape (…, width in, width out).
        bias: Of shape (…, 1, width out).
        idt: Of shape (…, 1, width out), or ``None``.
    """

    matrix: Tensor
    bias: Tensor
    idt: Tensor | None

    def tensors(self) -> Iterator[Tensor]:
        """Those that there are."""
        yield self.matrix
        yield self.bias
        if self.idt is not None:
            yield self.idt


class Stack:
    """The embedding and fitting nets of a committee.

    Attributes:
        embedding: Layers of shape (members, nets, …): nets in deepmd-kit's order, by neighbour's type, or
            neighbour · types + centre.
        fitting: For each type, layers of shape (members, …).
        members: Their descriptions; weights are those at the beginning.
    """

    def __init__(self, members: Sequence[Description]) -> None:
        self.members = tuple(members)
        descriptor, types = members[0].descriptor, members[0].types
        one_sided = descriptor.one_sided
        self.nets = types if one_sided else types**2
        pairs = [(0, j) if one_sided else (j % types, j // types) for j in range(self.nets)]
        self.embedding = _stacked([[each.descriptor.networks[pair] for pair in pairs] for each in members])
        self.fitting = [
            [_alone(layer) for layer in _stacked([[each.fitting.networks[kind]] for each in members])]
            for kind in range(types)
        ]

    def tensors(self) -> list[Tensor]:
        """All weights, in a fixed order."""
        layers = [*self.embedding, *(layer for net in self.fitting for layer in net)]
        return [tensor for layer in layers for tensor in layer.tensors()]

    def describe(self, member: int) -> Description:
        """The member as it is now."""
        described = self.members[member]
        types, one_sided = described.types, described.descriptor.one_sided
        nets = [_network(self.embedding, member, net) for net in range(self.nets)]
        networks = {
            (i, j): nets[j if one_sided else j * types + i] for i in range(types) for j in range(types)
        }
        fitting = tuple(_network(net, member) for net in self.fitting)
        return replace(
            described,
            descriptor=replace(described.descriptor, networks=networks),
            fitting=replace(described.fitting, networks=fitting),
            source=None,  # whatever file it began from does not hold it
        )

    def describe_all(self) -> list[Description]:
        """All members as they are now."""
        return [self.describe(member) for member in range(len(self.members))]


def _stacked(networks: list[list[Network]]) -> list[StackedLayer]:
    """From nets by member and place."""
    made = []
    for number in range(len(networks[0][0])):
        layers = [[network[number] for network in of_member] for of_member in networks]
        matrix = np.array([[layer.matrix for layer in row] for row in layers])
        bias = np.array([[layer.bias for layer in row] for row in layers])[:, :, None]
        idt = None
        if layers[0][0].idt is not None:
            idt = torch.from_numpy(np.array([[layer.idt for layer in row] for row in layers])[:, :, None])
        made.append(StackedLayer(torch.from_numpy(matrix), torch.from_numpy(bias), idt))
    return made


def _alone(layer: StackedLayer) -> StackedLayer:
    """Of the only net of its kind, without the axis of nets."""
    idt = None if layer.idt is None else layer.idt[:, 0].clone()
    return StackedLayer(layer.matrix[:, 0].clone(), layer.bias[:, 0].clone(), idt)


def _network(layers: Sequence[StackedLayer], *place: int) -> Network:
    return tuple(
        Layer(
            layer.matrix.detach()[place].numpy().copy(),
            layer.bias.detach()[place][0].numpy().copy(),
            None if layer.idt is None else layer.idt.detach()[place][0].numpy().copy(),
        )
        for layer in layers
    )
