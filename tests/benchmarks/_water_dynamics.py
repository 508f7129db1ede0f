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

import aisteer as ai


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("precision", help="fp64, mixed or fp32")
    parser.add_argument("steps", type=int)
    parser.add_argument("box")
    parser.add_argument("models", nargs="+")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with np.load(given.box) as stored:
        symbols = [("O", "H")[kind] for kind in stored["types"]]
        atoms = Atoms(symbols, positions=stored["positions"], cell=stored["cell"], pbc=True)
    simulation = ai.dp.MolecularDynamics(
        given.models,
        atoms,
        temperature=100,
        thermostat="langevin",
        thermostat_time=20,
        timestep=0.5,
        steps=given.steps,
        equilibration=0,
        precision=given.precision,
        overflow="nearest",
        trajectory=False,
    )
    seen: list[float] = []
    simulation.run_locally(on_observation=lambda observation: seen.append(observation["temperature"]))
    print(json.dumps({"processor s": time.process_time(), "temperature": seen[-1]}))


if __name__ == "__main__":
    main()
