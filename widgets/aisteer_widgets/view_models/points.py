"""A point on one line, and the names that its values stand in the order of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.tasks import AT_BOUND, Task

__all__ = ["change", "named", "names", "values"]


def named(task: Task, parameters: Mapping[str, Any], length: int = 400) -> str:
    """Each value with its name: ``temperature 934 K, strain 0.83 %``."""
    shown = [f"{fmt.label(n)} {task.parameter(n).show(v)}" for n, v in list(parameters.items())[:24]]
    return fmt.clip(", ".join(shown), length)


def values(task: Task, parameters: Mapping[str, Any], length: int) -> str:
    """The values alone, as ``names`` says them: ``934 K · 0.83 %``; of a molecule that alone."""
    if task.structure and task.structure in parameters:
        return fmt.clip(parameters[task.structure], length)
    return fmt.some([task.parameter(n).show(v) for n, v in parameters.items()], length)


def names(points: Iterable[tuple[Task, Mapping[str, Any]]]) -> str:
    """Whose values stand in a column, in their order; empty where rows differ in it, or say it themselves."""
    found = {() if task.structure in parameters else tuple(task.parameters) for task, parameters in points}
    if len(found) != 1:
        return ""
    return fmt.some([fmt.label(name) for name in found.pop()], 60)


def change(task: Task, name: str, old: Any, new: Any) -> tuple[str, str]:
    """A value before and after an edit, to the digits that tell them apart; nothing before where nothing changed."""
    parameter = task.parameter(name)
    if parameter.apart(parameter.at_bound(old), parameter.at_bound(new)) <= AT_BOUND:
        return "", parameter.show(new)
    before, after = parameter.show(old), parameter.show(new)
    if before == after:
        before, after = (fmt.quantity(v, parameter.unit, 9) for v in (old, new))
    return before, after
