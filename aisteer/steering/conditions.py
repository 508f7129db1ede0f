"""Conditions of autonomy rules: names such as ``calibrated``, and comparisons such as ``cost < 10 node_hours``."""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass

from aisteer.errors import BadDefinition
from aisteer.problem.naming import did_you_mean

__all__ = ["CONDITIONS", "LEAST", "QUANTITIES", "Comparison", "condition", "conditions", "plain_when"]

CONDITIONS = ("calibrated", "uncalibrated", "known", "unknown")
QUANTITIES = ("coverage_bound", "cost", "std", "correlation", "chance", "risk")
"""What can be compared: what the coverage is at least with 95 % confidence, the estimated cost, the predicted standard
deviation of the objective, the kernel's correlation with the nearest run, the learned risk that the run fails; of a
stop, the chance that the run would still have added something."""
LEAST = 20
"""Outcomes predicted before they ran that ``coverage_bound`` needs, where a rule does not say."""
_UNITS = {"": "", "node_hours": "node-hours", "node_hour": "node-hours", "runs": "runs", "run": "runs"}
_TEXT = re.compile(r"\s*(\w+)\s*(<=|>=|<|>)\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*([A-Za-z_\- ]*)")
_MOST = 16


@dataclass(frozen=True, slots=True)
class Comparison:
    """``quantity sign bound unit``; the unit is empty, ``node-hours`` or ``runs``, and only a cost has one."""

    quantity: str
    sign: str
    bound: float
    unit: str = ""

    def holds(self, value: float) -> bool:
        """Whether it holds for ``value``; never for nan."""
        return {
            "<": value < self.bound, "<=": value <= self.bound, ">": value > self.bound, ">=": value >= self.bound
        }[self.sign]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.quantity} {self.sign} {self.bound:g} {self.unit}".strip()


def condition(given: object) -> str | Comparison:
    """A condition as it is written.

    Raises:
        BadDefinition: It is none.
    """
    if isinstance(given, str) and given in CONDITIONS:
        return given
    match = _TEXT.fullmatch(given) if isinstance(given, str) and len(given) < 200 else None
    if match is None:
        raise BadDefinition(
            f"when={reprlib.repr(given)} is no condition of a rule. Choose one of {', '.join(CONDITIONS)}, or compare "
            f"one of {', '.join(QUANTITIES)}: 'coverage_bound >= 0.8', 'cost < 10 node_hours'."
        )
    quantity, sign, number, unit = match.groups()
    if quantity not in QUANTITIES:
        near = did_you_mean(quantity, QUANTITIES)
        raise BadDefinition(f"A rule cannot compare {quantity!r}, only {', '.join(QUANTITIES)}.{near}")
    word = re.sub(r"[-\s]+", "_", unit.strip())
    if word not in _UNITS or (word and quantity != "cost"):
        raise BadDefinition(f"{given!r}: a cost is in node_hours or in runs, and nothing else has a unit.")
    try:
        bound = float(number)
    except ValueError:
        bound = math.nan
    if not math.isfinite(bound):
        raise BadDefinition(f"{given!r}: {number!r} is no finite number.")
    return Comparison(quantity, sign, bound, _UNITS[word])


def conditions(when: str | tuple[str, ...] | None) -> list[str | Comparison]:
    """All conditions of a rule."""
    listed = () if when is None else (when,) if isinstance(when, str) else when
    return [condition(one) for one in listed]


def plain_when(given: object) -> str | tuple[str, ...] | None:
    """``when`` as a rule keeps it: nothing, one condition, or several of which all have to hold.

    Raises:
        BadDefinition: One of them is no condition.
    """
    if given is None:
        return None
    if isinstance(given, Sequence) and not isinstance(given, str):
        if not 1 <= len(given) <= _MOST:
            raise BadDefinition(f"when takes 1 to {_MOST} conditions, not {len(given)}.")
        return tuple(str(condition(one)) for one in given)
    return str(condition(given))
