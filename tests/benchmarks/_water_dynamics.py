"""Molecular dynamics of water as a process of its own; prints JSON.

Processor seconds are those of the whole process: imports, reading the models and choosing the order are in them.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import torch
from ase import Atoms
from ase.optimize import FIRE

import aisteer as ai


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("precision", help="fp64, mixed, fp32 or exact")
    parser.add_argument("steps", type=int)
    parser.add_argument("box")
    parser.add_argument("models", nargs="+")
    parser.add_argument(
        "--drift",
        type=float,
        help="at constant energy from relaxed positions on, for so many processor seconds",
    )
    given = parser.parse_args()
    torch.set_num_threads(1)
    with np.load(given.box) as stored:
        symbols = [("O", "H")[kind] for kind in stored["types"]]
        atoms = Atoms(symbols, positions=stored["positions"], cell=stored["cell"], pbc=True)
    exact = given.precision == "exact"
    if given.drift:
        atoms.calc = ai.dp.load(given.models[0], overflow="nearest").calculator()
        FIRE(atoms, logfile=None).run(fmax=0.2, steps=300)
        atoms.calc = None
    simulation = ai.dp.MolecularDynamics(
        given.models,
        atoms,
        temperature=100,
        thermostat="nve" if given.drift else "langevin",
        thermostat_time=20,
        timestep=0.5,
        steps=given.steps,
        equilibration=0,
        precision="fp64" if exact else given.precision,
        exact=exact,
        overflow="nearest",
        trajectory=False,
    )
    run = simulation.function()
    seen = []
    for yielded in run:
        observation = yielded[0] if isinstance(yielded, tuple) else yielded
        seen.append((observation["step"], observation["drift"], observation["temperature"]))
        if given.drift and time.process_time() > given.drift:
            break
    steps, drift, temperature = np.array(seen).T
    # Of the second half: the first is where what was drawn at random settles.
    late = slice(len(steps) // 2, None)
    rate = np.polyfit(steps[late] * 0.5e-6, drift[late], 1)[0] if len(steps) > 3 else float("nan")
    told = {
        "processor s": time.process_time(),
        "steps": int(steps[-1]),
        "temperature": float(temperature[late].mean()),
        "drift in eV/atom/ns": float(rate),
        "largest deviation from the first energy in eV/atom": float(np.abs(drift).max()),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
