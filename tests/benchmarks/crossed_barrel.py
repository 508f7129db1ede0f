"""The 30 toughest of 600 printed designs: how many are found in 100 runs, beside BoTorch's SingleTaskGP with UCB.

Crossed barrels (Gongora et al., Science Advances 6, eaaz1708, 2020): the toughness of 600 designs by four numbers,
three prints each, averaged. The protocol is that of Liang et al., npj Comput. Mater. 7, 188 (2021): two first designs
drawn at random, then one at a time. Ours is the default policy of a task over that pool; the peer is SingleTaskGP with
the upper confidence bound (beta = 4), from the same two, and once more from our first eight, to see what those do.

The measurements are no part of the project: they are read from where ``--data`` says, by default from
``../shared/data/crossed_barrel`` beside it, and are to be had at github.com/PV-Lab/Benchmarking.

    .venv/bin/python -m tests.benchmarks.crossed_barrel --seeds 5 --keep campaigns.jsonl
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import csv
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import aisteer as ai
from aisteer.steering.policies import policy
from aisteer.steering.protocols import Datum, Evidence
from tests.benchmarks._report import Kept, show

DATA = Path(__file__).parents[3] / "shared" / "data" / "crossed_barrel" / "crossed_barrel.csv"
FEATURES = ["n", "theta", "r", "t"]
RUNS, FIRST, TOP = 100, 2, 30
TOLD_AT = (20, 30, 50, 75, 100)
PUBLISHED = {"Gaussian process with LCB, published (median)": 18.0}
MORE = 2.0
Array = np.ndarray


class Barrels:
    """The designs as a pool, their mean toughness, and the 30 best.

    Raises:
        FileNotFoundError: The measurements are not there.
    """

    def __init__(self, file: Path) -> None:
        if not file.is_file():
            raise FileNotFoundError(
                f"The measurements of crossed barrels are not at {file}. They are no part of the project: take "
                "crossed_barrel.csv from github.com/PV-Lab/Benchmarking and say where it is with --data."
            )
        with file.open(newline="", encoding="utf-8") as lines:
            rows = [[float(row[name]) for name in [*FEATURES, "toughness"]] for row in csv.DictReader(lines)]
        table = np.array(rows)
        self.features, place = np.unique(table[:, :-1], axis=0, return_inverse=True)
        self.value = np.bincount(place.ravel(), table[:, -1]) / np.bincount(place.ravel())
        self.best = set(np.argsort(-self.value)[:TOP].tolist())
        columns: dict[str, Any] = {"design": [f"D{i:03d}" for i in range(len(self.value))]}
        columns |= {name: self.features[:, i].tolist() for i, name in enumerate(FEATURES)}
        self.pool = ai.Pool(columns, key="design", features=FEATURES)

    def found(self, ran: list[int]) -> list[int]:
        """How many of the best are among the first so many, after each run."""
        hits: list[int] = np.cumsum([row in self.best for row in ran]).tolist()
        return hits

    def first(self, seed: int) -> list[int]:
        """Two designs drawn at random."""
        drawn: list[int] = np.random.default_rng([seed, 81]).permutation(len(self.value))[:FIRST].tolist()
        return drawn


def ours(barrels: Barrels, seed: int) -> list[int]:
    """The default policy one run at a time, as a campaign's driver hands it what is known."""
    definition = {
        "objective": {"kind": "maximize", "outcome": "toughness", "unit": "J"},
        "seed": seed,
        "slots": 1,
        "batch": 1,
    }
    mind = policy(definition, barrels.pool)
    place = {key: row for row, key in enumerate(barrels.pool.keys)}
    ran = barrels.first(seed)
    while len(ran) < RUNS:
        data = tuple(
            Datum(
                f"R{i}", {"design": barrels.pool.keys[row]}, {"toughness": (float(barrels.value[row]), 0.0)}
            )
            for i, row in enumerate(ran)
        )
        [draft] = mind.propose(Evidence("main", definition, data=data), 1).drafts
        ran.append(place[draft.parameters["design"]])
    return ran


