"""What is kept beside the events so that opening and looking up are fast.

Everything here can be deleted and is made again from the events: the snapshot of the state, which
command led to which events, which points were proposed, which attempts were launched.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select

from aisteer.errors import JournalDamaged
from aisteer.journal import events as ev
from aisteer.journal.commands import point_key
from aisteer.journal.events import Record
from aisteer.journal.pages import Paged
from aisteer.journal.rows import SHAPE, pack_core, unpack_core
from aisteer.journal.state import Proposal, Run, State
from aisteer.journal.tables import commands, launches, pages, points, snapshot

__all__ = ["COMMAND", "alike", "index", "load", "paged", "rebuild", "save", "saved_at", "settle"]

COMMAND = insert(commands)
_POINT = insert(points)
_ALIKE = select(points.c.proposal).where(points.c.point.in_(bindparam("points", expanding=True)))
_AT_ONCE = 500
_LAUNCH = insert(launches)


def paged(state: State) -> tuple[Paged[Proposal], Paged[Run]]:
    """The state's proposals and runs, which a journal always keeps in pages."""
    assert isinstance(state.proposals, Paged)
    assert isinstance(state.runs, Paged)
    return state.proposals, state.runs


def settle(state: State) -> None:
    """Pack what neither waits nor lives."""
    proposals, runs = paged(state)
    keep = state.waiting.keys() | state.accepted.keys()
    keep |= {runs[name].proposal for name in state.live}
    proposals.settle(state.position, keep)
    runs.settle(state.position, set(state.live))


def load(connection: Connection, state: State) -> bool:
    """Set an empty ``state`` to the stored snapshot; ``False`` when there is none that can be used."""
    row = connection.execute(select(snapshot)).first()
    if row is None or row.shape != SHAPE:
        return False
    try:
        stored: tuple[Paged[Any], Paged[Any]] = paged(state)
        for kind, values, count in zip("PR", stored, (row.proposals, row.runs), strict=True):
            found = connection.execute(
                select(pages.c.body, pages.c.crc).where(pages.c.kind == kind).order_by(pages.c.page)
            ).all()
            if any(zlib.crc32(body) != crc for body, crc in found):
                return False
            values.load([bytes(body) for body, _ in found], count)
        unpack_core(row.core, state)
    except (JournalDamaged, ValueError, TypeError, LookupError, zlib.error):
        return False
    return bool(state.position == row.position)


def saved_at(connection: Connection) -> int:
    """The position of the stored snapshot; -1 when there is none that can be used."""
    row = connection.execute(select(snapshot.c.position, snapshot.c.shape)).first()
    return -1 if row is None or row.shape != SHAPE else int(row.position)


def save(connection: Connection, state: State) -> None:
    """Store a snapshot of ``state``; only pages that changed since the stored one are written."""
    since = saved_at(connection)
    settle(state)
    if since < 0:
        connection.execute(delete(pages))
    for values in paged(state):
        changed = [n for n, position in enumerate(values.changed) if position > since or since < 0]
        bodies = [values.pages[n] for n in changed]
        rows = [
            {"kind": values.kind, "page": n, "body": body, "crc": zlib.crc32(body)}
            for n, body in zip(changed, bodies, strict=True)
        ]
        if rows:
            connection.execute(delete(pages).where(pages.c.kind == values.kind, pages.c.page.in_(changed)))
            connection.execute(insert(pages), rows)
    connection.execute(delete(snapshot))
    proposals, runs = paged(state)
    connection.execute(
        insert(snapshot).values(
            id=1,
            position=state.position,
            shape=SHAPE,
            core=pack_core(state),
            proposals=len(proposals),
            runs=len(runs),
        )
    )


def _point(key: str) -> int:
    return int.from_bytes(
        hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:8], "big", signed=True
    )


def alike(connection: Connection, keys: Iterable[str]) -> list[str]:
    """Names of the proposals whose point may be one of ``keys``, in the order they were made."""
    wanted = [_point(key) for key in keys]
    found: set[str] = set()
    for at in range(0, len(wanted), _AT_ONCE):
        found.update(connection.execute(_ALIKE, {"points": wanted[at : at + _AT_ONCE]}).scalars())
    return sorted(found, key=lambda name: int(name[1:]))


def index(connection: Connection, records: Sequence[Record], command: str | None) -> None:
    """Enter what ``command`` led to in the tables of commands, points and launches."""
    proposed = []
    launched = []
    for record in records:
        event = record.event
        if isinstance(event, ev.ProposalMade):
            key = point_key(event.task, event.action, event.run, event.parameters)
            proposed.append({"point": _point(key), "proposal": event.proposal})
        elif isinstance(event, ev.AttemptLaunched):
            launched.append({"proposal": event.proposal, "attempt": event.attempt})
    if command is not None and records:
        connection.execute(
            COMMAND, [{"id": command, "first": records[0].position, "last": records[-1].position}]
        )
    if proposed:
        connection.execute(_POINT, proposed)
    if launched:
        connection.execute(_LAUNCH, launched)


def rebuild(connection: Connection, records: Iterable[Record], state: State) -> None:
    """Make every cache again.

    Args:
        connection: A transaction that has the journal's head to itself.
        records: All events, from the first.
        state: The state at the head.
    """
    for table in (snapshot, pages, points, launches):
        connection.execute(delete(table))
    # A command that led to nothing left no event to find it by again: it stays.
    connection.execute(delete(commands).where(commands.c.last >= commands.c.first))
    for command, group in groupby(records, key=lambda record: record.command):
        index(connection, list(group), command)
    save(connection, state)
