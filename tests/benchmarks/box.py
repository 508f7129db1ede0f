"""The next proposals in a box of six parameters, from 100 to 1,000 runs: processor seconds and regret beside BoTorch's.

Both are given the same noisy values of Hartmann's function in six dimensions, fit a Gaussian process from nothing and
choose q points, while others are under way. BoTorch does it as its tutorials do: SingleTaskGP, fit_gpytorch_mll, and
optimize_acqf of qLogNoisyExpectedImprovement with 10 restarts of 512 raw samples, on one thread as ours. What is
chosen is judged by the function itself, without noise.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import aisteer as ai
from aisteer.steering.bayesian_box import BayesianBox
from aisteer.steering.protocols import Datum, Evidence
from tests.benchmarks._problems import hartmann
from tests.benchmarks._report import show

NAMES = [f"x{i}" for i in range(6)]
NOISE = 0.05
BEST = 3.32237


def space() -> ai.Space:
    return ai.Space(**{name: ai.Float(0, 1) for name in NAMES})


def point(row: np.ndarray) -> dict[str, float]:
    return dict(zip(NAMES, map(float, row), strict=True))


def ours(x: np.ndarray, y: np.ndarray, pending: np.ndarray, q: int) -> np.ndarray:
    """The points that the policy chooses."""
    objective = {"kind": "maximize", "outcome": "y", "unit": ""}
    data = tuple(
        Datum(f"R{i}", point(row), {"y": (float(value), NOISE)})
        for i, (row, value) in enumerate(zip(x, y, strict=True))
    )
    task = {
        "space": space().to_json(),
        "objective": objective,
        "policy": {"name": "bayesian"},
        "slots": 2,
        "batch": 4,
        "seed": 0,
    }
    evidence = Evidence("main", task, data=data, pending=tuple(map(point, pending)))
    batch = BayesianBox(space(), objective, seed=1).propose(evidence, q)
    return np.array([[draft.parameters[name] for name in NAMES] for draft in batch.drafts])


def botorch(x: np.ndarray, y: np.ndarray, pending: np.ndarray, q: int) -> np.ndarray:
    """The points that BoTorch's tutorial code chooses."""
    import torch
    from botorch.acquisition.logei import qLogNoisyExpectedImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from botorch.models.transforms import Standardize
    from botorch.optim import optimize_acqf
    from gpytorch.mlls import ExactMarginalLogLikelihood

    torch.set_num_threads(1)
    torch.manual_seed(1)
    inputs = torch.tensor(x)
    values = torch.tensor(y)[:, None]
    model = SingleTaskGP(inputs, values, torch.full_like(values, NOISE**2), outcome_transform=Standardize(1))
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    acquisition = qLogNoisyExpectedImprovement(
        model, inputs, X_pending=torch.tensor(pending) if len(pending) else None, prune_baseline=True
    )
    bounds = torch.stack([torch.zeros(6, dtype=torch.double), torch.ones(6, dtype=torch.double)])
    chosen, _ = optimize_acqf(acquisition, bounds, q=q, num_restarts=10, raw_samples=512, sequential=True)
    return chosen.detach().numpy()


def measured(choose: Any, x: np.ndarray, y: np.ndarray, pending: np.ndarray, q: int) -> dict[str, float]:
    began = time.process_time()
    chosen = choose(x, y, pending, q)
    return {"seconds": time.process_time() - began, "regret": BEST - float(hartmann(chosen).max())}


def main(sizes: list[int]) -> None:
    """Measure all sizes, ours and BoTorch's one after the other."""
    import botorch as _botorch  # imported before the clock starts

    rng = np.random.default_rng(5)
    warm = rng.random((20, 6))
    for choose in (ours, botorch):
        choose(warm, hartmann(warm), warm[:0], 1)
    found: list[dict[str, Any]] = []
    for n in sizes:
        x = rng.random((n, 6))
        y = hartmann(x) + NOISE * rng.standard_normal(n)
        for q, under_way in ((1, 0), (4, 0), (4, 20)):
            pending = rng.random((under_way, 6))
            mine, theirs = (measured(choose, x, y, pending, q) for choose in (ours, botorch))
            found.append({"runs": n, "q": q, "under way": under_way, "ours": mine, "botorch": theirs})
    last = found[-2]
    show(
        "box",
        unit="processor s",
        ours=last["ours"]["seconds"],
        target=None,
        peers={f"BoTorch {_botorch.__version__}": last["botorch"]["seconds"]},
        details={"each": found},
    )


if __name__ == "__main__":
    main([int(n) for n in sys.argv[1:]] or [100, 300, 1000])
