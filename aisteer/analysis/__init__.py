"""What trajectories mean: displacement, diffusion, structure, convergence. Plain numpy."""

from __future__ import annotations

from aisteer.analysis.convergence import (
    Settled,
    equilibration,
    mean_and_error,
    slope_and_error,
    standard_error,
    statistical_inefficiency,
)
from aisteer.analysis.diffusion import ANGSTROM2_PER_PS, Diffusion, diffusion_coefficient
from aisteer.analysis.displacement import (
    mean_square_displacement,
    remove_drift,
    squared_displacements,
    unwrap,
)
from aisteer.analysis.structure import radial_distribution

__all__ = [
    "ANGSTROM2_PER_PS",
    "Diffusion",
    "Settled",
    "diffusion_coefficient",
    "equilibration",
    "mean_and_error",
    "mean_square_displacement",
    "radial_distribution",
    "remove_drift",
    "slope_and_error",
    "squared_displacements",
    "standard_error",
    "statistical_inefficiency",
    "unwrap",
]
