"""Who drives the campaign: an epoch number in the journal, and a beat beside it.

The epoch is what counts: every launch and report carries it, and the gate refuses a lower one, so a
driver that slept through its lease can do no harm. The beat only tells others when to take over. It is a
counter, watched on the watcher's own clock: the clocks of two hosts need not agree.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, insert, select, update

from aisteer.errors import LeaseHeld, LeaseLost
from aisteer.journal.commands import TakeLease
from aisteer.journal.identity import gone, this_process
from aisteer.journal.tables import lease

if TYPE_CHECKING:
    from aisteer.journal.events import Actor
    from aisteer.journal.store import Journal

__all__ = ["Lease"]

LOOK = 0.1


@dataclass(frozen=True, slots=True)
class _Row:
    epoch: int
    holder: dict[str, Any]
    beat: int
    released: bool


class Lease:
    """The lease of a journal's campaign."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def holder(self) -> dict[str, Any]:
        """What the driver said of itself, with ``epoch``, ``beat`` and ``released``; empty for nobody."""
        self._journal.refresh()
        with self._journal.reading() as connection:
            row = self._row(connection)
        if row.epoch == 0:
            return {}
        return {**row.holder, "epoch": row.epoch, "beat": row.beat, "released": row.released}

    def take(self, holder: dict[str, Any], actor: Actor, patience: float) -> int:
        """Become the driver; see ``Journal.take_lease``."""
        holder = {**this_process(), **holder}
        row = self._watch(patience)
        with self._journal.writing(durable=True) as writing:
            connection = writing.connection
            now = self._row(connection)
            if (now.epoch, now.beat) != (row.epoch, row.beat):
                raise self._held(now)
            epoch = self._journal.state.epoch + 1
            self._journal.append(writing, TakeLease(actor=actor, epoch=epoch, holder=holder))
            connection.execute(delete(lease))
            connection.execute(
                insert(lease).values(id=1, epoch=epoch, holder=json.dumps(holder), beat=0, released=False)
            )
        self._journal.tell()
        return epoch

    def beat(self, epoch: int, *, durable: bool = False) -> None:
        """Count the beat of the driver of ``epoch`` on; see ``Journal.beat``."""
        with self._journal.writing(durable=durable) as writing:
            change = update(lease).where(lease.c.epoch == epoch).values(beat=lease.c.beat + 1, released=False)
            if writing.connection.execute(change).rowcount != 1:
                self._lost(epoch)

    def release(self, epoch: int) -> None:
        """Give the lease of ``epoch`` back."""
        with self._journal.writing(durable=False) as writing:
            writing.connection.execute(update(lease).where(lease.c.epoch == epoch).values(released=True))

    def _row(self, connection: Connection) -> _Row:
        state = self._journal.state
        row = connection.execute(select(lease)).first()
        if row is None or row.epoch != state.epoch:
            # The row is only a convenience: without it the epoch in the journal still counts.
            return _Row(state.epoch, state.holder, 0, released=False)
        return _Row(row.epoch, json.loads(row.holder), row.beat, row.released)

    def _look(self) -> _Row:
        self._journal.refresh()
        with self._journal.reading() as connection:
            return self._row(connection)

    def _watch(self, patience: float) -> _Row:
        """The lease once it may be taken.

        Raises:
            LeaseHeld: Its holder gave a sign of life.
        """
        first = self._look()
        until = time.monotonic() + patience
        while not (first.epoch == 0 or first.released or gone(first.holder)):
            left = until - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(LOOK, left))
            now = self._look()
            if (now.epoch, now.beat) != (first.epoch, first.beat):
                raise self._held(now)
            first = now
        return first

    def _held(self, row: _Row) -> LeaseHeld:
        who = f"process {row.holder.get('pid', '?')} on {row.holder.get('host', 'an unknown host')}"
        message = (
            f"The campaign {self._journal.state.name!r} is driven by {who} (epoch {row.epoch}). Everything can be seen "
            "and decided from here; that driver acts on it. A driver that was started here waits, and takes over "
            "as soon as that process ends or lets go of the campaign."
        )
        return LeaseHeld(message, holder=row.holder, epoch=row.epoch)

    def _lost(self, epoch: int) -> None:
        state = self._journal.state
        message = (
            f"Another driver took over the campaign {state.name!r} (epoch {state.epoch}, this one has {epoch}). "
            "Runs go on under it; this process only shows the campaign now."
        )
        raise LeaseLost(message, mine=epoch, current=state.epoch)
