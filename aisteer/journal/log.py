"""The events as rows: written, read back, checked."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select

from aisteer.errors import JournalDamaged, Refused
from aisteer.journal.events import Actor, Event, Record, decode, stored
from aisteer.journal.tables import events

__all__ = ["append", "checksum", "damaged", "prepare", "read"]

_COLUMNS = (
    events.c.position,
    events.c.time,
    events.c.kind,
    events.c.version,
    events.c.actor,
    events.c.command,
    events.c.body,
    events.c.crc,
)
_READ = (
    select(*_COLUMNS)
    .where(events.c.position > bindparam("after"), events.c.position <= bindparam("upto"))
    .order_by(events.c.position)
    .limit(bindparam("count"))
)
Row = tuple[int, float, str, int, str, str | None, str, int]
_END = 2**62


def checksum(row: tuple[int, float, str, int, str, str | None, str]) -> int:
    """CRC-32 of a row's other columns: what a disk changed by itself is noticed."""
    position, time, kind, version, actor, command, body = row
    return zlib.crc32(f"{position}|{time!r}|{kind}|{version}|{actor}|{command}|{body}".encode())


def prepare(
    made: Sequence[Event], *, after: int, now: float, actor: Actor, command: str | None
) -> tuple[list[Record], list[Row]]:
    """The records and rows of new events.

    The records hold what will be read back, not what was passed in: nobody can change them from
    outside, and every process folds the same.

    Raises:
        Refused: An event holds what JSON cannot say, such as a value that is not finite.
    """
    records: list[Record] = []
    rows: list[Row] = []
    by = actor.to_json()
    for position, event in enumerate(made, after + 1):
        try:
            body, as_stored = stored(event)
        except (TypeError, ValueError) as error:
            message = f"The command was not recorded: it holds a value that cannot be stored ({error})."
            raise Refused(message + " Pass finite numbers, text, lists and mappings.") from error
        kind, version = event.kind, event.version
        records.append(Record(position, now, actor, command, as_stored))
        row = (position, now, kind, version, by, command, body)
        rows.append((*row, checksum(row)))
    return records, rows


def append(connection: Connection, rows: list[Row]) -> None:
    """Write rows; as plain tuples, which SQLAlchemy passes on without looking at each."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    connection.exec_driver_sql("INSERT INTO events VALUES (" + ", ".join([mark] * 8) + ")", rows)  # noqa: S608


def read(connection: Connection, after: int, limit: int, upto: int | None = None) -> list[Record]:
    """The records that follow position ``after``, at most ``limit``.

    Raises:
        JournalDamaged: A record is missing, or is not as it was written.
    """
    bounds = {"after": after, "upto": _END if upto is None else upto, "count": limit}
    records = []
    for position, time, kind, version, by, command, body, crc in connection.execute(_READ, bounds):
        if position != after + 1 or crc != checksum((position, time, kind, version, by, command, body)):
            what = "is missing" if position != after + 1 else "is not as it was written"
            raise damaged(f"Event {after + 1} of the journal {what}", after)
        after = position
        try:
            actor = Actor.from_json(by)
        except (TypeError, ValueError) as error:
            raise damaged(f"The actor of event {position} cannot be read ({error})", after - 1) from error
        records.append(Record(position, time, actor, command, decode(kind, version, body)))
    return records


def damaged(what: str, good: int) -> JournalDamaged:
    """The error for a journal whose events can be trusted up to position ``good`` only."""
    message = (
        f"{what}: the file is damaged after event {good}. It was not changed. Restore journal.db from a copy "
        "(or a snapshot of the file system); what the runs wrote is still in their spool."
    )
    return JournalDamaged(message, good=good)
