"""What people at the gate do to a campaign: no harm when they err, and how much they help when they know something.

Six problems, campaigns of 40 runs, the default policy one run at a time, the same first design for all campaigns of a
seed. A human answers half of the proposals: by turns he has a point of his own run instead, and refuses. He is

- an expert, whose prior has a rank correlation of 0.5 with the truth, with a smooth bias and noise each time;
- noisy: he draws lots;
- an adversary, who knows the truth, chooses the worst and refuses what is good;
- absent: nobody answers and a rule accepts; that is the unassisted campaign, by construction.

No harm: the regret after N runs is no worse than that of the unassisted campaign after N / 2, as if his half had not
been run at all. It is paired over seeds and problems, in decades: "harm" is the lower end of the one-sided 95 %
bootstrap interval of the mean difference above 0; "no worse by 0.1" is its upper end below a tenth of a decade. Help:
runs until the regret is that of the unassisted campaign after N, against N. The sweep lowers the expert's correlation
to where he stops helping.

    make bench NAME=human_gate                              # all: some hours
    .venv/bin/python -m tests.benchmarks.human_gate --seeds 5 --problems Branin Levy-4
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from tests.benchmarks._people import PROBLEMS, Campaign, Human, Problem, adversary, expert, noisy
from tests.benchmarks._report import show

RUNS, SHARE, FLOOR, MARGIN = 40, 0.5, 1e-4, 0.1
PEOPLE: dict[str, Callable[[Problem, int], Human]] = {
    "expert": expert,
    "noisy": noisy,
    "adversary": adversary,
}
SWEEP = (-0.5, 0.0, 0.25, 0.5)
Array = np.ndarray


def regrets(problem: Problem, best: Array) -> Array:
    """Decades of simple regret, floored at 1e-4 of the range of the function over the box."""
    sample = problem.value(np.random.default_rng(0).random((4096, problem.dimension)))
    floor = FLOOR * (problem.best - float(np.median(sample)))
    found: Array = np.log10(np.maximum(problem.best - best, floor))
    return found


@functools.cache
def unassisted(name: str, seed: int) -> tuple[float, ...]:
    """The regret after each run with nobody at the gate."""
    problem = PROBLEMS[name]
    return tuple(regrets(problem, Campaign(problem, seed).run(RUNS)))


def assisted(name: str, seed: int, human: Callable[[Problem, int], Human]) -> Array:
    problem = PROBLEMS[name]
    return regrets(problem, Campaign(problem, seed, human(problem, seed), SHARE).run(RUNS))


def compared(
    names: list[str], seeds: int, human: Callable[[Problem, int], Human], who: str
) -> dict[str, Any]:
    """No harm and help of one kind of human."""
    harm: dict[str, list[float]] = {}
    needed: list[float] = []
    for name in names:
        for seed in range(seeds):
            print(who, name, seed, file=sys.stderr, flush=True)
            alone, together = np.array(unassisted(name, seed)), assisted(name, seed, human)
            harm.setdefault(name, []).append(float(together[-1] - alone[int((1 - SHARE) * RUNS) - 1]))
            reached = np.flatnonzero(together <= alone[-1] + 1e-9)
            needed.append(float(reached[0] + 1) if len(reached) else float(RUNS + 1))
    lower, upper = _ends([np.array(values) for values in harm.values()])
    return {
        "decades against unassisted after half the runs": {
            "mean": float(np.mean([np.mean(values) for values in harm.values()])),
            "lower end": lower,
            "upper end": upper,
            "each": {name: float(np.mean(values)) for name, values in harm.items()},
        },
        "harm": lower > 0,
        "no worse by 0.1": upper < MARGIN,
        "runs to the unassisted campaign's end, median": float(np.median(needed)),
        "reached it": float(np.mean(np.array(needed) <= RUNS)),
    }


def _ends(groups: list[Array], draws: int = 4000) -> tuple[float, float]:
    """One-sided 95 % bootstrap ends of the mean over problems of the mean over seeds."""
    rng = np.random.default_rng(1)
    means = np.zeros(draws)
    for values in groups:
        means += values[rng.integers(len(values), size=(draws, len(values)))].mean(axis=1) / len(groups)
    low, high = np.quantile(means, [0.05, 0.95])
    return float(low), float(high)


def main() -> None:
    """Measure all kinds of humans, then the sweep of the expert's knowledge."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--seeds", type=int, default=20)
    asked.add_argument("--problems", nargs="*", default=list(PROBLEMS))
    asked.add_argument("--no-sweep", action="store_true")
    given = asked.parse_args()
    found = {who: compared(given.problems, given.seeds, human, who) for who, human in PEOPLE.items()}
    sweep = {
        str(correlation): compared(
            given.problems,
            given.seeds,
            functools.partial(expert, correlation=correlation, noise=0.3),
            f"expert {correlation}",
        )
        for correlation in (() if given.no_sweep else SWEEP)
    }
    worst = max(each["decades against unassisted after half the runs"]["mean"] for each in found.values())
    show(
        "human_gate",
        unit="decades of regret against the unassisted campaign after half the runs, the worst kind of human",
        ours=worst,
        target=0.0,
        details={"runs": RUNS, "share": SHARE, "seeds": given.seeds, "problems": given.problems, **found},
        sweep=sweep,
    )


if __name__ == "__main__":
    main()
