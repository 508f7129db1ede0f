"""Whatever a user gives as training data, as systems: folders, extended XYZ files, ASE's frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aisteer.deep_potential.training.npy import read_npy, systems_below, write_systems
from aisteer.deep_potential.training.systems import System, check_systems
from aisteer.errors import BadTrainingData

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["read_systems", "write_npy"]


def write_npy(data: Any, folder: str | PathLike[str]) -> list[Path]:
    """Write labelled frames as ``deepmd/npy``, which deepmd-kit trains on.

    Args:
        data: As for :func:`aisteer.deep_potential.train`.
        folder: Where; frames of several compositions go into one folder each below it.

    Returns:
        The folders that are systems.

    Raises:
        BadTrainingData: Data that cannot be read, or that the format cannot say.
    """
    systems = read_systems(data)
    check_systems(systems, "writing")
    return write_systems(systems, Path(folder).expanduser())


def read_systems(data: Any, type_map: Sequence[str] | None = None) -> list[System]:
    """Read all that is given.

    Args:
        data: A folder in ``deepmd/npy`` (or one with several below it), a file that ASE reads with energies and forces
            in it (extended XYZ), ASE's atoms with a calculator that has them, or a list of these.
        type_map: What types mean in folders that do not say it.

    Raises:
        BadTrainingData: There is no such file, it cannot be read, or a frame has no labels.
    """
    frames: list[tuple[str, int, Atoms]] = []
    systems: list[System] = []
    for given in _each(data):
        if isinstance(given, System):
            systems.append(given)
        elif hasattr(given, "get_positions"):
            frames.append(("the frames given", len(frames), given))
        elif isinstance(given, str | PathLike):
            path = Path(given).expanduser()
            if path.is_dir():
                below = systems_below(path)
                if not below:
                    raise BadTrainingData(
                        f"{path} holds no system in deepmd/npy: there is no type.raw in it or below it.",
                        file=str(path),
                    )
                systems += [read_npy(folder, type_map) for folder in below]
            else:
                systems += _grouped([(str(path), n, atoms) for n, atoms in enumerate(_file(path))])
        else:
            raise BadTrainingData(
                f"Training data are folders, files or frames of ASE, not {type(given).__name__!r:.60}."
            )
    return systems + _grouped(frames)


def _each(data: Any) -> Iterable[Any]:
    alone = isinstance(data, str | PathLike | System) or hasattr(data, "get_positions")
    if alone:
        return [data]
    try:
        return list(data)
    except TypeError as error:
        raise BadTrainingData(
            f"Training data are folders, files or frames of ASE, not {type(data).__name__!r:.60}."
        ) from error


def _file(path: Path) -> list[Atoms]:
    from ase.io import read

    if not path.exists():
        raise BadTrainingData(f"There is no {path}. Check the path.", file=str(path))
    try:
        found = read(path, index=":")
    except Exception as error:  # ASE's readers raise whatever they meet
        raise BadTrainingData(
            f"{path} cannot be read ({type(error).__name__}: {error!s:.200}). Give an extended XYZ file, another that "
            "ASE reads, or a folder in deepmd/npy.",
            file=str(path),
        ) from error
    return list(found)


def _grouped(frames: list[tuple[str, int, Atoms]]) -> list[System]:
    """Frames of one file, composition, periodicity and kind of labels are one system."""
    groups: dict[tuple[Any, ...], list[tuple[int, Atoms, dict[str, Any]]]] = {}
    for name, number, atoms in frames:
        labels = _labels(name, number, atoms)
        present = tuple(value is not None for value in labels.values())
        key = (name, tuple(atoms.get_chemical_symbols()), tuple(map(bool, atoms.pbc)), present)
        groups.setdefault(key, []).append((number, atoms, labels))
    return [_system(key, members) for key, members in groups.items()]


def _labels(name: str, number: int, atoms: Atoms) -> dict[str, Any]:
    """Energy, forces and virial where they are known; those that need a calculation are not begun here."""
    results: dict[str, Any] = {}
    if atoms.calc is not None:
        known = dict(getattr(atoms.calc, "results", {}))
        if not known and hasattr(atoms.calc, "calculate"):
            raise BadTrainingData(
                f"{name}, frame {number}: its calculator has not been run yet, so it has no energy and no forces. Call "
                "atoms.get_forces() first, and give copies that keep their results (a SinglePointCalculator).",
                file=name,
                frame=number,
            )
        if known and hasattr(atoms.calc, "check_state") and atoms.calc.check_state(atoms):
            raise BadTrainingData(
                f"{name}, frame {number}: its calculator's results are of another structure (frames that share one "
                "calculator?). Keep the results with each frame (a SinglePointCalculator).",
                file=name,
                frame=number,
            )
        results = known
    energy = results.get("energy", atoms.info.get("energy"))
    forces = results.get("forces", atoms.arrays.get("forces", atoms.arrays.get("force")))
    virial = atoms.info.get("virial")
    if virial is None and results.get("stress") is not None and all(atoms.pbc):
        virial = -_full(np.asarray(results["stress"], dtype=float)) * atoms.get_volume()
    if energy is None and forces is None:
        raise BadTrainingData(
            f"{name}, frame {number} has neither energy nor forces, so there is nothing to learn from it. Label "
            "it with a calculator, or leave it out.",
            file=name,
            frame=number,
        )
    return {"energy": energy, "forces": forces, "virial": virial}


def _full(stress: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return stress[[[0, 5, 4], [5, 1, 3], [4, 3, 2]]] if stress.shape == (6,) else stress.reshape(3, 3)


def _system(key: tuple[Any, ...], members: list[tuple[int, Atoms, dict[str, Any]]]) -> System:
    name, symbols, periodic, _ = key
    first = members[0][2]

    def all_of(label: str, shape: tuple[int, ...]) -> np.ndarray[Any, Any] | None:
        if first[label] is None:
            return None
        try:
            return np.array([np.asarray(each[2][label], dtype=float).reshape(shape) for each in members])
        except (TypeError, ValueError) as error:
            numbers = f"frames {members[0][0]} to {members[-1][0]}"
            raise BadTrainingData(
                f"{name}, {numbers}: the {label} of one is not of the shape {shape} ({error}).", file=name
            ) from error

    return System(
        name,
        symbols,
        np.array([atoms.positions for _, atoms, _ in members], dtype=float),
        np.array([atoms.cell.array * np.array(periodic)[:, None] for _, atoms, _ in members], dtype=float)
        if any(periodic)
        else np.zeros((len(members), 3, 3)),
        periodic,
        all_of("energy", ()),
        all_of("forces", (len(symbols), 3)),
        all_of("virial", (3, 3)),
        np.array([number for number, _, _ in members], dtype=np.int64),
    )
