"""What is written down with the campaign: notes and troubles."""

from __future__ import annotations

from aisteer.journal.events.kinds import Event, event

__all__ = ["NoteWritten", "TroubleNoted"]


@event("note.written")
class NoteWritten(Event):
    """A human's own words, kept with the campaign."""

    text: str
    about: str | None = None


@event("trouble.noted")
class TroubleNoted(Event):
    """Something a human should know: what happened, what it means, what to do next."""

    source: str
    message: str
    run: str | None = None
    solved: bool = False
