"""Goals beyond one extreme: learning, level sets and fronts of several objectives, peers beside ours in one run.

Learning and level sets: three functions, 30 runs two at a time, against points drawn at random, those of a Sobol
sequence and one step to where the variance is largest, with the same surrogate; the root mean square error, or the
share of 3,000 points on the wrong side of the level. Fronts: ZDT1, DTLZ2 and VehicleSafety, the hypervolume after 30
runs two at a time and CPU seconds, against BoTorch's qLogNEHVI with BoTorch's own models, from the same first design.
One thread; medians over the seeds. It takes an hour; in parts:

    .venv/bin/python -m tests.benchmarks.goals --only fronts --seeds 5 --keep campaigns.jsonl
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aisteer.problem.goals import Goals
from aisteer.problem.objective import Learn, LevelSet, Minimize
from aisteer.problem.parameters import Float
from aisteer.problem.space import Space
from aisteer.steering.bayesian_box import BayesianBox
from aisteer.steering.box_search import feasible_sobol
from aisteer.steering.domains import Box
from aisteer.steering.fitting import Fitter
from aisteer.steering.pareto import hypervolume
from aisteer.steering.protocols import Datum, Evidence
from tests.benchmarks._report import Kept, show

Point = dict[str, Any]
RUNS, BATCH, TESTED = 30, 2, 3000
A = np.array([[3, 10, 30], [0.1, 10, 35], [3, 10, 30], [0.1, 10, 35]])
P = 1e-4 * np.array([[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]])


def branin(p: Point) -> float:
    x, y = 15 * p["x0"] - 5, 15 * p["x1"]
    valley = (y - 5.1 / (4 * np.pi**2) * x**2 + 5 / np.pi * x - 6) ** 2
    return float(valley + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10)


def hartmann(p: Point) -> float:
    x = np.array([p["x0"], p["x1"], p["x2"]])
    return -float(np.array([1, 1.2, 3, 3.2]) @ np.exp(-(A * (x - P) ** 2).sum(1)))


def waves(p: Point) -> float:
    x, y = p["x0"], p["x1"]
    return float(np.sin(6 * x) + x * np.cos(5 * y) + 0.5 * np.sin(12 * x * y))


FUNCTIONS: dict[str, tuple[Callable[[Point], float], int, float]] = {
    "Branin": (branin, 2, 50.0),
    "Hartmann 3": (hartmann, 3, -1.0),
    "waves": (waves, 2, 0.3),
}


def cube(dimension: int) -> Space:
    return Space(**{f"x{i}": Float(0, 1) for i in range(dimension)})


def campaign(
    space: Space,
    goals: Goals,
    measure: Callable[[Point], dict[str, float]],
    seed: int,
    named: str | None = None,
) -> tuple[list[Datum], float]:
    """The runs of our policy, and the CPU seconds that it took."""
    ai, data, seconds = BayesianBox(space, goals, seed=seed, acquisition=named), [], 0.0
    while len(data) < RUNS:
        begun = time.process_time()
        drafts = ai.propose(Evidence("main", {}, data=tuple(data)), BATCH).drafts
        seconds += time.process_time() - begun
        for draft in drafts:
            outcomes = {name: (value, 0.0) for name, value in measure(draft.parameters).items()}
            data.append(Datum(f"R{len(data) + 1}", draft.parameters, outcomes))
    return data, seconds


def surface(name: str, goals: Goals, seeds: int, level: float | None, kept: Kept) -> None:
    """How well the whole function, or where it crosses the level, is known in the end."""
    function, dimension, _ = FUNCTIONS[name]
    space = cube(dimension)
    tested = space.sample(TESTED, 999)
    truth = np.array([function(p) for p in tested])

    def missed(how: str, seed: int) -> float:
        if how in {"random", "Sobol"}:
            points = space.sample(RUNS, seed) if how == "random" else feasible_sobol(space, RUNS, seed)
            data = [Datum(f"R{i}", p, {"f": (function(p), 0.0)}) for i, p in enumerate(points)]
        else:
            named = None if how == "ours" else "variance"
            data, _ = campaign(space, goals, lambda p: {"f": function(p)}, seed, named)
        known = Fitter(Box(space), goals).belief(Evidence("main", {}, data=tuple(data)))
        assert known is not None
        mean, _ = known.first.predict(space.encode(tested))
        if level is None:
            return float(np.sqrt(np.mean((mean - truth) ** 2)))
        return float(np.mean((mean > level) != (truth > level)))

    kind = "learning" if level is None else "level set"
    arms = ("ours", "largest variance", "random", "Sobol")
    errors = {
        how: [kept.once([kind, name, how, seed], lambda: missed(how, seed)) for seed in range(seeds)]  # noqa: B023
        for how in arms
    }
    medians = {how: float(np.median(found)) for how, found in errors.items()}
    ours = medians.pop("ours")
    show(
        f"{kind}, {name}",
        unit="RMSE" if level is None else "share on the wrong side",
        ours=ours,
        target=min(medians["largest variance"], medians["random"]),
        peers=medians,
        each=errors,
        seeds=seeds,
    )


def botorch(problem: Any, first: torch.Tensor, seed: int) -> tuple[Any, float]:
    """Objectives, larger is better, and CPU seconds of BoTorch's qLogNEHVI from a first design in the unit cube."""
    from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import ModelListGP, SingleTaskGP
    from botorch.models.transforms import Standardize
    from botorch.optim import optimize_acqf
    from botorch.sampling import SobolQMCNormalSampler
    from gpytorch.mlls import SumMarginalLogLikelihood

    torch.manual_seed(seed)
    low, high = problem.bounds.double()
    unit = torch.stack([torch.zeros_like(low), torch.ones_like(low)])
    x, y, begun = first, problem(low + first * (high - low)), time.process_time()
    while len(x) < RUNS:
        models = [SingleTaskGP(x, y[:, [j]], outcome_transform=Standardize(1)) for j in range(y.shape[1])]
        model = ModelListGP(*models)
        fit_gpytorch_mll(SumMarginalLogLikelihood(model.likelihood, model))
        acquisition = qLogNoisyExpectedHypervolumeImprovement(
            model,
            ref_point=problem.ref_point.tolist(),
            X_baseline=x,
            prune_baseline=True,
            sampler=SobolQMCNormalSampler(torch.Size([128]), seed=seed),
        )
        options = {"batch_limit": 5, "maxiter": 200}
        chosen, _ = optimize_acqf(
            acquisition, unit, q=BATCH, num_restarts=10, raw_samples=512, sequential=True, options=options
        )
        x, y = torch.cat([x, chosen]), torch.cat([y, problem(low + chosen * (high - low))])
    return y.numpy(), time.process_time() - begun