def botorch(barrels: Barrels, first: list[int]) -> list[int]:
    """SingleTaskGP as it comes, inputs in the unit cube, and the mean and two standard deviations."""
    import torch
    from botorch.acquisition import UpperConfidenceBound
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from gpytorch.mlls import ExactMarginalLogLikelihood

    low, high = barrels.features.min(axis=0), barrels.features.max(axis=0)
    x = torch.as_tensor((barrels.features - low) / (high - low))
    y = torch.as_tensor(barrels.value).unsqueeze(-1)
    ran = list(first)
    while len(ran) < RUNS:
        model = SingleTaskGP(x[ran], y[ran])
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        with torch.no_grad():
            value = UpperConfidenceBound(model, beta=4.0)(x.unsqueeze(-2))
        value[ran] = -torch.inf
        ran.append(int(value.argmax()))
    return ran


def measured(barrels: Barrels, seed: int, kept: Kept, arms: list[str]) -> dict[str, dict[str, Any]]:
    """Of each arm what it ran and the processor seconds that it took, by name."""
    mine = "ours"
    ways: dict[str, Callable[[], list[int]]] = {
        mine: partial(ours, barrels, seed),
        "SingleTaskGP, UCB": lambda: botorch(barrels, barrels.first(seed)),
        "SingleTaskGP, UCB, from our first 8": lambda: botorch(barrels, found[mine]["ran"][:8]),
        "random": np.random.default_rng([seed, 82]).permutation(len(barrels.value))[:RUNS].tolist,
    }
    found: dict[str, dict[str, Any]] = {}
    for arm in arms or ways:
        way = ways[arm]

        def run(way: Callable[[], list[int]] = way) -> dict[str, Any]:
            begun = time.process_time()
            ran = way()
            return {"ran": ran, "seconds": time.process_time() - begun}

        found[arm] = kept.once([arm, seed], run)
        hits = barrels.found(found[arm]["ran"])[-1]
        print(f"# {seed} {arm}: {hits} in {found[arm]['seconds']:.1f} s", file=sys.stderr, flush=True)
    return found


def main() -> None:
    """Measure all arms, seed by seed, and print what they found."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seeds", type=int, default=50)
    asked.add_argument("--data", type=Path, default=DATA)
    asked.add_argument("--keep", type=Path, help="a file of campaigns: those in it are not run again")
    asked.add_argument("--arms", nargs="*", default=[])
    given = asked.parse_args()
    warnings.filterwarnings("ignore")
    try:
        barrels = Barrels(given.data)
    except FileNotFoundError as missing:
        sys.exit(str(missing))
    kept = Kept(given.keep)
    seeds = [measured(barrels, seed, kept, given.arms) for seed in range(given.seeds)]
    arms = list(seeds[0])
    curves = {arm: np.array([barrels.found(each[arm]["ran"]) for each in seeds]) for arm in arms}
    mean = {arm: float(curve[:, -1].mean()) for arm, curve in curves.items()}
    peer = mean.get("SingleTaskGP, UCB")
    show(
        "crossed_barrel",
        unit=f"of the {TOP} best of {len(barrels.value)} in {RUNS} runs, mean of {given.seeds} seeds",
        ours=mean.pop("ours", float("nan")),
        target=None if peer is None else peer + MORE,
        peers=mean | PUBLISHED,
        medians={
            arm: {at: float(np.median(curve[:, at - 1])) for at in TOLD_AT} for arm, curve in curves.items()
        },
        standard_error={
            arm: float(curve[:, -1].std(ddof=1) / given.seeds**0.5) if given.seeds > 1 else None
            for arm, curve in curves.items()
        },
        more_than={
            arm: _interval((curves["ours"] - curve)[:, -1])
            for arm, curve in curves.items()
            if "ours" in curves and arm != "ours"
        },
        processor_seconds={arm: float(np.median([each[arm]["seconds"] for each in seeds])) for arm in arms},
    )


def _interval(differences: Array) -> list[float]:
    """The mean of paired differences and its 90 % bootstrap interval."""
    rng = np.random.default_rng(0)
    means = rng.choice(differences, size=(4000, len(differences))).mean(axis=1)
    return [float(differences.mean()), *(float(q) for q in np.quantile(means, [0.05, 0.95]))]


if __name__ == "__main__":
    main()
