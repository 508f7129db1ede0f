"""One connection to the journal's database, and its transactions.

Every use of the connection happens under ``lock``. A write transaction has the journal's head to
itself: ``BEGIN IMMEDIATE`` on SQLite, a row lock on PostgreSQL. While another process has it, this one
waits without holding ``lock``, so that its other threads go on reading the state.
"""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from aisteer.errors import JournalUnavailable
from aisteer.journal import faults
from aisteer.journal.tables import head

__all__ = ["Database", "Writing"]

_ONE_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
_LOCK_HEAD = select(head.c.id).with_for_update()


class Writing:
    """A write transaction. What is passed to ``then`` is called once it is committed, under the lock.

    Attributes:
        fresh: Whether nobody else has committed since the last transaction of this connection.
    """

    def __init__(self, connection: Connection, *, fresh: bool) -> None:
        self.connection = connection
        self.fresh = fresh
        self._afterwards: list[Callable[[], None]] = []

    def then(self, call: Callable[[], None]) -> None:
        """Call ``call`` once this is committed."""
        self._afterwards.append(call)

    def committed(self) -> None:
        """It is committed."""
        for call in self._afterwards:
            call()


class Database:
    """A connection to a journal's database.

    Args:
        engine: Makes the connection; it must not begin transactions by itself on SQLite.
        where: The journal in words, for messages.
        patience: Seconds to wait for other writers.
    """

    def __init__(self, engine: Engine, where: str, patience: float = 20.0) -> None:
        self.engine = engine
        self.where = where
        self.patience = patience
        self.lock = threading.RLock()
        self.belongings: Any = None  # what is to live as long as the connection
        self.sqlite = engine.dialect.name == "sqlite"
        self._connection: Connection | None = None
        self._inside = False
        self._seen: int | None = None
        self._durable: bool | None = None
        self._process = os.getpid()

    def connect(self) -> Connection:
        """The connection, made (again) when there is none."""
        if os.getpid() != self._process:
            message = f"The journal {self.where} was opened in another process, of which this one is a fork."
            raise JournalUnavailable(
                message + " Open the campaign again here with ai.open(…).", where=self.where
            )
        if self._connection is not None and self._connection.invalidated:
            self._drop()
        if self._connection is None:
            self._connection = self.engine.connect()
            self._durable = None
        return self._connection

    def _drop(self) -> None:
        self._seen = None
        if self._connection is not None:
            with suppress(SQLAlchemyError, sqlite3.Error):
                self._connection.close()
            self._connection = None

    def close(self) -> None:
        """Give the connection back. The next use makes a new one."""
        with self.lock:
            if os.getpid() == self._process:
                self._drop()
                self.engine.dispose()
                if self.belongings is not None:
                    self.belongings.cleanup()

    def raw(self, statement: str) -> Any:
        """Run ``statement`` on SQLite's own connection, outside of transactions; its first row."""
        driver: Any = self.connect().connection.dbapi_connection
        return driver.execute(statement).fetchone()

    def changed(self) -> bool:
        """Whether another connection has committed since the last reading began. Cheap on SQLite."""
        if not self.sqlite or self._inside or self._seen is None:
            return True
        return self._version() != self._seen

    def _version(self) -> int:
        try:
            return int(self.raw("PRAGMA data_version")[0])
        except sqlite3.Error as error:
            raise faults.explain(error, self.where) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one moment of the journal. Inside another transaction: that one."""
        with self.lock:
            if self._inside:
                yield self.connect()
                return
            seen = None
            try:
                connection = self.connect()
                seen = self._version() if self.sqlite else None
                connection.exec_driver_sql("BEGIN" if self.sqlite else _ONE_MOMENT)
                self._inside = True
                yield connection
                connection.commit()
                self._seen = seen
            except (SQLAlchemyError, sqlite3.Error) as error:
                self._after(error)
                raise faults.explain(error, self.where) from error
            except BaseException:
                self._rollback()
                raise
            finally:
                self._inside = False

    @contextmanager
    def calling(self) -> Iterator[Connection]:
        """A transaction that writes without the journal's head: to make tables, or to call the database."""
        with self.lock:
            try:
                connection = self.connect()
                if self.sqlite:
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
                connection.commit()
            except (SQLAlchemyError, sqlite3.Error) as error:
                self._after(error)
                raise faults.explain(error, self.where) from error
            except BaseException:
                self._rollback()
                raise

    @contextmanager
    def writing(self, *, durable: bool) -> Iterator[Writing]:
        """The transaction that has the head of the journal to itself.

        Args:
            durable: Whether the commit waits until the disk has it.

        Raises:
            JournalUnavailable: Others wrote for too long, the disk is full, the connection broke.
            JournalReadOnly: The storage cannot be written.
        """
        self._begin(durable=durable)
        try:
            connection = self.connect()
            seen = self._version() if self.sqlite else None
            writing = Writing(connection, fresh=seen is not None and seen == self._seen)
            try:
                yield writing
                self._seen = None  # until what was committed is folded: an interrupt may come in between
                connection.commit()
            except (SQLAlchemyError, sqlite3.Error) as error:
                self._after(error)
                raise faults.explain(error, self.where) from error
            except BaseException:
                self._rollback()
                raise
            self._inside = False
            writing.committed()
            self._seen = seen
        finally:
            self._inside = False
            self.lock.release()

    def _begin(self, *, durable: bool) -> None:
        """Begin a write transaction and hold ``lock``."""
        deadline = time.monotonic() + self.patience
        pause = 0.0005
        while True:
            self.lock.acquire()
            begun = False
            try:
                if self._inside:
                    message = "A command was given inside a transaction of the journal, from a callback."
                    raise JournalUnavailable(message + " Callbacks may only enqueue.", where=self.where)
                begun = self._try_begin(durable=durable, last=time.monotonic() > deadline)
            finally:
                if not begun:
                    self.lock.release()
            if begun:
                return
            time.sleep(pause * (0.5 + random.random()))  # random, to keep writers out of step
            pause = min(2 * pause, 0.01)

    def _try_begin(self, *, durable: bool, last: bool) -> bool:
        try:
            connection = self.connect()
            if self.sqlite:
                if self._durable is not durable:
                    self.raw(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                    self._durable = durable
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.exec_driver_sql("SET LOCAL lock_timeout = '200ms'")
                if not durable:
                    connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
                connection.execute(_LOCK_HEAD)
        except (SQLAlchemyError, sqlite3.Error) as error:
            self._after(error)
            if faults.is_busy(error) and not last:
                return False
            raise faults.explain(error, self.where) from error
        self._inside = True
        return True

    def _rollback(self) -> None:
        self._seen = None
        if self._connection is not None:
            try:
                self._connection.rollback()
                if self.sqlite and self._in_transaction():
                    self.raw("ROLLBACK")
            except (SQLAlchemyError, sqlite3.Error):
                self._drop()

    def _in_transaction(self) -> bool:
        driver: Any = self.connect().connection.dbapi_connection
        return bool(driver.in_transaction)

    def _after(self, error: BaseException) -> None:
        self._rollback()
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            self._drop()
            self.engine.dispose()
