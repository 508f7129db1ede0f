"""The members of a committee before their first step."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisteer.deep_potential.description import Description, Descriptor, Fitting, Layer, Network
from aisteer.deep_potential.support import precision_of
from aisteer.deep_potential.training.statistics import Bias

__all__ = ["first_description"]


def first_description(
    model: dict[str, Any],
    *,
    seed: Sequence[int],
    mean: NDArray[np.float64],
    std: NDArray[np.float64],
    bias: Bias,
    nearest: float | None,
) -> Description:
    """Random weights as deepmd-kit draws them, with the statistics of the data.

    Matrices are normal with variance 1 / (width in + width out), biases normal with variance 1, time steps normal about
    0.1 with the standard deviation 0.001.

    Args:
        model: deepmd-kit's ``model_params``, with ``sel`` as numbers.
        seed: Of this member.
        mean: ``davg``, of shape (types, 4).
        std: ``dstd``.
        bias: Energies of single atoms.
        nearest: The least distance in the data, in Å.
    """
    model = copy.deepcopy(model)
    wanted, fitting = model["descriptor"], model["fitting_net"]
    types, generator = len(model["type_map"]), np.random.default_rng(list(seed))
    kind = precision_of(wanted)
    widths = (1, *wanted["neuron"])

    def embedding() -> Network:
        return _network(generator, widths, timesteps=wanted["resnet_dt"], kind=kind)

    if wanted["type_one_side"]:
        shared = [embedding() for _ in range(types)]
        networks = {(i, j): shared[j] for i in range(types) for j in range(types)}
    else:
        networks = {(i, j): embedding() for j in range(types) for i in range(types)}
    excluded = {(int(i), int(j)) for i, j in wanted["exclude_types"]}
    descriptor = Descriptor(
        cutoff=float(wanted["rcut"]),
        smooth_from=float(wanted["rcut_smth"]),
        sel=tuple(int(n) for n in wanted["sel"]),
        neuron=tuple(int(n) for n in wanted["neuron"]),
        axis=int(wanted["axis_neuron"]),
        one_sided=bool(wanted["type_one_side"]),
        excluded=frozenset(excluded | {(j, i) for i, j in excluded}),
        mean=mean.astype(kind),
        std=std.astype(kind),
        networks=networks,
        precision=kind,
    )
    kind = precision_of(fitting)
    neuron = tuple(int(n) for n in fitting["neuron"])
    widths = (descriptor.neuron[-1] * descriptor.axis, *neuron)
    nets = []
    for _ in range(types):
        hidden = _network(generator, widths, timesteps=fitting["resnet_dt"], kind=kind)
        nets.append((*hidden, _layer(generator, neuron[-1], 1, timestep=False, kind=kind)))
    return Description(
        tuple(model["type_map"]),
        descriptor,
        Fitting(neuron, tuple(nets), kind),
        bias.energies,
        bias.std,
        nearest,
        hyperparameters=model,
    )


def _network(generator: np.random.Generator, widths: Sequence[int], *, timesteps: bool, kind: str) -> Network:
    return tuple(
        _layer(generator, narrow, wide, timestep=timesteps and wide in {narrow, 2 * narrow}, kind=kind)
        for narrow, wide in pairwise(widths)
    )


def _layer(generator: np.random.Generator, narrow: int, wide: int, *, timestep: bool, kind: str) -> Layer:
    matrix = generator.normal(0, 1 / np.sqrt(narrow + wide), (narrow, wide)).astype(kind)
    bias = generator.normal(0, 1, wide).astype(kind)
    return Layer(matrix, bias, generator.normal(0.1, 0.001, wide).astype(kind) if timestep else None)
