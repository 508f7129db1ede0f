"""What commands led to, so that a repeated one is answered as the first time."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from aisteer.journal import log
from aisteer.journal.events import Record
from aisteer.journal.tables import commands

__all__ = ["Receipt", "earlier"]

# Built once: making a statement takes SQLAlchemy longer than SQLite takes to run it.
_EARLIER = select(commands.c.first, commands.c.last).where(commands.c.id == bindparam("command"))


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a command led to.

    Attributes:
        position: The journal's position after it.
        events: The records it appended; empty when there was nothing to do.
        repeated: Whether it had been given before; ``events`` are those of the first time.
    """

    position: int
    events: tuple[Record, ...]
    repeated: bool = False


def earlier(connection: Connection, command: str) -> Receipt | None:
    """What the command of that id led to; ``None`` when there was none."""
    row = connection.execute(_EARLIER, {"command": command}).first()
    if row is None:
        return None
    records = log.read(connection, row.first - 1, row.last - row.first + 1) if row.last >= row.first else []
    return Receipt(row.last, tuple(records), repeated=True)
