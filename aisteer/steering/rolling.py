"""What was predicted before it ran, beside what came out: the record on which trust is earned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aisteer.journal.state import State
from aisteer.problem.goals import Goals
from aisteer.steering.evidence import evidence
from aisteer.steering.predictors import predicted_by
from aisteer.steering.protocols import Datum, Json
from aisteer.surrogates.calibration import Coverage, coverage

__all__ = ["AUDIT", "ROLLING", "earned", "recorded", "rolling"]

Array = NDArray[np.float64]

ROLLING = 50
"""Outcomes that are looked at, the latest ones."""
AUDIT: Literal["random"] = "random"
"""The origin of points that chance chose; beside a policy, to audit its predictions."""


def _all(_datum: Datum) -> bool:
    return True


def rolling(
    data: Sequence[Datum], outcome: str, noise: float, by: Callable[[Datum], bool] = _all
) -> tuple[Array, Array, Array, NDArray[np.bool_]]:
    """The last 50 outcomes that had been predicted; see ``recorded``."""
    outcomes, mean, std, drawn = recorded(data, outcome, noise, by)
    return outcomes[-ROLLING:], mean[-ROLLING:], std[-ROLLING:], drawn[-ROLLING:]


def recorded(
    data: Sequence[Datum], outcome: str, noise: float, by: Callable[[Datum], bool] = _all
) -> tuple[Array, Array, Array, NDArray[np.bool_]]:
    """All outcomes that had been predicted, but those of runs that went on from others.

    What such a run shares with its parent, whose outcome is known, is no test of a prediction.

    Args:
        data: Runs, oldest first.
        outcome: Which of their outcomes.
        noise: Learned, for those whose standard error is not known.
        by: Whether a run's prediction was that of the surrogate that is asked about; all are if not given.

    Returns:
        Outcomes, predicted means and standard deviations of the measurement, and which points chance chose, ``(n,)``.
    """
    known = (d for d in data if d.parent is None and outcome in d.outcomes)
    told = [d for d in known if len(d.predicted.get(outcome, ())) == 2 and by(d)]
    rows = np.array([[*d.outcomes[outcome], *d.predicted[outcome]] for d in told], dtype=np.float64)
    rows = rows.reshape(-1, 4)
    extra = np.where(rows[:, 1] > 0, rows[:, 1], noise)
    std = np.maximum(np.hypot(rows[:, 3], extra), 1e-300)
    drawn = np.array([d.origin == AUDIT for d in told], dtype=bool)
    return rows[:, 0], rows[:, 2], std, drawn


def earned(state: State, task: str) -> tuple[str, Coverage]:
    """The coverage that a task's predictions have shown so far: of which objective, the worst, and the counts.

    It is counted at ``state`` itself, not at the last fit: what ended, or was marked bad, a moment ago counts. What
    another surrogate than the present one predicted does not.
    """
    known_now = evidence(state, task)
    data, made_by = known_now.data, known_now.made_by
    fit = state.models.get(task)
    summary: Json = fit.summary if fit else {}
    by = predicted_by(made_by, made_by[-1][1]) if made_by else _all
    found = []
    for objective in Goals.of(state.definition["tasks"][task]).objectives:
        name = objective.outcome
        known = (summary.get("outcomes") or {}).get(name, summary)
        found.append((name, coverage(*rolling(data, name, float(known.get("noise") or 0.0), by)[:3])))
    return min(found, key=lambda one: one[1].bound)
