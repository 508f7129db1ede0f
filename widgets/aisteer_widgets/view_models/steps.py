"""A step along a parameter, in words."""

from __future__ import annotations

from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.tasks import Parameter

__all__ = ["step_in_words"]


def step_in_words(parameter: Parameter, share: float) -> str:
    """A step that is a share of the parameter's range, in its own unit; a factor on a logarithmic scale."""
    if share > 1.0:
        return f"{fmt.number(share, 2)} × its range"
    low, high = parameter.low, parameter.high
    if parameter.kind not in {"float", "int"} or low is None or high is None:
        return f"{fmt.percent(share)} of its range"
    if parameter.log:
        return f"factor of {fmt.number((high / low) ** share, 2)}"
    return fmt.quantity((high - low) * share, parameter.unit, 2)
