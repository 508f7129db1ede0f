"""The watcher's tasks that are under way, and what has become of those whose answers are late."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aisteer.execution.globus.letters import Letter

__all__ = ["Flight", "Flights"]

_LATE = 8.0
"""Seconds after which a task that should be done is asked for at the web service, and between two such questions."""
_LOST = 15.0
"""Seconds after which a task that the service says waits is sent once more: its result may be lost. Then doubled."""
_PATIENCE = 900.0
_UNSENT = 120.0
"""Seconds in which a task has its id, or was never sent."""


@dataclass(slots=True)
class Flight:
    """A task that is under way.

    Attributes:
        kind: ``look`` or ``write``.
        future: The SDK's.
        letters: What goes along.
        asked: The attempts that are asked about.
        zipped: Whether the worker goes along.
        wait: Seconds for which it may stay there.
        since: When it was sent, monotonic seconds.
    """

    kind: str
    future: Any
    letters: list[Letter]
    asked: tuple[str, ...]
    zipped: bool
    wait: float
    since: float = field(default_factory=time.monotonic)

    @property
    def late_at(self) -> float:
        """When an answer should be here."""
        return self.since + self.wait + _LATE


class Flights:
    """All of them; for one thread."""

    def __init__(self) -> None:
        self.waiting = 0.0
        self._all: list[Flight] = []
        self._search_at = 0.0
        self._patience = _LOST

    def __len__(self) -> int:
        return len(self._all)

    def count(self, kind: str) -> int:
        """How many of a kind are under way."""
        return sum(flight.kind == kind for flight in self._all)

    @property
    def zipped(self) -> bool:
        """Whether the worker is on its way."""
        return any(flight.zipped for flight in self._all)

    @property
    def due(self) -> float | None:
        """When to ask for those that are late; None while there are none under way."""
        return max(self._search_at, min(f.late_at for f in self._all)) if self._all else None

    def add(self, flight: Flight) -> None:
        """One more."""
        self._all.append(flight)

    def landed(self) -> Flight | None:
        """One that is over, as long as there is any."""
        for flight in self._all:
            if flight.future.done():
                self._all.remove(flight)
                return flight
        return None

    def heard(self) -> None:
        """An answer came: the way is open, nothing is given more time than usual."""
        self._patience = _LOST

    def search(self, find: Callable[[Sequence[str]], Mapping[str, Any]]) -> list[tuple[Flight, str]]:
        """Ask for all that are late at once: their way may be closed, or a result may be lost.

        Args:
            find: The futures of those tasks that are over.

        Returns:
            Those to be sent once more, and why. ``waiting`` is then for how long another has waited, in seconds.

        Raises:
            EndpointError: The web service does not answer.
        """
        now = time.monotonic()
        self._search_at = now + _LATE
        self.waiting = 0.0
        late = [flight for flight in self._all if now >= flight.late_at and not flight.future.done()]
        named = {str(flight.future.task_id): flight for flight in late if _has_id(flight)}
        lost = [
            (flight, "the request could not be sent")
            for flight in late
            if not _has_id(flight) and now - flight.since > _UNSENT
        ]
        found = find(list(named)) if named else {}
        for task, flight in named.items():
            if task in found:
                flight.future = found[task]
            elif now - flight.since > self._patience:
                lost.append((flight, f"nothing has come back for {now - flight.since:.0f} s"))
            else:
                self.waiting = max(self.waiting, now - flight.since)
        if any(_has_id(flight) for flight, _ in lost):
            self._patience = min(2.0 * self._patience, _PATIENCE)
        for flight, _ in lost:
            self._all.remove(flight)
        return lost


def _has_id(flight: Flight) -> bool:
    return getattr(flight.future, "task_id", None) is not None
