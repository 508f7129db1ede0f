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
        "Mind": _mind(definition),
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


def _mind(definition: Json) -> str:
    """Who proposes, and with what options; an object of the user's goes by its name."""
    policy: Json = definition.get("policy") or {}
    options: Json = policy.get("options") or {}
    mind = options.get("mind")
    name = str((mind.get("name") if isinstance(mind, dict) else mind) or policy.get("name") or "")
    told = [
        f"{fmt.label(n)} {v}" for n, v in options.items() if isinstance(v, int | float | str) and n != "mind"
    ]
    with_options = f" ({fmt.clip(', '.join(told), 160)})" if told else ""
    return f"{fmt.label(name)}{with_options}" if name else ""
