"""Positions, cell and types as a model takes them, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aisteer.errors import BadStructure

__all__ = ["Frames", "frames_of", "types_of"]

Truth = bool | Sequence[bool]

_FARTHEST = 1e8  # Å from the origin: beyond that distances lose their last eight digits, and counts of images overflow


@dataclass(frozen=True, eq=False)
class Frames:
    """Frames of one composition.

    Attributes:
        positions: Of shape (frames, atoms, 3), in Å.
        cells: Of shape (frames, 3, 3), in Å, vectors in rows; zero without any periodic direction.
        periodic: Which of the three directions repeat.
        types: Of shape (atoms,).
        shape: The leading shape that was given, ``()`` for a single frame.
    """

    positions: NDArray[np.float64]
    cells: NDArray[np.float64]
    periodic: tuple[bool, bool, bool]
    types: NDArray[np.int64]
    shape: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.positions)

    def named(self, frame: int) -> str:
        """How a message calls a frame, where there are several."""
        return f"frame {frame}, " if len(self) > 1 else ""


def frames_of(
    positions: ArrayLike,
    cell: ArrayLike | None,
    types: ArrayLike | Sequence[str],
    *,
    type_map: tuple[str, ...],
    pbc: Truth | None = None,
) -> Frames:
    """Check and shape what a user gives.

    Raises:
        BadStructure: It cannot be evaluated; the message says which frame and atom.
    """
    where = _numbers(positions, "The positions")
    if where.ndim < 2 or where.shape[-1] != 3:
        raise BadStructure(
            f"Positions have the shape (…, atoms, 3), these have {where.shape}.", shape=where.shape
        )
    shape = where.shape[:-2]
    if where.shape[-2] == 0 or where.size == 0:
        raise BadStructure("The structure has no atoms, so there is nothing to evaluate.", shape=where.shape)
    flat = np.ascontiguousarray(where.reshape(-1, *where.shape[-2:]))
    periodic = _periodic(cell, pbc)
    kinds = types_of(types, type_map)
    if kinds.shape != flat.shape[1:2]:
        raise BadStructure(
            f"There are {flat.shape[1]} atoms and types of the shape {kinds.shape}; give one type for each atom.",
            atoms=flat.shape[1],
        )
    made = Frames(flat, _cells(cell, shape, periodic), periodic, kinds, shape)
    _check_finite(made)
    return made


def types_of(types: ArrayLike | Sequence[str], type_map: tuple[str, ...]) -> NDArray[np.int64]:
    """Types as numbers: either they are (positions in the type map), or they are chemical symbols."""
    try:
        given = np.asarray(types)
    except ValueError as error:
        raise BadStructure(f"The types are no array: {error}. Give one for each atom.") from error
    if given.dtype.kind in "US" or given.dtype == object:
        numbers = {symbol: number for number, symbol in enumerate(type_map)}
        unknown = [(atom, str(symbol)) for atom, symbol in enumerate(given.ravel()) if symbol not in numbers]
        if unknown:
            atom, symbol = unknown[0]
            raise BadStructure(
                f"Atom {atom} is {symbol!r:.20}, which this model does not know; it was trained on "
                f"{', '.join(type_map)}. Take a model that knows it, or another structure.",
                atom=atom,
                symbol=symbol,
            )
        return np.array([numbers[symbol] for symbol in given.ravel()], dtype=np.int64).reshape(given.shape)
    if given.dtype.kind not in "iu":
        raise BadStructure(f"Types are whole numbers or chemical symbols, not {given.dtype}.")
    wrong = np.flatnonzero((given < 0) | (given >= len(type_map)))
    if len(wrong):
        raise BadStructure(
            f"Atom {wrong[0]} has the type {given.ravel()[wrong[0]]}, but this model's types are 0 to "
            f"{len(type_map) - 1}: {', '.join(type_map)}. Atomic numbers are no types; chemical symbols are taken too.",
            atom=int(wrong[0]),
        )
    return given.astype(np.int64)


def _numbers(values: Any, what: str) -> NDArray[np.float64]:
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise BadStructure(f"{what} are no array of numbers: {error}.") from error


def _periodic(cell: ArrayLike | None, pbc: Truth | None) -> tuple[bool, bool, bool]:
    given = np.asarray(cell is not None if pbc is None else pbc)
    if given.size not in {1, 3} or given.dtype.kind not in "biu":
        raise BadStructure(f"pbc is one truth or three, not {pbc!r:.60}.")
    three = np.broadcast_to(given.astype(bool), (3,))
    if three.any() and cell is None:
        raise BadStructure("There is no cell, so nothing can be periodic. Give the cell, or pbc=False.")
    return bool(three[0]), bool(three[1]), bool(three[2])


def _cells(
    cell: ArrayLike | None, shape: tuple[int, ...], periodic: tuple[bool, bool, bool]
) -> NDArray[np.float64]:
    if cell is None:
        return np.zeros((int(np.prod(shape, dtype=int)), 3, 3))
    cells = _numbers(cell, "The cell")
    if cells.shape[-2:] != (3, 3) or (cells.ndim > 2 and cells.shape[:-2] != shape):
        expected = " or ".join(str(s) for s in dict.fromkeys([(3, 3), (*shape, 3, 3)]))
        raise BadStructure(
            f"The cell has the shape {cells.shape} where {expected} was expected.", shape=cells.shape
        )
    cells = np.ascontiguousarray(np.broadcast_to(cells, (*shape, 3, 3)).reshape(-1, 3, 3))
    rows = cells[:, list(periodic)]
    finite = np.isfinite(cells).reshape(-1, 9).min(axis=1)
    rows = np.where(finite[:, None, None], rows, 0)
    # The length, area or volume that the periodic vectors span, against what it would be at right angles.
    spanned = np.sqrt(np.clip(np.linalg.det(rows @ rows.transpose(0, 2, 1)), 0, None))
    flat = ~(spanned > 1e-6 * np.prod(np.linalg.norm(rows, axis=-1), axis=-1)) | ~finite
    if any(periodic) and flat.any():
        frame = int(np.flatnonzero(flat)[0])
        raise BadStructure(
            f"The cell of frame {frame} spans no volume: {cells[frame].tolist()}. A cell has three vectors in its "
            "rows, in Å; without periodicity pass None.",
            frame=frame,
        )
    return cells


def _check_finite(frames: Frames) -> None:
    wrong = np.argwhere(~(np.abs(frames.positions) < _FARTHEST).all(axis=-1))
    if len(wrong):
        frame, atom = map(int, wrong[0])
        raise BadStructure(
            f"In {frames.named(frame)}atom {atom} has the position {frames.positions[frame, atom].tolist()}; a "
            "simulation that came here has blown up. Look at the frame before it.",
            frame=frame,
            atom=atom,
        )
