"""What to do next: policies, the rules that may decide for a human, and the ledger of decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aisteer.steering.generator import Generator

__all__ = ["Generator"]


def __getattr__(name: str) -> Any:
    """``Generator`` needs gest-api and torch; nothing else here does, so it is imported when it is asked for."""
    if name != "Generator":
        raise AttributeError(f"module 'aisteer.steering' has no attribute {name!r}")
    from aisteer.steering.generator import Generator

    return Generator
