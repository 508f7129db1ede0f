"""How far atoms have moved: unwrapping, drift and the mean square displacement."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["mean_square_displacement", "remove_drift", "squared_displacements", "unwrap"]

Array = NDArray[np.float64]


def unwrap(positions: ArrayLike, cell: ArrayLike) -> Array:
    """Undo the jumps of atoms through periodic boundaries.

    No atom may move further than half a cell between two frames.

    Args:
        positions: ``frames x atoms x 3``, Å.
        cell: ``3`` (lengths) or ``3 x 3`` (rows are the cell's vectors), Å; the same for all frames.

    Returns:
        ``frames x atoms x 3``; the first frame is unchanged.
    """
    frames = _frames(positions)
    matrix = np.asarray(cell, dtype=float)
    matrix = np.diag(matrix) if matrix.ndim == 1 else matrix
    steps = np.diff(frames, axis=0)
    steps -= np.rint(steps @ np.linalg.inv(matrix)) @ matrix
    return np.asarray(np.concatenate([frames[:1], frames[:1] + np.cumsum(steps, axis=0)]))


def remove_drift(positions: ArrayLike, masses: ArrayLike | None = None) -> Array:
    """Positions relative to the centre of mass (of equal masses unless ``masses`` says otherwise).

    Args:
        positions: ``frames x atoms x 3``, unwrapped.
        masses: ``atoms``, in any unit.
    """
    frames = _frames(positions)
    weights = np.ones(frames.shape[1]) if masses is None else np.asarray(masses, dtype=float)
    centre = np.einsum("fax,a->fx", frames, weights / weights.sum())
    return np.asarray(frames - centre[:, None, :])


def squared_displacements(positions: ArrayLike) -> Array:
    """The square displacement of each atom, averaged over all time origins.

    Uses the fast Fourier transform for the sum over origins (Calandrini et al., Collection SFN 12 (2011)
    201), so all lags cost ``frames log frames``.

    Args:
        positions: ``frames x atoms x 3``, unwrapped.

    Returns:
        ``frames x atoms``; row ``k`` is for a lag of ``k`` frames, and rests on ``frames - k`` origins.
    """
    frames = _frames(positions)
    count = len(frames)
    # Distances from each atom's own mean keep the difference of large numbers below from losing digits.
    centred = frames - frames.mean(axis=0)
    transformed = np.fft.rfft(centred, n=2 * count, axis=0)
    products = np.fft.irfft(np.abs(transformed) ** 2, n=2 * count, axis=0)[:count].sum(axis=2)
    origins = np.arange(count, 0, -1)[:, None]
    squares = np.concatenate([(centred**2).sum(axis=2), np.zeros((1, centred.shape[1]))])
    # Sum over origins of r²(t) + r²(t + k): everything twice, less what falls off at both ends.
    twice = 2 * squares.sum(axis=0)
    fallen = np.cumsum(squares[:-1] + np.roll(squares[::-1], -1, axis=0)[:-1], axis=0)
    sums = twice - np.concatenate([np.zeros((1, squares.shape[1])), fallen[:-1]])
    result = (sums - 2 * products) / origins
    result[0] = 0.0
    return np.asarray(np.maximum(result, 0.0))


def mean_square_displacement(positions: ArrayLike, masses: ArrayLike | None = None) -> Array:
    """Mean square displacement over atoms and all time origins, without the centre of mass's drift.

    Subtracting the centre of mass takes away ``1/atoms`` of each atom's own motion; that is put back.

    Args:
        positions: ``frames x atoms x 3``, unwrapped, Å; at least 2 atoms.
        masses: ``atoms``; equal unless given.

    Returns:
        ``frames``, Å²; entry ``k`` is for a lag of ``k`` frames. Long lags rest on few origins.
    """
    return np.asarray(squared_displacements(_own_motion(positions, masses)).mean(axis=1))


def _own_motion(positions: ArrayLike, masses: ArrayLike | None) -> Array:
    frames = _frames(positions)
    atoms = frames.shape[1]
    if atoms < 2:
        raise ValueError("A mean square displacement without drift needs at least 2 atoms.")
    return np.asarray(remove_drift(frames, masses) * np.sqrt(atoms / (atoms - 1)))


def _frames(positions: ArrayLike) -> Array:
    frames = np.asarray(positions, dtype=float)
    if frames.ndim != 3 or frames.shape[2] != 3:
        raise ValueError(f"Positions are frames x atoms x 3; these are {' x '.join(map(str, frames.shape))}.")
    if not np.isfinite(frames).all():
        raise ValueError("Positions hold values that are not finite: the trajectory has blown up.")
    return frames
