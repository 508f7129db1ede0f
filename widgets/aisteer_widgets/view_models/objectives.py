"""What is sought, as the screen needs it: its outcome, its unit, and what makes one value better than another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from aisteer_widgets.view_models import format as fmt

__all__ = ["Objective", "objective_of", "objectives_of"]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Objective:
    """What is sought.

    Attributes:
        outcome: Of the simulation.
        unit: Its unit.
        sign: −1 where smaller is better, else +1.
        kind: ``maximize``, ``minimize``, ``target``, ``level_set`` or ``learn``.
        value: The target, or the level; ``None`` where there is neither.
        reference: The worst value that is of interest beside other objectives; ``None`` where nobody says.
    """

    outcome: str
    unit: str = ""
    sign: int = 1
    kind: str = "maximize"
    value: float | None = None
    reference: float | None = None

    @property
    def has_best(self) -> bool:
        """Whether one run can be better than another."""
        return self.kind in {"maximize", "minimize", "target"}

    def merit(self, value: float) -> float:
        """What makes one value better than another: the larger, the better."""
        if self.kind == "target" and self.value is not None:
            return -abs(value - self.value)
        return self.sign * value

    @property
    def shown_unit(self) -> str:
        """The unit behind each value; one that is a factor (10⁻⁹ m²/s) stands in the head, once."""
        return "" if self.unit[:1].isdigit() else self.unit

    @property
    def words(self) -> str:
        """What is sought, as a sentence says it."""
        goal = "" if self.value is None else fmt.quantity(self.value, self.shown_unit)
        if self.kind == "target":
            return f"bring {self.label} to {goal}"
        if self.kind == "level_set":
            return f"find where {self.label} crosses {goal}"
        if self.kind == "learn":
            return f"learn {self.label}"
        return f"{'maximise' if self.sign > 0 else 'minimise'} {self.label}"

    @property
    def label(self) -> str:
        """Name and unit, as an axis says it."""
        return fmt.label(self.outcome, self.unit)


def objective_of(definition: Json) -> Objective | None:
    """A task's objective; none where it has none."""
    return next(iter(objectives_of(definition)), None)


def objectives_of(definition: Json) -> tuple[Objective, ...]:
    """All that a task seeks, the first one first."""
    found = definition.get("objectives") or [definition.get("objective")]
    units = definition.get("simulation", {}).get("units") or {}
    return tuple(_objective(data, units) for data in found if data)


def _objective(data: Json, units: Json) -> Objective:
    kind, outcome = str(data.get("kind") or "maximize"), str(data.get("outcome", ""))
    return Objective(
        outcome,
        str(data.get("unit") or units.get(outcome) or ""),
        -1 if kind == "minimize" else 1,
        kind,
        _number(data.get("value") if kind == "target" else data.get("threshold")),
        _number(data.get("reference")),
    )


def _number(value: Any) -> float | None:
    return (
        float(value)
        if isinstance(value, int | float) and type(value) is not bool and math.isfinite(value)
        else None
    )
