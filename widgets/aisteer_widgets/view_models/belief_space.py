"""The belief over a box: a map of any two parameters, slices along each, and where the others are held."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.marks import MOST, Marks, along, letter, off, open_points
from aisteer_widgets.view_models.packed import pack
from aisteer_widgets.view_models.scene import Scene, Wishes
from aisteer_widgets.view_models.tasks import Parameter, Task

__all__ = ["Z95", "band", "blank", "held", "map_of", "slices_of"]

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


def held(task: Task, wishes: Wishes, known: Json | None, without: Sequence[str]) -> Json:
    """Where the parameters that are not along the axes stand, each with what an input for it must know.

    As the viewer put them; else as the answer says, which is where the best run was.
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
    words = f"as in {best}, the best run" if best else "as in the best run"
    return {"fields": fields, "moved": bool(moved), "words": "" if moved else words, "best": best}


def map_of(scene: Scene, task: Task, known: Json) -> Json:
    """Mean and standard deviation over two parameters, with everything that stands there."""
    assert task.objective is not None
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
        "z_label": task.objective.label,
        "z_unit": fmt.clip(task.objective.unit, 24),
        "far": _far(at),
    }


def _on_map(scene: Scene, task: Task, x: Parameter, y: Parameter, at: Json) -> Json:
    marks = Marks()

    def put(name: str, kind: str, point: Json) -> None:
        across, up = along(x, point.get(x.name)), along(y, point.get(y.name))
        if across is not None and up is not None:
            marks.put(name, kind, x=across, y=up, off=off(task, point, at))

    for m in scene.tally.of(task.name)[-MOST:]:
        put(m.run, letter("run", m.origin), scene.state.runs[m.run].parameters)
    for name, kind, point in open_points(scene, task):
        put(name, kind, point)
    return marks.json()


def slices_of(scene: Scene, task: Task, known: Json) -> Json:
    """Mean and 95 % band along each parameter, all through one point, and the runs with how far they are from it."""
    assert task.objective is not None
    told = [one for one in known["slices"] if one["names"][0] in task.parameters]
    order = sorted(range(len(told)), key=lambda i: -_range(told[i]["mean"]))[:PANELS]
    shown = [told[i] for i in sorted(order)]
    runs = scene.tally.of(task.name)[-(MOST if len(shown) <= 4 else MOST // 2) :]
    points = [scene.state.runs[m.run].parameters for m in runs]
    marks = Marks()
    for m in runs:
        marks.put(m.run, letter("run", m.origin), y=m.value, e=Z95 * m.error)
    panels = [_panel(scene, task, one, known["at"], points) for one in shown]
    ends = [v for p in panels for v in p.pop("ends")] + [m.value for m in runs]
    left = len(told) - len(shown)
    return {
        "kind": "slices",
        "panels": panels,
        "runs": marks.json(),
        "y": [min(ends), max(ends)] if ends else [0.0, 1.0],
        "y_label": task.objective.label,
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
