"""What an event is, and which kinds there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, dataclass_transform

__all__ = ["KINDS", "LIFTS", "Event", "Unknown", "event"]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events. ``kind`` and ``version`` name the shape of the fields."""

    kind: ClassVar[str] = ""
    version: ClassVar[int] = 1


KINDS: dict[str, type[Event]] = {}
LIFTS: dict[tuple[str, int], Callable[[Json], Json]] = {}
"""``(kind, version)`` to the pure function that lifts a body to ``version + 1``."""

_E = TypeVar("_E", bound=Event)


@dataclass_transform(kw_only_default=True, frozen_default=True)
def event(kind: str, version: int = 1) -> Callable[[type[_E]], type[_E]]:
    """Make a class the event of ``kind`` at ``version``: frozen, its fields by name."""

    def register(cls: type[_E]) -> type[_E]:
        made = dataclass(frozen=True, slots=True, kw_only=True)(cls)
        made.kind, made.version = kind, version
        KINDS[kind] = made
        return made

    return register


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Event):
    """An event of a newer release, as it was stored. It changes nothing in the state."""

    stored_kind: str
    stored_version: int
    body: str
