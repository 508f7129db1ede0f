"""A small Deep Potential of water that is good enough to be run at constant energy, made from GFN1-xTB alone.

Eight molecules in a box at 1 g/cm³: frames of a trajectory, the same rattled, and then two rounds of active learning in
which a committee of two runs on its own and frames on which its members disagree are labelled and learned as well. All
is kept in a folder; some ten minutes of one core.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import ase.io
import numpy as np
from ase import Atoms, units
from ase.build import molecule
from ase.calculators.calculator import CalculationFailed
from ase.calculators.singlepoint import SinglePointCalculator
from ase.md.langevin import Langevin
from ase.optimize import FIRE
from tblite.ase import TBLite

import aisteer as ai

__all__ = ["SETTINGS", "taught"]

EDGE = 6.21  # Å, of eight molecules at 1 g/cm³
BEYOND = 25.0
"""Frames with a force above this, in eV/Å, are not learned."""
AGREED, LOST = 0.15, 3.0
"""Largest deviation of a force, in eV/Å, below which nothing is to be learned, and above which a run is over."""
SETTINGS: dict[str, Any] = {
    "model": {
        "type_map": ["O", "H"],
        "descriptor": {
            "type": "se_e2_a",
            "rcut": 5.0,
            "rcut_smth": 0.5,
            "sel": [40, 76],
            "neuron": [10, 20, 40],
            "axis_neuron": 8,
            "type_one_side": True,
        },
        "fitting_net": {"neuron": [60, 60, 60]},
    },
    "learning_rate": {"start_lr": 3e-3, "stop_lr": 1e-6},
}


def taught(folder: Path, rounds: int = 2, steps: int = 4000) -> tuple[list[Path], Atoms]:
    """Checkpoints of a committee of two, and the box of eight molecules as it ran last."""
    folder.mkdir(parents=True, exist_ok=True)
    frames = _kept(folder / "frames-0.extxyz", _first)
    checkpoints: list[Path] = []
    for lap in range(1, rounds + 2):
        last = lap == rounds + 1
        model = ai.dp.train(
            frames,
            committee=2,
            steps=(2 if last else 1) * steps,
            settings=SETTINGS,
            folder=folder / f"model-{lap}",
            batch_size=2,
            seed=lap,
            outliers="drop",
            progress=False,
        )
        assert model.training is not None
        checkpoints = list(model.training.checkpoints)
        if not last:
            frames += _kept(folder / f"frames-{lap}.extxyz", partial(_doubtful, checkpoints, frames[-1], lap))
    return checkpoints, frames[-1]


def _kept(path: Path, make: Callable[[], list[Atoms]]) -> list[Atoms]:
    if not path.exists():
        ase.io.write(path, make())
    read: list[Atoms] = ase.io.read(path, ":")
    return read


def _labelled(atoms: Atoms) -> Atoms | None:
    """With energy, forces and stress by GFN1-xTB; ``None`` where they did not converge or are beyond use."""
    frame = Atoms(atoms.get_chemical_symbols(), positions=atoms.positions, cell=atoms.cell, pbc=True)
    frame.calc = TBLite(method="GFN1-xTB", verbosity=0)
    try:
        return _noted(frame)
    except CalculationFailed:
        return None


def _noted(atoms: Atoms) -> Atoms | None:
    """A copy with what was said of it, without the calculator that said so."""
    frame = Atoms(atoms.get_chemical_symbols(), positions=atoms.positions, cell=atoms.cell, pbc=True)
    frame.calc = SinglePointCalculator(
        frame, energy=atoms.get_potential_energy(), forces=atoms.get_forces(), stress=atoms.get_stress()
    )
    return frame if np.abs(atoms.get_forces()).max() < BEYOND else None


def _first(each: int = 40) -> list[Atoms]:
    """Of a trajectory at 300 K and one at 600 K, and as many that were rattled and strained."""
    rng = np.random.default_rng(0)
    box = Atoms(cell=[EDGE] * 3, pbc=True)
    for place in np.ndindex(2, 2, 2):
        one = molecule("H2O")
        one.rotate(rng.uniform(0, 360), rng.normal(size=3))
        one.translate(np.array(place) * EDGE / 2)
        box += one
    box.calc = TBLite(method="GFN1-xTB", verbosity=0)
    FIRE(box, logfile=None).run(fmax=1.0, steps=40)
    walk = []
    for kelvin in (300, 600):
        box.set_momenta(
            rng.normal(size=(len(box), 3)) * np.sqrt(box.get_masses()[:, None] * units.kB * kelvin)
        )
        dynamics = Langevin(
            box, 1.0 * units.fs, temperature_K=kelvin, friction=0.02 / units.fs, fixcm=False, rng=rng
        )
        for _ in range(each):
            dynamics.run(5)
            walk.append(_noted(box))
    seen = [frame for frame in walk if frame is not None]
    rattled = [_labelled(_rattled(seen[k], rng)) for k in rng.integers(len(seen), size=2 * each)]
    return [*(frame for frame in rattled if frame is not None), *seen]


def _rattled(frame: Atoms, rng: np.random.Generator) -> Atoms:
    """Molecules turned and moved, atoms displaced, the box strained."""
    box = frame.copy()
    for k in range(0, len(box), 3):
        one = box[k : k + 3]
        one.rotate(rng.uniform(0, 30), rng.normal(size=3), center=one.positions[0])
        box.positions[k : k + 3] = one.positions + rng.normal(0, 0.15, 3)
    box.positions += rng.normal(0, rng.uniform(0.02, 0.1), box.positions.shape)
    box.set_cell(box.cell * rng.uniform(0.98, 1.03), scale_atoms=True)
    return box


def _doubtful(checkpoints: list[Path], start: Atoms, lap: int, each: int = 16) -> list[Atoms]:
    """Labelled frames of runs by the committee itself: some on which it disagrees, and a few by chance."""
    found: list[Atoms] = []
    rng = np.random.default_rng(lap)
    for seed, kelvin in enumerate((300, 300, 450, 450, 600, 600)):
        simulation = ai.dp.MolecularDynamics(
            checkpoints,
            start,
            temperature=kelvin,
            thermostat_time=50,
            steps=3000 * lap,
            equilibration=0,
            sample=5,
            overflow="nearest",
            strain=float(rng.uniform(-2, 2)),
        )
        with TemporaryDirectory() as place:
            with suppress(ai.dp.Runaway):
                for values, _ in simulation(seed=100 * lap + seed, run_folder=place):
                    if values["max_force_deviation"] > LOST:
                        break
            walk = ase.io.read(Path(place) / "trajectory.extxyz", ":")
        apart = np.flatnonzero([frame.info["max_force_deviation"] > AGREED for frame in walk])
        chosen = rng.choice(apart, min(each, len(apart)), replace=False).tolist() if len(apart) else []
        chosen += rng.integers(len(walk), size=3).tolist()
        found += [frame for k in sorted(set(chosen)) if (frame := _labelled(walk[k])) is not None]
    return found
