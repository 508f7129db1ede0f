"""Several fidelities: regret at the truth against cost, augmented Branin and Hartmann, beside BoTorch's qMFKG.

A run of fidelity s, 0 to 1, costs 0.1 + s. From the same first design each goes on, one run at a time, until a budget
is spent; then, and at half of it, each is asked what it recommends (ours the best bound, qMFKG the best mean at the
truth), and its regret is that of the truth there. Peers: qMultiFidelityKnowledgeGradient with
SingleTaskMultiFidelityGP as in BoTorch's tutorial, knowing the costs, which ours learns from the runs; and ours with
the truth alone. Processor seconds are those of choosing and fitting. One thread; medians over the seeds, and the mean
paired difference of the logarithms with its 90 % bootstrap interval.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aisteer.problem.fidelity import Fidelity
from aisteer.problem.goals import Goals
from aisteer.problem.objective import Minimize
from aisteer.problem.parameters import Float
from aisteer.problem.space import Space
from aisteer.steering.bayesian_box import BayesianBox
from aisteer.steering.fidelities import Fidelities
from aisteer.steering.protocols import Datum, Evidence
from tests.benchmarks._report import Kept, show

FIXED = 0.1
BUDGETS = {"augmented Branin": 12.0, "augmented Hartmann": 16.0}
FLOOR = 1e-4
STATED = (1e-4, 1e-3, 1e-2)
"""Shares of the variance that qMFKG's model is told for noise, one after the other, where no fit succeeds without."""
NOISIER = (1, 10, 100, 1000)
"""Times the fitted noise that a step of qMFKG is tried with, one after the other."""
Spent = list[tuple[float, float]]
"""Cost, and the regret of what would be recommended then."""


class Task:
    """A test function whose last parameter is the fidelity, in the unit cube."""

    def __init__(self, name: str) -> None:
        from botorch.test_functions.multi_fidelity import AugmentedBranin, AugmentedHartmann

        self.name = name
        self.function = AugmentedBranin() if name == "augmented Branin" else AugmentedHartmann()
        self.low, self.high = self.function.bounds.double()
        self.dimension = self.function.dim
        names = [*(f"x{i}" for i in range(self.dimension - 1)), "s"]
        parameters: dict[str, Any] = {name: Float(0, 1) for name in names}
        self.space = Space(**parameters)
        self.budget = BUDGETS[name]

    def __call__(self, unit: Any) -> float:
        x = torch.as_tensor(unit, dtype=torch.float64).reshape(1, -1)
        return float(self.function(self.low + x * (self.high - self.low)))

    def regret(self, unit: Any) -> float:
        true = np.array(unit, dtype=np.float64).ravel()
        true[-1] = 1.0
        return max(self(true) - float(self.function.optimal_value), FLOOR)


def first_design(task: Task, seed: int) -> np.ndarray:
    """What ours begins with, for all."""
    ai = policy(task, seed, alone=False)
    evidence = Evidence("main", definition(task, alone=False))
    return task.space.encode([d.parameters for d in ai.propose(evidence, ai.initial).drafts])


def definition(task: Task, *, alone: bool) -> dict[str, Any]:
    steering = (
        {"policy": {"name": "bayesian", "options": {"fixed": {"s": 1.0}}}} if alone else {"fidelity": "s"}
    )
    return {
        "space": task.space.to_json(),
        "objective": {"kind": "minimize", "outcome": "y", "unit": ""},
        **steering,
    }


def policy(task: Task, seed: int, *, alone: bool) -> BayesianBox:
    fidelity = None if alone else Fidelity("s", task.space.parameters["s"])
    return BayesianBox(task.space, Goals.read(Minimize("y")), seed=seed, fidelity=fidelity)


