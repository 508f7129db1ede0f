"""Who drives the campaign, as far as this process can tell."""

from __future__ import annotations

import time
from typing import Any

from aisteer.errors import AisteerError
from aisteer.journal.identity import gone

__all__ = ["Watch"]

LOOK_EVERY = 1.0
PATIENCE = 12.0
BEATS = 5.0
"""Seconds in which a driver at work beats, so that it can be told from the last beat of one that is gone."""


class Watch:
    """Looks for the driver: here, or by the beat of the lease elsewhere.

    Args:
        campaign: The campaign.
    """

    def __init__(self, campaign: Any) -> None:
        self._campaign = campaign
        self._looked = 0.0
        self._beat: tuple[int, int] | None = None
        self._first = 0.0
        self._moved = 0.0
        self._words = ""

    def driver(self) -> str:
        """Who drives, in words; empty when nobody does."""
        here = self._campaign.opened.driver
        if here is not None and here.driving:
            return "Driven by this kernel"
        now = time.monotonic()
        if now - self._looked >= LOOK_EVERY:
            self._looked = now
            self._words = self._elsewhere(now)
        return self._words

    def _elsewhere(self, now: float) -> str:
        try:
            holder = self._campaign.journal.lease_holder()
        except AisteerError:
            return ""
        if not holder or holder.get("released"):
            self._beat = None
            return ""
        beat = (int(holder.get("epoch", 0)), int(holder.get("beat", 0)))
        if beat != self._beat:
            # The first look proves nothing: it may be the last beat of a driver that is gone.
            self._moved = now if self._beat is not None else 0.0
            self._first = self._first if self._beat is not None else now
            self._beat = beat
        if not self._moved and now - self._first < BEATS and not gone(holder):
            return "Looking for its driver…"
        if not self._moved or now - self._moved > PATIENCE:
            return ""
        return f"Driven by process {holder.get('pid', '?')} on {holder.get('host', 'another host')}"

    def health(self) -> dict[str, Any]:
        """Task name to its endpoint's health; empty when the driver is not here."""
        here = self._campaign.opened.driver
        return dict(here.health()) if here is not None and here.alive else {}

    def problem(self) -> str:
        """What keeps the driver of this process from driving; empty when nothing does."""
        here = self._campaign.opened.driver
        return str(here.problem) if here is not None and not here.driving else ""
