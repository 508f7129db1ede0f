"""A task's evidence as fitted surrogates, one for each outcome, in the sense in which larger is better."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisteer.problem.goals import Goals
from aisteer.problem.objective import Objective
from aisteer.problem.surrogate_names import SURROGATES
from aisteer.steering.domains import Domain
from aisteer.steering.learners import learned
from aisteer.steering.outliers import tamed
from aisteer.steering.pareto import front
from aisteer.steering.protocols import Datum, Evidence, Json
from aisteer.steering.rolling import rolling
from aisteer.surrogates.calibration import Calibration, Skill, calibration, skill
from aisteer.surrogates.gaussian_process import GaussianProcess, Remembered

__all__ = ["LEAST", "Belief", "Fitter", "Known"]

Array = NDArray[np.float64]

LEAST = 3
"""Outcomes that it takes to predict at all."""
_MOST = 1000
_BEST_KEPT = 250


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

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Mean, in the outcome's own sense, and standard deviation, shape ``(m,)``, at inputs ``(m, d)``."""
        mean, std = self.process.predict(x)
        return self.sign * mean, std

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
            "noise": self.process.noise,
            "length_scales": named,
            "hyper_parameters_from": self.process.learned_from,
            "calibration": self.calibration.to_json(),
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
            order = np.argsort(-_interest(self.objective, self.first.predict(self.true)[0]), kind="stable")
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


class Fitter:
    """Fits the surrogates of one task, and keeps the last fit for as long as the data stays the same.

    ``surrogate`` is the one that is fitted where steering names no other, ``seed`` that of its training.
    """

    def __init__(self, domain: Domain, goals: Goals | Json) -> None:
        self.domain = domain
        self.goals = goals if isinstance(goals, Goals) else Goals.of({"objective": goals})
        self.objective = self.goals.first
        self.surrogate, self.seed = SURROGATES[0], 0
        self._last: Belief | None = None
        self._remembered = {outcome: Remembered() for outcome in self.goals.outcomes}
        self._inside: dict[str, bool] = {}

    def belief(self, evidence: Evidence) -> Belief | None:
        """The surrogates of ``evidence``; ``None`` with fewer than 3 outcomes of the (first) objective."""
        told = [d for d in evidence.data if self._tells(d, self.objective.outcome)]
        data = self._chosen(told)
        if len(data) < LEAST:
            return None
        data += tuple(d for d in evidence.estimated if self._tells(d, self.objective.outcome))
        named = str(evidence.steering.get("surrogate") or self.surrogate)
        digest = self._digest(data, named)
        if self._last is None or self._last.digest != digest:
            self._last = self._fit(data, digest, told, named)
        return self._last

    def _tells(self, datum: Datum, outcome: str) -> bool:
        """Whether it has the outcome, at a point that the present space still knows."""
        if outcome not in datum.outcomes or not math.isfinite(datum.outcomes[outcome][0]):
            return False
        if datum.run not in self._inside:
            try:
                self.domain.encode([datum.parameters])
            except (KeyError, StopIteration):
                return False  # a redefinition may have left it behind, and a later one bring it back
            self._inside[datum.run] = True
        return True

    def _outcome(self, datum: Datum) -> tuple[float, float]:
        return datum.outcomes[self.objective.outcome]

    def _chosen(self, told: list[Datum]) -> tuple[Datum, ...]:
        """All, or of too many the best and, from the others, an even share of their history."""
        if len(told) <= _MOST:
            return tuple(told)
        values = np.array([self._outcome(d)[0] for d in told])
        order = np.argsort(-_interest(self.objective, values), kind="stable")
        kept = {int(i) for i in order[:_BEST_KEPT]}
        others = [i for i in range(len(told)) if i not in kept]
        places = np.linspace(0, len(others) - 1, _MOST - len(kept)).astype(int)
        kept.update(others[i] for i in places)
        return tuple(told[i] for i in sorted(kept))

    def _digest(self, data: tuple[Datum, ...], named: str) -> str:
        total = hashlib.sha256(b"" if named == SURROGATES[0] else named.encode())
        for d in data:
            total.update(f"{d.run}={self._outcome(d)};".encode())
            for name in self.goals.outcomes[1:]:
                total.update(f"{name}={d.outcomes.get(name)};".encode())
        return total.hexdigest()[:16]

    def _fit(self, data: tuple[Datum, ...], digest: str, told: list[Datum], named: str) -> Belief:
        x = self.domain.encode([d.parameters for d in data])
        known: dict[str, Known] = {}
        for outcome in self.goals.outcomes:
            here = [i for i, d in enumerate(data) if self._tells(d, outcome)]
            if len(here) < LEAST:
                continue
            rows = data if len(here) == len(data) else tuple(data[i] for i in here)
            history = (
                told if outcome == self.objective.outcome else [d for d in told if self._tells(d, outcome)]
            )
            known[outcome] = self._known(outcome, rows, x if rows is data else x[here], history, named)
        true = self.domain.at_truth(x)
        counts = np.asarray((x == true).all(axis=1))
        # The very same array where nothing differs: what is predicted of the runs themselves is at hand.
        true = x if counts.all() else true
        ran = np.array([not d.estimated for d in data])
        counts &= ran  # nobody has reached what was only foreseen
        place, feasible = _best(self.goals, known, true, counts if counts.any() else ran)
        left = len(told) - int(ran.sum())
        return Belief(self.goals, known, place, feasible, digest, left, true, attained=bool(counts.any()))

    def _known(
        self, outcome: str, data: tuple[Datum, ...], x: Array, history: Sequence[Datum], named: str
    ) -> Known:
        pairs = np.array([d.outcomes[outcome] for d in data], dtype=np.float64)
        y, error, sign = pairs[:, 0], pairs[:, 1], self.goals.sign(outcome)
        followed, unusual = tamed(y, [d.run for d in data])
        process, instead = learned(
            named,
            x,
            sign * followed,
            error,
            domain=self.domain,
            remembered=self._remembered[outcome],
            seed=self.seed,
        )
        left = process.leave_one_out()
        return Known(
            outcome=outcome,
            unit=self.goals.unit(outcome),
            sign=sign,
            process=process,
            data=data,
            x=x,
            y=y,
            error=error,
            calibration=_calibration(outcome, history, process.noise),
            skill=skill(followed, sign * left.mean, left.std, process.held_out),
            words=" ".join(w for w in (instead, process.words, unusual) if w),
        )


def _interest(objective: Objective, values: Array) -> Array:
    """What makes outcomes worth keeping, the larger the more."""
    level: Any = getattr(objective, "threshold", None)
    if level is not None:
        away: Array = -np.abs(values - level)
        return away
    found: Array = objective.worth(values) if objective.has_best else np.zeros(len(values))
    return found


def _best(goals: Goals, known: dict[str, Known], x: Array, counts: NDArray[np.bool_]) -> tuple[int, bool]:
    """The place of the best run that counts by posterior mean, and whether it is feasible by it."""
    mean, _ = known[goals.first.outcome].predict(x)
    worth = _interest(goals.first, mean)
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


def _calibration(outcome: str, data: Sequence[Datum], noise: float) -> Calibration:
    """Of the last 50 outcomes that had been predicted, fitted or not; noise where they have no error."""
    return calibration(*rolling(data, outcome, noise))
