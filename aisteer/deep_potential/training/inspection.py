"""What is wrong with frames beyond their shapes: atoms too close, too many neighbours, labels that stand out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aisteer.deep_potential.neighbours import Neighbours, find_neighbours
from aisteer.deep_potential.training.neighbourhoods import Neighbourhoods
from aisteer.deep_potential.training.systems import System
from aisteer.errors import BadStructure, BadTrainingData, NeighbourOverflow

__all__ = ["Outliers", "find_neighbourhoods", "refuse_overflow", "without_outliers"]

Outliers = Literal["refuse", "drop", "keep"]

NEAREST = 0.25
"""Å. No two atoms of a sound frame are nearer."""

SPREADS = 10.0
"""How many robust standard deviations an energy per atom may be away from the median."""

_ENERGY_FLOOR = 0.5  # eV by √atoms: warm frames differ by as much, in whatever set they are
_FORCE_FACTOR, _FORCE_FLOOR = 8.0, 10.0  # times the median of the frames' largest forces; eV/Å
_ATOMS_AT_ONCE = 8192
_FEW = 8  # frames from which on a spread can be told


def without_outliers(
    systems: Sequence[System], outliers: Outliers, what: str = "training"
) -> tuple[list[System], list[str]]:
    """The systems without frames whose labels stand out, as those of calculations that did not converge do.

    A frame stands out when its energy per atom is more than 10 robust standard deviations (1.4826 · median absolute
    deviation; at least 0.5 eV / √atoms) from the median of frames of the same composition, or its largest force is
    above 10 eV/Å and 8 times the median of all frames' largest forces. Fewer than eight frames are not judged.

    Returns:
        Systems, and a line for each frame that is left out.

    Raises:
        BadTrainingData: There are such frames and `outliers` is "refuse".
    """
    if outliers not in {"refuse", "drop", "keep"}:
        raise BadTrainingData(f'outliers is "refuse", "drop" or "keep", not {outliers!r:.40}.')
    if outliers == "keep" or sum(map(len, systems)) < _FEW:
        return list(systems), []
    reasons = _energies_that_stand_out(systems) | _forces_that_stand_out(systems)
    if not reasons:
        return list(systems), []
    lines = [f"{systems[s].where(f)}: {why}" for (s, f), why in sorted(reasons.items())]
    if outliers == "refuse":
        listed = "\n  ".join([*lines[:20], *([f"… and {len(lines) - 20} more"] if len(lines) > 20 else [])])
        raise BadTrainingData(
            f"{len(lines)} of {sum(map(len, systems))} frames for {what} stand out as if their calculation had not "
            f'converged:\n  {listed}\nNothing was trained. Label them again, leave them out with outliers="drop", or '
            'pass outliers="keep" if they are right.',
            frames=lines,
        )
    kept = []
    for number, system in enumerate(systems):
        sound = np.array(
            [frame for frame in range(len(system)) if (number, frame) not in reasons], dtype=np.int64
        )
        if len(sound):
            kept.append(system.take(sound))
    return kept, lines


def _energies_that_stand_out(systems: Sequence[System]) -> dict[tuple[int, int], str]:
    alike: dict[tuple[str, ...], list[tuple[int, int, float]]] = {}
    for number, system in enumerate(systems):
        if system.energies is not None:
            per_atom = system.energies / len(system.symbols)
            same = alike.setdefault(tuple(sorted(system.symbols)), [])
            same += [(number, frame, float(energy)) for frame, energy in enumerate(per_atom)]
    found = {}
    for symbols, same in alike.items():
        if len(same) < _FEW:
            continue
        away = np.array([energy for *_, energy in same])
        away -= np.median(away)
        allowed = max(
            SPREADS * 1.4826 * float(np.median(np.abs(away))), _ENERGY_FLOOR / np.sqrt(len(symbols))
        )
        for k in np.flatnonzero(np.abs(away) > allowed):
            why = f"energy {away[k]:+.3f} eV per atom from the median ({allowed:.3f} is usual)"
            found[same[k][0], same[k][1]] = why
    return found


def _forces_that_stand_out(systems: Sequence[System]) -> dict[tuple[int, int], str]:
    largest = {
        (number, frame): float(np.linalg.norm(system.forces[frame], axis=1).max())
        for number, system in enumerate(systems)
        if system.forces is not None
        for frame in range(len(system))
    }
    if len(largest) < _FEW:
        return {}
    allowed = max(_FORCE_FACTOR * float(np.median(list(largest.values()))), _FORCE_FLOOR)
    return {
        where: f"a force of {force:.1f} eV/Å (up to {allowed:.1f} is usual)"
        for where, force in largest.items()
        if force > allowed
    }


def find_neighbourhoods(
    systems: Sequence[System], type_map: Sequence[str], cutoff: float
) -> list[Neighbourhoods]:
    """All pairs within the cutoff.

    Raises:
        BadTrainingData: Two atoms are on top of each other; with file, frame and atoms.
    """
    return [_of_system(system, type_map, cutoff) for system in systems]


def _of_system(system: System, type_map: Sequence[str], cutoff: float) -> Neighbourhoods:
    """In portions of frames, as a search takes several times the memory of what it finds."""
    size = max(1, _ATOMS_AT_ONCE // len(system.symbols))
    portions = [np.arange(begin, min(begin + size, len(system))) for begin in range(0, len(system), size)]
    parts = [_of_frames(system.take(portion), type_map, cutoff) for portion in portions]
    counts = np.concatenate([part.counts for part in parts])
    return Neighbourhoods(
        parts[0].types,
        counts,
        np.concatenate([part.neighbour for part in parts]),
        np.concatenate([part.vectors for part in parts]),
        np.concatenate([[0], np.cumsum(counts.sum((1, 2)))]),
    )


def _of_frames(system: System, type_map: Sequence[str], cutoff: float) -> Neighbourhoods:
    frames = system.frames(type_map)
    try:
        found = find_neighbours(frames, cutoff, (1 << 30,) * len(type_map))
    except BadStructure as error:
        frame = int(error.facts.get("frame", 0))
        raise BadTrainingData(
            f"{system.where(frame)}: {error}", file=system.name, frame=int(system.numbers[frame])
        ) from error
    size = len(frames.types)
    if len(found.distance) and found.distance.min() < NEAREST:
        raise _too_near(system, found)
    flat = frames.positions.reshape(-1, 3)
    counts = found.counts.reshape(len(system), size, -1)
    return Neighbourhoods(
        frames.types,
        counts,
        found.neighbour % size,
        flat[found.neighbour] - flat[found.centre] + found.offset,
        np.concatenate([[0], np.cumsum(counts.sum((1, 2)))]),
    )


def _too_near(system: System, found: Neighbours) -> BadTrainingData:
    size = len(system.symbols)
    pair = int(found.distance.argmin())
    frame, first = divmod(int(found.centre[pair]), size)
    second = int(found.neighbour[pair]) % size
    return BadTrainingData(
        f"{system.where(frame)}: atoms {first} ({system.symbols[first]}) and {second} ({system.symbols[second]}) "
        f"are {found.distance[pair]:.2g} Å apart, on top of each other. Leave the frame out.",
        file=system.name,
        frame=int(system.numbers[frame]),
        atoms=(first, second),
    )


def refuse_overflow(
    systems: Sequence[System],
    neighbourhoods: Sequence[Neighbourhoods],
    sel: Sequence[int],
    type_map: Sequence[str],
) -> None:
    """Raise ``NeighbourOverflow`` where an atom has more neighbours of a type than ``sel``."""
    needed: NDArray[np.int64] = np.max([each.counts.max((0, 1)) for each in neighbourhoods], axis=0)
    for system, each in zip(systems, neighbourhoods, strict=True):
        over = np.argwhere(each.counts > np.array(sel))
        if len(over):
            frame, atom, kind = map(int, over[0])
            raise NeighbourOverflow(
                f"{system.where(frame)}: atom {atom} ({system.symbols[atom]}) has {each.counts[frame, atom, kind]} "
                f"neighbours {type_map[kind]}, and sel is {list(sel)}; these data need {needed.tolist()}. Nothing was "
                'trained. Take a larger sel, or "auto".',
                file=system.name,
                frame=int(system.numbers[frame]),
                atom=atom,
                needed=needed.tolist(),
                sel=list(sel),
            )
