"""The end of an attempt as somebody else wrote it: only the types and bounds that an end has get through."""

from __future__ import annotations

import math
from typing import Any

from aisteer.execution.worker.ending import ENDS

__all__ = ["clean_end", "clean_text", "number"]

Json = dict[str, Any]
_LONGEST_MESSAGE = 10_000


def clean_end(found: Json) -> Json:
    """The content of an ``end.json`` with the types and bounds that an end has."""
    how = found.get("end")
    damaged = not isinstance(how, str) or how not in ENDS
    outcome, problem = _outcome(found.get("outcome"))
    message = clean_text(found.get("message"), _LONGEST_MESSAGE)
    if damaged:
        message = f"Its end.json says {clean_text(how, 80)!r}, which is no way to end. {message}"
    if problem and not damaged and how in {"done", "partial"}:
        damaged, message = True, problem
    checkpoint = found.get("checkpoint")
    return {
        "end": "failed" if damaged else how,
        "outcome": {} if damaged else outcome,
        "message": message,
        "traceback": clean_text(found.get("traceback"), _LONGEST_MESSAGE),
        "seconds": _amount(found.get("seconds")),
        "cpu": _amount(found.get("cpu")),
        "rss": int(_amount(found.get("rss"))),
        "observations": int(_amount(found.get("observations"))),
        "length": int(_amount(found.get("length"))),
        "checkpoint": checkpoint
        if isinstance(checkpoint, str) and checkpoint.isascii() and checkpoint.isdigit()
        else None,
        "by": clean_text(found.get("by"), 80),
        "where": _flat(found.get("where")),
        "versions": _flat(found.get("versions")),
    }


def clean_text(value: Any, limit: int) -> str:
    """Text that can be stored and shown: valid Unicode, bounded; anything else is empty."""
    if not isinstance(value, str):
        return ""
    if value.isascii() and "\x00" not in value:
        return value[:limit]
    return value[:limit].encode("utf-8", "replace").decode("utf-8").replace("\x00", "�")


def number(value: Any, most: float = 1e15) -> float | None:
    """A number that somebody else wrote, if it is one: finite, and between ``-most`` and ``most``; else None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -most <= value <= most:
        return None  # a whole number may be larger than any float, and NaN is not between anything
    return float(value)


def _amount(value: Any) -> float:
    good = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15
    return value if good else 0.0


def _flat(value: Any) -> Json:
    if not isinstance(value, dict):
        return {}
    made: Json = {}
    for key, item in list(value.items())[:200]:
        if isinstance(item, str):
            made[clean_text(key, 200)] = clean_text(item, 500)
        elif isinstance(item, int) and abs(item) < 2**63:
            made[clean_text(key, 200)] = item
    return made


def _outcome(value: Any) -> tuple[dict[str, list[float]], str]:
    """The outcome, and in words what is wrong with it."""
    if not isinstance(value, dict):
        return {}, ""
    made: dict[str, list[float]] = {}
    for key, item in list(value.items())[:200]:
        pair = item if isinstance(item, list) else [item]
        if not 1 <= len(pair) <= 2 or not all(_is_finite(x) for x in pair):
            return {}, (
                f"The outcome {clean_text(key, 80)!r} in its end.json is not a finite number. The run "
                f"counts as failed and "
                "teaches the surrogate nothing. Return finite numbers, or ai.Estimate(value, standard_error)."
            )
        made[clean_text(key, 200)] = [float(x) for x in pair]
    return made, ""


def _is_finite(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
