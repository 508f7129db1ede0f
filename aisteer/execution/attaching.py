"""Taking up attempts that an earlier driver left at the endpoints, and trying again where one cannot be asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Mapping

from aisteer.errors import AisteerError
from aisteer.execution.endpoint import AttemptRef, Endpoint
from aisteer.execution.troubles import Troubles

__all__ = ["Attaching"]

_AGAIN = 1.0
"""Seconds between two tries to take up what an endpoint could not be asked for."""


class Attaching:
    """Knows which attempts could not be taken up yet.

    Args:
        live: The attempts that are followed.
        waits: Whether an attempt still waits to be handed over, so that the endpoint cannot have it.
        troubles: Where it is told that an endpoint does not answer.
    """

    def __init__(
        self, live: Container[AttemptRef], waits: Callable[[AttemptRef], bool], troubles: Troubles
    ) -> None:
        self._live = live
        self._waits = waits
        self._troubles = troubles
        self._left: list[tuple[Endpoint, Mapping[AttemptRef, str | None]]] = []
        self._next = 0.0

    def attach(self, endpoint: Endpoint, tickets: Mapping[AttemptRef, str | None]) -> None:
        """Take up attempts, each with the ticket that it was given when it was submitted."""
        # What could not be handed over is not there to be taken up; it is tried again.
        there = {ref: ticket for ref, ticket in tickets.items() if ref in self._live and not self._waits(ref)}
        source = f"endpoint {endpoint.address}"
        try:
            endpoint.attach(there)
        except (AisteerError, OSError) as error:
            self._left.append((endpoint, tickets))
            self._troubles.note(source, str(error))
            return
        if there:
            self._troubles.works(source)

    def retry(self) -> None:
        """Take up what an endpoint could not be asked for, once it answers or there is nothing left to ask for."""
        now = time.monotonic()
        if now < self._next or not self._left:
            return
        self._next = now + _AGAIN
        waiting, self._left = self._left, []
        for endpoint, tickets in waiting:
            if endpoint.status().state != "online" and any(ref in self._live for ref in tickets):
                self._left.append((endpoint, tickets))
            else:
                self.attach(endpoint, tickets)
