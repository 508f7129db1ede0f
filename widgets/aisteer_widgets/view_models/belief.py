"""What the surrogate believes: its predictions against what was measured, slices and maps of it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from aisteer.journal.state import State
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.scene import Scene, Wishes
from aisteer_widgets.view_models.tally import Z90, Measured
from aisteer_widgets.view_models.tasks import Parameter, Task, task_of

__all__ = ["belief", "question_of", "view_of"]

Json = dict[str, Any]
MOST = 400
Z95 = 1.959964
ON = 0.05
"""A run within this share of the others' ranges is on a slice."""


def _wilson(inside: int, n: int) -> tuple[float, float]:
    """The 95 % Wilson interval of a share."""
    z, share = Z95, inside / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return middle - half, middle + half


def calibration(counted: tuple[int, int], summary: Json) -> str:
    """Calibration in words, by a count that is given: the fit's own where it has one.

    It is said to be off where 90 % is outside the count's own 95 % interval.
    """
    known = summary.get("calibration") or {}
    if known.get("of"):
        inside, n = int(known["inside"]), int(known["of"])
        low, high = float(known["low"]), float(known["high"])
    else:
        inside, n = counted
        low, high = _wilson(inside, n) if n else (0.0, 1.0)
    if n < 5:
        return f"calibration not known yet: {fmt.count(n, 'prediction')} tested" if n else ""
    word = (
        "well calibrated" if low <= 0.9 <= high else "over-confident" if inside / n < 0.9 else "too cautious"
    )
    return f"{word}: {inside:,} of {fmt.count(n, 'outcome')} in their 90{fmt.NARROW}% intervals"


def belief(scene: Scene, wishes: Wishes) -> Json:
    """The chosen view of the surrogate, and which others there are."""
    task = task_of(scene.state, wishes.task)
    if task.objective is None:
        return {"views": [], "view": "", "sub": "", "empty": "This task has no objective.", "chart": None}
    measured = scene.tally.of(wishes.task)
    fitted = scene.state.models.get(wishes.task)
    views = _views(scene, task)
    view = view_of(scene.state, wishes, measured=scene.tally.coverage(wishes.task)[1] > 0)
    chart = _chart(view, scene, measured, task)
    return {
        "views": views,
        "view": view,
        "sub": calibration(scene.tally.coverage(task.name), fitted.summary if fitted else {}),
        "chart": chart,
        "empty": "" if chart else _empty(scene, wishes.task, view),
    }


def view_of(state: State, wishes: Wishes, *, measured: bool = True) -> str:
    """The view that is shown: the wished one where the task has it, else the first."""
    views = [v["name"] for v in _asked_views(state, task_of(state, wishes.task))]
    if wishes.belief == "predicted" and measured:
        return "predicted"
    if wishes.belief in views:
        return wishes.belief
    return views[0] if views else "predicted"


def question_of(state: State, task: str, view: str) -> Json | None:
    """What the mind is asked for a view; nothing for one that the journal alone can show."""
    known = task_of(state, task)
    if view == "pool":
        return {} if known.pool else None
    if view == "map":
        names = [p.name for p in _numbers(known)][:2]
        return {"x": names[0], "y": names[1], "resolution": 33} if len(names) == 2 else None
    if view.startswith("slice:") and view[6:] in known.parameters:
        return {"x": view[6:], "resolution": 81}
    return None


def _numbers(task: Task) -> list[Parameter]:
    return [p for p in task.parameters.values() if p.kind in {"float", "int"}]


def _asked_views(state: State, task: Task) -> list[Json]:
    """The views that need the surrogate itself."""
    if task.name not in state.models:
        return []
    if task.pool:
        return [{"name": "pool", "label": "All candidates"}]
    numbers = _numbers(task)
    views = [{"name": "map", "label": "Map"}] if len(numbers) > 1 else []
    return views + [{"name": f"slice:{p.name}", "label": fmt.label(p.name)} for p in numbers[:4]]


def _views(scene: Scene, task: Task) -> list[Json]:
    views = _asked_views(scene.state, task)
    if scene.tally.coverage(task.name)[1]:
        views.append({"name": "predicted", "label": "Predicted and measured"})
    return views