def ours(task: Task, seed: int, first: np.ndarray, *, alone: bool = False) -> tuple[Spent, float]:
    """Our policy, as a campaign's driver hands it what is known; ``alone`` never runs less than the truth."""
    ai, seconds, spent = policy(task, seed, alone=alone), 0.0, 0.0
    data: list[Datum] = []
    told: Spent = []

    def evidence() -> Evidence:
        return Evidence("main", definition(task, alone=alone), data=tuple(data))

    def run(point: dict[str, Any]) -> None:
        nonlocal spent
        unit, cost = task.space.encode([point])[0], FIXED + point["s"]
        spent += cost
        data.append(Datum(f"R{len(data) + 1}", point, {"y": (task(unit), 0.0)}, cost=cost))

    for point in task.space.decode(first):
        run(point)
    for until in (0.5 * task.budget, task.budget):
        while spent < until:
            begun = time.process_time()
            draft = ai.propose(evidence(), 1).drafts[0]
            seconds += time.process_time() - begun
            run(draft.parameters)
        begun = time.process_time()
        belief = ai.fitter.belief(evidence())
        assert belief is not None
        if alone:
            best = min((d for d in data if d.parameters["s"] == 1.0), key=lambda d: d.outcomes["y"][0])
            found = task.space.encode([best.parameters])
        else:
            assert isinstance(ai.weighing, Fidelities)
            found = ai.weighing.best(belief, evidence())
        seconds += time.process_time() - begun
        told.append((spent, task.regret(found)))
    return told, seconds


