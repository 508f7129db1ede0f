"""What a task's AI works on, as it is defined: the space, what is sought, what is given, and whose mind proposes."""

from __future__ import annotations

from typing import Any

from aisteer_widgets.problems import VALUED, outcomes_of
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.tasks import Parameter, Task

__all__ = ["asked_of", "problem"]

Json = dict[str, Any]
MOST = 12
"""Parameters that are named."""
BOUNDED = 24
"""Parameters whose bounds are offered."""
OUTCOMES = 12
"""Outcomes that are offered."""
LONGEST = 1500
"""Characters of rules that are changed in a field."""
_KINDS = {
    "maximize": "maximise",
    "minimize": "minimise",
    "target": "bring to a value",
    "level_set": "find where it crosses a value",
    "learn": "learn it everywhere",
}


def problem(task: Task, definition: Json) -> list[Json]:
    """A line for each part of the definition that says anything: ``term`` and ``text``."""
    space: Json = definition.get("space") or {}
    context = [fmt.label(name) for name in definition.get("context") or ()]
    lines = {
        "Sought": task.goal,
        "Space": _space(task),
        "Constraints": _listed(space.get("constraints") or ()),
        "Given": f"{', '.join(context)}: taken as it is, not chosen" if context else "",
        "Fidelity": _fidelity(task),
    }
    return [{"term": term, "text": fmt.clip(text, 600)} for term, text in lines.items() if text]


def asked_of(task: Task, definition: Json) -> Json:
    """What can be asked otherwise, as it stands: for the inputs of a form."""
    objective: Json = definition.get("objective") or {}
    kind = task.objective.kind if task.objective is not None else "maximize"
    names = outcomes_of(definition)[:OUTCOMES]
    return {
        "kinds": [{"name": name, "label": words, "valued": name in VALUED} for name, words in _KINDS.items()],
        "kind": kind,
        "outcomes": [fmt.label(name) for name in names],
        "outcome": 0,
        "value": fmt.clip(objective.get(VALUED.get(kind, ""), ""), 40),
        "several": len(task.objectives) > 1,
        "references": [
            {
                "label": fmt.label(goal.outcome, goal.unit),
                "value": "" if goal.reference is None else f"{goal.reference:.10g}",
            }
            for goal in task.objectives
        ],
        "feasible": _whole(definition.get("feasible")),
        "constraints": None if task.pool else _whole((definition.get("space") or {}).get("constraints")),
        "bounds": _bounds(task),
        "context": None if task.pool else _whole(definition.get("context"), ", "),
        "cost_aware": bool(definition.get("cost_aware")),
        "fidelity": task.fidelity is not None,
    }


def _bounds(task: Task) -> list[Json]:
    """The numbers whose ends can be moved; that of a fidelity is the truth, and stays where it is."""
    fidelity = task.fidelity.name if task.fidelity is not None else ""
    numbers = [p for p in task.parameters.values() if p.low is not None and p.high is not None]
    return [
        {
            "name": p.name,
            "label": fmt.label(p.name, p.unit),
            "low": f"{p.low:.10g}",
            "high": f"{p.high:.10g}",
        }
        for p in numbers[:BOUNDED]
        if not task.pool and p.name != fidelity
    ]


def _whole(listed: Any, between: str = "\n") -> str | None:
    """Texts as one that is sent back; nothing where it is too long to be changed in a field."""
    text = between.join(str(one) for one in listed or ())
    return text if len(text) <= LONGEST else None


def _space(task: Task) -> str:
    if task.pool:
        size = f"{task.size:,} candidates" if task.size else "candidates"
        return f"a pool of {size}, by {fmt.label(task.key)}"
    named = [_parameter(p) for p in list(task.parameters.values())[:MOST]]
    more = len(task.parameters) - len(named)
    return ", ".join(named) + (f" and {more:,} more" if more else "")


def _parameter(parameter: Parameter) -> str:
    if parameter.kind == "choice":
        return f"{fmt.label(parameter.name)} {' or '.join(fmt.clip(c, 24) for c in parameter.choices[:8])}"
    scale = " (by its logarithm)" if parameter.log else ""
    return f"{fmt.label(parameter.name)} {parameter.hint()}{scale}".strip()


def _listed(rules: Any) -> str:
    return "; ".join(fmt.clip(rule, 80) for rule in list(rules)[:8])


def _fidelity(task: Task) -> str:
    if task.fidelity is None:
        return ""
    truth = task.parameter(task.fidelity.name).show(task.fidelity.truth)
    return (
        f"{fmt.label(task.fidelity.name)}: {truth} is the truth, what is below it says what the truth may be"
    )
