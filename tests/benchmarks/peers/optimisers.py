"""GPSampler, TPE, BoTorch and Ax on the problems of ``_problems``; prints JSON. Runs in .venv-peers.

Each is asked as its own tutorials do, with its defaults: Optuna by ``ask`` and ``tell`` (TPE with the constant liar
that its manual advises where runs are under way), BoTorch by SingleTaskGP (MixedSingleTaskGP where there are choices),
``fit_gpytorch_mll`` and ``optimize_acqf`` of qLogNoisyExpectedImprovement with 10 restarts of 512 raw samples, Ax by
its ``Client``. Optuna cannot be told a constraint beforehand: what it asks in vain is told to it with its excess
and the worst value so far, costs no run, and is asked again.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import warnings
from collections import defaultdict
from importlib import metadata
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

from _problems import PROBLEMS, Parameter, Point, Problem, late

warnings.simplefilter("ignore")

ASKED_IN_VAIN = 100


class Optuna:
    """A study; values are told by the number of the trial."""

    def __init__(self, problem: Problem, seed: int, sampler: str, *, batches: bool) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.problem = problem
        self.space = {p.name: _distribution(p) for p in problem.parameters}
        made: Any
        if sampler == "gpsampler":
            made = optuna.samplers.GPSampler(seed=seed)
        else:
            made = optuna.samplers.TPESampler(seed=seed, constant_liar=batches)
        self.study = optuna.create_study(sampler=made)
        self.open: dict[str, list[Any]] = defaultdict(list)  # a batch may have a point twice
        self.worst = -float("inf")

    def given(self, points: list[Point], values: list[float]) -> None:
        import optuna

        for point, value in zip(points, values, strict=True):
            excess = {f"constraints:c{i}": e for i, e in enumerate(self.problem.excess(point))}
            self.study.add_trial(
                optuna.trial.create_trial(
                    params=point, distributions=self.space, value=value, system_attrs=excess
                )
            )
            self.worst = max(self.worst, value)

    def ask(self, n: int) -> list[Point]:
        found: list[Point] = []
        for _ in range(n):
            point = self._asked()
            for _ in range(ASKED_IN_VAIN):
                if max(self.problem.excess(point), default=0.0) <= 0:
                    break
                self.tell(point, self.worst)
                point = self._asked()
            found.append(point)
        return found

    def _asked(self) -> Point:
        trial = self.study.ask(self.space)
        self.open[json.dumps(trial.params)].append(trial)
        return dict(trial.params)

    def tell(self, point: Point, value: float) -> None:
        trial = self.open[json.dumps(point)].pop()
        for i, excess in enumerate(self.problem.excess(point)):
            trial.set_constraint(f"c{i}", excess)
        self.worst = max(self.worst, value)
        self.study.tell(trial, value)


def _distribution(parameter: Parameter) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if parameter.options:
        return CategoricalDistribution(parameter.options)
    if parameter.kind == "int":
        return IntDistribution(int(parameter.low), int(parameter.high))
    return FloatDistribution(parameter.low, parameter.high, log=parameter.kind == "log")


class BoTorch:
    """The tutorials' loop, in the unit cube; choices are numbered."""

    def __init__(self, problem: Problem, seed: int) -> None:
        import torch

        torch.set_num_threads(1)
        torch.manual_seed(seed)
        self.torch, self.problem = torch, problem
        self.points: list[Point] = []
        self.values: list[float] = []
        self.pending: list[Point] = []

    def given(self, points: list[Point], values: list[float]) -> None:
        self.points, self.values = list(points), list(values)

    def tell(self, point: Point, value: float) -> None:
        self.pending.remove(point)
        self.points.append(point)
        self.values.append(value)

    def _unit(self, points: list[Point]) -> Any:
        rows = [[_to_unit(p, point[p.name]) for p in self.problem.parameters] for point in points]
        return self.torch.tensor(rows, dtype=self.torch.double)

    def ask(self, n: int) -> list[Point]:
        from botorch.acquisition.logei import qLogNoisyExpectedImprovement
        from botorch.fit import fit_gpytorch_mll
        from botorch.models import MixedSingleTaskGP, SingleTaskGP
        from botorch.models.transforms import Standardize
        from botorch.optim import optimize_acqf
        from botorch.optim.optimize_mixed import optimize_acqf_mixed_alternating
        from gpytorch.mlls import ExactMarginalLogLikelihood

        parameters = self.problem.parameters
        x, y = self._unit(self.points), -self.torch.tensor(self.values, dtype=self.torch.double)[:, None]
        choices = {i: p for i, p in enumerate(parameters) if p.kind == "choice"}
        steps = {i: p for i, p in enumerate(parameters) if p.kind in {"int", "ordered"}}
        if choices:
            model: Any = MixedSingleTaskGP(x, y, cat_dims=list(choices), outcome_transform=Standardize(1))
        else:
            model = SingleTaskGP(x, y, outcome_transform=Standardize(1))
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        acquisition = qLogNoisyExpectedImprovement(
            model, x, X_pending=self._unit(self.pending) if self.pending else None, prune_baseline=True
        )
        high = [float(len(p.options) - 1) if p.kind == "choice" else 1.0 for p in parameters]
        bounds = self.torch.tensor([[0.0] * len(parameters), high], dtype=self.torch.double)
        search = {"q": n, "num_restarts": 10, "raw_samples": 512, "sequential": True}
        if choices or steps:
            chosen, _ = optimize_acqf_mixed_alternating(
                acquisition,
                bounds,
                discrete_dims={i: _positions(p) for i, p in steps.items()},
                cat_dims={i: [float(k) for k in range(len(p.options))] for i, p in choices.items()},
                **search,
            )
        else:
            chosen, _ = optimize_acqf(
                acquisition, bounds, inequality_constraints=self._constraints(), **search
            )
        found = [
            {p.name: _from_unit(p, float(u)) for p, u in zip(parameters, row, strict=True)}
            for row in chosen.detach()
        ]
        self.pending += found
        return found

    def _constraints(self) -> list[Any] | None:
        place = {p.name: (i, p) for i, p in enumerate(self.problem.parameters)}
        found = []
        for terms, bound in self.problem.constraints:
            at = self.torch.tensor([place[name][0] for name in terms])
            widths = [c * (place[n][1].high - place[n][1].low) for n, c in terms.items()]
            left = bound - sum(c * place[n][1].low for n, c in terms.items())
            found.append((at, -self.torch.tensor(widths, dtype=self.torch.double), -left))
        return found or None


