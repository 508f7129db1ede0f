"""One host at a time may write a journal on a network file system.

Locks between hosts cannot be relied on there. The host that writes is recorded in the journal's head;
another one takes over only when nobody drives the campaign, or its driver shows no beat.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection, select, update

from aisteer.errors import JournalReadOnly
from aisteer.journal.identity import host_id
from aisteer.journal.tables import head, lease

if TYPE_CHECKING:
    from aisteer.journal.store import Journal

__all__ = ["check", "claim"]

PATIENCE = 15.0
LOOK = 0.2
_ADVICE = (
    "On a network file system one host at a time can write a journal. Keep the campaign on PostgreSQL "
    "(ai.Campaign(…, journal='postgresql://…')), or work in the browser on the notebook of that host."
)


def check(connection: Connection, where: str) -> None:
    """Raise ``JournalReadOnly`` when another host has become the writer."""
    host = connection.execute(select(head.c.host)).scalar()
    if host and host != host_id():
        message = f"Nothing was written: the journal {where} is now written from {_name(host)}. {_ADVICE}"
        raise JournalReadOnly(message, host=host)


def claim(journal: Journal) -> str:
    """Make this host the one that writes; otherwise the reason why not."""
    seen = _look(journal)
    until = time.monotonic() + PATIENCE
    while seen.host not in {"", host_id()} and not seen.free:
        if time.monotonic() > until:
            break
        time.sleep(LOOK)
        now = _look(journal)
        if now != seen:
            return f"It is written from the host {_name(seen.host)}. {_ADVICE}"
    if seen.host != host_id():
        with journal.writing(durable=True, any_host=True) as writing:
            writing.connection.execute(update(head).values(host=host_id()))
    return ""


def _name(host: str) -> str:
    return host.partition(":")[0]


class _Seen(NamedTuple):
    """Who writes, what would move if it lived, and whether nobody drives."""

    host: str
    position: int
    beat: int
    free: bool


def _look(journal: Journal) -> _Seen:
    with journal.reading() as connection:
        host, position = connection.execute(select(head.c.host, head.c.position)).one()
        row = connection.execute(select(lease.c.beat, lease.c.released)).first()
    return _Seen(host, position, row.beat if row else 0, row is None or row.released)
