"""Labelled frames as a training takes them: systems of one composition each, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisteer.deep_potential.structures import Frames
from aisteer.errors import BadTrainingData

__all__ = ["System", "check_systems", "elements_of", "split"]

Reals = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class System:
    """Frames of one composition, all with the same labels.

    Attributes:
        name: The folder or file that they are of, for messages.
        symbols: Of each atom.
        positions: Of shape (frames, atoms, 3), in Å.
        cells: Of shape (frames, 3, 3), in Å, vectors in rows; zero without any periodic direction.
        periodic: Which of the three directions repeat.
        energies: Of shape (frames,), in eV, or ``None``.
        forces: Of shape (frames, atoms, 3), in eV/Å, or ``None``.
        virials: Of shape (frames, 3, 3), in eV: −stress · volume, or ``None``.
        numbers: Of shape (frames,): which frame of its file each is.
    """

    name: str
    symbols: tuple[str, ...]
    positions: Reals
    cells: Reals
    periodic: tuple[bool, bool, bool]
    energies: Reals | None
    forces: Reals | None
    virials: Reals | None
    numbers: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.positions)

    def take(self, frames: NDArray[np.int64]) -> System:
        """Some of the frames, in that order."""
        names = ("positions", "cells", "energies", "forces", "virials", "numbers")
        values = {name: getattr(self, name) for name in names}
        return replace(self, **{name: v[frames] for name, v in values.items() if v is not None})

    def types(self, type_map: Sequence[str]) -> NDArray[np.int64]:
        """Of each atom, its position in the type map."""
        places = {symbol: place for place, symbol in enumerate(type_map)}
        for atom, symbol in enumerate(self.symbols):
            if symbol not in places:
                raise BadTrainingData(
                    f"{self.name}: atom {atom} is {symbol!r:.20}, which is not in the type map "
                    f"({', '.join(type_map)}). Nothing was trained. Add it to the type map, or leave this file out.",
                    file=self.name,
                    atom=atom,
                    symbol=symbol,
                )
        return np.array([places[symbol] for symbol in self.symbols], dtype=np.int64)

    def frames(self, type_map: Sequence[str]) -> Frames:
        """Without their labels."""
        return Frames(self.positions, self.cells, self.periodic, self.types(type_map), (len(self),))

    def where(self, frame: int) -> str:
        """How a message calls a frame."""
        return f"{self.name}, frame {self.numbers[frame]}"


def elements_of(systems: Sequence[System]) -> tuple[str, ...]:
    """All elements, in the order in which they first occur."""
    return tuple(dict.fromkeys(symbol for system in systems for symbol in system.symbols))


def check_systems(systems: Sequence[System], what: str = "training") -> None:
    """Raise ``BadTrainingData`` that names file, frame and atom of the first thing which cannot be trained on."""
    if not sum(map(len, systems)):
        raise BadTrainingData(
            f"There are no frames to use for {what}: the set is empty. Nothing was trained."
        )
    for system in systems:
        _check_shapes(system)
        _check_finite(system)
        if system.energies is None and system.forces is None:
            raise BadTrainingData(
                f"{system.name} has neither energies nor forces, so there is nothing to learn from it. Label it, or "
                "leave it out.",
                file=system.name,
            )


def _check_shapes(system: System) -> None:
    frames, atoms = len(system), len(system.symbols)
    for name, shape in (
        ("positions", (frames, atoms, 3)),
        ("cells", (frames, 3, 3)),
        ("energies", (frames,)),
        ("forces", (frames, atoms, 3)),
        ("virials", (frames, 3, 3)),
    ):
        array = getattr(system, name)
        if array is not None and array.shape != shape:
            raise BadTrainingData(
                f"{system.name}: {name} have the shape {array.shape} where {shape} was expected, for {frames} frames "
                f"of {atoms} atoms. Nothing was trained.",
                file=system.name,
                shape=array.shape,
            )
    if atoms == 0:
        raise BadTrainingData(f"{system.name} has frames without atoms. Leave it out.", file=system.name)


def _check_finite(system: System) -> None:
    parts: dict[str, Any] = {
        "position": system.positions,
        "cell": system.cells,
        "energy": system.energies,
        "force": system.forces,
        "virial": system.virials,
    }
    for what, array in parts.items():
        if array is None or np.isfinite(array).all():
            continue
        place = np.argwhere(~np.isfinite(array))[0]
        frame = int(place[0])
        atom = int(place[1]) if what in {"position", "force"} else None
        of = "" if atom is None else f" of atom {atom} ({system.symbols[atom]})"
        raise BadTrainingData(
            f"{system.where(frame)}: the {what}{of} is not finite. The calculation that made it has failed; leave the "
            "frame out, or label it again.",
            file=system.name,
            frame=int(system.numbers[frame]),
            atom=atom,
        )
    flat = np.abs(np.linalg.det(system.cells)) < 1e-6
    if all(system.periodic) and flat.any():
        frame = int(np.flatnonzero(flat)[0])
        raise BadTrainingData(
            f"{system.where(frame)}: the cell spans no volume: {system.cells[frame].tolist()}. For open boundaries "
            "leave the cell out (in deepmd/npy: a file `nopbc`).",
            file=system.name,
            frame=int(system.numbers[frame]),
        )


def split(systems: Sequence[System], share: float, seed: int) -> tuple[list[System], list[System]]:
    """Into training and validation: of each system a random share is held back, in all at least one frame.

    Raises:
        BadTrainingData: The share is not between 0 and 1, or nothing would be left to train on.
    """
    total = sum(map(len, systems))
    wanted = max(1, round(share * total))
    if not 0 < share < 1 or wanted >= total:
        raise BadTrainingData(
            f"A share of {share:g} of {total} frames cannot be held back for validation. Give a share between 0 and "
            "1 and more frames, frames of their own, or validation=None."
        )
    generator = np.random.default_rng([seed, 0x5711])
    owner = np.repeat(np.arange(len(systems)), [len(system) for system in systems])
    held = np.zeros(total, dtype=bool)
    held[generator.permutation(total)[:wanted]] = True
    parts: tuple[list[System], list[System]] = ([], [])
    for number, system in enumerate(systems):
        mine = held[owner == number]
        for part, chosen in zip(parts, (~mine, mine), strict=True):
            if chosen.any():
                part.append(system.take(np.flatnonzero(chosen)))
    return parts
