"""Hits among the best 5 % of a pool of molecules in 60 runs, against random, nearest neighbours and a Tanimoto GP.

The truth is computed whole by ``molecule_truth``. Each arm makes 8 first runs and then batches of 4, with 20
seeds, once to find the lowest ionisation energies and once the highest. Ours is the default policy of a task;
the baselines are written below, and are also given our first 8 runs.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import csv
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import norm

from aisteer.molecules import pool as molecules
from aisteer.steering.policies import policy
from aisteer.steering.protocols import Datum, Evidence
from tests.benchmarks._report import show
from tests.benchmarks.molecule_truth import truth

RUNS, FIRST, BATCH, SHARE = 60, 8, 4, 0.05
OUTCOME = "ionisation_energy"
Choose = Callable[[list[int], np.ndarray], list[int]]


class Problem:
    """The pool, the truth in the sense in which larger is better, and who belongs to the best 5 %."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.space = molecules()
        self.keys = self.space.keys
        with truth().open(newline="", encoding="utf-8") as file:
            rows = {row["smiles"]: row["ionisation_energy"] for row in csv.DictReader(file)}
        self.outcome = np.array([float(rows[key]) if rows[key] else np.nan for key in self.keys])
        self.value = np.where(
            np.isnan(self.outcome), -np.inf, self.outcome * (1 if kind == "maximize" else -1)
        )
        self.best = set(np.argsort(-self.value)[: int(SHARE * len(self.keys))].tolist())
        bits = self.space.features().astype(np.float32)
        dot, size = bits @ bits.T, bits.sum(1)
        self.alike = (dot / (size[:, None] + size[None, :] - dot)).astype(float)

    def hits(self, ran: list[int]) -> int:
        return len(self.best & set(ran))


def ours(problem: Problem, seed: int) -> tuple[list[int], list[float]]:
    """The runs of a task with the default policy, and the seconds of each proposal."""
    definition = {"objective": {"kind": problem.kind, "outcome": OUTCOME}, "seed": seed}
    ai = policy(definition, problem.space)
    place = {key: i for i, key in enumerate(problem.keys)}
    data: list[Datum] = []
    failed: list[dict[str, Any]] = []
    ran: list[int] = []
    seconds: list[float] = []
    while len(ran) < RUNS:
        start = time.perf_counter()
        wanted = FIRST if not ran else min(BATCH, RUNS - len(ran))
        batch = ai.propose(Evidence("main", definition, data=tuple(data), failed=tuple(failed)), wanted)
        seconds.append(time.perf_counter() - start)
        for draft in batch.drafts:
            row = place[draft.parameters["smiles"]]
            ran.append(row)
            if np.isnan(problem.outcome[row]):
                failed.append(draft.parameters)
            else:
                outcome = {OUTCOME: (float(problem.outcome[row]), 0.0)}
                data.append(Datum(f"R{len(ran)}", draft.parameters, outcome))
    return ran, seconds


def baseline(problem: Problem, seed: int, choose: Choose, first: list[int] | None) -> list[int]:
    ran = first or np.random.default_rng(seed).permutation(len(problem.keys))[:FIRST].tolist()
    while len(ran) < RUNS:
        ran = [*ran, *choose(ran, problem.value[ran])]
    return ran


def nearest_neighbours(problem: Problem, k: int = 5) -> Choose:
    """The largest mean of the ``k`` most similar runs, weighted by similarity."""

    def choose(ran: list[int], value: np.ndarray) -> list[int]:
        alike = problem.alike[:, ran]
        near = np.argsort(-alike, axis=1)[:, :k]
        weight = np.take_along_axis(alike, near, axis=1) + 1e-9
        mean = (weight * value[near]).sum(1) / weight.sum(1)
        mean[ran] = -np.inf
        return np.argsort(-mean)[:BATCH].tolist()

    return choose


def tanimoto_process(problem: Problem, rule: str) -> Choose:
    """A Gaussian process with the Tanimoto kernel; scale and noise by the likelihood on a grid."""

    def choose(ran: list[int], value: np.ndarray) -> list[int]:
        y = (value - value.mean()) / (value.std() or 1.0)
        alike = problem.alike[np.ix_(ran, ran)]
        found = []
        for scale in (0.5, 1.0, 2.0, 4.0):
            for noise in (1e-4, 1e-3, 1e-2, 1e-1):
                factor = np.linalg.cholesky(scale * alike + noise * np.eye(len(ran)))
                white = np.linalg.solve(factor, y)
                found.append((0.5 * white @ white + np.log(factor.diagonal()).sum(), scale, factor, white))
        _, scale, factor, white = min(found, key=lambda entry: entry[0])
        cross = np.linalg.solve(factor, scale * problem.alike[ran])
        mean = cross.T @ white
        std = np.sqrt(np.maximum(scale - (cross**2).sum(0), 1e-12))
        z = (mean - y.max()) / std
        gain = std * (z * norm.cdf(z) + norm.pdf(z)) if rule == "expected improvement" else mean
        gain[ran] = -np.inf
        return np.argsort(-gain)[:BATCH].tolist()

    return choose


def arms(problem: Problem, seeds: int) -> tuple[dict[str, list[int]], list[float]]:
    """Hits of each arm by seed, and the seconds of all of our proposals."""
    everyone = len(problem.keys)
    found: dict[str, list[int]] = {}
    seconds: list[float] = []
    rules: dict[str, Choose] = {
        "nearest neighbours": nearest_neighbours(problem),
        "Tanimoto GP, expected improvement": tanimoto_process(problem, "expected improvement"),
        "Tanimoto GP, mean": tanimoto_process(problem, "mean"),
    }
    for seed in range(seeds):
        ran, took = ours(problem, seed)
        seconds += took
        found.setdefault("ours", []).append(problem.hits(ran))
        drawn = np.random.default_rng([seed, 1]).permutation(everyone)[:RUNS].tolist()
        found.setdefault("random", []).append(problem.hits(drawn))
        for name, choose in rules.items():
            found.setdefault(name, []).append(problem.hits(baseline(problem, seed, choose, None)))
            given = baseline(problem, seed, choose, ran[:FIRST])
            found.setdefault(f"{name}, from our first {FIRST}", []).append(problem.hits(given))
    return found, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args().seeds
    for kind in ("minimize", "maximize"):
        problem = Problem(kind)
        found, seconds = arms(problem, seeds)
        mean = {name: statistics.mean(hits) for name, hits in found.items()}
        error = {name: statistics.stdev(hits) / len(hits) ** 0.5 for name, hits in found.items() if seeds > 1}
        show(
            f"pool: {kind} the ionisation energy",
            unit=f"hits among the best {SHARE:.0%} in {RUNS} runs, mean of {seeds} seeds",
            ours=mean["ours"],
            target=15.0,
            peers={name: value for name, value in mean.items() if name != "ours"},
            standard_error=error,
            by_seed={name: hits for name, hits in found.items() if name in {"ours", "random"}},
            candidates=len(problem.keys),
            seconds_per_proposal={"median": statistics.median(seconds), "largest": max(seconds)},
        )


if __name__ == "__main__":
    main()
