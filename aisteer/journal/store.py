"""The journal: commands go in, events stand in it, the state comes out.

``Journal.submit`` is the only way to write. Inside one transaction that has the journal's head to
itself it folds what others appended, asks the gate (``commands.handle``), and appends the events.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, bindparam, update

from aisteer.errors import AisteerError, JournalReadOnly, JournalUnavailable, UnknownName
from aisteer.journal import caches, hosts, inbox, log
from aisteer.journal.backends import Backend, backend_for
from aisteer.journal.commands import Command, Define, Launch, TakeLease, handle
from aisteer.journal.database import Database, Writing
from aisteer.journal.events import Actor, Record
from aisteer.journal.folded import Folded
from aisteer.journal.follow import Followers
from aisteer.journal.lease import Lease
from aisteer.journal.opening import make_folder, newer_event, newer_format
from aisteer.journal.receipts import Receipt, earlier
from aisteer.journal.state import State
from aisteer.journal.tables import head

__all__ = ["Journal", "Receipt"]

POLL = 0.05
# Built once: making a statement takes SQLAlchemy longer than SQLite takes to run it.
_MOVE_HEAD = update(head).values(position=bindparam("to"))


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
        self._folded = Folded(folder, backend.database)
        self._closed = False
        self._opened_read_only = backend.read_only
        self._newer_format = ""

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
        make_folder(folder)
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
            with journal._database.reading() as connection:
                journal._newer_format = newer_format(connection, journal.where)
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
        if self._folded.torn and not self._closed:
            self.refresh()
        return self._folded.state

    @property
    def read_only_reason(self) -> str:
        """Why nothing can be written; empty when it can."""
        if self._folded.unknown is not None and not self._opened_read_only and not self._newer_format:
            return newer_event(self._folded.unknown)
        return self._opened_read_only or self._newer_format

    @property
    def position(self) -> int:
        """The position that ``state`` stands at."""
        return self._folded.state.position

    def rests_at(self, position: int) -> bool:
        """Whether ``state`` stands at ``position`` and nothing is being folded.

        True before and after a look means that it was a look at one moment, also without ``lock``.
        """
        return not self._folded.torn and self._folded.state.position == position

    def refresh(self) -> int:
        """Fold what other processes appended; how many records that were."""
        self._still_open()
        with self.lock:
            if not self._folded.torn and not self._database.changed():
                return 0
            before = self._folded.state.position
            with self._database.reading() as connection:
                self._folded.catch_up(connection)
            folded = self._folded.state.position - before
        if folded:
            self.tell()
        return folded

    def records(self, after: int = 0, limit: int = 10_000) -> list[Record]:
        """The records that follow position ``after``, at most ``limit``; in order, each once."""
        self._still_open()
        with self.lock:
            known = self._folded.remembered(after, limit)
            if known is not None and not self._database.changed():
                return known
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
            if self._followers.wait(lambda: self._folded.state.position > after, left):
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
            if self._folded.torn or not writing.fresh:
                self._folded.catch_up(writing.connection)
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
        connection, state = writing.connection, self._folded.state
        known = earlier(connection, command.id)
        if known is not None:
            return known
        now = time.time()
        made = handle(state, command, now)
        if not made:
            if command.actor.kind == "human":
                row = {"id": command.id, "first": state.position + 1, "last": state.position}
                connection.execute(caches.COMMAND, [row])
            return Receipt(state.position, ())
        self._folded.save_when_due(writing)
        records, rows = log.prepare(
            made, after=state.position, now=now, actor=command.actor, command=command.id
        )
        log.append(connection, rows)
        caches.index(connection, records, command.id)
        connection.execute(_MOVE_HEAD, {"to": records[-1].position})
        writing.then(lambda: self._folded.fold(records))
        return Receipt(records[-1].position, tuple(records))

    def rebuild(self) -> None:
        """Fold all events anew and make every cache again. For tests, and after a doubt."""
        with self.writing(durable=True) as writing:
            self._folded.rebuild(writing)

    def receipt(self, command: str, position: int) -> Receipt:
        """What a command led to that another process gave to the gate."""
        with self.reading() as connection:
            found = earlier(connection, command)
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

    def beat(self, epoch: int, *, durable: bool = False) -> None:
        """Show that the driver of ``epoch`` lives.

        Args:
            epoch: The driver's.
            durable: Whether to wait for the disk itself: then all that was committed before outlives a power failure.

        Raises:
            LeaseLost: Another driver took over.
        """
        Lease(self).beat(epoch, durable=durable)

    def release_lease(self, epoch: int) -> None:
        """Give the lease back, so that the next driver need not wait. Harmless when it is lost already."""
        Lease(self).release(epoch)

    def lease_holder(self) -> dict[str, Any]:
        """Who drives: what the driver said of itself, with ``epoch``, ``beat`` and ``released``; empty for nobody."""
        return Lease(self).holder()

    # --- inside ---

    def tell(self) -> None:
        """Wake those who wait, and call those who follow."""
        self._followers.tell(self._folded.state.position)

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
        if not self._folded.state.uuid and self._folded.unknown is None:
            message = f"There is no campaign in {self.folder} yet: its journal is empty."
            raise UnknownName(message, folder=str(self.folder))

    def _save_if_due(self) -> None:
        """Store a snapshot, when opening had much to fold and somebody may write."""
        if self._client or self.read_only_reason or not self._folded.due:
            return
        with suppress(JournalUnavailable, JournalReadOnly), self.writing(durable=False) as writing:
            self._folded.save_when_due(writing)
