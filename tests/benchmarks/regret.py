"""Simple regret after 50 runs, and in batches of four of which one comes late, beside GPSampler, TPE, BoTorch and Ax.

Everybody is given the same first design, and the functions of ``_problems`` without noise. The regret's decimal
logarithm is floored at 1e-4 of the function's range. For each problem: medians, and the mean paired difference between
ours and the best peer's with its 90 % bootstrap interval; over all: the median rank among the arms of each campaign.

A part of it is run by naming it, in lists with commas: ``REGRET_PROBLEMS=branin,levy8 REGRET_SEEDS=5
REGRET_PEERS=gpsampler,tpe REGRET_MODES=single,batches make bench NAME=regret``. ``REGRET_KEPT=peers.jsonl`` keeps
peers' campaigns there and takes them from there: they do not depend on our code, and all of them take a day.
``REGRET_OURS=ours.jsonl`` does so with ours, of one version, so that a long run goes on where it was ended. Those that
the tables in ``docs/benchmarks.md`` are made of stand in ``records``; both variables may name the same file.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import json
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks._arms import Ours, first_points, peers
from tests.benchmarks._problems import PROBLEMS, Problem
from tests.benchmarks._report import show

RUNS, BATCH, ROUNDS, FLOOR = 50, 4, 12, 1e-4
ARMS = ("gpsampler", "tpe", "botorch", "ax")


def _named(variable: str, every: list[str]) -> list[str]:
    wanted = [name for name in os.environ.get(variable, "").split(",") if name]
    return wanted or every


def job(problem: Problem, seed: int, mode: str) -> dict[str, Any]:
    q, rounds = (1, RUNS - problem.first) if mode == "single" else (BATCH, ROUNDS)
    return {
        "problem": problem.name,
        "seed": seed,
        "first": first_points(problem, seed),
        "q": q,
        "rounds": rounds,
    }


class Kept:
    """Campaigns of one arm on one problem, in the file that a variable names; in memory where there is none."""

    def __init__(self, variable: str, arm: str, problem: Problem, mode: str) -> None:
        self.file = Path(os.environ[variable]) if variable in os.environ else None
        self.what = {"peer": arm, "problem": problem.name, "mode": mode}
        self.by_seed: dict[int, dict[str, Any]] = {}
        if self.file is not None and self.file.exists():
            for line in self.file.read_text(encoding="utf-8").splitlines():
                entry = json.loads(line)
                if all(entry[name] == value for name, value in self.what.items()):
                    self.by_seed[entry["seed"]] = entry

    def add(self, seed: int, found: dict[str, Any]) -> None:
        told = {name: value for name, value in found.items() if name not in {"values", "seed"}}
        self.by_seed[seed] = {**self.what, "seed": seed, "best": min(found["values"]), **told}
        if self.file is not None:
            with self.file.open("a", encoding="utf-8") as out:
                out.write(json.dumps(self.by_seed[seed]) + "\n")


def campaigns(peer: str, problem: Problem, seeds: int, mode: str) -> list[dict[str, Any]]:
    """The peer's, one for each seed; those that are kept are not run again."""
    kept = Kept("REGRET_KEPT", peer, problem, mode)
    wanted = [seed for seed in range(seeds) if seed not in kept.by_seed]
    if wanted:
        told = peers("run", peer, [job(problem, seed, mode) for seed in wanted])
        for found in told["found"]:
            kept.add(found["seed"], {"version": told["version"], **found})
    return [kept.by_seed[seed] for seed in range(seeds)]


def ours(problem: Problem, seeds: int, mode: str) -> list[dict[str, Any]]:
    kept = Kept("REGRET_OURS", "ours", problem, mode)
    for seed in range(seeds):
        if seed not in kept.by_seed:
            work = job(problem, seed, mode)
            kept.add(seed, Ours(problem, seed).run(work["q"], work["rounds"], seed))
    return [kept.by_seed[seed] for seed in range(seeds)]


def regret(problem: Problem, best: float) -> float:
    """The decimal logarithm of how far the best run is from the optimum, floored."""
    return float(np.log10(max(best - problem.best, FLOOR * problem.range)))


def interval(mine: list[float], theirs: list[float]) -> tuple[float, float, float]:
    """The mean paired difference in decades, and its 90 % bootstrap interval."""
    difference = np.array(mine) - np.array(theirs)
    rng = np.random.default_rng(0)
    means = difference[rng.integers(len(difference), size=(10_000, len(difference)))].mean(axis=1)
    return float(difference.mean()), *(float(q) for q in np.quantile(means, (0.05, 0.95)))


def ranks(row: list[float]) -> list[float]:
    """Places among the arms, 1 the best; equal ones share theirs."""
    return [sum(v < u - 1e-9 for v in row) + (1 + sum(abs(v - u) <= 1e-9 for v in row)) / 2 for u in row]


def measured(problem: Problem, arms: list[str], seeds: int, mode: str) -> dict[str, Any]:
    """Regret by seed of all arms, ours first, and how they compare."""
    mine = ours(problem, seeds, mode)
    all_runs = {"ours": mine, **{peer: campaigns(peer, problem, seeds, mode) for peer in arms}}
    by_seed = {arm: [regret(problem, run["best"]) for run in runs] for arm, runs in all_runs.items()}
    median = {arm: statistics.median(row) for arm, row in by_seed.items()}
    inside, of = (sum(run["inside"][k] for run in mine) for k in (0, 1))
    found: dict[str, Any] = {
        "problem": problem.name,
        "mode": mode,
        "floor": float(np.log10(FLOOR * problem.range)),
        "median log10 regret": median,
        "log10 regret by seed": by_seed,
        "ranks": [ranks(list(row)) for row in zip(*by_seed.values(), strict=True)],
        "processor s": {
            arm: statistics.mean(run["seconds"] for run in runs) for arm, runs in all_runs.items()
        },
        "inside our 90 % interval": inside / of if of else None,
    }
    if arms:
        best = min(arms, key=lambda arm: median[arm])
        mean, low, high = interval(by_seed["ours"], by_seed[best])
        found |= {"best peer": best, "against it": mean, "90 % interval": [low, high]}
    print(json.dumps({k: v for k, v in found.items() if k != "ranks"}), file=sys.stderr, flush=True)
    return found


def main() -> None:
    names = _named("REGRET_PROBLEMS", list(PROBLEMS))
    arms = _named("REGRET_PEERS", list(ARMS)) if os.environ.get("REGRET_PEERS") != "none" else []
    seeds = int(os.environ.get("REGRET_SEEDS", "20"))
    for mode in _named("REGRET_MODES", ["single", "batches"]):
        each = [measured(PROBLEMS[name], arms, seeds, mode) for name in names]
        places: dict[str, list[float]] = defaultdict(list)
        for entry in each:
            for row in entry["ranks"]:
                for arm, rank in zip(["ours", *arms], row, strict=True):
                    places[arm].append(rank)
        median = {arm: statistics.median(row) for arm, row in places.items()}
        show(
            f"regret, {mode}",
            unit="median rank over all campaigns",
            ours=median["ours"],
            target=None,
            peers={arm: rank for arm, rank in median.items() if arm != "ours"},
            mean_rank={arm: statistics.mean(row) for arm, row in places.items()},
            seeds=seeds,
            kept_peers="REGRET_KEPT" in os.environ,
            each=each,
        )


if __name__ == "__main__":
    main()
