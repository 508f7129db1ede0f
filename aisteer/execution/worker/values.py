"""What a simulation yields and returns, as strict JSON of bounded size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .files import Json

LONGEST_TEXT = 1_000
LONGEST_LIST = 1_000
MOST_VALUES = 200


class BadOutcome(ValueError):
    """What was returned is no outcome; the message says what to do."""


def text(value: object, limit: int = LONGEST_TEXT) -> str:
    """``value`` in words, valid Unicode and at most ``limit`` characters."""
    try:
        words = value if isinstance(value, str) else str(value)
    except Exception:  # noqa: BLE001  any object may have a broken __str__
        words = f"<{type(value).__name__}>"
    if len(words) > limit:
        words = f"{words[: limit - 1]}…"
    return words.encode("utf-8", "replace").decode("utf-8")


def observation(values: object) -> tuple[Json, list[str]]:
    """An observation as JSON, and the names of what was too large or not plain data.

    Numbers that are not finite become ``{"$float": "nan"}``; arrays, objects and long lists become
    ``{"$omitted": "ndarray (1000000,) float64"}``.
    """
    if type(values) is not dict and not isinstance(values, Mapping):
        values = {"value": values}
    made: Json = {}
    left_out: list[str] = []
    for key, value in values.items():
        if len(made) >= MOST_VALUES:
            left_out.append(f"{len(values) - MOST_VALUES} more values")
            break
        name = text(key, 200)
        kind = type(value)
        plain = value if kind is bool else leaf(value)
        made[name] = plain
        if type(plain) is dict and "$omitted" in plain:
            left_out.append(f"{name}: {plain['$omitted']}")
    return made, left_out


def leaf(value: Any) -> Any:
    """One value as JSON, or a short description of what was left out."""
    if isinstance(value, str):
        return text(value)
    number = scalar(value)
    if number is not None or value is None:
        return number
    items = _short_list(value)
    if items is not None:
        plain = [scalar(x) for x in items]
        if None not in plain:
            return plain
    return {"$omitted": describe(value)}


def scalar(value: Any) -> Any:
    """A bool, int or float (``{"$float": …}`` when not finite) as JSON; None for anything else."""
    if not isinstance(value, (bool, int, float)):
        value = _item(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        # Larger ones lose their last digits in most readers, and hundreds of digits choke them.
        return int(value) if -(2**63) <= value < 2**63 else {"$float": _float_text(value)}
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"$float": str(float(value))}
    return None


def _float_text(value: int) -> str:
    try:
        return repr(float(value))
    except OverflowError:
        return "inf" if value > 0 else "-inf"


def _item(value: Any) -> Any:
    """The number in a zero-dimensional array or tensor; None for anything else."""
    if getattr(value, "shape", None) != () or not callable(getattr(value, "item", None)):
        return None
    try:
        return value.item()
    except Exception:  # noqa: BLE001  an object of the simulation's own
        return None


def _short_list(value: Any) -> list[Any] | None:
    try:
        if isinstance(value, (list, tuple)):
            return list(value) if len(value) <= LONGEST_LIST else None
        shape = getattr(value, "shape", None)
        if isinstance(shape, tuple) and len(shape) == 1 and shape[0] <= LONGEST_LIST:
            made = value.tolist()
            return made if isinstance(made, list) else None
    except Exception:  # noqa: BLE001  an object of the simulation's own
        return None
    return None


def describe(value: Any) -> str:
    """The kind and size of something that is not sent."""
    kind = type(value).__name__
    try:
        shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
        if isinstance(shape, tuple):
            return text(f"{kind} {shape} {dtype}".strip(), 200)
        return text(f"{kind} of {len(value)}", 200)
    except Exception:  # noqa: BLE001  an object of the simulation's own
        return text(kind, 200)


def outcome(returned: Any, required: Sequence[str]) -> tuple[dict[str, list[float]], list[str]]:
    """Outcome name to ``[value]`` or ``[value, standard error]``, and the names left out.

    Raises:
        BadOutcome: It is no mapping, or a required outcome is missing or not a finite number.
    """
    if not isinstance(returned, Mapping):
        raise BadOutcome(
            f"The simulation returned {describe(returned) if returned is not None else 'None'}, not a dict "
            f"of outcomes. "
            f"The run counts as failed. Return {{{_names(required or ['name'])}: number}} at its end."
        )
    made: dict[str, list[float]] = {}
    left_out: list[str] = []
    for name, value in returned.items():
        pair = _estimate(value)
        if pair is not None and len(made) < MOST_VALUES:
            made[text(name, 200)] = pair
        elif name in required:
            raise BadOutcome(
                f"The outcome {text(name, 80)!r} is {text(repr(value), 80)}, which is not a finite number. "
                f"The run counts "
                "as failed and teaches the surrogate nothing. Return finite numbers, or ai.Estimate(value, "
                "standard_error)."
            )
        else:
            left_out.append(text(name, 80))
    missing = [name for name in required if name not in made]
    if missing:
        raise BadOutcome(
            f"The outcome lacks {_names(missing)}; it has {_names(made) or 'nothing'}. The run counts as failed. "
            f"Return a dict with {_names(missing)}, or name another objective with campaign.redefine(…)."
        )
    return made, left_out


def _names(names: Iterable[object]) -> str:
    return ", ".join(repr(text(n, 80)) for n in list(names)[:10])


def _estimate(value: Any) -> list[float] | None:
    """``[value]``, or ``[value, standard error]`` of an object that has both; None if not finite."""
    parts = [value]
    if hasattr(value, "value") and hasattr(value, "standard_error"):
        parts = [value.value, value.standard_error]
    numbers = [scalar(x) for x in parts]
    if any(isinstance(x, bool) or not isinstance(x, (int, float)) for x in numbers):
        return None
    return [float(x) for x in numbers]
