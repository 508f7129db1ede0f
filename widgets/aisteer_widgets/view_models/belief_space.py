"""The belief over a box: a map of any two parameters, slices along each, and where the others are held."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.marks import MOST, Marks, along, elsewhere, letter, off, open_points
from aisteer_widgets.view_models.packed import pack
from aisteer_widgets.view_models.scene import Scene, Wishes
from aisteer_widgets.view_models.tally import Measured
from aisteer_widgets.view_models.tasks import Objective, Parameter, Task

__all__ = ["Z95", "band", "blank", "held", "map_of", "outcomes_of", "slices_of", "told_of"]

Json = dict[str, Any]
Z95 = fmt.Z95
CELLS = 41
"""Values of a whole number that are drawn as cells; of more, as a scale."""
PANELS = 12
"""Slices that are shown at once."""


def axis_of(parameter: Parameter, unit: str | None = None) -> Json:
    """An axis as the front end draws it: bounds, scale, and what stands on it.

    ``cells``: it has separate values, drawn from half a step before the first to half a step behind the last.
    """
    label = fmt.label(parameter.name, parameter.unit if unit is None else unit)
    if parameter.kind == "choice":
        ticks = [fmt.clip(o, 16) for o in parameter.choices]
        return {
            "name": parameter.name,
            "label": label,
            "low": 0,
            "high": len(ticks) - 1,
            "log": False,
            "ticks": ticks,
            "cells": True,
        }
    low, high = float(parameter.low or 0.0), float(parameter.high if parameter.high is not None else 1.0)
    cells = parameter.kind == "int" and high - low < CELLS and not parameter.log
    return {
        "name": parameter.name,
        "label": label,
        "low": low,
        "high": high,
        "log": parameter.log,
        "ticks": None,
        "cells": cells,
    }


def held(task: Task, wishes: Wishes, known: Json | None, without: Sequence[str], measured: str = "") -> Json:
    """Where the parameters that are not along the axes stand, each with what an input for it must know.

    As the viewer put them; else as the answer says, which is where the run was that the surrogate takes for the best.
    That need not be the one with the best measurement, ``measured``.
    """
    at: Json = {} if known is None or "refused" in known else known.get("at") or {}
    best = fmt.clip((known or {}).get("best_run") or "", 12)
    moved = [n for n in task.parameters if n not in without and n in wishes.belief_at]
    fields = []
    for name, parameter in task.parameters.items():
        if name in without:
            continue
        value = wishes.belief_at.get(name, at.get(name))
        fields.append({**parameter.field(), "value": value if isinstance(value, int | float | str) else None})
    by_mean = ", by its predicted mean" if best and measured and best != measured else ""
    run = f"the best run{by_mean}" if task.has_best else "a run of interest"
    words = f"as in {best}, {run}" if best else f"as in {run}"
    return {"fields": fields, "moved": bool(moved), "words": "" if moved else words, "best": best}


def outcomes_of(task: Task, known: Json | None, wishes: Wishes) -> Json | None:
    """Of which outcomes there is a picture, and which it is of; nothing where there is one only."""
    one = (known or {}).get("slices", [known or {}])[0]
    more = [name.removeprefix("mean of ") for name in one if name.startswith("mean of ")]
    first = task.objective.outcome if task.objective is not None else ""
    if not more or not first:
        return None
    names = [first, *more]
    chosen = wishes.belief_outcome if wishes.belief_outcome in names else first
    return {"chosen": chosen, "options": [{"name": n, "label": _label(task, n)} for n in names]}


def told_of(known: Json, outcome: str) -> Json:
    """An answer as if it were of that outcome alone; as it is where it does not speak of it."""
    if "slices" in known:
        return {**known, "slices": [told_of(one, outcome) for one in known["slices"]]}
    if f"mean of {outcome}" not in known:
        return known
    return {**known, "mean": known[f"mean of {outcome}"], "std": known[f"std of {outcome}"]}


def _goal(task: Task, outcome: str) -> Objective:
    """What is known of an outcome as a goal; an outcome that is none of the objectives has its name and unit."""
    assert task.objective is not None
    same = (g for g in task.objectives if g.outcome == outcome)
    return next(same, Objective(outcome, task.unit_of(outcome)) if outcome else task.objective)


def _label(task: Task, outcome: str) -> str:
    return _goal(task, outcome).label


def _values(
    scene: Scene, task: Task, runs: list[Measured], outcome: str
) -> list[tuple[str, str, float, float]]:
    """Runs that have the outcome: name, letter, value and its standard error."""
    assert task.objective is not None
    if outcome in {"", task.objective.outcome}:
        return [(m.run, letter("run", m.origin), m.value, m.error) for m in runs]
    known = [(m, scene.state.runs[m.run].outcome.get(outcome)) for m in runs]
    return [(m.run, letter("run", m.origin), float(o[0]), float(o[1])) for m, o in known if o]


def map_of(scene: Scene, task: Task, known: Json, outcome: str = "") -> Json:
    """Mean and standard deviation over two parameters, with everything that stands there."""
    goal = _goal(task, outcome if f"mean of {outcome}" in known else "")
    x, y = (task.parameter(n) for n in known["names"])
    at: Json = known.get("at") or {}
    return {
        "kind": "map",
        "x": axis_of(x),
        "y": axis_of(y),
        "mean": pack(known["mean"]),
        "std": pack(known["std"]),
        "blank": blank(scene, task, known["mean"]),
        "marks": _on_map(scene, task, x, y, at),
        "at": at,
        "regions": _regions(scene, task, x, y, at),
        "z_label": goal.label,
        "z_unit": fmt.clip(goal.unit, 24),
        "far": _far(at),
    }


def _regions(scene: Scene, task: Task, x: Parameter, y: Parameter, at: Json) -> list[Json]:
    """Where the AI was told to keep out, or to go, and where it is pinned to, as far as this picture cuts it."""
    settings = scene.state.steering.get(task.name, {})
    boxes = [(kind, box) for kind in ("forbidden", "favoured") for box in settings.get(kind) or ()]
    pins = {n: [v, v] for n, v in (settings.get("pinned") or {}).items() if n in {x.name, y.name}}
    found = []
    for kind, box in [*boxes, *([("pinned", pins)] if pins else [])]:
        sides = [_side(parameter, box.get(parameter.name)) for parameter in (x, y)]
        if all(sides) and all(_cuts(task.parameter(n), given, at[n]) for n, given in box.items() if n in at):
            found.append({"kind": kind, "x": sides[0], "y": sides[1]})
    return found


def _side(parameter: Parameter, given: Any) -> list[float] | None:
    """From where to where a region goes along an axis; all of it where nothing is said."""
    if parameter.kind == "choice":
        known = [along(parameter, o) for o in given or parameter.choices]
        places = [p for p in known if p is not None]
        return [min(places), max(places)] if places else None
    low, high = given or (parameter.low, parameter.high)
    return None if low is None or high is None else [float(low), float(high)]


def _cuts(parameter: Parameter, given: Any, value: Any) -> bool:
    """Whether a region holds the value at which a picture is taken."""
    if parameter.kind == "choice":
        return value in given
    return isinstance(value, int | float) and bool(given[0] <= value <= given[1])


def _on_map(scene: Scene, task: Task, x: Parameter, y: Parameter, at: Json) -> Json:
    marks = Marks()

    def put(name: str, kind: str, point: Json) -> None:
        across, up = along(x, point.get(x.name)), along(y, point.get(y.name))
        if across is not None and up is not None:
            marks.put(name, kind, x=across, y=up, off=off(task, point, at))

    for m in scene.tally.of(task.name)[-MOST:]:
        put(m.run, letter("run", m.origin), scene.state.runs[m.run].parameters)
    for name, point in elsewhere(scene, task):
        put(name, "d", point)
    for name, kind, point in open_points(scene, task):
        put(name, kind, point)
    return marks.json()


def slices_of(scene: Scene, task: Task, known: Json, outcome: str = "") -> Json:
    """Mean and 95 % band along each parameter, all through one point, and the runs with how far they are from it."""
    outcome = outcome if any(f"mean of {outcome}" in one for one in known["slices"]) else ""
    told = [one for one in known["slices"] if one["names"][0] in task.parameters]
    order = sorted(range(len(told)), key=lambda i: -_range(told[i]["mean"]))[:PANELS]
    shown = [told[i] for i in sorted(order)]
    most = MOST if len(shown) <= 4 else MOST // 2
    runs = _values(scene, task, scene.tally.of(task.name)[-most:], outcome)
    points = [scene.state.runs[run].parameters for run, *_ in runs]
    marks = Marks()
    for run, kind, value, error in runs:
        marks.put(run, kind, y=value, e=Z95 * error)
    panels = [_panel(scene, task, one, known["at"], points) for one in shown]
    ends = [v for p in panels for v in p.pop("ends")] + [value for *_, value, _ in runs]
    left = len(told) - len(shown)
    return {
        "kind": "slices",
        "panels": panels,
        "runs": marks.json(),
        "y": [min(ends), max(ends)] if ends else [0.0, 1.0],
        "y_label": _label(task, outcome),
        "more": f"The {len(shown)} of {len(told)} along which the mean moves most." if left else "",
        "far": "faint: elsewhere in the other parameters" if len(task.parameters) > 1 else "",
    }


def _panel(scene: Scene, task: Task, data: Json, at: Json, points: list[Json]) -> Json:
    parameter = task.parameter(data["names"][0])
    others = {n: v for n, v in at.items() if n != parameter.name}
    places = [along(parameter, p.get(parameter.name)) for p in points]
    here = along(parameter, at.get(parameter.name))
    values = [along(parameter, v) for v in np.asarray(data["x"]).tolist()]
    drawn = band(data["mean"], data["std"])
    finite = np.isfinite(drawn["mean"])
    return {
        "axis": axis_of(parameter),
        "x": pack([math.nan if v is None else v for v in values]),
        **{name: pack(line) for name, line in drawn.items()},
        "blank": blank(scene, task, data["mean"]),
        "runs": pack([math.nan if v is None else v for v in places]),
        "off": pack([off(task, p, others) for p in points]),
        "here": here,
        "ends": [*drawn["low"][finite].tolist(), *drawn["high"][finite].tolist()],
    }


def _range(mean: Any) -> float:
    known = np.asarray(mean, dtype=float)
    known = known[np.isfinite(known)]
    return float(np.ptp(known)) if len(known) else 0.0


def band(mean: Any, std: Any) -> dict[str, np.ndarray[Any, Any]]:
    """A curve and its 95 % band, as figures draw it; nan where nothing is known."""
    middle, half = np.asarray(mean, dtype=float), Z95 * np.asarray(std, dtype=float)
    unknown = ~(np.isfinite(middle) & np.isfinite(half))
    lines = {"mean": middle, "low": middle - half, "high": middle + half}
    return {name: np.where(unknown, np.nan, line) for name, line in lines.items()}


def _far(at: Json) -> str:
    """What a faint mark means."""
    names = [fmt.label(n) for n in at]
    listed = " and ".join(names) if len(names) < 4 else f"the other {len(names)} parameters"
    return f"faint: elsewhere in {listed}" if names else ""


def blank(scene: Scene, task: Task, values: Any) -> str:
    """Why a picture is blank in places; empty where it is not."""
    if np.isfinite(np.asarray(values, dtype=float)).all():
        return ""
    space = scene.state.definition.get("tasks", {}).get(task.name, {}).get("space", {})
    rules = [fmt.clip(rule, 80) for rule in (space.get("constraints") or [])[:4]]
    beyond = f"outside {' and '.join(rules)}" if rules else "where the surrogate says nothing"
    return f"hatched: {beyond}; nothing is predicted there"
