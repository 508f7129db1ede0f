"""Who drives, and which surrogate the driver fitted."""

from __future__ import annotations

from dataclasses import field

from aisteer.journal.events.kinds import Event, Json, event

__all__ = ["LeaseTaken", "SurrogateFitted"]


@event("lease.taken")
class LeaseTaken(Event):
    """A driver holds the campaign under ``epoch``; lower epochs are refused from here on."""

    epoch: int
    holder: Json


@event("surrogate.fitted")
class SurrogateFitted(Event):
    """The surrogate's revision ``model`` of a task: what it was fitted on and how it scores."""

    task: str
    model: int
    runs: int
    summary: Json = field(default_factory=dict)
