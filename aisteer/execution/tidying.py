"""Keeping spools small: ended attempts are packed while there is nothing else to do."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import islice

from aisteer.errors import AisteerError
from aisteer.execution.endpoint import AttemptRef, Endpoint, Keeps, Packs
from aisteer.journal.store import Journal

__all__ = ["Tidier"]

_PACKED = 500
"""Ended attempts that go into one archive."""
_QUIET = 2.0
"""Seconds without a live attempt after which there is nothing else to do."""
_AGAIN = 60.0
"""Seconds between two tries where an archive cannot be written."""


class Tidier:
    """Has attempts packed of which the journal has the end, those as well that earlier drivers left.

    Args:
        journal: The campaign's journal.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._over: dict[AttemptRef, Endpoint] = {}
        self._searched: list[Endpoint] = []
        self._next = time.monotonic() + _QUIET

    def over(self, endpoint: Endpoint, ref: AttemptRef) -> None:
        """An attempt has ended, and the journal has its end."""
        self._over[ref] = endpoint

    def busy(self) -> None:
        """There is something else to do."""
        self._next = max(self._next, time.monotonic() + _QUIET)

    def tidy(self, endpoints: Mapping[str, Endpoint], epoch: int) -> None:
        """Pack some, if there was nothing else to do for a while and there are enough for an archive.

        Args:
            endpoints: Task name to endpoint.
            epoch: The driver's.

        Raises:
            LeaseLost: Another driver took over: it packs.
            SpoolError: An archive could not be written; it is tried again.
            JournalUnavailable: The disk does not take what the journal has.
        """
        if time.monotonic() < self._next:
            return
        self._search(endpoints)
        if len(self._over) < _PACKED:
            return
        batch = dict(islice(self._over.items(), _PACKED))
        try:
            # What is packed is the only other copy of its end: the journal's has to outlive a power failure first.
            self._journal.beat(epoch, durable=True)
            for endpoint in {id(e): e for e in batch.values()}.values():
                if isinstance(endpoint, Packs):
                    endpoint.pack([ref for ref, at in batch.items() if at is endpoint])
        except (AisteerError, OSError):
            self._next = time.monotonic() + _AGAIN
            raise
        for ref in batch:
            del self._over[ref]

    def _search(self, endpoints: Mapping[str, Endpoint]) -> None:
        """Once for each endpoint: what earlier drivers left."""
        kept = {}
        for endpoint in endpoints.values():
            if not any(endpoint is searched for searched in self._searched):
                self._searched.append(endpoint)
                if isinstance(endpoint, Keeps):
                    kept[id(endpoint)] = endpoint.kept()
        if not any(kept.values()):
            return
        with self._journal.lock:
            for run in self._journal.state.runs.values():
                here = endpoints.get(run.task)
                keys = kept.get(id(here))
                if here is None or not keys:
                    continue
                for attempt in run.attempts:
                    ref = AttemptRef(run.id, run.uuid, attempt.number)
                    if attempt.end and ref.key in keys:
                        self._over[ref] = here