def _positions(parameter: Parameter) -> list[float]:
    last = len(parameter.options) - 1 if parameter.options else int(parameter.high - parameter.low)
    return [i / last for i in range(last + 1)]


def _to_unit(parameter: Parameter, value: Any) -> float:
    import math

    if parameter.kind == "choice":
        return float(parameter.options.index(value))
    if parameter.kind == "ordered":
        return parameter.options.index(value) / (len(parameter.options) - 1)
    if parameter.kind == "log":
        return math.log(value / parameter.low) / math.log(parameter.high / parameter.low)
    return (float(value) - parameter.low) / (parameter.high - parameter.low)


def _from_unit(parameter: Parameter, unit: float) -> Any:
    if parameter.kind == "choice":
        return parameter.options[round(unit)]
    if parameter.kind == "ordered":
        return parameter.options[round(unit * (len(parameter.options) - 1))]
    if parameter.kind == "log":
        return parameter.low * (parameter.high / parameter.low) ** unit
    value = parameter.low + unit * (parameter.high - parameter.low)
    return round(value) if parameter.kind == "int" else min(max(value, parameter.low), parameter.high)


class Ax:
    """Its client, with the default generation strategy; the first design is attached to it."""

    def __init__(self, problem: Problem, seed: int) -> None:
        import torch
        from ax.api.client import Client
        from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

        logging.disable(logging.WARNING)
        torch.set_num_threads(1)
        torch.manual_seed(seed)
        parameters: list[Any] = []
        for p in problem.parameters:
            if p.options:
                parameters.append(
                    ChoiceParameterConfig(p.name, list(p.options), "str", is_ordered=p.kind == "ordered")
                )
            else:
                low, high = (int(p.low), int(p.high)) if p.kind == "int" else (p.low, p.high)
                parameters.append(
                    RangeParameterConfig(
                        p.name,
                        (low, high),
                        "int" if p.kind == "int" else "float",
                        scaling="log" if p.kind == "log" else None,
                    )
                )
        self.client = Client(random_seed=seed)
        self.client.configure_experiment(parameters, parameter_constraints=problem.texts() or None)
        self.client.configure_optimization(objective="-y")
        self.client.configure_generation_strategy(initialization_budget=problem.first)
        self.open: dict[str, list[int]] = defaultdict(list)

    def given(self, points: list[Point], values: list[float]) -> None:
        for point, value in zip(points, values, strict=True):
            self.client.complete_trial(self.client.attach_trial(point), raw_data={"y": value})

    def ask(self, n: int) -> list[Point]:
        trials = self.client.get_next_trials(n)
        for index, point in trials.items():
            self.open[json.dumps(point)].append(index)
        return [dict(point) for point in trials.values()]

    def tell(self, point: Point, value: float) -> None:
        self.client.complete_trial(self.open[json.dumps(point)].pop(), raw_data={"y": value})


