"""The conditions under which a run stops by itself: they travel with the request, so no one need watch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from .values import scalar


class Conditions:
    """Says when to stop.

    Args:
        stop_when: A mapping or a list of them: ``{"seconds": 60}``, or ``{"observation": name}`` with
            ``above`` or ``below``.
        walltime: Seconds after which it stops.
    """

    def __init__(self, stop_when: Any, walltime: Any) -> None:
        rules = stop_when if isinstance(stop_when, list) else [stop_when]
        rules = [rule for rule in rules if isinstance(rule, dict)]
        self._bounds: list[tuple[str, float, float]] = [
            (
                str(rule["observation"]),
                _number(rule.get("above"), float("inf")),
                _number(rule.get("below"), -float("inf")),
            )
            for rule in rules
            if "observation" in rule
        ]
        limits = [(_number(rule.get("seconds"), float("inf")), "its time") for rule in rules]
        limits.append((_number(walltime, float("inf")), "its walltime"))
        self._limit, self._limit_name = min(limits)
        self._started = time.monotonic()
        self._said = False

    def observed(self, values: Mapping[Any, Any]) -> str:
        """The condition that an observation meets, in words; empty when none."""
        for name, above, below in self._bounds:
            value = scalar(values.get(name))
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                if value > above:
                    return f"{name} is above {above:g}"
                if value < below:
                    return f"{name} is below {below:g}"
        return ""

    def elapsed(self) -> str:
        """Whether its time is over, in words, once."""
        if self._said or time.monotonic() - self._started < self._limit:
            return ""
        self._said = True
        return f"{self._limit_name} of {self._limit:g} s is over"


def _number(value: Any, default: float) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else default
