"""What an order says: texts and values, as far as they are any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["text_of", "values_of"]

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
