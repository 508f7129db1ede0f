"""What was fitted: a surrogate for each outcome that is sought, and what follows from them of the runs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisteer.problem.goals import Goals
from aisteer.problem.objective import Objective
from aisteer.problem.surrogate_names import SURROGATES
from aisteer.steering.pareto import front
from aisteer.steering.protocols import Datum, Json
from aisteer.surrogates.calibration import Calibration, Skill
from aisteer.surrogates.posterior import GaussianProcess

__all__ = ["Belief", "Known", "best_place", "interest"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Known:
    """The fitted surrogate of one outcome.

    Attributes:
        outcome: Its name.
        unit: Its unit, for display.
        sign: What outcomes were multiplied by: -1 for what is to be minimized, else 1.
        process: On outcomes times ``sign``, so that larger is better.
        data: The runs that it was fitted on.
        x: Their inputs, shape ``(n, d)``.
        y: Their outcomes in their own sense, shape ``(n,)``.
        error: Standard errors, 0 where not known, shape ``(n,)``.
        calibration: Of what was predicted before it ran.
        skill: Of predictions from the others.
        words: What a reader should know of the fit; empty where nothing is unusual.
        surrogate: Which one it is, as a policy is asked for it.
        widened: What predicted standard deviations are multiplied by (``aisteer.steering.widening``).
    """

    outcome: str
    unit: str
    sign: float
    process: GaussianProcess
    data: tuple[Datum, ...]
    x: Array
    y: Array
    error: Array
    calibration: Calibration
    skill: Skill | None
    words: str
    surrogate: str = SURROGATES[0]
    widened: float = 1.0

    @property
    def run_noise(self) -> float:
        """What another run's outcome would scatter by, a standard deviation in the outcome's unit.

        What was learned of it; where all errors are known nothing was, and it is the usual one of them.
        """
        return self.process.noise if (self.error == 0).any() else float(np.median(self.error))

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Mean, in the outcome's own sense, and standard deviation, shape ``(m,)``, at inputs ``(m, d)``."""
        mean, std = self.process.predict(x)
        return self.sign * mean, self.widened * std

    def summary(self, names: tuple[str, ...]) -> Json:
        """What the journal remembers of the fit."""
        scales = self.process.length_scales()
        named = (
            {name: float(s) for name, s in zip(names, scales, strict=True)}
            if scales is not None and len(scales) == len(names)
            else None
        )
        return {
            "kernel": self.process.name,
            "surrogate": self.surrogate,
            "noise": self.process.noise,
            "length_scales": named,
            "hyper_parameters_from": self.process.learned_from,
            "calibration": self.calibration.to_json(),
            "widened": self.widened,
            "skill": self.skill.to_json() if self.skill else None,
            "words": self.words,
        }


