"""Who is near whom: pairs of all frames, in the order of centre, neighbour's type and distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from vesin import NeighborList

from aisteer.deep_potential.ordering import order_pairs
from aisteer.deep_potential.structures import Frames
from aisteer.errors import BadStructure, NeighbourOverflow

__all__ = [
    "CLOSEST",
    "FoundPairs",
    "Neighbours",
    "all_pairs",
    "find_neighbours",
    "on_top_of_each_other",
    "within_sel",
]

CLOSEST = 0.01
"""Å. Atoms that are nearer than this are on top of each other."""

_FAR = 1000.0  # Å; an extent that no slab or wire has, unless atoms have flown off


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Pairs (centre, neighbour) of all frames, by centre, then the neighbour's type, then distance.

    Attributes:
        centre: Of shape (pairs,): numbers of atoms, counted through all frames.
        neighbour: Of shape (pairs,).
        offset: Of shape (pairs, 3): which lattice vector leads to the image that is meant, in Å.
        distance: Of shape (pairs,), in Å.
        counts: Of shape (all atoms, types): how many neighbours of each type.
        dropped: How many were more than ``sel`` holds and are left out.
    """

    centre: NDArray[np.int64]
    neighbour: NDArray[np.int64]
    offset: NDArray[np.float64]
    distance: NDArray[np.float64]
    counts: NDArray[np.int64]
    dropped: int


