"""deepmd-kit's folders of labelled frames, ``deepmd/npy``: read and written.

One folder is one system: ``type.raw``, ``type_map.raw``, ``set.*/{coord,box,energy,force,virial}.npy``, and ``nopbc``
where boundaries are open. A folder of such folders is all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisteer.deep_potential.training.systems import System
from aisteer.errors import BadTrainingData

__all__ = ["is_system", "read_npy", "systems_below", "write_systems"]

Reals = NDArray[np.float64]


def is_system(folder: Path) -> bool:
    """Whether this folder is one system."""
    return (folder / "type.raw").is_file()


def systems_below(folder: Path) -> list[Path]:
    """Folders that are systems: this one, or those below it, by name."""
    return [folder] if is_system(folder) else sorted(found.parent for found in folder.rglob("type.raw"))


def read_npy(folder: Path, type_map: Sequence[str] | None = None) -> System:
    """Read one system.

    Args:
        folder: With ``type.raw`` in it.
        type_map: What types mean where the folder does not say (it has no ``type_map.raw``).

    Raises:
        BadTrainingData: A file is missing, broken, or does not fit the others.
    """
    name, types = str(folder), _types(folder)
    meaning = folder / "type_map.raw"
    symbols = _words(meaning) if meaning.is_file() else list(type_map or [])
    if types.max() >= len(symbols):
        raise BadTrainingData(
            f"{name}: type.raw has the type {types.max()}, and there are {len(symbols)} elements to take it from "
            f"({', '.join(symbols) or 'no type_map.raw'}). Write the elements into type_map.raw.",
            file=name,
        )
    sets = sorted(folder.glob("set.*"))
    if not sets:
        raise BadTrainingData(f"{name} has no folders set.*, so there are no frames in it.", file=name)
    if any((part / "real_atom_types.npy").exists() for part in sets):
        raise BadTrainingData(
            f"{name} is in the format deepmd/npy/mixed (real_atom_types.npy), which is not read here. Write one "
            "folder for each composition (dpdata: `to('deepmd/npy', …)`).",
            file=name,
        )
    periodic = not (folder / "nopbc").exists()
    parts = [_one_set(part, len(types), periodic) for part in sets]
    labels = {key: _joined(name, key, parts) for key in ("energy", "force", "virial")}
    positions = np.concatenate([part["coord"] for part in parts])
    return System(
        name,
        tuple(symbols[kind] for kind in types),
        positions,
        np.concatenate([part["box"] for part in parts]) if periodic else np.zeros((len(positions), 3, 3)),
        (periodic,) * 3,
        labels["energy"],
        labels["force"],
        labels["virial"],
        np.arange(len(positions)),
    )


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").split()
    except (OSError, ValueError) as error:
        raise BadTrainingData(
            f"{path} cannot be read ({error}). It has the elements, one in a line.", file=str(path)
        ) from error


def _types(folder: Path) -> NDArray[np.int64]:
    try:
        types = np.array((folder / "type.raw").read_text(encoding="utf-8").split(), dtype=np.int64)
    except (OSError, ValueError, OverflowError) as error:
        raise BadTrainingData(
            f"{folder}: type.raw cannot be read ({error}). It has one whole number for each atom.",
            file=str(folder),
        ) from error
    if not len(types) or types.min() < 0:
        raise BadTrainingData(f"{folder}: type.raw is empty, or has a negative type.", file=str(folder))
    return types


def _one_set(part: Path, atoms: int, periodic: bool) -> dict[str, Reals]:  # noqa: FBT001  read from a file
    shapes = {"coord": (atoms, 3), "box": (3, 3), "energy": (), "force": (atoms, 3), "virial": (3, 3)}
    found: dict[str, Reals] = {}
    for key, shape in shapes.items():
        path = part / f"{key}.npy"
        if not path.is_file():
            if key == "coord" or (key == "box" and periodic):
                hint = "" if key == "coord" else ", or put a file `nopbc` beside type.raw"
                raise BadTrainingData(f"{part} has no {key}.npy. Add it{hint}.", file=str(path))
            continue
        array = _array(path)
        # A row is a frame; what has no rows is one.
        frames = len(found["coord"]) if found else len(array) if array.ndim > 1 else 1
        if array.size != frames * int(np.prod(shape, dtype=int)):
            raise BadTrainingData(
                f"{path} has the shape {array.shape}, which does not fit {frames} frames of {atoms} atoms "
                f"({(frames, int(np.prod(shape, dtype=int)))} was expected). Nothing was trained.",
                file=str(path),
                shape=array.shape,
            )
        found[key] = array.astype(float).reshape(frames, *shape)
    return found


def _array(path: Path) -> NDArray[Any]:
    try:
        array = np.asarray(np.load(path, allow_pickle=False))
    except (OSError, ValueError, EOFError, MemoryError) as error:  # a damaged header asks for any size
        raise BadTrainingData(f"{path} cannot be read ({error}). Copy it again.", file=str(path)) from error
    if array.dtype.kind not in "fiu":
        raise BadTrainingData(f"{path} holds {array.dtype}, not numbers.", file=str(path))
    return array


def _joined(name: str, key: str, parts: list[dict[str, Reals]]) -> Reals | None:
    with_it = [key in part for part in parts]
    if not any(with_it):
        return None
    if not all(with_it):
        raise BadTrainingData(
            f"{name}: some of its sets have {key}.npy and others have not. Give it to all, or split the folder.",
            file=name,
        )
    return np.concatenate([part[key] for part in parts])


def write_systems(systems: Sequence[System], folder: Path) -> list[Path]:
    """Write systems that deepmd-kit reads: into the folder itself, or into one below it for each of several.

    Raises:
        BadTrainingData: Frames repeat in one or two directions only, which the format cannot say.
    """
    paths = []
    for number, system in enumerate(systems):
        if any(system.periodic) and not all(system.periodic):
            raise BadTrainingData(
                f"{system.name} repeats in some directions only ({system.periodic}), which deepmd/npy cannot say.",
                file=system.name,
            )
        path = folder if len(systems) == 1 else folder / f"system.{number:03d}"
        inside = path / "set.000"
        inside.mkdir(parents=True, exist_ok=True)
        elements = list(dict.fromkeys(system.symbols))
        (path / "type_map.raw").write_text("\n".join(elements) + "\n", encoding="utf-8")
        types = (str(elements.index(symbol)) for symbol in system.symbols)
        (path / "type.raw").write_text("\n".join(types) + "\n", encoding="utf-8")
        if not any(system.periodic):
            (path / "nopbc").touch()
        values = {
            "coord": system.positions,
            "box": system.cells if any(system.periodic) else None,
            "energy": system.energies,
            "force": system.forces,
            "virial": system.virials,
        }
        for key, array in values.items():
            if array is not None:
                flat = array if array.ndim == 1 else array.reshape(len(array), -1)
                np.save(inside / f"{key}.npy", flat)
        paths.append(path)
    return paths
