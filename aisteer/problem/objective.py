"""What is to be found, and how well a value is known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from aisteer.errors import BadDefinition, BadOutcome
from aisteer.problem.parameters import is_finite_number

__all__ = ["Estimate", "Maximize", "Minimize", "Objective", "objective_from_json", "read_outcome"]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its standard error, both in the unit of the outcome.

    Raises:
        BadOutcome: The value or the error is not a finite number, or the error is negative.

    Example:
        >>> Estimate(3.9712, 0.113)
        3.97 ± 0.11
    """

    value: float
    standard_error: float

    def __post_init__(self) -> None:
        for what in ("value", "standard_error"):
            given = getattr(self, what)
            if not is_finite_number(given):
                words = what.replace("_", " ")
                raise BadOutcome(f"The {words} of an estimate must be a finite number, not {given!r}.")
            object.__setattr__(self, what, float(given))
        if self.standard_error < 0:
            raise BadOutcome(f"A standard error cannot be negative: {self.standard_error:g}.")

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        if self.standard_error == 0.0:
            return f"{self.value:g} ± 0"
        # Two significant digits of the error decide how many decimals the value shows.
        decimals = 1 - math.floor(math.log10(self.standard_error))
        if 0 <= decimals <= 9:
            return f"{self.value:.{decimals}f} ± {self.standard_error:.{decimals}f}"
        return f"{self.value:.6g} ± {self.standard_error:.2g}"


@dataclass(frozen=True, slots=True)
class Objective:
    """Which outcome is to be made as large, or as small, as possible.

    Attributes:
        outcome: The name under which the simulation returns it.
        unit: For display; nothing is converted.
    """

    outcome: str
    unit: str = ""

    kind: ClassVar[str] = ""
    sign: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        name: object = self.outcome
        if not isinstance(name, str) or not name.strip():
            raise BadDefinition(f"An objective needs the name of an outcome, not {name!r}.")

    def to_json(self) -> Json:
        """The objective as it stands in the definition."""
        return {"kind": self.kind, "outcome": self.outcome, "unit": self.unit}

    def better(self, left: float, right: float) -> bool:
        """Whether ``left`` is better than ``right``."""
        return self.sign * left > self.sign * right


class Maximize(Objective):
    """The larger the outcome, the better."""

    __slots__ = ()
    kind = "maximize"
    sign = 1.0


class Minimize(Objective):
    """The smaller the outcome, the better."""

    __slots__ = ()
    kind = "minimize"
    sign = -1.0


def objective_from_json(data: Json) -> Objective:
    """The objective that ``to_json`` wrote.

    Raises:
        BadDefinition: A kind that this release does not know.
    """
    kinds: dict[str, type[Objective]] = {"maximize": Maximize, "minimize": Minimize}
    if data.get("kind") not in kinds:
        raise BadDefinition(f"This release does not know the objective kind {data.get('kind')!r}.")
    return kinds[data["kind"]](data["outcome"], data.get("unit", ""))


def read_outcome(outcome: object, objective: Objective | None = None) -> dict[str, tuple[float, float]]:
    """What a simulation returned, as outcome name to ``(value, standard error)``.

    Raises:
        BadOutcome: It is not a mapping of names to finite numbers, or lacks the objective.
    """
    if not isinstance(outcome, Mapping):
        raise BadOutcome(f"A simulation returns a dict of outcomes by name, not {type(outcome).__name__}.")
    found: dict[str, tuple[float, float]] = {}
    for name, value in outcome.items():
        known = value if isinstance(value, Estimate) else Estimate(value, 0.0)
        found[str(name)] = (known.value, known.standard_error)
    if objective is not None and objective.outcome not in found:
        raise BadOutcome(
            f"The outcome has no {objective.outcome!r}, which is the objective; it has "
            f"{', '.join(found) or 'nothing'}. Return {{{objective.outcome!r}: …}} from the simulation."
        )
    return found