def fronts(seeds: int, kept: Kept) -> None:
    """Hypervolume and CPU seconds of several objectives."""
    from botorch.test_functions.multi_objective import DTLZ2, ZDT1, VehicleSafety

    made = {
        "ZDT1": ZDT1(6, negate=True),
        "DTLZ2": DTLZ2(6, negate=True),
        "VehicleSafety": VehicleSafety(negate=True),
    }
    for name, problem in made.items():
        found = {
            how: [
                kept.once(["front", name, how, seed], lambda: front(problem, how, seed))  # noqa: B023
                for seed in range(seeds)
            ]
            for how in ("ours", "botorch")
        }
        for place, unit in enumerate(("hypervolume", "CPU seconds")):
            median = {how: float(np.median([each[place] for each in of])) for how, of in found.items()}
            show(
                f"front of {name}",
                unit=unit,
                ours=median["ours"],
                target=median["botorch"] * (1.0 if unit == "hypervolume" else 0.5),
                peers={"botorch": median["botorch"]},
                each={how: [each[place] for each in of] for how, of in found.items()},
                seeds=seeds,
            )


def front(problem: Any, how: str, seed: int) -> tuple[float, float]:
    """Hypervolume and CPU seconds of one campaign."""
    low, high = problem.bounds.double().numpy()
    space = Space(
        **{f"x{i}": Float(float(a), float(b)) for i, (a, b) in enumerate(zip(low, high, strict=True))}
    )
    reference = problem.ref_point.double().numpy()
    names = [f"f{j}" for j in range(len(reference))]
    goals = Goals.read([Minimize(n, reference=-float(r)) for n, r in zip(names, reference, strict=True)])
    if how == "botorch":
        initial = BayesianBox(space, goals).initial
        first = torch.as_tensor(space.encode(feasible_sobol(space, initial, seed)))
        values, seconds = botorch(problem, first, seed)
        return hypervolume(values, reference), seconds

    def measure(p: Point) -> dict[str, float]:
        values = problem(torch.tensor([list(p.values())], dtype=torch.float64))[0]
        return {n: -float(v) for n, v in zip(names, values, strict=True)}

    data, seconds = campaign(space, goals, measure, seed)
    values = -np.array([[d.outcomes[n][0] for n in names] for d in data])
    return hypervolume(values, reference), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", choices=("learning", "level", "fronts"))
    parser.add_argument("--keep", type=Path, help="a file of campaigns: those in it are not run again")
    given = parser.parse_args()
    torch.set_num_threads(1)
    kept = Kept(given.keep)
    for name, (_, _, level) in FUNCTIONS.items():
        if given.only in {None, "learning"}:
            surface(name, Goals.read(Learn("f")), given.seeds, None, kept)
        if given.only in {None, "level"}:
            surface(name, Goals.read(LevelSet("f", level)), given.seeds, level, kept)
    if given.only in {None, "fronts"}:
        fronts(given.seeds, kept)


if __name__ == "__main__":
    main()
