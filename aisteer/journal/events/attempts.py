"""Attempts: launched, moved, ended."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Literal

from aisteer.journal.events.kinds import Event, Json, event

__all__ = ["AttemptEnded", "AttemptLaunched", "AttemptMoved"]

End = Literal["done", "partial", "failed", "lost", "paused", "preempted", "withdrawn"]


@event("attempt.launched")
class AttemptLaunched(Event):
    """The launch record: once per (proposal, attempt), written before anything is submitted."""

    run: str
    proposal: str
    attempt: int
    uuid: str
    epoch: int
    endpoint: str
    seed: int
    code: str = ""
    restart: str | None = None
    parent: str | None = None


@event("attempt.moved")
class AttemptMoved(Event):
    """A run's live attempt changed state: submitted, waiting, claimed, running, pausing.

    ``ticket`` is what the endpoint needs to find it again; ``where`` the host, process and job.
    """

    run: str
    attempt: int
    state: str
    detail: str = ""
    ticket: str | None = None
    where: Json | None = None


@event("attempt.ended")
class AttemptEnded(Event):
    """An attempt is over and its observations are sealed.

    Attributes:
        end: How. ``paused`` and ``preempted`` leave the run open for its next attempt.
        final: Whether the run is over with it.
        outcome: Outcome name to ``[value]`` or ``[value, standard error]``.
        message: Why it failed and what to do next.
        used: Cost used, in the campaign's unit.
        charged: Cost charged to the allocation; the same where the endpoint reports no charge of its own.
        seconds: Wall time from claim to end.
        sealed: ``[length, sha256]`` of the mirrored observations; absent when there were none.
        checkpoint: The last one written.
    """

    run: str
    attempt: int
    end: End
    final: bool = True
    outcome: dict[str, list[float]] = field(default_factory=dict)
    message: str = ""
    used: float = 0.0
    charged: float = 0.0
    seconds: float = 0.0
    sealed: list[Any] | None = None
    observations: int = 0
    checkpoint: str | None = None
    where: Json | None = None
    versions: Json | None = None
