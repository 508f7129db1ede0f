"""What every command has, and who answers which."""

from __future__ import annotations

import uuid as _uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aisteer.journal.events import Actor, Event
from aisteer.journal.state import State

__all__ = ["HANDLERS", "Command", "handles"]


def new_id() -> str:
    return _uuid.uuid4().hex


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Base of all commands. A repeat of the same ``id`` is harmless: it answers as the first did."""

    actor: Actor
    id: str = field(default_factory=new_id)


Handler = Callable[[State, Any, float], list[Event]]
HANDLERS: dict[type[Command], Handler] = {}


def handles(kind: type[Command]) -> Callable[[Handler], Handler]:
    """Mark the function that answers commands of ``kind``."""

    def register(handler: Handler) -> Handler:
        HANDLERS[kind] = handler
        return handler

    return register
