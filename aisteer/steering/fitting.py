"""A task's evidence as a fitted surrogate, in the sense in which larger is better."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisteer.problem.objective import Objective, objective_from_json
from aisteer.steering.domains import Domain
from aisteer.steering.protocols import Datum, Evidence, Json
from aisteer.surrogates.calibration import Calibration, Skill, calibration, skill
from aisteer.surrogates.gaussian_process import GaussianProcess, Remembered, fit, fitted_on

__all__ = ["LEAST", "Belief", "Fitter"]

Array = NDArray[np.float64]

LEAST = 3
"""Outcomes that it takes to predict at all."""
_MOST = 1000
_BEST_KEPT = 250
_ROLLING = 50


@dataclass(frozen=True, slots=True)
class Belief:
    """A fitted surrogate of a task's objective.

    Attributes:
        process: On outcomes times ``objective.sign``, so that larger is better.
        data: The runs that it was fitted on.
        x: Their inputs, shape ``(n, d)``.
        y: Their outcomes in their own sense, shape ``(n,)``.
        error: Standard errors, 0 where not known, shape ``(n,)``.
        best: The largest posterior mean at a run (times the sign), what is to be improved on.
        best_run: That run.
        digest: Of the data; equal for equal data.
        left_out: Runs that were too many to be fitted on.
    """

    process: GaussianProcess
    objective: Objective
    data: tuple[Datum, ...]
    x: Array
    y: Array
    error: Array
    best: float
    best_run: str
    digest: str
    calibration: Calibration
    skill: Skill | None
    left_out: int

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
            "hyper_parameters_from": fitted_on(len(self.y)),
            "left_out": self.left_out,
            "best": float(self.objective.sign * self.best),
            "best_run": self.best_run,
            "calibration": self.calibration.to_json(),
            "skill": self.skill.to_json() if self.skill else None,
            "words": self.process.words,
            "data": self.digest,
        }


class Fitter:
    """Fits the surrogate of one task, and keeps the last fit for as long as the data stays the same."""

    def __init__(self, domain: Domain, objective: Json) -> None:
        self.domain = domain
        self.objective = objective_from_json(objective)
        self._last: Belief | None = None
        self._remembered = Remembered()
        self._known: set[str] = set()

    def belief(self, evidence: Evidence) -> Belief | None:
        """The surrogate of ``evidence``; ``None`` with fewer than 3 outcomes."""
        known = [d for d in evidence.data if self.objective.outcome in d.outcomes and self._inside(d)]
        data = self._chosen(known)
        if len(data) < LEAST:
            return None
        digest = self._digest(data)
        if self._last is None or self._last.digest != digest:
            self._last = self._fit(data, digest, known)
        return self._last

    def _inside(self, datum: Datum) -> bool:
        """Whether the present space still knows the point; a redefinition may have left it behind."""
        if datum.run not in self._known:
            try:
                self.domain.encode([datum.parameters])
            except (KeyError, StopIteration):
                return False
            self._known.add(datum.run)
        return True

    def _outcome(self, datum: Datum) -> tuple[float, float]:
        return datum.outcomes[self.objective.outcome]

    def _chosen(self, known: list[Datum]) -> tuple[Datum, ...]:
        """All, or of too many the best and, from the others, an even share of their history."""
        if len(known) <= _MOST:
            return tuple(known)
        order = np.argsort([-self.objective.sign * self._outcome(d)[0] for d in known], kind="stable")
        kept = {int(i) for i in order[:_BEST_KEPT]}
        others = [i for i in range(len(known)) if i not in kept]
        places = np.linspace(0, len(others) - 1, _MOST - len(kept)).astype(int)
        kept.update(others[i] for i in places)
        return tuple(known[i] for i in sorted(kept))

    def _digest(self, data: tuple[Datum, ...]) -> str:
        total = hashlib.sha256()
        for d in data:
            total.update(f"{d.run}={self._outcome(d)};".encode())
        return total.hexdigest()[:16]

    def _fit(self, data: tuple[Datum, ...], digest: str, known: list[Datum]) -> Belief:
        x = self.domain.encode([d.parameters for d in data])
        outcomes = np.array([self._outcome(d) for d in data], dtype=np.float64)
        y, error = outcomes[:, 0], outcomes[:, 1]
        sign = self.objective.sign
        process = fit(x, sign * y, error, self.domain.kernels(), self._remembered)
        at_runs, _ = process.predict(x)
        left = process.leave_one_out()
        place = int(np.argmax(at_runs))
        return Belief(
            process=process,
            objective=self.objective,
            data=data,
            x=x,
            y=y,
            error=error,
            best=float(at_runs[place]),
            best_run=data[place].run,
            digest=digest,
            calibration=self._calibration(known, process.noise),
            skill=skill(y, sign * left.mean, left.std),
            left_out=len(known) - len(data),
        )

    def _calibration(self, data: Sequence[Datum], noise: float) -> Calibration:
        """Of the last 50 outcomes that had been predicted, fitted or not; noise where they have no error."""
        name = self.objective.outcome
        told = [d for d in data if len(d.predicted.get(name, ())) == 2][-_ROLLING:]
        rows = np.array([[*d.outcomes[name], *d.predicted[name]] for d in told], dtype=np.float64).reshape(
            -1, 4
        )
        extra = np.where(rows[:, 1] > 0, rows[:, 1], noise)
        return calibration(rows[:, 0], rows[:, 2], np.maximum(np.hypot(rows[:, 3], extra), 1e-300))
