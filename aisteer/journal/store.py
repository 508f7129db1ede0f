"""The journal: commands go in, events stand in it, the state comes out.

``Journal.submit`` is the only way to write. Inside one transaction that has the journal's head to
itself it folds what others appended, asks the gate (``commands.handle``), and appends the events.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, bindparam, select, update

from aisteer.errors import AisteerError, JournalDamaged, JournalReadOnly, JournalUnavailable, UnknownName
from aisteer.journal import caches, hosts, inbox, log
from aisteer.journal.backends import Backend, backend_for
from aisteer.journal.commands import Command, Define, Launch, TakeLease, handle
from aisteer.journal.database import Database, Writing
from aisteer.journal.events import Actor, Record, Unknown
from aisteer.journal.folding import fold
from aisteer.journal.follow import Followers
from aisteer.journal.lease import Lease
from aisteer.journal.pages import Paged, PagedProposals
from aisteer.journal.state import State
from aisteer.journal.tables import FORMAT, commands, head

__all__ = ["Journal", "Receipt"]

SNAPSHOT_EVERY = 10_000
CHUNK = 5_000
RECENT = 4_096
POLL = 0.05
_UPGRADE = "What this release knows is shown; upgrade aisteer to steer the campaign."

# Built once: making a statement takes SQLAlchemy longer than SQLite takes to run it.
_HEAD = select(head.c.position)
_MOVE_HEAD = update(head).values(position=bindparam("to"))
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


class Journal:
    """A campaign's journal, opened with ``Journal.create`` or ``Journal.open``.

    Safe for the threads of a process, and for any number of processes.

    Attributes:
        folder: The campaign's folder.
        lock: Holds the state still; keep it briefly, for a consistent look at several things.
        mode: ``wal``, ``rollback`` (on a network file system: one host at a time) or ``postgresql``.
        where: The database in words, without a password.
    """

    def __init__(self, folder: Path, backend: Backend) -> None:
        self.folder = folder
        self.mode = backend.mode
        self.where = backend.database.where
        self._database: Database = backend.database
        self._one_host = backend.one_host
        self._client = backend.client
        self._schema = backend.schema
        self.lock = backend.database.lock
        self._followers = Followers(self.lock)
        self._state = self._empty()
        self._saved = -1
        self._torn = True
        self._recent: deque[Record] = deque(maxlen=RECENT)
        self._closed = False
        self._opened_read_only = backend.read_only
        self._newer_format = ""
        self._unknown: Unknown | None = None

    # --- opening and closing ---

    @classmethod
    def create(cls, folder: Path, command: Define, *, url: str | None = None) -> Journal:
        """Make the journal of a new campaign.

        Args:
            folder: The campaign's folder; made when missing.
            command: What defines the campaign: the journal's first event.
            url: A PostgreSQL server to keep the journal on, instead of a file in ``folder``.

        Raises:
            Refused: There is a campaign in ``folder`` already.
            JournalReadOnly, JournalUnavailable: The folder cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = (
                f"The campaign's folder {folder} cannot be made ({error.strerror}). Nothing was written."
            )
            raise JournalReadOnly(
                message + " Choose another with $AISTEER_CAMPAIGNS.", folder=str(folder)
            ) from error
        journal = cls(folder, backend_for(folder, url, create=True))
        try:
            if journal._one_host:
                hosts.claim(journal)
            journal.submit(command)
        except BaseException:
            journal.close()
            raise
        return journal

    @classmethod
    def open(cls, folder: Path, *, url: str | None = None, read_only: bool = False) -> Journal:
        """Open the journal of an existing campaign; see ``read_only_reason``.

        Raises:
            UnknownName: There is none.
            JournalDamaged: It is not a journal, or cannot be read.
        """
        journal = cls(folder, backend_for(folder, url, create=False, read_only=read_only))
        try:
            journal._check_format()
            journal.refresh()
            journal._check_begun()
            if journal._one_host and not journal.read_only_reason:
                journal._opened_read_only = hosts.claim(journal)
            journal._save_if_due()
        except BaseException:
            journal.close()
            raise
        return journal

    def close(self) -> None:
        """Close it. Lasting: a closed journal raises."""
        with self.lock:
            self._closed = True
            self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    # --- reading ---

    @property
    def state(self) -> State:
        """The state as last folded. Hold ``lock`` to look at several of its parts at one moment."""
        if self._torn and not self._closed:
            self.refresh()
        return self._state

    @property
    def read_only_reason(self) -> str:
        """Why nothing can be written; empty when it can."""
        if self._unknown is not None and not self._opened_read_only and not self._newer_format:
            what = f"{self._unknown.stored_kind!r} (version {self._unknown.stored_version})"
            return f"It holds {what}, written by a newer release of aisteer. {_UPGRADE}"
        return self._opened_read_only or self._newer_format

    @property
    def position(self) -> int:
        """The position that ``state`` stands at."""
        return self._state.position

    def refresh(self) -> int:
        """Fold what other processes appended; how many records that were."""
        self._still_open()
        with self.lock:
            if not self._torn and not self._database.changed():
                return 0
            before = self._state.position
            with self._database.reading() as connection:
                self._catch_up(connection)
            folded = self._state.position - before
        if folded:
            self.tell()
        return folded

    def records(self, after: int = 0, limit: int = 10_000) -> list[Record]:
        """The records that follow position ``after``, at most ``limit``; in order, each once."""
        self._still_open()
        with self.lock:
            first = self._recent[0].position if self._recent else after + 2
            if first <= after + 1 <= self._recent[-1].position and not self._database.changed():
                # A follower that keeps up need not read again what was folded just now.
                return list(islice(self._recent, after + 1 - first, after + 1 - first + limit))
        with self._database.reading() as connection:
            return log.read(connection, after, limit)

    def wait(self, after: int, timeout: float | None = None) -> bool:
        """Wait until the journal stands past ``after``; ``False`` when ``timeout`` seconds went by.

        What this process appends wakes it at once, what others append within 50 ms.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            self.refresh()
            left = POLL if deadline is None else min(POLL, deadline - time.monotonic())
            if self._followers.wait(lambda: self._state.position > after, left):
                return True
            if left <= 0:
                return False

    def subscribe(self, callback: Callable[[int], None]) -> Callable[[], None]:
        """Call ``callback(position)`` whenever ``state`` moved; returns what ends it.

        It is called on whichever thread moved the state, and may only enqueue.
        """
        return self._followers.subscribe(callback)

    # --- writing ---

    def submit(self, command: Command, *, durable: bool | None = None) -> Receipt:
        """Give a command; its events are on disk when this returns.

        Args:
            command: What is asked. The same ``id`` again is answered as the first time.
            durable: Whether to wait for the disk itself, so that it outlives a power failure; by
                default for what a human says, for launches and for the lease.

        Raises:
            Refused: The gate said no; nothing was written.
            JournalReadOnly: See ``read_only_reason``.
            JournalUnavailable: Disk full, locked too long, no connection; nothing was lost.
        """
        if durable is None:
            durable = command.actor.kind == "human" or isinstance(command, Launch | TakeLease)
        if self._client:
            self._still_open()
            return inbox.ask(self, command, self._database.patience)
        before = self.position
        try:
            with self.writing(durable=durable) as writing:
                return self.append(writing, command)
        finally:
            if self.position != before:
                self.tell()

    @contextmanager
    def writing(self, *, durable: bool, any_host: bool = False) -> Iterator[Writing]:
        """A transaction with the journal's head to itself and the state up to date. For the lease and the caches."""
        self._still_open()
        self._may_write()
        with self._database.writing(durable=durable) as writing:
            if self._torn or not writing.fresh:
                self._catch_up(writing.connection)
                self._may_write()
            if self._one_host and not any_host:
                hosts.check(writing.connection, self.where)
            yield writing

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that sees one moment of the journal. For the lease and the caches."""
        self._still_open()
        return self._database.reading()

    def append(self, writing: Writing, command: Command) -> Receipt:
        """Append what ``command`` leads to, inside a transaction; it is folded once that is committed."""
        connection, state = writing.connection, self._state
        earlier = self._earlier(connection, command.id)
        if earlier is not None:
            return earlier
        now = time.time()
        made = handle(state, command, now)
        if not made:
            if command.actor.kind == "human":
                row = {"id": command.id, "first": state.position + 1, "last": state.position}
                connection.execute(caches.COMMAND, [row])
            return Receipt(state.position, ())
        self._save_when_due(writing)
        records, rows = log.prepare(
            made, after=state.position, now=now, actor=command.actor, command=command.id
        )
        log.append(connection, rows)
        caches.index(connection, records, command.id)
        connection.execute(_MOVE_HEAD, {"to": records[-1].position})
        writing.then(lambda: self._fold(records))
        return Receipt(records[-1].position, tuple(records))

    def rebuild(self) -> None:
        """Fold all events anew and make every cache again. For tests, and after a doubt."""
        with self.writing(durable=True) as writing:
            state = self._empty()
            end = self._state.position

            def everything() -> Iterator[Record]:
                while state.position < end:
                    records = log.read(writing.connection, state.position, CHUNK, upto=end)
                    fold(state, records)
                    yield from records

            caches.rebuild(writing.connection, everything(), state)
            writing.then(lambda: setattr(self, "_state", state))

    def _earlier(self, connection: Connection, command: str) -> Receipt | None:
        row = connection.execute(_EARLIER, {"command": command}).first()
        if row is None:
            return None
        records = (
            log.read(connection, row.first - 1, row.last - row.first + 1) if row.last >= row.first else []
        )
        return Receipt(row.last, tuple(records), repeated=True)

    def receipt(self, command: str, position: int) -> Receipt:
        """What a command led to that another process gave to the gate."""
        with self.reading() as connection:
            found = self._earlier(connection, command)
        return Receipt(position, found.events if found else ())

    # --- clients on PostgreSQL ---

    def admit(self, role: str) -> None:
        """Let a role of the PostgreSQL server look, decide and propose, and nothing else.

        Raises:
            NotSupported: The journal is a file.
        """
        if not self._schema:
            raise inbox.not_here(self)
        with self.writing(durable=True) as writing:
            inbox.admit(writing.connection, self._schema, role)

    def serve(self, check: Callable[[Command], None] | None = None) -> int:
        """Give the gate what clients have asked since; how many requests were answered. The driver's part.

        Args:
            check: Raises an ``AisteerError`` when a command does not fit the problem: parameters outside
                the space, say, which the gate does not know about.
        """
        return inbox.serve(self, check) if self._schema and not self._client else 0

    def calling(self) -> AbstractContextManager[Connection]:
        """A transaction in which a client calls a function of the database."""
        self._still_open()
        return self._database.calling()

    # --- the lease ---

    def take_lease(self, holder: dict[str, Any], actor: Actor, patience: float = 15.0) -> int:
        """Become the campaign's driver; the epoch to carry from now on.

        At once when nobody drives, the last driver gave the lease back, or its process is known to be
        gone. Otherwise its beat is watched for ``patience`` seconds on this process's own clock.

        Args:
            holder: Anything worth knowing about the driver; host and process are added.
            actor: The driver.
            patience: Seconds without a beat after which a driver counts as gone.

        Raises:
            LeaseHeld: Another driver is at work.
        """
        return Lease(self).take(holder, actor, patience)

    def beat(self, epoch: int) -> None:
        """Show that the driver of ``epoch`` lives.

        Raises:
            LeaseLost: Another driver took over.
        """
        Lease(self).beat(epoch)

    def release_lease(self, epoch: int) -> None:
        """Give the lease back, so that the next driver need not wait. Harmless when it is lost already."""
        Lease(self).release(epoch)

    def lease_holder(self) -> dict[str, Any]:
        """Who drives: what the driver said of itself, with ``epoch``, ``beat`` and ``released``; empty for nobody."""
        return Lease(self).holder()

    # --- inside ---

    def tell(self) -> None:
        """Wake those who wait, and call those who follow."""
        self._followers.tell(self._state.position)

    def _empty(self) -> State:
        def search(key: str) -> list[str]:
            with self._database.reading() as connection:
                return caches.alike(connection, key)

        return State(proposals=PagedProposals(search), runs=Paged("R"))

    def _still_open(self) -> None:
        if self._closed:
            raise AisteerError(
                f"The journal in {self.folder} was closed. Open the campaign again with ai.open(…)."
            )

    def _may_write(self) -> None:
        if self._client:
            message = f"Nothing was written: this database user may only decide and propose on {self.where}."
            raise JournalReadOnly(message + " Open the campaign as its owner to drive it.")
        if self.read_only_reason:
            message = f"Nothing was written: the journal {self.where} is open for reading only. {self.read_only_reason}"
            raise JournalReadOnly(message, reason=self.read_only_reason)

    def _check_begun(self) -> None:
        if not self._state.uuid and self._unknown is None:
            message = f"There is no campaign in {self.folder} yet: its journal is empty."
            raise UnknownName(message, folder=str(self.folder))

    def _check_format(self) -> None:
        with self._database.reading() as connection:
            found = connection.execute(select(head.c.format)).scalar()
        if found is None:
            raise JournalDamaged(
                f"{self.where} is a journal without a head: it is damaged. Restore it from a copy."
            )
        if found > FORMAT:
            self._newer_format = (
                f"Its format ({found}) is that of a newer release of aisteer (this one writes {FORMAT}). "
                + _UPGRADE
            )

    def _save_if_due(self) -> None:
        """Store a snapshot, when opening had much to fold and somebody may write."""
        if self._client or self.read_only_reason or self._state.position - self._saved < SNAPSHOT_EVERY:
            return
        with suppress(JournalUnavailable, JournalReadOnly), self.writing(durable=False) as writing:
            self._save_when_due(writing)

    def _catch_up(self, connection: Connection) -> None:
        """Fold everything up to the head, inside a transaction."""
        if self._torn:
            self._load(connection)
        end = int(connection.execute(_HEAD).scalar_one())
        if end < self._state.position:
            self._torn = True
            message = f"The journal in {self.folder} went back from event {self._state.position} to {end}:"
            raise JournalDamaged(message + " it was replaced by an older copy. Open the campaign again.")
        while self._state.position < end:
            found = log.read(connection, self._state.position, CHUNK, upto=end)
            if not found:
                raise log.damaged(
                    f"Event {self._state.position + 1} of the journal is missing", self._state.position
                )
            self._fold(found)

    def _load(self, connection: Connection) -> None:
        """Start from the snapshot, or from nothing."""
        state = self._empty()
        if not caches.load(connection, state):
            state = self._empty()
        self._state, self._saved = state, state.position or -1
        self._recent.clear()
        self._torn = False

    def _fold(self, records: list[Record]) -> None:
        self._torn = True  # an interrupt in the middle leaves half a fold; then the state is loaded anew
        self._unknown = fold(self._state, records, self._unknown)
        self._recent.extend(records)
        self._torn = False

    def _save_when_due(self, writing: Writing) -> None:
        """Store a snapshot of the state as it is before this transaction's own events."""
        if self._state.position - self._saved < SNAPSHOT_EVERY:
            return
        self._saved = caches.saved_at(writing.connection)
        if self._state.position - self._saved >= SNAPSHOT_EVERY:
            position = self._state.position
            caches.save(writing.connection, self._state)
            writing.then(lambda: setattr(self, "_saved", position))
