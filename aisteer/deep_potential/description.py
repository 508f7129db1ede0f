"""What a Deep Potential is made of: descriptor, fitting nets, biases. Arrays and numbers, no code."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Description", "Descriptor", "Fitting", "Layer", "Network"]

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer, ``y = tanh(x @ matrix + bias) * idt``, with a skip where the widths are equal or doubled.

    Attributes:
        matrix: Weights, of shape (width in, width out).
        bias: Of shape (width out,).
        idt: The learned time step of the skip, of shape (width out,); ``None`` where there is none.
    """

    matrix: Array
    bias: Array
    idt: Array | None = None


Network = tuple[Layer, ...]


@dataclass(frozen=True, eq=False)
class Descriptor:
    """The descriptor ``se_e2_a``.

    Attributes:
        cutoff: r_c in Å: no neighbour beyond counts.
        smooth_from: r_s in Å: from here on a neighbour's weight falls to zero at the cutoff.
        sel: The most neighbours that an atom may have, of each type.
        neuron: Widths of the embedding net.
        axis: How many of its columns stand on the right of the descriptor's product.
        one_sided: One embedding net for each neighbour type, not for each pair of types.
        excluded: Pairs of types (centre, neighbour; both orders) that do not see each other.
        mean: ``davg``, of shape (types, 4), by the centre's type.
        std: ``dstd``, of shape (types, 4).
        networks: Embedding nets, by (centre type, neighbour type); one-sided ones appear under each centre.
        precision: ``float64`` or ``float32``.
    """

    cutoff: float
    smooth_from: float
    sel: tuple[int, ...]
    neuron: tuple[int, ...]
    axis: int
    one_sided: bool
    excluded: frozenset[tuple[int, int]]
    mean: Array
    std: Array
    networks: dict[tuple[int, int], Network]
    precision: str

    @property
    def slots(self) -> int:
        """The sum of ``sel``, by which deepmd-kit divides; how many neighbours there are does not enter."""
        return sum(self.sel)


@dataclass(frozen=True, eq=False)
class Fitting:
    """The fitting nets: descriptor to atomic energy, one for each type; their last layer is linear."""

    neuron: tuple[int, ...]
    networks: tuple[Network, ...]
    precision: str


@dataclass(frozen=True, eq=False)
class Description:
    """One Deep Potential, whole.

    Attributes:
        type_map: Chemical symbols; the position of one is its type.
        descriptor: How an atom's neighbourhood is described.
        fitting: What energy follows from it.
        bias: Atomic energies in eV that are added, by type; deepmd-kit's two kinds of bias together.
        out_std: What deepmd-kit keeps beside the biases, by type; energies do not depend on it.
        nearest: The least distance in its training data, in Å, where that was kept.
        hyperparameters: deepmd-kit's ``model_params``, as they stood in the file.
        source: The file it was read from.
    """

    type_map: tuple[str, ...]
    descriptor: Descriptor
    fitting: Fitting
    bias: NDArray[np.float64]
    out_std: NDArray[np.float64]
    nearest: float | None
    hyperparameters: dict[str, Any] = field(repr=False)
    source: Path | None = None

    @property
    def types(self) -> int:
        """How many types there are."""
        return len(self.type_map)

    @property
    def name(self) -> str:
        """What messages call it."""
        return str(self.source) if self.source else "a model without a file"
