"""How the AI is steered while it runs."""

from __future__ import annotations

from dataclasses import field

from aisteer.journal.events.kinds import Event, Json, event

__all__ = ["Steered"]


@event("ai.steered")
class Steered(Event):
    """Settings of a task's AI that hold from now on.

    Attributes:
        task: The task.
        change: Setting to its value; ``None`` takes it back. The settings: ``batch``, ``acquisition``,
            ``exploration``, ``trust_region``, ``weights``, ``pinned``, ``forbidden``, ``favoured``,
            ``surrogate``.
        reason: Why.
        undoes: The position of the change that this one takes back, where it does.
    """

    task: str
    change: Json = field(default_factory=dict)
    reason: str = ""
    undoes: int | None = None
