"""How several objectives get on together: the hypervolume after each run, beside a random arm that was really run."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisteer.steering.pareto import front, reference_of, volumes
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.scene import Scene
from aisteer_widgets.view_models.tally import Measured
from aisteer_widgets.view_models.tasks import Task, baselines

__all__ = ["volume"]

Json = dict[str, Any]
Array = NDArray[np.float64]


def volume(scene: Scene, task: Task) -> Json:
    """The volume between the reference and the runs, after each of them; a mark where a run enlarged it.

    Both arms are counted from one reference, so that they can be compared.
    """
    arms = {"steered": _ran(scene, task, [task.name]), "random": _ran(scene, task, baselines(scene.state))}
    tables = {name: _signed(scene, task, runs) for name, runs in arms.items()}
    given = np.array([math.nan if g.reference is None else g.sign * g.reference for g in task.objectives])
    reference = reference_of(np.concatenate(list(tables.values())), given)
    grown = {name: volumes(table, reference) for name, table in tables.items()}
    unit = " · ".join(g.unit for g in task.objectives if g.unit)
    points = [p for name, runs in arms.items() for p in _points(runs, grown[name], name)]
    steered = grown["steered"]
    top = int(front(tables["steered"]).sum())
    return {
        "title": "Hypervolume so far",
        "y_label": fmt.label("hypervolume", unit),
        "x_label": "finished runs",
        "points": points,
        "arms": [_arm(name, grown[name]) for name, runs in arms.items() if runs],
        "names": {"steered": "hypervolume so far", "random": "that of the random arm"},
        "enlarged": True,
        "sub": f"{fmt.number(float(steered[-1]), 3)}; {fmt.count(top, 'run')} on the front" if top else "",
        "note": _counted_from(task, reference, np.isnan(given).tolist()) if points else "",
        "goal": None,
    }


def _ran(scene: Scene, task: Task, names: Iterable[str]) -> list[Measured]:
    """Runs that have all of the objectives, in the order in which they ended."""
    runs = [m for name in names for m in scene.tally.of(name)]
    wanted = [g.outcome for g in task.objectives]
    return [m for m in runs if all(name in scene.state.runs[m.run].outcome for name in wanted)]


def _signed(scene: Scene, task: Task, runs: list[Measured]) -> Array:
    """Objectives, larger is better; ``nan`` where a run does not meet what is asked of outcomes."""
    goals = task.objectives
    rows = []
    for m in runs:
        outcome = scene.state.runs[m.run].outcome
        rows.append([g.sign * outcome[g.outcome][0] if m.allowed else math.nan for g in goals])
    return np.array(rows, dtype=np.float64).reshape(-1, len(goals))


def _points(runs: list[Measured], grown: Array, arm: str) -> list[Json]:
    enlarged = np.flatnonzero(np.diff(grown, prepend=0.0) > 0).tolist()
    return [
        {
            "x": i + 1,
            "y": float(f"{grown[i]:.7g}"),
            "e": 0.0,
            "origin": "random" if arm == "random" else runs[i].origin,
            "run": runs[i].run,
            "out": "",
            "title": f"{runs[i].run} enlarged it to {fmt.number(float(grown[i]), 3)}",
        }
        for i in enlarged
    ]


def _arm(name: str, grown: Array) -> Json:
    changed = np.flatnonzero(np.diff(grown, prepend=-1.0) > 0).tolist()
    steps = [[i + 1, float(f"{grown[i]:.7g}")] for i in changed]
    if steps and steps[-1][0] != len(grown):
        steps.append([len(grown), steps[-1][1]])
    return {"name": name, "runs": len(grown), "steps": steps}


def _counted_from(task: Task, reference: Array, derived: list[bool]) -> str:
    """From where it is counted, in the objectives' own sense."""
    if not np.isfinite(reference).all():
        return "no run meets what is asked of outcomes yet"
    at = [
        f"{fmt.label(g.outcome)} {fmt.quantity(float(g.sign * r), g.shown_unit, 3)}{' (from the runs)' if d else ''}"
        for g, r, d in zip(task.objectives, reference.tolist(), derived, strict=True)
    ]
    return f"counted from the reference {', '.join(at)}"
