"""What a task's AI works on, as it is defined: the space, what is sought, what is given, and whose mind proposes."""

from __future__ import annotations

from typing import Any

from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.tasks import Parameter, Task

__all__ = ["problem"]

Json = dict[str, Any]
MOST = 12
"""Parameters that are named."""


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
