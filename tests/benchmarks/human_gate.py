"""What people at the gate do to a campaign: no harm when they err, and how much they help when they know something.

Six problems, campaigns of 40 runs, the default policy one run at a time, the same first design for all campaigns of a
seed. A human is

- an expert, whose prior has a rank correlation of 0.5 with the truth, with a smooth bias and noise each time. He
  chooses among the AI's first points and leaves the rest to the AI (``_people.Expert``, where it stands how that was
  chosen);
- noisy: he draws lots. He answers half of the proposals; by turns he has a point of his own run instead, and refuses;
- an adversary, who knows the truth, chooses the worst and refuses what is good, of half of the proposals as well;
- absent: nobody answers and a rule accepts; that is the unassisted campaign, by construction.

No harm: the regret after N runs, f of them his, is no worse than that of the unassisted campaign after (1 - f) N, as if
his had not been run at all, f being at most a half. It is paired over seeds and problems, in decades: "harm" is the
lower end of the one-sided 95 % bootstrap interval of the mean difference above 0; "no worse by 0.1" is its upper end
below a tenth of a decade. Help: the ratio of runs until a target, and of unassisted ones (N + 1 where it is not
reached), the geometric mean over problems; the targets are, for each problem, the median regret of the unassisted
campaigns after N / 2 and after N runs. It is shown where the upper end of its one-sided 95 % interval is below 1. The
sweeps lower the expert's correlation, which makes his bias larger, and raise the noise of his judgement, to where he
stops helping.

    make bench NAME=human_gate                              # all: some hours
    .venv/bin/python -m tests.benchmarks.human_gate --seeds 5 --problems Branin Levy-4 --keep campaigns.jsonl
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from tests.benchmarks._people import PROBLEMS, Campaign, Human, Problem, adversary, expert, noisy
from tests.benchmarks._report import Kept, show

RUNS, SHARE, FLOOR, MARGIN = 40, 0.5, 1e-4, 0.1
Who = Callable[[Problem, int], Human]
SWEEP = ((-0.5, 0.1), (0.0, 0.1), (0.25, 0.1), (0.5, 0.1), (0.5, 1.0), (0.5, 3.0), (0.5, 10.0), (0.5, 1000.0))
"""Rank correlation of an expert's judgement without its noise, and that noise in standard deviations of it."""
Array = np.ndarray


def expert_of(correlation: float, noise: float) -> Who:
    """An expert who knows so much, and is so unsteady."""
    return functools.partial(expert, correlation=correlation, noise=noise)


EXPERT = "expert, correlation 0.5, noise 0.1"
PEOPLE: dict[str, Who] = {EXPERT: expert, "noisy": noisy, "adversary": adversary}


def regrets(problem: Problem, best: Array) -> Array:
    """Decades of simple regret, floored at 1e-4 of the range of the function over the box."""
    sample = problem.value(np.random.default_rng(0).random((4096, problem.dimension)))
    floor = FLOOR * (problem.best - float(np.median(sample)))
    found: Array = np.log10(np.maximum(problem.best - best, floor))
    return found