def botorch(task: Task, seed: int, first: np.ndarray) -> tuple[Spent, float]:
    """As in BoTorch's tutorial on several fidelities, one run at a time.

    It may fantasise a run onto one that is known, and then ends in a matrix that is not positive definite, whatever the
    jitter. Such a step is made again with more noise than was fitted, as little as will do; so is a fit that fails.
    """
    from botorch.acquisition import PosteriorMean
    from botorch.acquisition.cost_aware import InverseCostWeightedUtility
    from botorch.acquisition.fixed_feature import FixedFeatureAcquisitionFunction
    from botorch.acquisition.knowledge_gradient import qMultiFidelityKnowledgeGradient
    from botorch.acquisition.utils import project_to_target_fidelity
    from botorch.exceptions import ModelFittingError
    from botorch.fit import fit_gpytorch_mll
    from botorch.models.cost import AffineFidelityCostModel
    from botorch.models.gp_regression_fidelity import SingleTaskMultiFidelityGP
    from botorch.models.transforms import Standardize
    from botorch.optim import optimize_acqf
    from botorch.optim.initializers import gen_one_shot_kg_initial_conditions
    from gpytorch.mlls import ExactMarginalLogLikelihood
    from linear_operator.utils.errors import NotPSDError

    torch.manual_seed(seed)
    d = task.dimension
    x = torch.as_tensor(first)
    y = torch.tensor([[-task(row)] for row in first], dtype=torch.float64)
    unit = torch.stack([torch.zeros(d), torch.ones(d)]).double()
    cost_model = AffineFidelityCostModel(fidelity_weights={d - 1: 1.0}, fixed_cost=FIXED)
    utility = InverseCostWeightedUtility(cost_model=cost_model)
    spent, seconds = float((FIXED + x[:, -1]).sum()), 0.0
    told: Spent = []

    def fitted() -> Any:
        for noise in (None, *(share * y.var() for share in STATED)):
            stated = None if noise is None else noise * torch.ones_like(y)
            model = SingleTaskMultiFidelityGP(
                x, y, stated, outcome_transform=Standardize(1), data_fidelities=[d - 1]
            )
            try:
                fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
            except ModelFittingError:
                continue
            return model
        raise ArithmeticError("no fit, whatever noise is stated")

    def best_mean(model: Any) -> tuple[torch.Tensor, torch.Tensor]:
        mean = FixedFeatureAcquisitionFunction(PosteriorMean(model), d=d, columns=[d - 1], values=[1.0])
        options = {"batch_limit": 10, "maxiter": 200}
        found, value = optimize_acqf(
            mean, unit[:, :-1], q=1, num_restarts=10, raw_samples=1024, options=options
        )
        return mean._construct_X_full(found), value

    def project(points: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = project_to_target_fidelity(points, target_fidelities={d - 1: 1.0}, d=d)
        return found

    def chosen_by(model: Any) -> torch.Tensor:
        acquisition = qMultiFidelityKnowledgeGradient(
            model,
            num_fantasies=64,
            current_value=best_mean(model)[1],
            cost_aware_utility=utility,
            project=project,
        )
        begin = gen_one_shot_kg_initial_conditions(
            acquisition, unit, q=1, num_restarts=5, raw_samples=128, options={"batch_limit": 5}
        )
        found: torch.Tensor
        found, _ = optimize_acqf(
            acquisition,
            unit,
            q=1,
            num_restarts=5,
            raw_samples=128,
            batch_initial_conditions=begin,
            options={"batch_limit": 5, "maxiter": 200},
        )
        return found.detach()

    def choose() -> torch.Tensor:
        model = fitted()
        noise = model.likelihood.noise.detach().clone()
        for factor in NOISIER:
            model.train()  # what it kept of its matrix is of another noise
            model.likelihood.noise_covar.noise = factor * noise
            try:
                return chosen_by(model.eval())
            except NotPSDError:
                continue
        raise ArithmeticError(f"no step with {NOISIER[-1]} times the fitted noise")

    for until in (0.5 * task.budget, task.budget):
        while spent < until:
            begun = time.process_time()
            chosen = choose()
            seconds += time.process_time() - begun
            x, y = torch.cat([x, chosen]), torch.cat([y, torch.tensor([[-task(chosen[0])]]).double()])
            spent += float(FIXED + chosen[0, -1])
        begun = time.process_time()
        found = best_mean(fitted())[0]
        seconds += time.process_time() - begun
        told.append((spent, task.regret(found[0].detach())))
    return told, seconds


def interval(differences: np.ndarray) -> list[float]:
    """The mean and its 90 % bootstrap interval."""
    rng = np.random.default_rng(0)
    means = rng.choice(differences, size=(4000, len(differences))).mean(axis=1)
    return [float(differences.mean()), *(float(q) for q in np.quantile(means, [0.05, 0.95]))]


def campaign(task: Task, seed: int, arm: str) -> tuple[Spent, float]:
    """What the arm reaches from the first design of the seed, and the processor seconds of choosing."""
    first = first_design(task, seed)
    ways: dict[str, Callable[[], tuple[Spent, float]]] = {
        "ours": lambda: ours(task, seed, first),
        "qMFKG": lambda: botorch(task, seed, first),
        "truth alone": lambda: ours(task, seed, first, alone=True),
    }
    found = ways[arm]()
    print(f"# {task.name} {seed} {arm} {found}", file=sys.stderr, flush=True)
    return found


def compare(name: str, seeds: int, found: dict[str, list[tuple[Spent, float]]]) -> None:
    """Print what the arms reached after half the budget and after all of it."""
    task = Task(name)
    for place, share in enumerate(("half the budget", "the budget")):
        logs = {arm: np.log10([told[place][1] for told, _ in each]) for arm, each in found.items()}
        medians = {arm: float(10 ** np.median(values)) for arm, values in logs.items()}
        ours_median = medians.pop("ours")
        show(
            f"{name}, after {share}",
            unit="regret at the truth",
            ours=ours_median,
            target=medians.get("qMFKG"),
            peers=medians,
            log10_difference={arm: interval(logs["ours"] - logs[arm]) for arm in medians},
            each={arm: values.tolist() for arm, values in logs.items()},
            budget=task.budget * (place + 1) / 2,
            seeds=seeds,
        )
    seconds = {arm: float(np.median([took for _, took in each])) for arm, each in found.items()}
    mine = seconds.pop("ours")
    target = 0.3 * seconds["qMFKG"] if "qMFKG" in seconds else None
    show(f"{name}, time", unit="processor s", ours=mine, target=target, peers=seconds, seeds=seeds)


def main() -> None:
    """Run the campaigns seed by seed, then compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", choices=list(BUDGETS))
    parser.add_argument("--arms", default="ours,qMFKG,truth alone")
    parser.add_argument("--keep", type=Path, help="a file of campaigns: those in it are not run again")
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    names = [name for name in BUDGETS if given.only in {None, name}]
    arms, kept = given.arms.split(","), Kept(given.keep)
    found: dict[str, dict[str, list[tuple[Spent, float]]]] = {
        name: {arm: [] for arm in arms} for name in names
    }
    for seed in range(given.seeds):
        for name in names:
            for arm in arms:
                told = kept.once([name, seed, arm], partial(campaign, Task(name), seed, arm))
                found[name][arm].append(told)
    for name in names:
        compare(name, given.seeds, found[name])


if __name__ == "__main__":
    main()
