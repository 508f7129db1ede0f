"""Deep Potentials beside deepmd-kit: one evaluation, a committee's deviation, size, threads, a GPU, molecular dynamics.

Both sides have the same water and the same four models of stock size (25-50-100, axis 16, fit 240³, cutoff 6 Å), which
deepmd-kit trained for a thousand steps on GFN1-xTB water of eight molecules; compressed, it is at its fastest. Each
figure is processor time on one thread, neighbour list included, ours and theirs by turns in the same run: the least and
the median. Data and models are made once, in some fifteen minutes, and kept in ``.cache/deep_potential``. On a GPU
(``gpu``) figures are of wall time: Triton's kernels, plain PyTorch and deepmd-kit by turns on the same one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

import aisteer as ai
from aisteer.deep_potential.device import DeviceCommittee
from aisteer.deep_potential.structures import frames_of
from tests.benchmarks._deepmd import Box, DeepmdKit, box_of, members
from tests.benchmarks._report import show

PRECISIONS = ("fp64", "mixed", "fp32")
PARTS = ("evaluate", "deviation", "size", "threads", "dynamics", "gpu")


def seconds_of(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    began = clock()
    work()
    return clock() - began


def by_turns(rounds: int, arms: dict[str, Callable[[], float]], atoms: int) -> dict[str, dict[str, float]]:
    """Each arm once to warm up, then one after the other: the least and the median of µs per atom."""
    for arm in arms.values():
        arm()
    found: dict[str, list[float]] = {name: [] for name in arms}
    for _ in range(rounds):
        for name, arm in arms.items():
            found[name].append(arm() / atoms * 1e6)
    return {name: {"least": min(each), "median": median(each)} for name, each in found.items()}


def against(
    found: dict[str, dict[str, float]], pairs: Sequence[tuple[str, str]]
) -> dict[str, dict[str, float]]:
    """How many times as fast the first of each pair is."""
    return {
        f"{ours} against {theirs}": {
            kind: found[theirs][kind] / found[ours][kind] for kind in ("least", "median")
        }
        for ours, theirs in pairs
    }


def evaluate(folders: list[Path], deepmd: DeepmdKit, box: Box, rounds: int) -> dict[str, Any]:
    """One model: energy, forces and virial."""
    model = ai.dp.load(folders[0] / "model.ckpt.pt", overflow="nearest")
    frame = box.positions, box.cell, box.types

    def ours(precision: str) -> Callable[[], float]:
        return lambda: seconds_of(lambda: model.evaluate(*frame, precision=precision))

    def theirs(file: str) -> Callable[[], float]:
        path = str(folders[0] / file)
        return lambda: deepmd("evaluate", model=path, frame=box.path, repeats=1)["seconds"][0]

    arms = {f"ours {precision}": ours(precision) for precision in PRECISIONS}
    arms |= {
        f"{kind} {bits}": theirs(f"{kind}-{bits}.pth")
        for kind in ("compressed", "frozen")
        for bits in (64, 32)
    }
    found = by_turns(rounds, arms, len(box))
    exact = model.evaluate(*frame, exact=True).forces
    fast = {precision: model.evaluate(*frame, precision=precision).forces for precision in PRECISIONS}
    theirs("frozen-64.pth")()
    parity = np.abs(exact - np.load(f"{box.path}.forces.npy")).max()
    return {
        "atoms": len(box),
        "µs per atom": found,
        "times as fast": against(
            found,
            [
                ("ours fp64", "compressed 64"),
                ("ours fp64", "frozen 64"),
                ("ours mixed", "compressed 32"),
                ("ours fp32", "compressed 32"),
            ],
        ),
        "largest force": float(np.abs(exact).max()),
        "largest error of a force component (fp64, against the network)": float(
            np.abs(fast["fp64"] - exact).max()
        ),
        "root mean square error": {p: float(np.sqrt(((f - exact) ** 2).mean())) for p, f in fast.items()},
        "network against deepmd-kit's": float(parity),
        "terms, intervals": model._engine.order,
        "share of products left out below": model._engine.cut,
    }


def deviation(folders: list[Path], deepmd: DeepmdKit, box: Box, rounds: int) -> dict[str, Any]:
    """Four models: how far they are apart."""
    committee = ai.dp.load([each / "model.ckpt.pt" for each in folders], overflow="nearest")
    frame = box.positions, box.cell, box.types

    def ours(precision: str) -> Callable[[], float]:
        return lambda: seconds_of(lambda: committee.deviation(*frame, precision=precision))

    def theirs(file: str) -> Callable[[], float]:
        models = [str(each / file) for each in folders]
        return lambda: deepmd("deviation", models=models, frame=box.path, repeats=1)["seconds"][0]

    arms = {f"ours {precision}": ours(precision) for precision in PRECISIONS}
    arms |= {"compressed 64": theirs("compressed-64.pth"), "frozen 64": theirs("frozen-64.pth")}
    found = by_turns(rounds, arms, len(box))
    told = deepmd("deviation", models=[str(e / "frozen-64.pth") for e in folders], frame=box.path, repeats=1)
    said = {precision: committee.deviation(*frame, precision=precision) for precision in PRECISIONS}
    return {
        "atoms": len(box),
        "µs per atom": found,
        "times as fast": against(
            found, [(f"ours {p}", kind) for p in PRECISIONS for kind in ("frozen 64", "compressed 64")]
        ),
        "largest deviation": {p: float(each.max_force) for p, each in said.items()}
        | {"deepmd-kit": told["max_force"]},
        "largest difference of an atom's deviation from fp64": {
            p: float(np.abs(each.force - said["fp64"].force).max()) for p, each in said.items()
        },
        "terms, intervals": committee._engine.order,
    }


def size(folders: list[Path], boxes: Sequence[Box], rounds: int) -> dict[str, Any]:
    """µs per atom by the number of atoms."""
    model = ai.dp.load(folders[0] / "model.ckpt.pt", overflow="nearest")
    found = {}
    for precision in ("fp64", "mixed"):
        each = []
        for box in boxes:
            work = partial(model.evaluate, box.positions, box.cell, box.types, precision=precision)
            work()
            each.append(min(seconds_of(work) for _ in range(rounds)) / len(box) * 1e6)
        found[precision] = {
            "µs per atom": {len(box): figure for box, figure in zip(boxes, each, strict=True)},
            "largest against smallest": max(each) / min(each),
        }
    return found


def threads(folders: list[Path], box: Box, rounds: int) -> dict[str, Any]:
    """Wall seconds with one thread and with two, by turns: of use on a quiet machine only."""
    model = ai.dp.load(folders[0] / "model.ckpt.pt", overflow="nearest")

    def arm(count: int) -> Callable[[], float]:
        def run() -> float:
            torch.set_num_threads(count)
            return seconds_of(lambda: model.evaluate(box.positions, box.cell, box.types), time.perf_counter)

        return run

    found = by_turns(rounds, {"1": arm(1), "2": arm(2)}, len(box))
    torch.set_num_threads(1)
    return {"µs per atom": found, "times as fast": against(found, [("2", "1")]), "load": os.getloadavg()}


def _dynamics(precision: str, steps: int, box: Box, models: list[Path]) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks._water_dynamics",
        precision,
        steps,
        box.path,
        *models,
    ]
    done = subprocess.run([str(each) for each in command], check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command[2]} ended: {done.stderr[-1000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def dynamics(folders: list[Path], box: Box, steps: int) -> dict[str, Any]:
    """Processor seconds of whole processes: a committee of four here, one compressed model for each member there."""
    models = [each / "model.ckpt.pt" for each in folders]
    found: dict[str, Any] = {
        f"ours {precision}, four models": _dynamics(precision, steps, box, models)
        for precision in ("fp64", "mixed")
    }
    for bits in (64, 32):
        with DeepmdKit() as alone:
            model = str(folders[0] / f"compressed-{bits}.pth")
            told = alone("dynamics", model=model, frame=box.path, steps=steps)
            found[f"compressed {bits}, one model"] = {"processor s": told["seconds"]}
    seconds = {name: each["processor s"] for name, each in found.items()}
    return {
        "steps": steps,
        "runs": found,
        "times as fast": {
            "fp64": 4 * seconds["compressed 64, one model"] / seconds["ours fp64, four models"],
            "mixed, against 32 bits": 4
            * seconds["compressed 32, one model"]
            / seconds["ours mixed, four models"],
        },
    }


def _on_gpu(
    models: dict[str, ai.dp.DeepPotential],
    box: Box,
    rounds: int,
    device: str,
    deepmd: dict[str, Callable[[], float]],
) -> dict[str, Any]:
    """Wall µs per atom of a box: the whole with neighbours from the CPU, those alone, and the GPU's part either way."""
    arms: dict[str, Callable[[], float]] = dict(deepmd)
    answers: dict[str, Any] = {}
    for name, model in models.items():
        engine = model._engine
        frames = frames_of(box.positions, box.cell, box.types, type_map=model.type_map)
        search = partial(engine.neighbours, frames, overflow="nearest")
        found, atoms = search(), np.arange(len(box))
        if name == "one":
            arms["neighbours, on the CPU"] = partial(seconds_of, search, time.perf_counter)
        for precision in PRECISIONS:
            whole = partial(
                model.evaluate, box.positions, box.cell, box.types, precision=precision, device=device
            )
            arms[f"whole {precision}, {name}"] = partial(seconds_of, whole, time.perf_counter)
            made = {
                kind: DeviceCommittee(
                    engine.doubles,
                    engine.r_min,
                    *engine._choice,
                    precision,
                    torch.device(device),
                    kernels=kernels,
                )
                for kind, kernels in (("Triton", True), ("PyTorch", False))
            }
            for kind, committee in made.items():
                work = partial(committee, frames, found, atoms)
                arms[f"{kind} {precision}, {name}"] = partial(seconds_of, work, time.perf_counter)
            first, second = (committee(frames, found, atoms) for committee in made.values())
            answers[f"{precision}, {name}"] = max(
                float(np.abs(a.forces - b.forces).max()) for a, b in zip(first, second, strict=True)
            )
    measured = by_turns(rounds, arms, len(box))
    names = [f"{precision}, {name}" for name in models for precision in PRECISIONS]
    pairs = [(f"Triton {each}", f"PyTorch {each}") for each in names]
    return {
        "atoms": len(box),
        "wall µs per atom": measured,
        "times as fast": against(measured, pairs),
        "largest difference of a force component, Triton from PyTorch": answers,
    }


