"""An event in its place: at which position, when, by whom."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from aisteer.journal.events.encoding import storable
from aisteer.journal.events.kinds import Event

__all__ = ["Actor", "Record"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it.

    Attributes:
        kind: ``human``, ``ai``, ``rule`` (autonomy) or ``driver``.
        name: The person, the policy, the rule's text, or the driver's host and process.
        identity: How the name is known: ``claimed`` (from the machine's user) or
            ``verified:<by>`` (from the hub, or Globus).
    """

    kind: Literal["human", "ai", "rule", "driver"]
    name: str
    identity: str = "claimed"

    def to_json(self) -> str:
        """As it stands in the journal."""
        return _actor_to_json(self)

    @staticmethod
    @lru_cache(maxsize=4096)
    def from_json(text: str) -> Actor:
        """From what stands in the journal; equal actors are one object."""
        return Actor(*json.loads(text))


@lru_cache(maxsize=4096)
def _actor_to_json(actor: Actor) -> str:
    text = json.dumps([actor.kind, actor.name, actor.identity], ensure_ascii=False)
    return text if storable(text) else json.dumps([actor.kind, actor.name, actor.identity])


@dataclass(frozen=True, slots=True)
class Record:
    """An event in its place: ``position`` is the order, ``time`` (Unix seconds) is for display."""

    position: int
    time: float
    actor: Actor
    command: str | None
    event: Event
