"""What the AI may decide by itself, how it is tested, and when it proposes the end, as it stands and as it is set."""

from __future__ import annotations

from typing import Any

from aisteer.errors import AisteerError
from aisteer.steering.conditions import LEAST
from aisteer.steering.early_stopping import BOUND, suits
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.autonomy import words_of_rule
from aisteer_widgets.view_models.scene import Scene
from aisteer_widgets.view_models.tasks import Task

__all__ = ["oversight", "rule"]

Json = dict[str, Any]


def oversight(scene: Scene, task: Task, definition: Json) -> Json:
    """What the AI is tested by, and when it proposes to stop a run or the campaign."""
    finish = definition.get("finish") or {}
    unit = fmt.clip(task.objective.unit, 24) if task.objective is not None else ""
    return {
        "audit": float(definition.get("audit") or 0.0),
        "counterfactual": float(definition.get("counterfactual") or 0.0),
        "stagnation": finish.get("stagnation"),
        "gain_below": finish.get("gain_below"),
        "budget": bool(finish.get("budget")),
        "failing": bool(finish.get("failing", True)),
        "stop_below": _stop_below(definition),
        "has_best": task.has_best,
        "gain_unit": f"{unit} per {scene.unit.removesuffix('s')}".strip(),
    }


def _stop_below(definition: Json) -> float | None:
    """Below which chance to add anything a run is proposed to be stopped; nothing where every run teaches."""
    try:
        return float(definition.get("early_stopping", BOUND)) if suits(definition) else None
    except (AisteerError, KeyError):
        return None


def rule(scene: Scene, task: Task) -> Json:
    """The rule in force, and how far the AI has come in earning it."""
    fitted = scene.state.models.get(task.name)
    outcome, known = _worst(task, fitted.summary if fitted else {})
    of, bound = int(known.get("of") or 0), known.get("bound")
    earned = "No prediction has been tested yet."
    if of and isinstance(bound, int | float):
        whose = f" of {fmt.label(outcome)}" if outcome else ""
        counted = (
            f"{int(known.get('inside') or 0):,} of {of:,} outcomes{whose} in their 90{fmt.NARROW}% intervals"
        )
        earned = (
            f"Now: coverage is at least {round(100 * bound)}{fmt.NARROW}% (95{fmt.NARROW}% sure; {counted})."
        )
    return {
        "words": fmt.clip(words_of_rule(scene.state.autonomy), 300),
        "earned": earned,
        "coverage": 0.8,
        "least": LEAST,
        "unit": scene.unit,
    }


def _worst(task: Task, summary: Json) -> tuple[str, Json]:
    """The objective whose predictions have held worst, as the rule compares it, and how; unnamed where it is alone."""
    each = summary.get("outcomes") or {}
    told = {g.outcome: each[g.outcome].get("calibration") or {} for g in task.objectives if g.outcome in each}
    if len(told) < 2:
        return "", summary.get("calibration") or {}
    name = min(told, key=lambda one: float(told[one].get("bound") or 0.0))
    return name, told[name]
