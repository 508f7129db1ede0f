"""The trajectory of a run, as extended XYZ: any tool reads it, and frames for labels are taken from it."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["TRAJECTORY", "Trajectory"]

TRAJECTORY = "trajectory.extxyz"


class Trajectory:
    """Appends frames to a file, each whole before the next is computed.

    A frame has its species and positions (not wrapped, in Å), with a committee the deviation of each atom's force
    (eV/Å), and in its line of comment the step and whatever numbers it is given.

    Args:
        folder: Where ``trajectory.extxyz`` is written; ``None`` for nowhere.
    """

    def __init__(self, folder: str | Path | None) -> None:
        self.path = None if folder is None else Path(folder) / TRAJECTORY
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a", encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def append(self, atoms: Atoms, numbers: dict[str, Any], deviation: Any = None) -> None:
        """Write a frame."""
        if self._file is None:
            return
        told = [f"{name}={value:.10g}" for name, value in numbers.items()]
        columns = "species:S:1:pos:R:3"
        line = "{} {:.8f} {:.8f} {:.8f}"
        if deviation is not None:
            columns += ":force_deviation:R:1"
            line += " {:.6f}"
        periodic = " ".join("T" if each else "F" for each in atoms.pbc)
        lattice = " ".join(f"{value:.10g}" for value in atoms.cell.array.ravel())
        cell = f'Lattice="{lattice}" ' if atoms.pbc.any() else ""
        listed = [
            line.format(symbol, *where, *(() if deviation is None else (deviation[k],)))
            for k, (symbol, where) in enumerate(
                zip(atoms.get_chemical_symbols(), atoms.positions.tolist(), strict=True)
            )
        ]
        head = f'{cell}Properties={columns} pbc="{periodic}" {" ".join(told)}'
        self._file.write("\n".join([str(len(atoms)), head, *listed, ""]))
        self._file.flush()