def find_neighbours(
    frames: Frames, cutoff: float, sel: tuple[int, ...], *, overflow: str = "refuse"
) -> Neighbours:
    """All pairs within the cutoff, images included.

    Args:
        frames: What is evaluated.
        cutoff: In Å.
        sel: The most neighbours that the model takes, by type.
        overflow: ``refuse`` what has more, or keep the ``nearest`` as deepmd-kit does.

    Raises:
        NeighbourOverflow: An atom has more than ``sel``.
        BadStructure: Two atoms are on top of each other.
    """
    pairs = all_pairs(frames, cutoff, len(sel))
    if len(frames) == 1:
        offset = pairs.shift @ frames.cells[0]
    else:
        offset = np.einsum("pk,pkl->pl", pairs.shift, frames.cells[pairs.centre // len(frames.types)])
    found = Neighbours(pairs.centre, pairs.neighbour, offset, pairs.distance, pairs.counts, 0)
    if len(found.distance) and found.distance.min() < CLOSEST:
        raise on_top_of_each_other(frames, found)
    return within_sel(found, frames, sel, overflow=overflow)


class FoundPairs(NamedTuple):
    """What a search found, in the order of :class:`Neighbours`.

    Attributes:
        centre: Of shape (pairs,).
        neighbour: Of shape (pairs,).
        shift: Of shape (pairs, 3): how many lattice vectors lead to the image that is meant.
        distance: Of shape (pairs,), in Å.
        counts: Of shape (all atoms, types).
    """

    centre: NDArray[np.int64]
    neighbour: NDArray[np.int64]
    shift: NDArray[np.float64]
    distance: NDArray[np.float64]
    counts: NDArray[np.int64]


def all_pairs(frames: Frames, cutoff: float, kinds: int) -> FoundPairs:
    """All pairs within the cutoff, images included; `kinds` is the number of types."""
    parts = [_pairs(frames, frame, cutoff, kinds) for frame in range(len(frames))]
    return parts[0] if len(parts) == 1 else FoundPairs(*map(np.concatenate, zip(*parts, strict=True)))


def within_sel(found: Neighbours, frames: Frames, sel: tuple[int, ...], *, overflow: str) -> Neighbours:
    """What the model takes of them.

    Raises:
        NeighbourOverflow: An atom has more than ``sel``, and that is refused.
    """
    counts = found.counts
    if not (counts > np.array(sel)).any():
        return found
    if overflow == "refuse":
        raise _overflow(frames, counts, sel)
    group = found.centre * len(sel) + frames.types[found.neighbour % len(frames.types)]
    kept = _nearest(found.centre, group, found.distance, counts, sel)
    fewer = np.bincount(group[kept], minlength=counts.size).reshape(counts.shape)
    return Neighbours(
        found.centre[kept],
        found.neighbour[kept],
        found.offset[kept],
        found.distance[kept],
        fewer,
        int((~kept).sum()),
    )


def on_top_of_each_other(frames: Frames, found: Neighbours) -> BadStructure:
    """The error for the nearest pair."""
    pair, size = int(found.distance.argmin()), len(frames.types)
    frame, first = divmod(int(found.centre[pair]), size)
    atoms = first, int(found.neighbour[pair]) % size
    return BadStructure(
        f"In {frames.named(frame)}atoms {atoms[0]} and {atoms[1]} are on top of each other "
        f"({found.distance[pair]:.2g} Å apart), so there is no energy. Check positions and cell.",
        frame=frame,
        atoms=atoms,
    )


def _pairs(frames: Frames, frame: int, cutoff: float, kinds: int) -> FoundPairs:
    search = NeighborList(cutoff=cutoff, full_list=False, n_threads=1)
    box = _spanning(frames.cells[frame], frames.periodic)
    points, wrapped = _brought_near(frames.positions[frame], box, frames.periodic, cutoff)
    first, second, shift, distance = search.compute(
        points=points, box=box, periodic=list(frames.periodic), quantities="ijSd", copy=False
    )
    if wrapped is not None:
        shift = shift + (wrapped[first] - wrapped[second]).astype(shift.dtype)
    number, size = 2 * len(first), frames.positions.shape[1]
    made = FoundPairs(
        np.empty(number, dtype=np.int64),
        np.empty(number, dtype=np.int64),
        np.empty((number, 3)),
        np.empty(number),
        np.empty((size, kinds), dtype=np.int64),
    )
    each_once = first, second, shift, distance, frames.types, kinds, cutoff, frame * size
    order_pairs(*each_once, made.centre, made.neighbour, made.shift, made.distance, made.counts.reshape(-1))
    return made


def _spanning(cell: NDArray[np.float64], periodic: tuple[bool, bool, bool]) -> NDArray[np.float64]:
    """The cell with unit vectors across its periodic ones where it has none: directions that do not repeat need one."""
    made = cell.copy()
    for row in (k for k in range(3) if not periodic[k]):
        made[row] = 0
        _, _, across = np.linalg.svd(made)
        made[row] = across[-1]
    return made


def _brought_near(
    positions: NDArray[np.float64], box: NDArray[np.float64], periodic: tuple[bool, bool, bool], cutoff: float
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Where some directions repeat and others do not: atoms that are far off, near, with the same pairs.

    There a search takes memory and time by how wide the atoms are spread, and from some 10⁶ Å it ends the process. So
    they are wrapped where the cell repeats, and where it does not gaps wider than the cutoff are closed.

    Returns:
        Positions, and by how many lattice vectors each was wrapped, of shape (atoms, 3); ``None`` where nothing was.
    """
    if all(periodic) or not any(periodic) or np.ptp(positions, axis=0).max() < _FAR:
        return positions, None
    wrapped = np.floor(positions @ np.linalg.inv(box)) * periodic
    positions = positions - wrapped @ box
    for across in (box[row] for row in range(3) if not periodic[row]):
        height = positions @ across
        order = np.argsort(height)
        gaps = np.diff(height[order])
        moved = np.zeros(len(height))
        moved[order[1:]] = np.cumsum(np.minimum(gaps, 2 * cutoff) - gaps)
        positions = positions + (moved - moved[order[len(order) // 2]])[:, None] * across
    return positions, wrapped


def _overflow(frames: Frames, counts: NDArray[np.int64], sel: tuple[int, ...]) -> NeighbourOverflow:
    over = np.argwhere(counts > np.array(sel))
    (where, kind), most = map(int, over[0]), counts.max(axis=0).tolist()
    frame, atom = divmod(where, frames.positions.shape[1])
    return NeighbourOverflow(
        f"In {frames.named(frame)}atom {atom} has {counts[where, kind]} neighbours of type {kind}, and the model "
        f"takes {sel[kind]} (its sel is {list(sel)}; this structure needs {most}). deepmd-kit would silently leave "
        "out the farthest, and forces would jump. Train with a larger sel, or load with "
        'overflow="nearest" to do as deepmd-kit.',
        frame=frame,
        atom=atom,
        needed=most,
        sel=list(sel),
    )


def _nearest(
    centre: NDArray[np.int64],
    group: NDArray[np.int64],
    distance: NDArray[np.float64],
    counts: NDArray[np.int64],
    sel: tuple[int, ...],
) -> NDArray[np.bool_]:
    """What deepmd-kit keeps: the nearest of all types, as many as all slots; of these the nearest of each type."""
    order = np.lexsort((distance, centre))
    of_centre = counts.sum(axis=1)
    rank = np.empty(len(centre), dtype=np.int64)
    rank[order] = np.arange(len(centre)) - np.repeat(np.cumsum(of_centre) - of_centre, of_centre)
    of_group = counts.ravel()
    in_type = np.arange(len(centre)) - np.repeat(np.cumsum(of_group) - of_group, of_group)
    return np.asarray((rank < sum(sel)) & (in_type < np.array(sel)[group % len(sel)]))
