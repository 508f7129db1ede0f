"""deepmd-kit in its own environment, stock-size models that it trained on water, and boxes of that water."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from tests.benchmarks._report import PEERS

__all__ = ["DEFAULT", "STOCK", "Box", "DeepmdKit", "box_of", "labelled", "members"]

THREADS = ("OMP_NUM_THREADS", "DP_INTRA_OP_PARALLELISM_THREADS", "DP_INTER_OP_PARALLELISM_THREADS")
SEEN = {"type": "se_e2_a", "rcut": 6.0, "rcut_smth": 0.5, "sel": [46, 92], "type_one_side": True}
LOSS = {
    "type": "ener",
    "start_pref_e": 0.02,
    "limit_pref_e": 1,
    "start_pref_f": 1000,
    "limit_pref_f": 1,
    "start_pref_v": 0,
    "limit_pref_v": 0,
}
STOCK: dict[str, Any] = {
    "model": {
        "type_map": ["O", "H"],
        "descriptor": {
            **SEEN,
            "neuron": [25, 50, 100],
            "axis_neuron": 16,
            "resnet_dt": False,
            "precision": "float64",
        },
        "fitting_net": {"neuron": [240, 240, 240], "resnet_dt": True, "precision": "float64"},
    },
    "learning_rate": {"type": "exp", "decay_steps": 50, "start_lr": 1e-3, "stop_lr": 1e-6},
    "loss": LOSS,
}
"""Nets of the size that published models of water have."""
DEFAULT: dict[str, Any] = {
    "model": {"type_map": ["O", "H"], "descriptor": SEEN, "fitting_net": {}},
    "learning_rate": {"type": "exp", "decay_steps": 50, "start_lr": 2e-3, "stop_lr": 1e-5},
    "loss": LOSS,
}
"""Nets as deepmd-kit has them where nothing is said."""


class DeepmdKit:
    """A process of deepmd-kit that answers one request after the other, on one thread, or on a GPU that it finds."""

    def __init__(self, *, gpu: bool = False) -> None:
        python = os.environ.get("AISTEER_PEERS", "")
        if not Path(python).is_file():
            raise RuntimeError("There is no environment for deepmd-kit; run it with make bench.")
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed when it is left
        self._process = subprocess.Popen(
            [python, PEERS / "deepmd_kit.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            env={**os.environ, **dict.fromkeys(THREADS, "1"), **({} if gpu else {"DEVICE": "cpu"})},
        )
        self.version = ""

    def __call__(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Ask for one of the functions of ``peers/deepmd_kit.py``.

        Raises:
            RuntimeError: It ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            self._said.seek(0)
            raise RuntimeError(f"deepmd-kit ended in {do!r}: {self._said.read()[-2000:]}")
        found: dict[str, Any] = json.loads(line)
        self.version = found["version"]
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._said.close()


class Box:
    """Water as both sides take it: a file, and arrays."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        with np.load(path) as stored:
            self.positions, self.cell, self.types = stored["positions"], stored["cell"], stored["types"]

    def __len__(self) -> int:
        return len(self.types)


def box_of(folder: Path, times: int) -> Box:
    """The last labelled frame (24 atoms) repeated in each direction, each atom moved by 0.03 Å."""
    path = folder / f"water-{24 * times**3}.npz"
    if not path.exists():
        data = labelled(folder)
        frame = np.load(data / "set.000" / "coord.npy")[-1].reshape(-1, 3)
        cell = np.load(data / "set.000" / "box.npy")[-1].reshape(3, 3)
        types = np.loadtxt(data / "type.raw", dtype=int)
        shifts = np.array(list(np.ndindex(times, times, times))) @ cell
        positions = (frame[None] + shifts[:, None]).reshape(-1, 3)
        positions += np.random.default_rng(0).normal(0, 0.03, positions.shape)
        np.savez(path, positions=positions, cell=cell * times, types=np.tile(types, len(shifts)))
    return Box(path)


def members(folder: Path, deepmd: DeepmdKit, steps: int, count: int = 4) -> list[Path]:
    """Folders of stock-size models, which differ in their seeds; trained, frozen and compressed once."""
    data = labelled(folder)
    made = [folder / f"stock-{seed}" for seed in range(1, count + 1)]
    for seed, each in enumerate(made, start=1):
        settings = json.loads(json.dumps(STOCK))
        settings["model"]["descriptor"]["seed"] = settings["model"]["fitting_net"]["seed"] = seed
        settings["training"] = {
            "training_data": {"systems": [str(data)], "batch_size": 1},
            "numb_steps": steps,
            "save_freq": steps,
            "disp_freq": steps,
            "seed": seed,
        }
        deepmd("train", folder=str(each), settings=settings)
        deepmd("prepare", folder=str(each))
    return made


def labelled(folder: Path) -> Path:
    """Sixty frames of eight water molecules by GFN1-xTB, as for the fixtures; two minutes on one core."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "fixtures" / "deep_potential"))
    from make import label

    data = folder / "data"
    if not (data / "type.raw").exists():
        label(data)
    return data.absolute()
