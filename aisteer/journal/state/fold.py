"""The fold: what each kind of event does to the state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aisteer.journal import events as ev
from aisteer.journal.events import Record
from aisteer.journal.state.state import State

__all__ = ["apply", "on"]

Handler = Callable[[State, Record, Any], None]
FOLDS: dict[type[ev.Event], Handler] = {}


def apply(state: State, record: Record) -> None:
    """Fold one record into ``state``, in place. Records must come in order of position."""
    state.position = record.position
    state.time = record.time
    FOLDS[type(record.event)](state, record, record.event)


def on(kind: type[ev.Event]) -> Callable[[Handler], Handler]:
    """Mark the function that folds events of ``kind``."""

    def register(handler: Handler) -> Handler:
        FOLDS[kind] = handler
        return handler

    return register