def made(peer: str, problem: Problem, seed: int, *, batches: bool) -> Any:
    """The peer by name."""
    if peer in {"gpsampler", "tpe"}:
        return Optuna(problem, seed, peer, batches=batches)
    return BoTorch(problem, seed) if peer == "botorch" else Ax(problem, seed)


def run(peer: str, job: dict[str, Any]) -> dict[str, Any]:
    """One campaign: values in the order of the runs, and the processor seconds of asking and telling."""
    problem, seed, rounds = PROBLEMS[job["problem"]], job["seed"], job["rounds"]
    batches = job["q"] > 1
    points = job["first"]
    values = [problem(point) for point in points]
    began = time.process_time()
    arm = made(peer, problem, seed, batches=batches)
    arm.given(points, values)
    waiting: list[tuple[Point, float]] = []
    for turn in range(rounds):
        asked = arm.ask(job["q"])
        told = [(point, problem(point)) for point in asked]
        values += [value for _, value in told]
        held = [told.pop(late(seed, turn))] if batches else []
        for point, value in [*waiting, *told]:
            arm.tell(point, value)
        waiting = held
    return {"problem": problem.name, "seed": seed, "values": values, "seconds": time.process_time() - began}


def suggest(peer: str, job: dict[str, Any]) -> dict[str, Any]:
    """Processor seconds for the next ``q`` points once everything is told, and then for one after one more."""
    problem = PROBLEMS[job["problem"]]
    arm = made(peer, problem, 0, batches=job["q"] > 1)
    arm.given(job["points"], [problem(point) for point in job["points"]])
    began = time.process_time()
    asked = arm.ask(job["q"])
    first = time.process_time() - began
    found = {"seconds": first, "values": [problem(point) for point in asked]}
    if job.get("again"):
        for point in asked:
            arm.tell(point, problem(point))
        began = time.process_time()
        arm.ask(1)
        found["again"] = time.process_time() - began
    return found


def main(what: str, peer: str, jobs: list[dict[str, Any]]) -> dict[str, Any]:
    package = {"gpsampler": "optuna", "tpe": "optuna", "botorch": "botorch", "ax": "ax-platform"}[peer]
    work = run if what == "run" else suggest
    found = [work(peer, job) for job in jobs]
    return {"peer": peer, "version": metadata.version(package), "found": found}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], json.load(sys.stdin))))
