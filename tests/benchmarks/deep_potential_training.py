"""Training a committee of Deep Potentials in one pass, against deepmd-kit once for each member.

Both train on the same frames (sixty of eight water molecules by GFN1-xTB, as for the fixtures) with the same settings,
in double precision, on one thread each, taking turns. Time is that of the steps, in processor seconds: stock nets
(25-50-100, axis 16, fitting 240³), eight frames (192 atoms) in a batch. Errors are of 12 frames that neither saw,
after the same steps with deepmd-kit's default nets, one frame in a batch, three seeds.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

# torch and what is under it read this when they are loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("DP_INTRA_OP_PARALLELISM_THREADS", "1")
os.environ.setdefault("DP_INTER_OP_PARALLELISM_THREADS", "1")

import numpy as np
import torch

import aisteer as ai
from aisteer.deep_potential.training.npy import write_systems
from aisteer.deep_potential.training.planning import plan_training
from aisteer.deep_potential.training.reading import read_systems
from aisteer.deep_potential.training.systems import System
from aisteer.deep_potential.training.trainer import Trainer
from tests.benchmarks._deepmd import DEFAULT, STOCK, labelled
from tests.benchmarks._report import peer, show

WARM = 5


def settings_of(model: dict[str, Any], data: Path, batch: int, steps: int, seed: int) -> dict[str, Any]:
    """One input.json for both."""
    made = json.loads(json.dumps(model))
    for part in ("descriptor", "fitting_net"):
        made["model"][part]["seed"] = seed
    made["training"] = {
        "training_data": {"systems": [str(data)], "batch_size": batch},
        "numb_steps": steps,
        "seed": seed,
    }
    return made


def our_seconds(settings: dict[str, Any], members: int, steps: int) -> float:
    """Processor seconds of so many steps of a committee."""
    planned = plan_training(
        settings,
        committee=members,
        steps=None,
        validation=None,
        settings=None,
        seed=None,
        batch_size=None,
        outliers="keep",
        initial=None,
    )
    trainer = Trainer(planned.plan)
    for _ in range(WARM):
        trainer.advance()
    began = time.process_time()
    for _ in range(steps):
        trainer.advance()
    return time.process_time() - began


def their_training(settings: dict[str, Any], folder: Path, steps: int) -> dict[str, Any]:
    """One training by deepmd-kit."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "input.json").write_text(json.dumps(settings), encoding="utf-8")
    found = peer("deepmd_training.py", folder, steps)
    if "seconds" not in found:
        raise RuntimeError(f"deepmd-kit did not train: {found}")
    return found


def speed(data: Path, folder: Path, steps: int, rounds: int) -> dict[str, Any]:
    """Seconds of a step, by turns."""
    ours: dict[int, list[float]] = {1: [], 4: []}
    theirs: list[float] = []
    for seed in range(1, rounds + 1):
        settings = settings_of(STOCK, data, 8, 100, seed)
        for members, found in ours.items():
            found.append(our_seconds(settings, members, steps) / steps)
        theirs.append(their_training(settings, folder / f"speed-{seed}", steps)["seconds"] / steps)
    four, one, kit = (float(np.median(found)) for found in (ours[4], ours[1], theirs))
    return {
        "ours, committee of 4": four,
        "ours, one": one,
        "deepmd-kit, one": kit,
        "committee of 4 by four of deepmd-kit's": four / (4 * kit),
        "committee of 4 by one of deepmd-kit's": four / kit,
        "one by one of deepmd-kit's": one / kit,
        "all": {"ours, committee of 4": ours[4], "ours, one": ours[1], "deepmd-kit, one": theirs},
    }


def accuracy(systems: list[System], folder: Path, steps: int) -> dict[str, Any]:
    """Force errors of three seeds on frames that were not trained on."""
    (system,) = systems
    held = system.take(np.arange(0, len(system), 5))
    write_systems(
        [system.take(np.setdiff1d(np.arange(len(system)), np.arange(0, len(system), 5)))], folder / "seen"
    )
    began = time.process_time()
    settings = settings_of(DEFAULT, folder / "seen", 1, steps, 1)
    model = ai.dp.train(settings, committee=3, validation=held, progress=False)
    seconds = time.process_time() - began
    assert model.training is not None
    assert model.training.validation is not None
    theirs, errors = [], []
    for seed in (1, 2, 3):
        settings = settings_of(DEFAULT, folder / "seen", 1, steps, seed)
        found = their_training(settings, folder / f"accuracy-{seed}", steps)
        said = ai.dp.load(found["checkpoint"]).evaluate(held.positions, held.cells, held.symbols, exact=True)
        assert held.forces is not None
        assert held.energies is not None
        errors.append(float(np.sqrt(((said.forces - held.forces) ** 2).mean())))
        theirs.append(found["seconds"])
    return {
        "steps": steps,
        "ours": list(model.training.validation.force or ()),
        "deepmd-kit": errors,
        "seconds of our three in one pass": seconds,
        "seconds of deepmd-kit's three": sum(theirs),
    }


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where the labelled frames are kept")
    parser.add_argument("--steps", type=int, default=30, help="timed steps of one turn")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--learn", type=int, default=2000, help="steps after which errors are compared")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="aisteer-bench-", ignore_cleanup_errors=True) as scratch:
        data = labelled(chosen.folder or Path(scratch))
        fast = speed(data, Path(scratch), chosen.steps, chosen.rounds)
        learned = accuracy(read_systems(data), Path(scratch), chosen.learn)
    show(
        "deep_potential_training",
        unit="processor seconds of a step",
        ours=fast["ours, committee of 4"],
        target=0.7 * 4 * fast["deepmd-kit, one"],
        peers={
            "deepmd-kit, four times": 4 * fast["deepmd-kit, one"],
            "deepmd-kit, once": fast["deepmd-kit, one"],
        },
        speed=fast,
        force_rmse=learned,
    )


if __name__ == "__main__":
    main()