@dataclass(frozen=True, slots=True)
class Belief:
    """What is believed of a task: a surrogate for each outcome that its goals speak of.

    Attributes:
        goals: What is sought.
        known: Outcome to its surrogate, the (first) objective's first; one with too few values is absent.
        place: The best run, as a place in ``data``: by posterior mean, among those that are feasible by it. Where
            no run is better than another, that nearest to the level, or the first. Of several fidelities, among
            those at the truth; before there is one, that where the mean at the truth is best.
        feasible: Whether some run meets the constraints on outcomes, by posterior mean.
        digest: Of the data; equal for equal data.
        left_out: Runs that were too many to be fitted on.
        true: The inputs at the truth, shape ``(n, d)``: the same but for a fidelity.
        attained: Whether some run is at the truth, so that there can be a best one.
    """

    goals: Goals
    known: dict[str, Known]
    place: int
    feasible: bool
    digest: str
    left_out: int
    true: Array
    attained: bool = True

    @property
    def first(self) -> Known:
        """The surrogate of the (first) objective."""
        return next(iter(self.known.values()))

    @property
    def objective(self) -> Objective:
        """The (first) objective."""
        return self.goals.first

    @property
    def process(self) -> GaussianProcess:
        """The process of the (first) objective."""
        return self.first.process

    @property
    def smooth(self) -> bool:
        """Whether everything that is predicted has a slope that a search can follow."""
        return all(one.process.smooth for one in self.known.values())

    @property
    def data(self) -> tuple[Datum, ...]:
        """The runs that it was fitted on."""
        return self.first.data

    @property
    def x(self) -> Array:
        """Their inputs, shape ``(n, d)``."""
        return self.first.x

    @property
    def y(self) -> Array:
        """Their outcomes in their own sense, shape ``(n,)``."""
        return self.first.y

    @property
    def error(self) -> Array:
        """Standard errors, 0 where not known, shape ``(n,)``."""
        return self.first.error

    @property
    def calibration(self) -> Calibration:
        """Of what was predicted of the objective before it ran."""
        return self.first.calibration

    @property
    def skill(self) -> Skill | None:
        """Of predictions of the objective from the others."""
        return self.first.skill

    @property
    def best(self) -> float:
        """The posterior mean at the best run, at the truth, times the sign."""
        return float(self.process.predict(self.true[self.place : self.place + 1])[0][0])

    @property
    def best_run(self) -> str:
        """The best run; see ``place``."""
        return self.data[self.place].run

    def leading(self, n: int) -> Array:
        """Inputs of the ``n`` runs to look around: the best by posterior mean; of several objectives, the front."""
        if self.goals.several:
            names = [one.outcome for one in self.goals.objectives if one.outcome in self.known]
            means = np.stack([self.known[name].process.predict(self.x)[0] for name in names], axis=1)
            order = np.argsort(~front(means), kind="stable")
        else:
            order = np.argsort(-interest(self.objective, self.first.predict(self.true)[0]), kind="stable")
        if self.goals.feasible:
            met = _met(self.goals, self.known, self.true)[0]
            order = order[np.argsort(~met[order], kind="stable")]
        found: Array = self.x[order[:n]]
        return found

    def summary(self, names: tuple[str, ...]) -> Json:
        """What the journal remembers of the fit; ``outcomes`` where there is more than one."""
        found: Json = {
            **self.first.summary(names),
            "left_out": self.left_out,
            "best": self.first.sign * self.best if self.goals.has_best and self.attained else None,
            "best_run": self.best_run if self.goals.has_best and self.attained else "",
            "data": self.digest,
        }
        if len(self.known) > 1:
            found["outcomes"] = {name: one.summary(names) for name, one in self.known.items()}
        if self.goals.feasible:
            found["feasible"] = self.feasible
        return found


def interest(objective: Objective, values: Array) -> Array:
    """What makes outcomes worth keeping, the larger the more."""
    level: Any = getattr(objective, "threshold", None)
    if level is not None:
        away: Array = -np.abs(values - level)
        return away
    found: Array = objective.worth(values) if objective.has_best else np.zeros(len(values))
    return found


def best_place(
    goals: Goals, known: dict[str, Known], x: Array, counts: NDArray[np.bool_]
) -> tuple[int, bool]:
    """The place of the best run that counts by posterior mean, and whether it is feasible by it."""
    mean, _ = known[goals.first.outcome].predict(x)
    worth = interest(goals.first, mean)
    met, excess = _met(goals, known, x)
    if (met & counts).any():
        return int(np.argmax(np.where(met & counts, worth, -np.inf))), True
    return int(np.argmin(np.where(counts, excess, np.inf))), False


def _met(goals: Goals, known: dict[str, Known], x: Array) -> tuple[NDArray[np.bool_], Array]:
    """Whether all constraints on outcomes are met by posterior mean, and by how much the worst is missed: ``(n,)``."""
    excess = np.zeros(len(x))
    asked = [c for c in goals.feasible if all(name in known for name in c.names)]
    means = {name: known[name].predict(x)[0] for name in dict.fromkeys(n for c in asked for n in c.names)}
    for c in asked:
        excess = np.maximum(excess, c.excess(means) / _size(c.coefficients, known))  # type: ignore[arg-type]
    met: NDArray[np.bool_] = excess <= 0
    return met, excess


def _size(coefficients: dict[str, float], known: dict[str, Known]) -> float:
    """What a constraint's left side varies by, so that several can be compared."""
    return math.hypot(*(c * known[name].process.scale for name, c in coefficients.items())) or 1.0
