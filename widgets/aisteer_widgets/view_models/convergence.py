"""Best so far against the number of finished runs, beside a random arm that was really run."""

from __future__ import annotations

from typing import Any

from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.scene import Scene
from aisteer_widgets.view_models.tally import Measured
from aisteer_widgets.view_models.tasks import Task, baselines, task_of
from aisteer_widgets.view_models.volume import volume

__all__ = ["MOST", "convergence"]

Json = dict[str, Any]
MOST = 400


def convergence(scene: Scene, task: str) -> Json:
    """Points and the two staircases, thinned to what can be seen; of several objectives, their hypervolume."""
    known = task_of(scene.state, task)
    objective = known.objective
    if objective is None:
        return {"empty": "This task has no objective.", "points": [], "arms": []}
    if len(known.objectives) > 1:
        made = volume(scene, known)
        return {**made, "empty": "" if made["arms"] else _none_yet(scene.tally.behind, "hypervolume")}
    steered = scene.tally.of(task)
    random = [m for name in baselines(scene.state) for m in scene.tally.of(name)]
    arms = [_arm("steered", steered, known), _arm("random", random, known)]
    best = scene.tally.best(task)
    return {
        "title": "Best so far" if known.has_best else "Outcomes so far",
        "names": {"steered": "best so far", "random": "best of the random arm"},
        "enlarged": False,
        "note": "",
        "y_label": objective.label,
        "x_label": "finished runs",
        "points": _thin(steered, "steered") + _thin(random, "random"),
        "arms": [a for a in arms if a["steps"]],
        "sub": _sub(best, objective.unit, beside=bool(random)) if best else _no_best(known),
        "goal": objective.value,
        "empty": "" if steered or random else _none_yet(scene.tally.behind, "best value so far"),
    }


def _no_best(task: Task) -> str:
    """What is to be said where no run is better than another."""
    return "" if task.has_best else f"no run is the best: the goal is to {task.goal}"


def _none_yet(behind: int, what: str) -> str:
    if behind:
        return f"Reading {behind:,} earlier runs…"
    return f"The {what} appears here with the first finished run."


def _sub(best: Measured, unit: str, *, beside: bool) -> str:
    found = f"{fmt.estimate(best.value, best.error, unit)} in {best.run}"
    return f"{found}, the random arm aside" if beside else found


def _arm(name: str, measured: list[Measured], task: Task) -> Json:
    objective = task.objective
    steps: list[list[float]] = []
    best: float | None = None
    for i, m in enumerate(measured if task.has_best else (), 1):
        if objective is None or not m.allowed:
            continue
        if best is None or objective.merit(m.value) > objective.merit(best):
            best = m.value
            steps.append([i, float(f"{best:.7g}")])
    if best is not None and steps[-1][0] != len(measured):
        steps.append([len(measured), steps[-1][1]])
    return {"name": name, "runs": len(measured), "steps": steps}


def _thin(measured: list[Measured], arm: str) -> list[Json]:
    """All points of a short arm; of a long one, every n-th."""
    every = max(1, -(-len(measured) // MOST))
    return [
        {
            "x": i + 1,
            "y": float(f"{m.value:.7g}"),
            "e": float(f"{fmt.Z95 * m.error:.3g}"),
            "origin": "random" if arm == "random" else m.origin,
            "run": m.run,
            "out": m.aside,
            "title": f"{m.run}: {fmt.estimate(m.value, m.error)}{m.aside and f', {m.aside}'}",
        }
        for i, m in enumerate(measured)
        if i % every == 0 or i == len(measured) - 1
    ]
