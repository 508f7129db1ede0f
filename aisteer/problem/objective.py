"""What is to be found, and how well a value is known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from aisteer.errors import BadDefinition, BadOutcome
from aisteer.problem.parameters import is_finite_number, number_in_words

__all__ = [
    "Estimate",
    "Learn",
    "LevelSet",
    "Maximize",
    "Minimize",
    "Objective",
    "Target",
    "objective_from_json",
    "read_outcome",
]

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
    """What is sought of one outcome.

    Attributes:
        outcome: The name under which the simulation returns it.
        unit: For display; nothing is converted.
    """

    outcome: str
    unit: str = ""

    kind: ClassVar[str] = ""
    sign: ClassVar[float] = 1.0
    """What outcomes are multiplied by where larger is to be better; 1 where neither end is sought."""
    has_best: ClassVar[bool] = True
    """Whether one run can be better than another."""

    def __post_init__(self) -> None:
        _check_outcome(self.outcome)

    def to_json(self) -> Json:
        """The objective as it stands in the definition."""
        return {"kind": self.kind, "outcome": self.outcome, "unit": self.unit}

    def worth(self, value: Any) -> Any:
        """What is the larger, the better; of a number or an array of outcomes."""
        return self.sign * value

    def better(self, left: float, right: float) -> bool:
        """Whether ``left`` is better than ``right``; never where nothing is."""
        return self.has_best and bool(self.worth(left) > self.worth(right))

    @property
    def words(self) -> str:
        """What is sought, as a sentence says it."""
        return f"{self.kind} {self.outcome}"


@dataclass(frozen=True, slots=True)
class _Extreme(Objective):
    reference: float | None = field(default=None, kw_only=True)
    weight: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        _check_outcome(self.outcome)
        if self.reference is not None:
            object.__setattr__(self, "reference", _finite("reference", self.reference, self.outcome))
        object.__setattr__(self, "weight", _finite("weight", self.weight, self.outcome))
        if not self.weight > 0:
            raise BadDefinition(f"The weight of {self.outcome!r} must be positive, not {self.weight:g}.")

    def to_json(self) -> Json:
        """The objective as it stands in the definition."""
        data: Json = {"kind": self.kind, "outcome": self.outcome, "unit": self.unit}
        if self.reference is not None:
            data["reference"] = self.reference
        return data if self.weight == 1.0 else {**data, "weight": self.weight}


class Maximize(_Extreme):
    """The larger the outcome, the better.

    Args:
        outcome: The name under which the simulation returns it.
        unit: For display; nothing is converted.
        reference: Beside other objectives: the value that a run has to exceed to count at all. Derived from the
            data where it is not given.
        weight: Beside other objectives: above 1, runs that are better in this one count for more.
    """

    __slots__ = ()
    kind = "maximize"
    sign = 1.0


class Minimize(_Extreme):
    """The smaller the outcome, the better. Arguments as of ``Maximize``."""

    __slots__ = ()
    kind = "minimize"
    sign = -1.0


@dataclass(frozen=True, slots=True, init=False)
class Target(Objective):
    """The nearer the outcome is to ``value``, the better.

    Args:
        outcome: The name under which the simulation returns it.
        value: What it is to be, in ``unit``.
        unit: For display; nothing is converted.
    """

    value: float = math.nan
    kind: ClassVar[str] = "target"

    def __init__(self, outcome: str, value: float, unit: str = "") -> None:
        _check_outcome(outcome)
        for name, given in (
            ("outcome", outcome),
            ("unit", unit),
            ("value", _finite("value", value, outcome)),
        ):
            object.__setattr__(self, name, given)

    def to_json(self) -> Json:
        """The objective as it stands in the definition."""
        return {"kind": self.kind, "outcome": self.outcome, "unit": self.unit, "value": self.value}

    def worth(self, value: Any) -> Any:
        """Minus how far it is from the target."""
        return -abs(value - self.value)

    @property
    def words(self) -> str:
        """What is sought, as a sentence says it."""
        return f"bring {self.outcome} to {number_in_words(self.value, self.unit)}"


@dataclass(frozen=True, slots=True, init=False)
class LevelSet(Objective):
    """Where the outcome crosses ``threshold`` is to be found; no run is better than another.

    Args:
        outcome: The name under which the simulation returns it.
        threshold: The level, in ``unit``.
        unit: For display; nothing is converted.
    """

    threshold: float = math.nan
    kind: ClassVar[str] = "level_set"
    has_best: ClassVar[bool] = False

    def __init__(self, outcome: str, threshold: float, unit: str = "") -> None:
        _check_outcome(outcome)
        level = _finite("threshold", threshold, outcome)
        for name, given in (("outcome", outcome), ("unit", unit), ("threshold", level)):
            object.__setattr__(self, name, given)

    def to_json(self) -> Json:
        """The objective as it stands in the definition."""
        return {"kind": self.kind, "outcome": self.outcome, "unit": self.unit, "threshold": self.threshold}

    @property
    def words(self) -> str:
        """What is sought, as a sentence says it."""
        return f"find where {self.outcome} is {number_in_words(self.threshold, self.unit)}"


class Learn(Objective):
    """The outcome is to be known everywhere; no run is better than another."""

    __slots__ = ()
    kind = "learn"
    has_best = False


def _check_outcome(name: object) -> None:
    if not isinstance(name, str) or not name.strip():
        raise BadDefinition(f"An objective needs the name of an outcome, not {name!r:.80}.")


def _finite(what: str, value: object, outcome: str) -> float:
    if not is_finite_number(value):
        raise BadDefinition(f"The {what} of {outcome!r} must be a finite number, not {value!r:.80}.")
    return float(value)  # type: ignore[arg-type]


_KINDS: dict[str, tuple[type[Objective], tuple[str, ...]]] = {
    "maximize": (Maximize, ("reference", "weight")),
    "minimize": (Minimize, ("reference", "weight")),
    "target": (Target, ("value",)),
    "level_set": (LevelSet, ("threshold",)),
    "learn": (Learn, ()),
}


def objective_from_json(data: Json) -> Objective:
    """The objective that ``to_json`` wrote.

    Raises:
        BadDefinition: A kind that this release does not know, or one that lacks what it needs.
    """
    if data.get("kind") not in _KINDS:
        raise BadDefinition(f"This release does not know the objective kind {data.get('kind')!r:.80}.")
    kind, also = _KINDS[data["kind"]]
    more = {name: data[name] for name in also if name in data}
    try:
        return kind(data["outcome"], unit=data.get("unit", ""), **more)
    except (KeyError, TypeError) as error:
        raise BadDefinition(f"The objective {data!r:.100} is not complete: {error}.") from None


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
