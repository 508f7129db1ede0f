"""Durations as a human writes them: ``"90 s"``, ``"30 min"``, ``"2h"``, ``"1 d"``."""

from __future__ import annotations

import re
import reprlib

from aisteer.errors import BadDefinition
from aisteer.problem.parameters import is_finite_number

__all__ = ["in_words", "seconds"]

_UNITS = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_LONGEST = 10 * 365 * 86_400.0


def seconds(given: object) -> float:
    """A duration in seconds, given as such or as text.

    Raises:
        BadDefinition: It is none, or longer than ten years.
    """
    found: object = given
    if isinstance(given, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|sec|m|min|h|d)\s*", given)
        if match is None:
            words = "Write seconds, or '90 s', '30 min', '2h', '1 d'."
            raise BadDefinition(f"after={reprlib.repr(given)} is no duration. {words}")
        found = float(match[1]) * _UNITS[match[2]]
    if not is_finite_number(found) or not 0 <= found <= _LONGEST:  # type: ignore[operator]
        raise BadDefinition(f"after={reprlib.repr(given)} must be a duration of at most 10 years.")
    return float(found)  # type: ignore[arg-type]


def in_words(duration: float) -> str:
    """Seconds as a human writes them."""
    for unit, size in (("d", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if duration >= size:
            return f"{duration / size:g} {unit}"
    return f"{duration:g} s"
