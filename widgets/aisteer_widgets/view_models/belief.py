"""What the surrogate believes: its predictions against what was measured, slices and maps of it."""

from __future__ import annotations

import math
from typing import Any

from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.scene import Scene, Wishes
from aisteer_widgets.view_models.tally import Measured
from aisteer_widgets.view_models.tasks import Task, task_of

__all__ = ["belief", "coverage"]

Json = dict[str, Any]
MOST = 400
Z90 = 1.6448536269514722


def coverage(measured: list[Measured], z: float = Z90) -> tuple[int, int]:
    """How many of the measured values lie inside the predicted 90 % interval, and of how many.

    Predictions are the ones made before the run; the measurement's own error counts.
    """
    judged = [m for m in measured if m.predicted is not None]
    inside = sum(
        abs(m.value - m.predicted[0]) <= z * math.hypot(m.predicted[1], m.error)
        for m in judged
        if m.predicted
    )
    return inside, len(judged)


def _wilson(inside: int, n: int) -> tuple[float, float]:
    """The 95 % Wilson interval of a share."""
    z, share = 1.959964, inside / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return middle - half, middle + half


def calibration(measured: list[Measured], summary: Json) -> str:
    """Calibration in words, with its own uncertainty: the fit's own count where it has one."""
    known = summary.get("calibration") or {}
    if known.get("of"):
        inside, n = int(known["inside"]), int(known["of"])
        low, high = float(known["low"]), float(known["high"])
    else:
        inside, n = coverage(measured)
        low, high = _wilson(inside, n) if n else (0.0, 1.0)
    if n < 5:
        return f"calibration: {fmt.count(n, 'prediction')} tested so far" if n else ""
    word = "good" if low <= 0.9 <= high else ("over-confident" if inside / n < 0.9 else "cautious")
    between = f"({round(100 * low)} to {round(100 * high)})"
    return f"calibration {word}: {fmt.percent(inside / n)} of {n} inside 90 % {between}"


def belief(scene: Scene, wishes: Wishes) -> Json:
    """The chosen view of the surrogate, and which others there are."""
    task = task_of(scene.state, wishes.task)
    if task.objective is None:
        return {"views": [], "view": "", "sub": "", "empty": "This task has no objective.", "chart": None}
    measured = scene.tally.of(wishes.task)
    summary = _summary(scene, wishes.task)
    views = _views(summary, measured)
    view = (
        wishes.belief if wishes.belief in {v["name"] for v in views} else (views[0]["name"] if views else "")
    )
    chart = _chart(view, scene, summary, measured, task)
    return {
        "views": views,
        "view": view,
        "sub": calibration(measured, summary),
        "chart": chart,
        "empty": "" if chart else _empty(scene, wishes.task),
    }


def _summary(scene: Scene, task: str) -> Json:
    fitted = scene.state.models.get(task)
    return fitted.summary if fitted else {}


def _views(summary: Json, measured: list[Measured]) -> list[Json]:
    views = [{"name": "map", "label": "Map"}] if summary.get("map") else []
    views += [{"name": f"slice:{n}", "label": fmt.label(str(n))} for n in summary.get("slices") or {}]
    if any(m.predicted for m in measured):
        views.append({"name": "predicted", "label": "Predicted and measured"})
    return views


def _chart(view: str, scene: Scene, summary: Json, measured: list[Measured], task: Task) -> Json | None:
    if view == "map":
        return _map(scene, summary["map"], task)
    if view.startswith("slice:"):
        return _slice(scene, view[6:], summary["slices"][view[6:]], measured, task)
    return _predicted(measured, task) if view == "predicted" else None


def _predicted(measured: list[Measured], task: Task) -> Json:
    judged = [m for m in measured if m.predicted is not None][-MOST:]
    points = []
    for m in judged:
        assert m.predicted is not None
        mean, std = m.predicted
        points.append(
            {
                "run": m.run,
                "x": mean,
                "ex": Z90 * std,
                "y": m.value,
                "ey": m.error,
                "inside": abs(m.value - mean) <= Z90 * math.hypot(std, m.error),
                "origin": m.origin,
                "title": f"{m.run}: predicted {fmt.estimate(mean, std)}, measured {fmt.estimate(m.value, m.error)}",
            }
        )
    assert task.objective is not None
    unit = f" ({task.objective.unit})" if task.objective.unit else ""
    return {
        "kind": "predicted",
        "points": points,
        "x_label": f"predicted{unit}",
        "y_label": f"measured{unit}",
    }


def _slice(scene: Scene, name: str, data: Json, measured: list[Measured], task: Task) -> Json:
    parameter = task.parameter(name)
    assert task.objective is not None
    points = []
    for m in measured[-MOST:]:
        value = scene.state.runs[m.run].parameters.get(name)
        if isinstance(value, int | float):
            points.append({"run": m.run, "x": value, "y": m.value, "e": m.error, "origin": m.origin})
    return {
        "kind": "slice",
        "x": list(data.get("x") or ()),
        "mean": list(data.get("mean") or ()),
        "std": list(data.get("std") or ()),
        "points": points,
        "x_label": f"{fmt.label(name)} ({parameter.unit})" if parameter.unit else fmt.label(name),
        "y_label": task.objective.label,
        "log": parameter.log,
    }


def _map(scene: Scene, data: Json, task: Task) -> Json:
    names = list(data.get("names") or data.get("parameters") or ())[:2]
    x, y = (task.parameter(str(n)) for n in names)
    assert task.objective is not None
    return {
        "kind": "map",
        "x": list(data["x"]),
        "y": list(data["y"]),
        "mean": data["mean"],
        "std": data["std"],
        "marks": _marks(scene, task, x.name, y.name),
        "x_label": f"{fmt.label(x.name)} ({x.unit})" if x.unit else fmt.label(x.name),
        "y_label": f"{fmt.label(y.name)} ({y.unit})" if y.unit else fmt.label(y.name),
        "z_label": task.objective.label,
        "names": [x.name, y.name],
    }


def _marks(scene: Scene, task: Task, x: str, y: str) -> list[Json]:
    """Runs, runs in flight, and proposals, where they are on the map."""
    state = scene.state
    marks: list[Json] = []

    def put(kind: str, name: str, parameters: Json) -> None:
        at = parameters.get(x), parameters.get(y)
        if all(isinstance(v, int | float) for v in at):
            marks.append({"kind": kind, "name": name, "x": at[0], "y": at[1]})

    for m in scene.tally.of(task.name)[-MOST:]:
        put("run", m.run, state.runs[m.run].parameters)
    for name in list(state.live)[:100]:
        if state.runs[name].task == task.name:
            put("flight", name, state.runs[name].parameters)
    for name in list(state.waiting)[:100]:
        proposal = state.proposals[name]
        if proposal.task == task.name:
            put("human" if proposal.origin == "human" else "ai", name, proposal.parameters)
    return marks


def _empty(scene: Scene, task: str) -> str:
    fitted = scene.state.models.get(task)
    if fitted is None:
        return "No surrogate yet: it is fitted when the first runs have ended."
    return "Predictions are tested as runs end; the picture appears with the first one."
