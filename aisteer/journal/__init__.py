"""What happened: events, the state they fold to, the gate, and the store that keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aisteer.journal.names import folder_for, root
    from aisteer.journal.store import Journal, Receipt

__all__ = ["Journal", "Receipt", "folder_for", "root"]

_MODULES = {"Journal": "store", "Receipt": "store", "folder_for": "names", "root": "names"}


def __getattr__(name: str) -> Any:
    # The store imports SQLAlchemy, which what only reads events or commands does not need.
    if name in _MODULES:
        from importlib import import_module

        return getattr(import_module(f"aisteer.journal.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