def gpu(folders: list[Path], boxes: Sequence[Box], rounds: int, device: str = "cuda") -> dict[str, Any]:
    """One model and four on a GPU."""
    files = [each / "model.ckpt.pt" for each in folders]
    models = {
        "one": ai.dp.load(files[:1], overflow="nearest"),
        "four": ai.dp.load(files, overflow="nearest"),
    }
    with DeepmdKit(gpu=True) as deepmd:
        where = deepmd("device")

        def theirs(bits: int, box: Box) -> Callable[[], float]:
            asked = {"model": str(folders[0] / f"compressed-{bits}.pth"), "frame": box.path, "repeats": 1}
            return lambda: deepmd("evaluate", clock="perf_counter", **asked)["seconds"][0]

        found = []
        for box in boxes:
            arms = {f"compressed {bits}, neighbours included": theirs(bits, box) for bits in (64, 32)}
            if not where["device"].startswith("cuda"):
                arms = {}
            found.append(_on_gpu(models, box, rounds, device, arms))
    return {
        "gpu": torch.cuda.get_device_name() if device == "cuda" else device,
        "torch": torch.__version__,
        "deepmd-kit computes on": where,
        "boxes": found,
        "terms, intervals": {name: model._engine.order for name, model in models.items()},
    }


def main() -> None:
    """Measure what was asked for, by default all but what needs a quiet machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "parts", nargs="*", default=["evaluate", "deviation", "size", "dynamics", "gpu"], metavar="part"
    )
    parser.add_argument("--folder", type=Path, default=Path(".cache/deep_potential"))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=1000, help="of molecular dynamics")
    parser.add_argument("--training", type=int, default=1000, help="steps")
    given = parser.parse_args()
    wrong = set(given.parts) - set(PARTS)
    if wrong:
        parser.error(f"there are {', '.join(PARTS)}, and no {', '.join(sorted(wrong))}")
    if "gpu" in given.parts and not torch.cuda.is_available():
        print("Nothing is measured on a GPU: PyTorch finds none here.", file=sys.stderr)
        given.parts = [each for each in given.parts if each != "gpu"]
        if not given.parts:
            return
    torch.set_num_threads(1)
    given.folder.mkdir(parents=True, exist_ok=True)
    small, middle = box_of(given.folder, 2), box_of(given.folder, 4)
    found: dict[str, Any] = {"load before": os.getloadavg()}
    with DeepmdKit() as deepmd:
        folders = [each.absolute() for each in members(given.folder, deepmd, given.training)]
        if "evaluate" in given.parts:
            found["evaluate"] = [evaluate(folders, deepmd, box, given.rounds) for box in (small, middle)]
        if "deviation" in given.parts:
            found["deviation"] = deviation(folders, deepmd, small, given.rounds)
    if "size" in given.parts:
        found["size"] = size(folders, (small, middle, box_of(given.folder, 8)), max(3, given.rounds // 3))
    if "threads" in given.parts:
        found["threads"] = threads(folders, middle, given.rounds)
    if "dynamics" in given.parts:
        found["dynamics"] = dynamics(folders, small, given.steps)
    if "gpu" in given.parts:
        found["gpu"] = gpu(folders, (small, middle, box_of(given.folder, 8)), given.rounds)
    first = found.get("evaluate", [{}])[0].get("µs per atom", {})
    show(
        "deep_potential",
        unit="processor µs per atom",
        ours=first.get("ours fp64", {}).get("least", float("nan")),
        target=None,
        peers={f"deepmd-kit {deepmd.version}, compressed": first["compressed 64"]["least"]} if first else {},
        details=found | {"load after": os.getloadavg()},
    )


if __name__ == "__main__":
    main()
