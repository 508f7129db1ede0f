"""The belief across a pool: all candidates in the order of their predicted mean."""

from __future__ import annotations

from typing import Any

import numpy as np

from aisteer_widgets.view_models.belief_space import band
from aisteer_widgets.view_models.marks import MOST, Marks, letter, open_points
from aisteer_widgets.view_models.packed import pack
from aisteer_widgets.view_models.scene import Scene
from aisteer_widgets.view_models.tasks import Task

__all__ = ["ranked"]

Json = dict[str, Any]
SHOWN = 240
"""Candidates whose band is drawn; of a larger pool, evenly many and all of the best."""
BEST = 20


def ranked(scene: Scene, task: Task, known: Json) -> Json:
    """All candidates, the best predicted mean first; runs and proposals among them."""
    objective = task.objective
    assert objective is not None
    mean, std = np.asarray(known["mean"], dtype=float), np.asarray(known["std"], dtype=float)
    order = np.argsort([-objective.merit(float(v)) for v in mean], kind="stable")
    rank = {known["keys"][i]: n + 1 for n, i in enumerate(order.tolist())}
    every = max(1, len(order) // SHOWN)
    shown = sorted({*range(0, len(order), every), len(order) - 1, *range(min(BEST, len(order)))})
    runs, proposals = Marks(), Marks()
    for m in scene.tally.of(task.name)[-MOST:]:
        place = rank.get(scene.state.runs[m.run].parameters.get(task.key))
        if place:
            runs.put(m.run, letter("run", m.origin), x=place, y=m.value)
    for name, kind, point in open_points(scene, task):
        place = rank.get(point.get(task.key))
        if place:
            proposals.put(name, kind, x=place, y=float(mean[order[place - 1]]))
    drawn = band(mean[order[shown]], std[order[shown]])
    return {
        "kind": "pool",
        "x": pack([n + 1 for n in shown]),
        **{name: pack(line) for name, line in drawn.items()},
        "runs": runs.json(),
        "proposals": proposals.json(),
        "size": len(order),
        "x_label": f"all {len(order):,} candidates, best predicted mean first",
        "y_label": objective.label,
    }
