"""What came of a run, as its row says it: the outcome, the others that are sought, and whether it counts."""

from __future__ import annotations

from typing import Any

from aisteer.journal.state import Run
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.counted import aside
from aisteer_widgets.view_models.scene import Scene
from aisteer_widgets.view_models.tasks import Objective, Task
from aisteer_widgets.view_models.trace import Trace

__all__ = ["besides", "marked", "value_of"]

Json = dict[str, Any]


def value_of(
    task: Task, run: Run, trace: Trace | None, headed: Objective | None, decimals: int | None
) -> Json:
    """The outcome, or what the run shows of it so far (said as such)."""
    objective = task.objective
    if objective is None:
        return {"text": "", "note": ""}
    other = headed is not None and (headed.outcome, headed.unit) != (objective.outcome, objective.unit)
    unit = objective.unit if other or headed is None else ""
    name = (
        f"{fmt.label(objective.outcome)} " if other and headed and headed.outcome != objective.outcome else ""
    )
    if run.live and trace is not None and objective.outcome in trace.latest:
        return {"text": f"{name}{fmt.quantity(trace.latest[objective.outcome], unit)}", "note": "so far"}
    if objective.outcome not in run.outcome:
        return {"text": "", "note": ""}
    value, error = run.outcome[objective.outcome]
    note = marked(run) if run.bad else "partial: not in the fit" if run.end == "partial" else ""
    if decimals is not None and not error and not other:
        return {"text": fmt.fixed(value, decimals), "note": note}
    return {"text": f"{name}{fmt.estimate(value, error, unit)}", "note": note}


def besides(scene: Scene, task: Task, run: Run) -> list[str]:
    """What else is sought of it, and why it does not count among the best."""
    if run.state != "ended" or run.end != "done":
        return []
    told = [
        f"{fmt.label(g.outcome)} {fmt.estimate(*run.outcome[g.outcome], g.shown_unit)}"
        for g in task.objectives[1:]
        if g.outcome in run.outcome
    ]
    why = aside(scene.state, run)
    return [*told, why] if why else told


def marked(run: Run) -> str:
    """Who took a result out of the fit, and why."""
    who = f" by {fmt.clip(run.bad_by, 40)}" if run.bad_by else ""
    return f"not in the fit: marked bad{who}" + (
        f", {fmt.clip(run.bad_reason, 200)}" if run.bad_reason else ""
    )
