"""Optuna and Ax, spoken to in their own languages."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from typing import Any

from aisteer.errors import BadDefinition
from aisteer.problem.goals import Goals
from aisteer.problem.parameters import Choice, Float, Int, Parameter
from aisteer.problem.pool import Pool
from aisteer.problem.space import Space
from aisteer.steering.foreign_generators_spoken import Assignment, Told
from aisteer.steering.protocols import Evidence

__all__ = ["Ax", "Optuna"]


def _extremes(assignment: Assignment) -> None:
    """Raises BadDefinition where the task asks for more than these two can be told."""
    for goal in assignment.objectives:
        if goal["kind"] not in {"maximize", "minimize"}:
            raise BadDefinition(
                f"It maximises or minimises, and cannot be told of the goal {goal['kind']!r}. A function "
                "propose(history, n) of your own can go for any goal."
            )


class Optuna:
    """An Optuna sampler, in a study in memory. Bounds on outcomes are not told to it.

    Args:
        sampler: The sampler.
        assignment: The task.
    """

    def __init__(self, sampler: Any, assignment: Assignment) -> None:
        import optuna

        _extremes(assignment)
        self._optuna = optuna
        self._own = assignment.own
        self._names = [goal["outcome"] for goal in assignment.objectives]
        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # else it greets the notebook
        try:
            self.study = optuna.create_study(
                sampler=sampler, directions=[goal["kind"] for goal in assignment.objectives]
            )
        finally:
            optuna.logging.set_verbosity(verbosity)
        self._distributions = {name: self._distribution(one) for name, one in assignment.parameters.items()}

    def _distribution(self, parameter: Parameter) -> Any:
        kinds = self._optuna.distributions
        if isinstance(parameter, Choice):
            return kinds.CategoricalDistribution(parameter.options)
        kind = kinds.IntDistribution if isinstance(parameter, Int) else kinds.FloatDistribution
        return kind(parameter.low, parameter.high, log=parameter.log)

    def ingest(self, told: Sequence[Told]) -> None:
        """Trials that it was asked for are told, others are added."""
        failed = self._optuna.trial.TrialState.FAIL
        for one in told:
            values = None if one.outcomes is None else [one.outcomes[name][0] for name in self._names]
            if one.handle is not None:
                self.study.tell(one.handle, values, state=failed if values is None else None)
                continue
            known = {"params": self._own(one.point), "distributions": self._distributions}
            if values is None:
                self.study.add_trial(self._optuna.trial.create_trial(state=failed, **known))
            else:
                self.study.add_trial(self._optuna.trial.create_trial(values=values, **known))

    def suggest(self, n: int, evidence: Evidence) -> list[tuple[Any, Any]]:
        """Trials of the study."""
        del evidence
        trials = [self.study.ask(self._distributions) for _ in range(n)]
        return [(dict(trial.params), trial.number) for trial in trials]

    def drop(self, handles: Sequence[Any]) -> None:
        """They failed, as far as the study is concerned."""
        for handle in handles:
            self.study.tell(handle, state=self._optuna.trial.TrialState.FAIL, skip_if_finished=True)


class Ax:
    """A client of Ax: configured by its owner, or here, from the task.

    Args:
        client: ``ax.api.client.Client``.
        assignment: The task.
    """

    def __init__(self, client: Any, assignment: Assignment) -> None:
        from ax.exceptions.core import UnsupportedError

        _extremes(assignment)
        logging.getLogger("ax.api.client").setLevel(
            logging.WARNING
        )  # else each trial is a line in the notebook
        self.client = client
        self._own = assignment.own
        outcomes = [goal["outcome"] for goal in assignment.objectives]
        # Ax reads objectives as expressions, in which an outcome called 'yield' or 'gap (eV)' would be a mistake.
        self._metrics = {name: f"outcome_{i}" for i, name in enumerate(outcomes)}
        try:
            client.configure_experiment(
                parameters=[_ax_parameter(name, one) for name, one in assignment.parameters.items()],
                parameter_constraints=_ax_constraints(assignment.space),
            )
        except UnsupportedError:  # its owner has done so
            self._metrics = {name: name for name in outcomes}
            return
        signs = {"maximize": "", "minimize": "-"}
        client.configure_optimization(
            objective=", ".join(
                signs[g["kind"]] + self._metrics[g["outcome"]] for g in assignment.objectives
            ),
            outcome_constraints=self._bounds(assignment),
        )

    def _bounds(self, assignment: Assignment) -> list[str] | None:
        """What outcomes have to meet, over metrics of our naming."""
        found = []
        for one in Goals.of(assignment.definition).feasible:
            for name in one.coefficients:
                self._metrics.setdefault(name, f"outcome_{len(self._metrics)}")
            terms = [f"{factor!r}*{self._metrics[name]}" for name, factor in one.coefficients.items()]
            found.append(f"{' + '.join(terms)} <= {one.bound!r}")
        return found or None

    def ingest(self, told: Sequence[Told]) -> None:
        """Trials that it was asked for are completed, others are attached."""
        for one in told:
            trial = one.handle if one.handle is not None else self.client.attach_trial(self._own(one.point))
            if one.outcomes is None:
                self.client.mark_trial_failed(trial)
                continue
            data = {m: one.outcomes[name] for name, m in self._metrics.items() if name in one.outcomes}
            # A standard error of 0 would be taken for certain; without one Ax learns the noise.
            raw = {name: (value, error) if error else value for name, (value, error) in data.items()}
            self.client.complete_trial(trial, raw_data=raw)

    def suggest(self, n: int, evidence: Evidence) -> list[tuple[Any, Any]]:
        """Trials; fewer where its strategy wants results first."""
        del evidence
        return [(dict(point), index) for index, point in self.client.get_next_trials(max_trials=n).items()]

    def drop(self, handles: Sequence[Any]) -> None:
        """Trials are abandoned."""
        for handle in handles:
            with contextlib.suppress(Exception):
                self.client.mark_trial_abandoned(handle)


def _ax_parameter(name: str, parameter: Parameter) -> Any:
    from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

    if isinstance(parameter, Choice):
        options = list(parameter.options)
        kinds = {bool: "bool", int: "int", float: "float", str: "str"}
        types = {type(option) for option in options}
        kind = kinds[types.pop()] if len(types) == 1 else "float"
        return ChoiceParameterConfig(
            name=name, values=options, parameter_type=kind, is_ordered=parameter.ordered
        )
    return RangeParameterConfig(
        name=name,
        bounds=(parameter.low, parameter.high),
        parameter_type="int" if isinstance(parameter, Int) else "float",
        scaling="log" if parameter.log else None,
    )


def _ax_constraints(space: Space | Pool) -> list[str] | None:
    """Linear constraints among parameters on a linear scale; others are checked when a point is proposed."""
    if isinstance(space, Pool):
        return None
    plain = {name for name, p in space.parameters.items() if isinstance(p, Float | Int) and not p.log}
    return [
        " + ".join(f"{factor!r}*{name}" for name, factor in one.coefficients.items()) + f" <= {one.bound!r}"
        for one in space.linear
        if set(one.coefficients) <= plain
    ] or None
