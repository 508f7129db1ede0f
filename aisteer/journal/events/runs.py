"""What is asked of runs and said about them."""

from __future__ import annotations

from dataclasses import field

from aisteer.journal.events.kinds import Event, Json, event

__all__ = ["ControlAcknowledged", "ControlRequested", "RunClosed", "RunMarked", "RunResumed"]


@event("control.requested")
class ControlRequested(Event):
    """Something asked of a live run: ``stop``, ``pause``, ``withdraw`` or ``set`` with values."""

    run: str
    control: str
    verb: str
    values: Json = field(default_factory=dict)
    reason: str = ""


@event("control.acknowledged")
class ControlAcknowledged(Event):
    """The run (or its worker) answered: ``done``, or ``refused`` with the reason."""

    run: str
    control: str
    answer: str
    detail: str = ""


@event("run.resumed")
class RunResumed(Event):
    """A paused run may be launched again, from its last checkpoint."""

    run: str


@event("run.closed")
class RunClosed(Event):
    """A paused run is not to go on: it ends ``partial`` with what its attempts left.

    ``used`` is what its end costs in a budget of runs.
    """

    run: str
    used: float = 0.0
    reason: str = ""


@event("run.marked")
class RunMarked(Event):
    """A human took the result out of the fit (``bad``), or put it back."""

    run: str
    bad: bool
    reason: str = ""
