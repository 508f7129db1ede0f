"""Which parameter drives the surrogate: shares of its variance, and length scales."""

from __future__ import annotations

import math
from typing import Any

from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.scene import Scene
from aisteer_widgets.view_models.steps import step_in_words
from aisteer_widgets.view_models.tasks import Task

__all__ = ["drives"]

Json = dict[str, Any]
SHOWN = 20


def drives(scene: Scene, task: Task, known: Json) -> Json:
    """A row for each parameter, the one that matters most first."""
    del scene
    assert task.objective is not None
    order = sorted(range(len(known["names"])), key=lambda i: -float(known["total"][i]))
    rows = [_row(task, known, i) for i in order[:SHOWN]]
    left = len(order) - len(rows)
    return {
        "kind": "drives",
        "rows": rows,
        "more": f"and {fmt.count(left, 'more parameter')}, each with less" if left > 0 else "",
        "words": _words(task, known),
        "note": (
            f"Of the variance of the predicted mean over the space: alone, and with what it does together with others. "
            f"Bars: 95{fmt.NARROW}% intervals of the estimate ({known['predictions']:,} predictions), "
            "not of the surrogate’s own doubt."
            + (" What the constraints exclude counts too." if known["constrained"] else "")
        ),
    }


def _row(task: Task, known: Json, i: int) -> Json:
    name, scale = known["names"][i], float(known["scales"][i])
    parameter = task.parameter(name)
    first, total = (max(0.0, min(1.0, float(known[n][i]))) for n in ("first", "total"))
    ends = {
        f"{which}_{end}": max(0.0, min(1.0, float(known[f"{which}_{end}"][i])))
        for which in ("first", "total")
        for end in ("low", "high")
    }
    return {
        "name": name,
        "label": fmt.label(name),
        "first": round(first, 4),
        "total": round(total, 4),
        **{n: round(v, 4) for n, v in ends.items()},
        "text": f"{fmt.percent(first)} alone, {fmt.percent(total)} in all",
        "scale": "" if not math.isfinite(scale) else f"length scale {step_in_words(parameter, scale)}",
        "scale_title": (
            "How far this parameter must move before the surrogate expects something else; short is influential. "
            "Beyond the whole range it hardly matters."
        ),
    }


def _words(task: Task, known: Json) -> str:
    """How much of it is known at all: indices of a surrogate that knows nothing tell nothing."""
    unit = task.objective.shown_unit if task.objective else ""
    outcome = fmt.label(task.objective.outcome) if task.objective else "the outcome"
    spread, doubt = float(known["spread"]), float(known["doubt"])
    said = (
        f"The predicted mean of {outcome} varies by {fmt.quantity(spread, unit, 2)} (std) over the space; "
        f"the surrogate’s own uncertainty is {fmt.quantity(doubt, unit, 2)}."
    )
    return f"{said} It knows too little yet: do not trust these shares." if doubt > spread else said
