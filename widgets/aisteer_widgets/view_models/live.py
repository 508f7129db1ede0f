"""The live plot: what chosen runs have shown so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.scene import Scene, Wishes
from aisteer_widgets.view_models.tasks import task_of

__all__ = ["CURVES", "chosen", "live"]

Json = dict[str, Any]
CURVES = 8


def chosen(scene: Scene, wishes: Wishes) -> list[str]:
    """The runs that are plotted: the selected ones, then live ones, then the latest that ended."""
    names = dict.fromkeys(n for n in wishes.selected if n in scene.state.runs)
    names.update(dict.fromkeys(list(scene.state.live)[:CURVES]))
    if not names:
        latest = range(scene.state.next_run - 1, max(0, scene.state.next_run - 3), -1)
        names.update(dict.fromkeys(f"R{i}" for i in latest if f"R{i}" in scene.state.runs))
    return list(names)[:CURVES]


def live(scene: Scene, wishes: Wishes) -> Json:
    """Curves, each at most 600 points, of one quantity."""
    names = chosen(scene, wishes)
    quantities = list(
        dict.fromkeys(q for n in names if n in scene.traces for q in scene.traces[n].quantities)
    )
    quantity = wishes.quantity if wishes.quantity in quantities else (quantities[0] if quantities else "")
    curves: list[Json] = []
    clock = ""
    budget = max(60, 1200 // max(len(names), 1))
    for name in names:
        trace = scene.traces.get(name)
        curve = trace.curves.get(quantity) if trace is not None else None
        if trace is None or curve is None or not curve.length:
            continue
        clock = clock or trace.clock
        run = scene.state.runs[name]
        points = curve.points(min(600, budget))
        curves.append(
            {
                "run": name,
                "x": [float(f"{x:.8g}") for x, _ in points],
                "y": [float(f"{y:.7g}") for _, y in points],
                "live": run.live,
                "latest": fmt.moving(
                    curve.last[1], [y for _, y in points], task_of(scene.state, run.task).unit_of(quantity)
                )
                if curve.last
                else "",
                "length": fmt.count(curve.length, "observation"),
                "selected": name in wishes.selected,
            }
        )
    relative = _relative(curves)
    units = _Units(scene, [c["run"] for c in curves] or names)
    change = ", change since the start" if relative else ""
    return {
        "title": "Live"
        if scene.driver and (any(c["live"] for c in curves) or not curves)
        else "Observations",
        "sub": ", ".join(c["run"] for c in curves),
        "quantity": quantity,
        "quantities": [{"name": q, "label": fmt.label(q)} for q in quantities[:24]],
        "y_label": fmt.label(f"{quantity}{change}", units.of(quantity)) if quantity else "",
        "clock": clock,
        "relative": relative,
        "x_label": fmt.label(clock, units.of(clock)) if clock else "number of the observation",
        "curves": curves,
        "empty": "" if curves else _empty(scene, names),
    }


@dataclass(frozen=True, slots=True)
class _Units:
    """Units of what these runs show; none where their tasks do not agree."""

    scene: Scene
    names: list[str]

    def of(self, name: str) -> str:
        state = self.scene.state
        found = {task_of(state, state.runs[n].task).unit_of(name) for n in self.names}
        return found.pop() if len(found) == 1 else ""


def _relative(curves: list[Json]) -> bool:
    """Plot changes where the runs differ far more between each other than each moves: else all are flat."""
    if len(curves) < 2:
        return False
    spans = [max(c["y"]) - min(c["y"]) for c in curves]
    whole = max(max(c["y"]) for c in curves) - min(min(c["y"]) for c in curves)
    if not whole > 0 or max(spans) > 0.05 * whole or max(spans) == 0:
        return False
    for c in curves:
        start = c["y"][0]
        c["y"] = [float(f"{y - start:.7g}") for y in c["y"]]
    return True


def _empty(scene: Scene, names: list[str]) -> str:
    if any(scene.state.runs[n].live for n in names):
        return "Waiting for the first observation of a live run."
    tasks = scene.state.definition.get("tasks", {})
    if names and not any(task_of(scene.state, t).generator for t in tasks):
        return "This simulation yields nothing while it runs; its outcome shows when it ends."
    return "Curves of live runs appear here, each observation as it arrives."
