"""How atoms are arranged: the radial distribution function."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["radial_distribution"]

Array = NDArray[np.float64]


def radial_distribution(
    positions: ArrayLike, cell: ArrayLike, *, cutoff: float | None = None, bins: int = 100
) -> tuple[Array, Array]:
    """The radial distribution function ``g(r)`` of a periodic system, averaged over frames.

    Args:
        positions: ``frames x atoms x 3`` or ``atoms x 3``, Å; wrapped or not.
        cell: ``3`` (lengths) or ``3 x 3`` (rows are the cell's vectors), Å.
        cutoff: Largest distance, Å; half the smallest distance between the cell's faces unless given.
        bins: Number of shells.

    Returns:
        Middle of each shell (Å) and ``g`` there, each of length ``bins``. ``g`` tends to 1 in a fluid.

    Raises:
        ValueError: The cutoff is longer than half the smallest distance between the cell's faces, where
            nearest images no longer suffice.
    """
    frames = np.asarray(positions, dtype=float)
    frames = frames[None] if frames.ndim == 2 else frames
    matrix = np.asarray(cell, dtype=float)
    matrix = np.diag(matrix) if matrix.ndim == 1 else matrix
    inverse = np.linalg.inv(matrix)
    half = float(0.5 / np.linalg.norm(inverse, axis=0).max())
    reach = half if cutoff is None else cutoff
    if reach > half * (1 + 1e-12):
        raise ValueError(f"A cutoff of {reach:g} Å needs a cell of twice that; this one allows {half:.4g} Å.")
    edges = np.linspace(0.0, reach, bins + 1)
    counts = np.zeros(bins)
    atoms = frames.shape[1]
    first, second = np.triu_indices(atoms, k=1)
    for frame in frames:
        between = frame[second] - frame[first]
        between -= np.rint(between @ inverse) @ matrix
        counts += np.histogram(np.linalg.norm(between, axis=1), bins=edges)[0]
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    density = atoms / abs(float(np.linalg.det(matrix)))
    return (edges[1:] + edges[:-1]) / 2, counts * 2 / (len(frames) * atoms * density * shells)