def _chart(view: str, scene: Scene, measured: list[Measured], task: Task) -> Json | None:
    if view == "predicted":
        return _predicted(measured, task) if scene.tally.coverage(task.name)[1] else None
    known = scene.beliefs.get((task.name, view))
    if not known:
        return None
    if view == "map":
        return _map(scene, known, task)
    return (
        _ranked(scene, known, task, measured)
        if view == "pool"
        else _slice(scene, view[6:], known, measured, task)
    )


def _ranked(scene: Scene, data: Json, task: Task, measured: list[Measured]) -> Json:
    """All candidates in the order of their predicted mean, the best first; runs and proposals among them."""
    assert task.objective is not None
    order = sorted(range(len(data["mean"])), key=lambda i: -task.objective.sign * data["mean"][i])  # type: ignore[union-attr]
    rank = {data["keys"][i]: n + 1 for n, i in enumerate(order)}
    every = max(1, len(order) // 240)
    shown = sorted({*range(0, len(order), every), len(order) - 1, *range(min(20, len(order)))})

    def placed(names: list[str]) -> list[Json]:
        found = []
        for name in names:
            proposal = scene.state.proposals[name]
            guess = proposal.predicted.get(task.objective.outcome) if task.objective else None
            place = rank.get(proposal.parameters.get(task.key))
            if place and guess and proposal.task == task.name:
                found.append(
                    {
                        "name": name,
                        "x": place,
                        "y": guess[0],
                        "origin": "human" if proposal.origin == "human" else "ai",
                    }
                )
        return found

    points = []
    for m in measured[-MOST:]:
        place = rank.get(scene.state.runs[m.run].parameters.get(task.key))
        if place:
            points.append({"run": m.run, "x": place, "y": m.value, "off": 0.0, "origin": m.origin})
    return {
        "kind": "slice",
        "x": [n + 1 for n in shown],
        **_band([data["mean"][order[n]] for n in shown], [data["std"][order[n]] for n in shown]),
        "blank": "",
        "points": points,
        "marks": placed(list(scene.state.waiting)[:24]),
        "x_label": f"all {len(order):,} candidates, best predicted mean first",
        "y_label": task.objective.label,
        "note": "predicted mean of each candidate",
        "near": "",
        "far": "",
    }


def _predicted(measured: list[Measured], task: Task) -> Json:
    judged = [m for m in measured[-2 * MOST :] if m.predicted is not None][-MOST:]
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
                "inside": m.inside,
                "origin": m.origin,
                "title": f"{m.run}: predicted {fmt.estimate(mean, std)}, measured {fmt.estimate(m.value, m.error)}",
            }
        )
    assert task.objective is not None
    unit = task.objective.unit
    return {
        "kind": "predicted",
        "points": points,
        "x_label": f"{fmt.label('predicted before it ran', unit)}, bars: 90 % interval",
        "y_label": fmt.label("measured", unit),
    }


def _slice(scene: Scene, name: str, data: Json, measured: list[Measured], task: Task) -> Json:
    parameter = task.parameter(name)
    assert task.objective is not None
    at: Json = data.get("at") or {}
    points: list[Json] = []
    for m in measured[-MOST:]:
        value = scene.state.runs[m.run].parameters.get(name)
        if isinstance(value, int | float):
            off = _off(task, scene.state.runs[m.run].parameters, at)
            points.append({"run": m.run, "x": value, "y": m.value, "off": off, "origin": m.origin})
    names = " and ".join(fmt.label(n) for n in list(at)[:3])
    return {
        "kind": "slice",
        "x": list(data.get("x") or ()),
        **_band(data.get("mean") or (), data.get("std") or ()),
        "blank": _blank(scene, task, data.get("mean") or ()),
        "points": points,
        "marks": [],
        "x_label": fmt.label(name, parameter.unit),
        "y_label": task.objective.label,
        "note": _at(data, task),
        "near": f"at this {names}" if at else "",
        "far": f"elsewhere in {names}, the further the fainter" if any(p["off"] > ON for p in points) else "",
    }


