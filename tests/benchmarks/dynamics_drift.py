"""Drift of the energy at constant energy: the networks, their series, and the series in mixed precision.

Sixty-four water molecules (192 atoms), a small network that was trained on GFN1-xTB water until it runs by itself, each
path from the same atoms and velocities at about 300 K. Velocity Verlet keeps a Hamiltonian near the one that is shown
(Hairer, Lubich, Wanner, Geometric Numerical Integration, chapter IX); to fourth order in the time step it is

    H + Δt² (v·V''v / 12 - F·F / (24 m)),

whose fluctuations are small enough to see drifts by: what drifts is then no integrator's doing, but that of forces that
are not the slope of the energy. The same from the energy itself, and for other time steps, stands beside it. The model
is made once, in some ten minutes, and kept in ``.cache/dynamics_drift``.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from ase import Atoms, units
from ase.io.jsonio import read_json, write_json
from ase.md.verlet import VelocityVerlet

import aisteer as ai
from aisteer.analysis import slope_and_error
from tests.benchmarks._report import show
from tests.benchmarks._water_model import taught

PATHS: dict[str, dict[str, Any]] = {
    "fast": {},
    "mixed": {"precision": "mixed"},
    "exact": {"exact": True},
}
PARTS = [*PATHS, "steps"]
EVERY = 10
"""Steps from one value of the energy to the next."""


class Energies:
    """What velocity Verlet keeps, nearly and more nearly, as the steps go by.

    Attributes:
        rows: Time (ps), energy, energy with the terms in Δt² (eV per atom), temperature (K).
    """

    def __init__(self, atoms: Atoms, timestep: float) -> None:
        self.rows: list[tuple[float, float, float, float]] = []
        self._atoms, self._dt = atoms, timestep * units.fs
        self._dynamics = VelocityVerlet(atoms, self._dt)
        self._steps = 0

    def advance(self) -> None:
        """Make steps up to the next value, and one beyond."""
        self._run(EVERY - 2)
        before = self._atoms.get_forces()
        self._run(1)
        atoms, size = self._atoms, len(self._atoms)
        forces, velocities = atoms.get_forces(), atoms.get_velocities()
        kinetic, temperature = atoms.get_kinetic_energy(), atoms.get_temperature()
        energy = atoms.get_potential_energy() + kinetic
        self._run(1)
        # The curvature along the velocity, from the forces a step before and after.
        bend = -(velocities * (atoms.get_forces() - before)).sum() / (2 * self._dt)
        square = (forces**2 / atoms.get_masses()[:, None]).sum()
        near = energy + self._dt**2 * (bend / 12 - square / 24)
        moment = (self._steps - 1) * self._dt / (1000 * units.fs)
        self.rows.append((moment, energy / size, near / size, temperature))

    def _run(self, steps: int) -> None:
        for _ in range(steps):
            self._dynamics.step()
        self._steps += steps


def settled(checkpoints: list[Path], small: Atoms, folder: Path, times: int, steps: int) -> Atoms:
    """Copies of the small box, brought to 300 K; kept."""
    path = folder / f"start-{times}.json"
    atoms = small.repeat(times)
    if not path.exists():
        simulation = ai.dp.MolecularDynamics(
            checkpoints[:1],
            atoms,
            temperature=300,
            thermostat_time=50,
            steps=steps,
            equilibration=0,
            sample=100,
            trajectory=False,
        )
        for _, checkpoint in simulation(seed=1):
            kept = checkpoint()
        write_json(path, {name: kept[name] for name in ("positions", "momenta")})
    found = read_json(path)
    atoms.positions[:] = found["positions"]
    momenta = np.array(found["momenta"])
    atoms.set_momenta(momenta - momenta.mean(axis=0))
    return atoms


def drift(
    model: ai.dp.DeepPotential, start: Atoms, timestep: float, seconds: float, **path: Any
) -> dict[str, Any]:
    """Of a run for so many processor seconds."""
    atoms = start.copy()
    atoms.set_momenta(start.get_momenta())
    atoms.calc = model.calculator(**path)
    atoms.get_potential_energy()
    energies = Energies(atoms, timestep)
    began = time.process_time()
    while time.process_time() - began < seconds:
        energies.advance()
    rows = np.array(energies.rows)
    nanoseconds = rows[:, 0] / 1000
    found = {"time step, fs": timestep, "steps": len(rows) * EVERY, "ps": float(rows[-1, 0])}
    for name, series in (("energy", rows[:, 1]), ("energy with terms in Δt²", rows[:, 2])):
        slope, error = slope_and_error(nanoseconds, series)
        found[f"drift of the {name}, eV/atom/ns"] = [slope, error]
        found[f"fluctuation of the {name}, eV/atom"] = float((series - series.mean()).std())
    found["temperature, K"] = [float(part.mean()) for part in np.array_split(rows[:, 3], 4)]
    return found


def main() -> None:
    """Measure what was asked for, by default all."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=PARTS, choices=PARTS, metavar="part")
    parser.add_argument("--folder", type=Path, default=Path(".cache/dynamics_drift"))
    parser.add_argument("--seconds", type=float, default=600, help="processor time of a path")
    parser.add_argument("--timestep", type=float, default=0.5, help="in fs")
    parser.add_argument("--times", type=int, default=2, help="how often the box of 24 atoms is repeated")
    given = parser.parse_args()
    torch.set_num_threads(1)
    checkpoints, small = taught(given.folder)
    model = ai.dp.load(checkpoints[0])
    start = settled(checkpoints, small, given.folder, given.times, 4000)
    found: dict[str, Any] = {"atoms": len(start)}
    for name, path in PATHS.items():
        if name in given.parts:
            found[name] = drift(model, start, given.timestep, given.seconds, **path)
    if "steps" in given.parts:
        found["by time step"] = [
            drift(model, start, step, given.seconds / 4) for step in (0.125, 0.25, 0.5, 1.0)
        ]
    told = [
        found[name]["drift of the energy with terms in Δt², eV/atom/ns"] for name in PATHS if name in found
    ]
    show(
        "dynamics_drift",
        unit="eV/atom/ns",
        ours=max((abs(slope) for slope, _ in told), default=float("nan")),
        target=1e-4,
        details=found,
    )


if __name__ == "__main__":
    main()
