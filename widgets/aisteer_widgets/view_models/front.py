"""Several objectives against each other: runs, and those that no other run beats in all."""

from __future__ import annotations

from typing import Any

import numpy as np

from aisteer.steering.pareto import front as first_unbeaten
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.belief_space import Z95
from aisteer_widgets.view_models.marks import Marks, letter, open_points
from aisteer_widgets.view_models.scene import Scene
from aisteer_widgets.view_models.tasks import Objective, Task

__all__ = ["front", "unbeaten"]

Json = dict[str, Any]
MOST = 1000


def front(scene: Scene, task: Task) -> Json | None:
    """The first two objectives of a task, and which runs are not beaten in all of them."""
    goals = task.objectives
    if len(goals) < 2:
        return None
    names, origins, rows, errors, allowed, asides = [], [], [], [], [], []
    for m in scene.tally.of(task.name)[-MOST:]:
        outcome = scene.state.runs[m.run].outcome
        if all(g.outcome in outcome for g in goals):
            names.append(m.run)
            origins.append(m.origin)
            allowed.append(m.allowed)
            asides.append(m.aside)
            rows.append([float(outcome[g.outcome][0]) for g in goals])
            errors.append([float(outcome[g.outcome][1]) for g in goals])
    if not rows:
        return None
    values = np.array(rows)
    merits = np.array([[g.merit(v) for g, v in zip(goals, row, strict=True)] for row in rows])
    met = np.array(allowed)
    best = unbeaten(np.where(met[:, None], merits, np.nan))
    marks = Marks()
    told = zip(names, origins, rows, errors, best.tolist(), allowed, strict=True)
    for name, origin, row, error, top, inside in told:
        marks.put(
            name,
            letter("run", origin),
            x=row[0],
            y=row[1],
            ex=Z95 * error[0],
            ey=Z95 * error[1],
            top=float(top),
            out=float(not inside),
        )
    order = np.argsort(values[best][:, 0])
    return {
        "kind": "front",
        "marks": marks.json(),
        "expected": _expected(scene, task, goals),
        "asides": list(dict.fromkeys(why for why in asides if why)),
        "front": values[best][order][:, :2].tolist() if len(goals) == 2 else [],
        "better": [goals[0].sign, goals[1].sign],
        "reference": [g.reference for g in goals[:2]],
        "x_label": goals[0].label,
        "y_label": goals[1].label,
        "words": _words(goals, int(best.sum()), len(rows), [why for why in asides if why]),
    }


def _words(goals: tuple[Objective, ...], top: int, of: int, outside: list[str]) -> str:
    listed = " and ".join(g.words for g in goals)
    beaten = f"{fmt.count(top, 'run')} of {of:,} {'is' if top == 1 else 'are'} beaten by no other in all objectives"
    beaten += (
        f"; {len(outside):,} {'does' if len(outside) == 1 else 'do'} not count: "
        f"{' or '.join(dict.fromkeys(outside))}"
        if outside
        else ""
    )
    return f"{listed}: {beaten}" + ("" if len(goals) == 2 else "; the first two are shown")


def _expected(scene: Scene, task: Task, goals: tuple[Objective, ...]) -> Json:
    """Where proposals that wait are expected, with their 95 % bands."""
    marks = Marks()
    for name, kind, _ in open_points(scene, task):
        proposal = scene.state.proposals.get(name)
        told = [proposal.predicted.get(g.outcome) for g in goals[:2]] if proposal is not None else []
        if len(told) == 2 and all(t is not None and len(t) > 1 for t in told):
            (x, ex), (y, ey) = ((float(t[0]), float(t[1])) for t in told if t is not None)
            marks.put(name, kind, x=x, y=y, ex=Z95 * ex, ey=Z95 * ey)
    return marks.json()


def unbeaten(merits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Which rows no other row beats; of equal rows all. Larger is better, ``nan`` is beaten. Shape ``(n,)``."""
    best = merits[first_unbeaten(merits)]
    found: np.ndarray[Any, Any] = (merits[:, None, :] == best[None, :, :]).all(axis=2).any(axis=1)
    return found
