"""What an order says: texts and values, as far as they are any."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aisteer.errors import BadParameters

__all__ = ["observation_of", "text_of", "values_of"]

_COUNTED = re.compile(r"[0-9]{1,3}(,[0-9]{3})+|[0-9]{1,15}")
LONGEST = 2000
"""Characters of a text that are kept."""


def text_of(order: Mapping[str, Any], name: str) -> str:
    """The text under that name; empty where there is none."""
    value = order.get(name)
    return value[:LONGEST] if isinstance(value, str) else ""


def values_of(order: Mapping[str, Any]) -> dict[str, Any]:
    """The ``values`` of an order, by name."""
    values = order.get("values")
    return {str(k): v for k, v in values.items()} if isinstance(values, Mapping) else {}


def observation_of(order: Mapping[str, Any]) -> int | None:
    """The number of an observation that an order names; ``None`` where it names none.

    Raises:
        BadParameters: What was typed is no whole number.
    """
    typed = text_of(order, "from_observation").strip()
    if not typed:
        return None
    if not _COUNTED.fullmatch(typed):
        raise BadParameters(
            f"{typed[:40]!r} is no number of an observation. Nothing was written. They are counted from 0; leave it "
            "empty for the last checkpoint."
        )
    return int(typed.replace(",", ""))