def _band(mean: Iterable[Any], std: Iterable[Any]) -> Json:
    """A curve and its 95 % band, as figures draw it."""
    pairs = list(zip(_finite(mean), _finite(std), strict=True))
    known = [None if m is None or s is None else (m, s) for m, s in pairs]
    return {
        "mean": [one and one[0] for one in known],
        "low": [one and one[0] - Z95 * one[1] for one in known],
        "high": [one and one[0] + Z95 * one[1] for one in known],
    }


def _off(task: Task, point: Json, at: Json) -> float:
    """How far a run is from a slice: its largest distance in the others' ranges, from 0 to 1."""
    return round(max((task.parameter(n).apart(point.get(n), v) for n, v in at.items()), default=0.0), 3)


def _at(data: Json, task: Task) -> str:
    """Where the other parameters stand along a slice."""
    others = [f"{fmt.label(n)} {task.parameter(n).show(v)}" for n, v in (data.get("at") or {}).items()]
    return fmt.clip(f"predicted mean at {', '.join(others)}" if others else "predicted mean", 90)


def _map(scene: Scene, data: Json, task: Task) -> Json:
    x, y = _numbers(task)[:2]
    assert task.objective is not None
    return {
        "kind": "map",
        "x": list(data["x"]),
        "y": list(data["y"]),
        "mean": [_finite(row) for row in data["mean"]],
        "std": [_finite(row) for row in data["std"]],
        "blank": _blank(scene, task, [v for row in data["mean"] for v in row]),
        "marks": _marks(scene, task, x.name, y.name),
        "x_label": fmt.label(x.name, x.unit),
        "y_label": fmt.label(y.name, y.unit),
        "z_label": task.objective.label,
        "z_unit": fmt.clip(task.objective.unit, 24),
        "names": [x.name, y.name],
    }


def _finite(values: Iterable[Any]) -> list[float | None]:
    """The values, and nothing where nothing was computed: beyond a constraint a mind answers nan."""
    return [v if isinstance(v, int | float) and math.isfinite(v) else None for v in values]


def _blank(scene: Scene, task: Task, values: Iterable[Any]) -> str:
    """Why a picture is blank in places; empty where it is not."""
    if all(v is not None for v in _finite(values)):
        return ""
    space = scene.state.definition.get("tasks", {}).get(task.name, {}).get("space", {})
    rules = [fmt.clip(rule, 80) for rule in (space.get("constraints") or [])[:4]]
    beyond = f"outside {' and '.join(rules)}" if rules else "where the surrogate says nothing"
    return f"hatched: {beyond}; nothing is predicted there"


def _marks(scene: Scene, task: Task, x: str, y: str) -> list[Json]:
    """Runs, runs in flight, and proposals, where they are on the map."""
    state = scene.state
    marks: list[Json] = []

    def put(kind: str, name: str, parameters: Json, origin: str) -> None:
        at = parameters.get(x), parameters.get(y)
        if all(isinstance(v, int | float) for v in at):
            marks.append({"kind": kind, "name": name, "x": at[0], "y": at[1], "origin": origin})

    for m in scene.tally.of(task.name)[-MOST:]:
        put("run", m.run, state.runs[m.run].parameters, m.origin)
    for name in list(state.live)[:100]:
        if state.runs[name].task == task.name:
            put("flight", name, state.runs[name].parameters, state.runs[name].origin)
    for name in list(state.waiting)[:100]:
        proposal = state.proposals[name]
        if proposal.task == task.name:
            put("proposal", name, proposal.parameters, "human" if proposal.origin == "human" else "ai")
    return marks


def _empty(scene: Scene, task: str, view: str) -> str:
    if scene.state.models.get(task) is None:
        return "No surrogate yet: it is fitted when three runs of this task have ended (a random arm does not count)."
    if scene.tally.behind:
        return f"Reading {scene.tally.behind:,} earlier runs…"
    if view == "predicted":
        return "Predictions are tested as runs end; the picture appears with the first one."
    if not scene.driver:
        return "The surrogate lives with the driver, and there is none: it shows once the campaign is driven from here."
    if not scene.health:
        return "The surrogate lives in the process that drives the campaign; it can be seen there."
    return "Asking the surrogate…"
