"""What deepmd-kit finds in the data before it trains: normalisation, energy biases, ``sel``, the least distance."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisteer.deep_potential.training.neighbourhoods import Neighbourhoods
from aisteer.deep_potential.training.systems import System

__all__ = [
    "Bias",
    "automatic_sel",
    "energy_bias",
    "nearest_by_type",
    "nearest_distance",
    "normalisation",
]

Reals = NDArray[np.float64]

_LEAST_STD = 1e-2  # deepmd-kit's protection: a smaller spread is taken for this one
_STD_OF_NOTHING = 1e-1  # and what it takes for a type that does not occur


@dataclass(frozen=True, eq=False)
class Bias:
    """Energies of single atoms that fit the frames' energies best.

    Attributes:
        energies: Of shape (types,), in eV.
        std: The standard deviation of what they leave, of shape (types,): one number for all, as deepmd-kit keeps it.
    """

    energies: Reals
    std: Reals


def nearest_distance(neighbourhoods: Sequence[Neighbourhoods]) -> float | None:
    """The least distance of two atoms, in Å; ``None`` where no atom has a neighbour within the cutoff."""
    squares = [(each.vectors**2).sum(1).min() for each in neighbourhoods if len(each.vectors)]
    return float(np.sqrt(min(squares))) if squares else None


def nearest_by_type(neighbourhoods: Sequence[Neighbourhoods], cutoff: float) -> Reals:
    """The least distance by the types of centre and neighbour, in Å; where there is no pair, 0.9 of the cutoff."""
    types = neighbourhoods[0].counts.shape[2]
    least = np.full((types, types), (0.9 * cutoff) ** 2)
    for each in neighbourhoods:
        np.minimum.at(least, _types_of_pairs(each), (each.vectors**2).sum(1))
    return np.asarray(np.sqrt(least))


def automatic_sel(neighbourhoods: Sequence[Neighbourhoods], ratio: float = 1.1) -> tuple[int, ...]:
    """The most neighbours of each type times `ratio`, rounded up to a multiple of 4 (``"auto"``, ``"auto:1.5"``)."""
    most = np.max([each.counts.max((0, 1)) for each in neighbourhoods], axis=0)
    return tuple(4 * ((int(count * ratio) + 3) // 4) for count in most)


def normalisation(
    neighbourhoods: Sequence[Neighbourhoods],
    *,
    cutoff: float,
    smooth_from: float,
    sel: Sequence[int],
    excluded: Collection[tuple[int, int]] = (),
    davg_zero: bool = False,
) -> tuple[Reals, Reals]:
    """``davg`` and ``dstd``, each of shape (types, 4).

    Mean and standard deviation of the environment matrix over all slots of all atoms of a type, empty ones and those of
    excluded pairs as zeros; the three directions together, with a mean of zero.
    """
    types = len(sel)
    number, sums = np.zeros(types), np.zeros((types, 2))
    squares = np.zeros((types, 2))
    shown = np.array([[(i, j) not in excluded for j in range(types)] for i in range(types)])
    for each in neighbourhoods:
        centre, neighbour = _types_of_pairs(each)
        r = np.linalg.norm(each.vectors, axis=1)
        u = np.clip((r - smooth_from) / (cutoff - smooth_from), 0, 1)
        s = (u**3 * (-6 * u**2 + 15 * u - 10) + 1) / r * shown[centre, neighbour]
        direction = s[:, None] * each.vectors / r[:, None]
        for column, (first, second) in enumerate(
            ((s, s**2), (direction.sum(1), (direction**2).sum(1))),
        ):
            sums[:, column] += np.bincount(centre, first, types)
            squares[:, column] += np.bincount(centre, second, types)
        number += np.bincount(np.tile(each.types, len(each)), minlength=types) * sum(sel)
    counts = number[:, None] * np.array([1, 3])
    seen = np.maximum(counts, 1)
    std = np.sqrt(np.clip(squares / seen - (sums / seen) ** 2, 0, None))
    std = np.where(counts > 0, np.where(std < _LEAST_STD, _LEAST_STD, std), _STD_OF_NOTHING)
    mean = np.zeros((types, 4))
    if not davg_zero:
        mean[:, 0] = (sums / seen)[:, 0]
    return mean, std[:, [0, 1, 1, 1]]


def _types_of_pairs(each: Neighbourhoods) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    frames, atoms, kinds = each.counts.shape
    groups = np.repeat(np.arange(frames * atoms * kinds), each.counts.ravel())
    return each.types[groups // kinds % atoms], groups % kinds


def energy_bias(systems: Sequence[System], type_map: Sequence[str]) -> Bias:
    """Least squares of the frames' energies by how many atoms of each type they have."""
    types = len(type_map)
    known = [system for system in systems if system.energies is not None]
    if not known:
        return Bias(np.zeros(types), np.ones(types))
    atoms = np.concatenate(
        [np.tile(np.bincount(system.types(type_map), minlength=types), (len(system), 1)) for system in known]
    ).astype(float)
    energies = np.concatenate([system.energies for system in known if system.energies is not None])
    found, *_ = np.linalg.lstsq(atoms, energies, rcond=None)
    return Bias(found, np.full(types, float((energies - atoms @ found).std())))