class Curves:
    """The regret after each run of campaigns, with somebody at the gate or with nobody, and how many runs are his."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def of(self, name: str, seed: int, who: str = "nobody", human: Who | None = None) -> tuple[Array, int]:
        """Of the campaign on the problem ``name`` with ``human``, who is called ``who``."""
        problem = PROBLEMS[name]

        def run() -> tuple[list[float], int]:
            begun = time.process_time()
            campaign = (
                Campaign(problem, seed)
                if human is None
                else Campaign(problem, seed, human(problem, seed), SHARE)
            )
            found = regrets(problem, campaign.run(RUNS))
            seconds = time.process_time() - begun
            print(f"# {seed} {name}, {who}: {seconds:.1f} processor s", file=sys.stderr, flush=True)
            return [float(regret) for regret in found], campaign.judged

        found, his = self._kept.once([who, name, seed], run)
        return np.array(found), int(his)


def compared(names: list[str], seeds: int, curves: Curves, who: str, human: Who) -> dict[str, Any]:
    """No harm and help of one kind of human."""
    harm: dict[str, list[float]] = {}
    gain: dict[str, list[float]] = {}
    sooner: dict[str, dict[str, list[float]]] = {"half the runs": {}, "all runs": {}}
    shares: list[float] = []
    for name in names:
        alone = [curves.of(name, seed)[0] for seed in range(seeds)]
        together = [curves.of(name, seed, who, human) for seed in range(seeds)]
        left = [max(RUNS - his, int((1 - SHARE) * RUNS)) for _, his in together]
        harm[name] = [float(t[-1] - a[n - 1]) for a, (t, _), n in zip(alone, together, left, strict=True)]
        gain[name] = [float(t[-1] - a[-1]) for a, (t, _) in zip(alone, together, strict=True)]
        shares += [his / RUNS for _, his in together]
        for after, runs in (("half the runs", RUNS // 2), ("all runs", RUNS)):
            target = float(np.median([a[runs - 1] for a in alone]))
            sooner[after][name] = [
                float(np.log(_until(t, target) / _until(a, target)))
                for a, (t, _) in zip(alone, together, strict=True)
            ]
    without = _told(harm)
    return {
        "share of the runs": float(np.mean(shares)),
        "decades against unassisted after the others' number of runs": without,
        "decades against unassisted after as many runs": _told(gain),
        "harm": without["lower end"] > 0,
        "no worse by 0.1": without["upper end"] < MARGIN,
        "runs needed, ratio to unassisted": {
            f"to the unassisted median after {after}": _told(ratios, np.exp)
            for after, ratios in sooner.items()
        },
    }


def _until(regret: Array, target: float) -> int:
    """Runs until it is at the target; one more than there are where it is not."""
    reached = np.flatnonzero(regret <= target + 1e-9)
    return int(reached[0]) + 1 if len(reached) else RUNS + 1


def _told(differences: dict[str, list[float]], shown: Callable[[float], Any] = float) -> dict[str, Any]:
    """The mean over problems, its one-sided 95 % ends, and that of each problem; ``shown`` as that of them."""
    lower, upper = _ends([np.array(values) for values in differences.values()])
    each = {name: float(np.mean(values)) for name, values in differences.items()}
    return {
        "mean": float(shown(float(np.mean(list(each.values()))))),
        "lower end": float(shown(lower)),
        "upper end": float(shown(upper)),
        "each": {name: float(shown(value)) for name, value in each.items()},
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
    """Measure all kinds of humans seed by seed, then the sweeps of what the expert knows."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seeds", type=int, default=20)
    asked.add_argument("--sweep-seeds", type=int, help="of the sweeps; as many as --seeds if not given")
    asked.add_argument("--problems", nargs="*", default=list(PROBLEMS))
    asked.add_argument("--keep", type=Path, help="a file of campaigns: those in it are not run again")
    given = asked.parse_args()
    sweep_seeds = given.seeds if given.sweep_seeds is None else given.sweep_seeds
    curves, names = Curves(Kept(given.keep)), given.problems
    for seed in range(given.seeds):  # so that what is kept is whole seeds, wherever it is ended
        for name in names:
            curves.of(name, seed)
            for who, human in PEOPLE.items():
                curves.of(name, seed, who, human)
    found = {who: compared(names, given.seeds, curves, who, human) for who, human in PEOPLE.items()}
    swept = {f"expert, correlation {c}, noise {n}": expert_of(c, n) for c, n in SWEEP}
    for seed in range(sweep_seeds):
        for name in names:
            for who, human in swept.items():
                curves.of(name, seed, who, human)
    sweep = {
        who: compared(names, sweep_seeds, curves, who, human) for who, human in swept.items() if sweep_seeds
    }
    worst = max(
        each["decades against unassisted after the others' number of runs"]["mean"] for each in found.values()
    )
    show(
        "human_gate",
        unit="decades of regret against the unassisted campaign without his runs, the worst kind of human",
        ours=worst,
        target=0.0,
        details={"runs": RUNS, "share": SHARE, "seeds": given.seeds, "problems": names, **found},
        sweep={"seeds": sweep_seeds, **sweep},
    )


if __name__ == "__main__":
    main()
