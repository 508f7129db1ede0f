"""deepmd-kit on request: reads a line of JSON, does what it says, prints a line of JSON. Runs in .venv-deepmd."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

MODELS: dict[str, Any] = {}


def prepare(folder: str) -> dict[str, Any]:
    """Beside ``model.ckpt.pt``: the same frozen and compressed, in both precisions, once for all."""
    import torch

    where = Path(folder)
    if (where / "compressed-32.pth").exists():
        return {}
    found = torch.load(where / "model.ckpt.pt", map_location="cpu", weights_only=True)
    weights = found["model"]
    for name, value in weights.items():
        if torch.is_tensor(value) and (".descriptor." in name or ".fitting_net.filter_layers." in name):
            weights[name] = value.float()
    params = weights["_extra_state"]["model_params"]
    params["descriptor"]["precision"] = params["fitting_net"]["precision"] = "float32"
    torch.save({"model": weights}, where / "single.ckpt.pt")
    for source, name in (("model", "64"), ("single", "32")):
        _dp(where, "freeze", "-c", f"{source}.ckpt.pt", "-o", f"frozen-{name}.pth")
        _dp(where, "compress", "-i", f"frozen-{name}.pth", "-o", f"compressed-{name}.pth")
    return {}


def train(folder: str, settings: dict[str, Any]) -> dict[str, Any]:
    """A short training; leaves ``model.ckpt.pt``."""
    where = Path(folder)
    where.mkdir(parents=True, exist_ok=True)
    if not (where / "model.ckpt.pt").exists():
        (where / "input.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")
        _dp(where, "train", "input.json")
    return {}


def evaluate(model: str, frame: str, repeats: int, clock: str = "process_time") -> dict[str, Any]:
    """Seconds of energy, force and virial, each time; the forces of the last go to ``<frame>.forces.npy``."""
    now = getattr(time, clock)
    made = _model(model)
    coordinates, cell, types = _frame(frame)
    seconds = []
    for _ in range(repeats):
        began = now()
        found = made.eval(coordinates, cell, types)
        seconds.append(now() - began)
    np.save(f"{frame}.forces.npy", found[1][0])
    return {"seconds": seconds}


def device() -> dict[str, Any]:
    """Where deepmd-kit computes."""
    import torch
    from deepmd.pt.utils.env import DEVICE

    return {"device": str(DEVICE), "torch": torch.__version__}


def deviation(models: list[str], frame: str, repeats: int) -> dict[str, Any]:
    """Processor seconds of ``calc_model_devi``, and the largest deviation of a force."""
    from deepmd.infer import calc_model_devi

    made = [_model(each) for each in models]
    coordinates, cell, types = _frame(frame)
    seconds = []
    for _ in range(repeats):
        began = time.process_time()
        found = calc_model_devi(coordinates, cell, types, made)
        seconds.append(time.process_time() - began)
    return {"seconds": seconds, "max_force": float(found[0][4])}


def dynamics(model: str, frame: str, steps: int) -> dict[str, Any]:
    """ASE's Langevin dynamics with deepmd-kit's calculator; the processor seconds of the whole process so far."""
    from ase import Atoms, units
    from ase.md.langevin import Langevin
    from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
    from deepmd.calculator import DP

    coordinates, cell, types = _frame(frame)
    symbols = [("O", "H")[kind] for kind in types]
    atoms = Atoms(symbols, positions=coordinates.reshape(-1, 3), cell=cell.reshape(3, 3), pbc=True)
    atoms.calc = DP(model=model)
    rng = np.random.default_rng(0)
    MaxwellBoltzmannDistribution(atoms, temperature_K=100, rng=rng)
    Langevin(atoms, 0.5 * units.fs, temperature_K=100, friction=0.05 / units.fs, rng=rng).run(steps)
    return {"seconds": time.process_time(), "temperature": float(atoms.get_temperature())}


def _model(path: str) -> Any:
    from deepmd.infer import DeepPot

    if path not in MODELS:
        MODELS[path] = DeepPot(path)
    return MODELS[path]


def _frame(path: str) -> tuple[np.ndarray, np.ndarray, list[int]]:
    with np.load(path) as stored:
        return stored["positions"].reshape(1, -1), stored["cell"].reshape(1, 9), stored["types"].tolist()


def _dp(where: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "deepmd", "--pt", *arguments]
    subprocess.run(command, check=True, cwd=where, stdout=sys.stderr)


def main() -> None:
    # What libraries print goes elsewhere: the answers are alone on their way.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    known = {each.__name__: each for each in (prepare, train, evaluate, deviation, dynamics, device)}
    for line in sys.stdin:
        asked = json.loads(line)
        found = known[asked.pop("do")](**asked)
        answers.write(json.dumps(found | {"version": metadata.version("deepmd-kit")}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
