"""Opening the journal's database: a SQLite file in the campaign's folder, or a schema on PostgreSQL."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, insert, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from aisteer.errors import BadDefinition, JournalDamaged, JournalReadOnly, MissingExtra, UnknownName
from aisteer.journal import faults, inbox
from aisteer.journal.database import Database
from aisteer.journal.filesystem import file_system
from aisteer.journal.names import schema_for
from aisteer.journal.tables import FORMAT, head, metadata

__all__ = ["ADDRESS", "FILE", "Backend", "Mode", "backend_for"]

FILE = "journal.db"
ADDRESS = "campaign.json"
Mode = Literal["wal", "rollback", "postgresql"]


@dataclass(frozen=True, slots=True)
class Backend:
    """An opened database.

    Attributes:
        mode: ``wal`` on a local disk, ``rollback`` where a network file system allows no more, ``postgresql``.
        read_only: Why it cannot be written; empty when it can.
        one_host: Whether only one host at a time may write.
        schema: The campaign's schema on PostgreSQL, quoted.
        client: Whether this database user may only look, decide and propose.
    """

    database: Database
    mode: Mode
    read_only: str = ""
    one_host: bool = False
    schema: str = ""
    client: bool = False


def backend_for(folder: Path, url: str | None, *, create: bool, read_only: bool = False) -> Backend:
    """The database of the campaign in ``folder``.

    PostgreSQL at ``url``, or at the address in ``campaign.json``; else a file. The address is kept
    without its password: libpq finds that in ``$PGPASSWORD`` or ``~/.pgpass``.
    """
    address = folder / ADDRESS
    if url is None and address.exists():
        try:
            url = json.loads(address.read_text()).get("journal")
        except (OSError, ValueError, AttributeError) as error:
            message = (
                f"{address}, which says where the journal is, cannot be read ({error}). Nothing was changed."
            )
            raise JournalDamaged(message + ' Write {"journal": "postgresql://…"} into it.') from error
    if url is None:
        return _sqlite(folder, create=create, read_only=read_only)
    made = _postgres(url, schema_for(folder), create=create, read_only=read_only)
    if create:
        shown = make_url(url).set(password=None).render_as_string()
        address.write_text(json.dumps({"journal": shown}) + "\n")
    return made


def _sqlite(folder: Path, *, create: bool, read_only: bool) -> Backend:
    """Open (or make) ``journal.db`` in ``folder``.

    Raises:
        UnknownName: There is none, and ``create`` is not set.
        JournalDamaged: The file is not a journal, or is damaged.
        JournalUnavailable: The storage failed.
    """
    path = folder / FILE
    where = str(path)
    if not create and not path.exists():
        message = f"There is no campaign in {folder}. Create it with ai.Campaign(name, …)."
        raise UnknownName(message, folder=str(folder))
    if read_only or not _writable(folder, path, create=create):
        reason = (
            "It was opened so."
            if read_only
            else f"This user cannot write the folder {folder}, or the file in it."
        )
        database = _read_only(path, where)
        return Backend(
            database, "wal" if database.raw("PRAGMA journal_mode")[0] == "wal" else "rollback", reason
        )
    network = file_system(folder).network
    database = Database(_engine(f"file:{quote(where)}"), where)
    try:
        _recognise(database, create=create)
        mode = _journal_mode(database, network=network, create=create)
        if create:
            with database.calling() as connection:
                _make_tables(connection)
    except BaseException:
        database.close()
        raise
    return Backend(database, mode, one_host=mode == "rollback")


def _recognise(database: Database, *, create: bool) -> None:
    """Look before anything is written into a file that may be somebody else's."""
    deadline = time.monotonic() + database.patience
    while True:
        try:
            with database.lock:
                tables = database.raw(
                    "SELECT count(*), sum(name = 'head') FROM sqlite_master WHERE type = 'table'"
                )
            break
        except sqlite3.Error as error:
            if not faults.is_busy(error) or time.monotonic() > deadline:
                raise faults.explain(error, database.where) from error
            time.sleep(0.01)
    if not tables[0] and not create:
        raise UnknownName(
            f"There is no campaign in {database.where} yet: it is empty.", folder=database.where
        )
    if tables[0] and not tables[1]:
        message = (
            f"{database.where} is not a journal of aisteer, but some other database. It was not changed."
        )
        raise JournalDamaged(message + " Move it away, or choose another name for the campaign.")


def _writable(folder: Path, path: Path, *, create: bool) -> bool:
    return create or (os.access(folder, os.W_OK) and os.access(path, os.W_OK))


def _engine(uri: str) -> Engine:
    def connect() -> sqlite3.Connection:
        # The waiting for other writers is ours (see Database), so that it holds no lock of this process.
        return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=0.2)

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def settings(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA fullfsync=ON")  # only macOS knows it, and needs it for a durable commit
        connection.execute("PRAGMA cache_spill=OFF")
        connection.execute("PRAGMA trusted_schema=OFF")

    return engine


def _journal_mode(database: Database, *, network: bool, create: bool) -> Mode:
    """Set the journal mode that the file system can bear, and read back what SQLite made of it."""
    wanted = "delete" if network else "wal"
    deadline = time.monotonic() + database.patience
    while True:
        try:
            with database.lock:
                now = str(database.raw("PRAGMA journal_mode")[0])
                if now != wanted and (create or now == "wal" or not network):
                    now = str(database.raw(f"PRAGMA journal_mode={wanted}")[0])
                return "wal" if now == "wal" else "rollback"
        except (sqlite3.Error, SQLAlchemyError) as error:
            if not faults.is_busy(error) or time.monotonic() > deadline:
                raise faults.explain(error, database.where) from error
            time.sleep(0.01)


def _read_only(path: Path, where: str) -> Database:
    """A connection that cannot write, also in a folder where SQLite may not make its side files."""
    uri = f"file:{quote(str(path))}?mode=ro"
    database = Database(_engine(uri), where)
    try:
        database.raw("PRAGMA schema_version")
        database.raw("SELECT count(*) FROM sqlite_master")
    except sqlite3.Error as error:
        database.close()
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in {
            sqlite3.SQLITE_CANTOPEN,
            sqlite3.SQLITE_READONLY,
        }:
            raise faults.explain(error, where) from error
    else:
        return database
    wal = path.with_name(path.name + "-wal")
    if wal.exists() and wal.stat().st_size:
        # Its last commits are still in the log, which cannot be read in place: look at a copy.
        belongings = tempfile.TemporaryDirectory(prefix="aisteer-journal-")
        copy = Path(belongings.name)
        shutil.copy2(path, copy / path.name)
        shutil.copy2(wal, copy / wal.name)
        database = Database(_engine(f"file:{quote(str(copy / path.name))}"), where)
        database.belongings = belongings
        return database
    return Database(_engine(f"{uri}&immutable=1"), where)


def _make_tables(connection: Connection) -> None:
    """Make the tables, and the head of an empty journal, unless they exist."""
    metadata.create_all(connection)
    if connection.execute(select(head.c.id)).first() is None:
        connection.execute(insert(head).values(id=1, format=FORMAT, position=0, created=time.time(), host=""))


def _admitted(connection: Connection, schema: str, shown: str) -> None:
    """Raise when the schema does not exist, or is not for this user."""
    query = text(
        "SELECT has_schema_privilege(oid, 'USAGE'), current_user FROM pg_namespace WHERE nspname = :schema"
    )
    found = connection.execute(query, {"schema": schema}).first()
    if found is None:
        raise UnknownName(f"There is no campaign {schema!r} on {shown}. Create it with ai.Campaign(name, …).")
    if not found[0]:
        message = f"The database user {found[1]!r} may not see the campaign {schema!r} on {shown}."
        raise JournalReadOnly(message + " Its owner can admit this user with journal.admit(…).")


def _postgres(url: str, schema: str, *, create: bool, read_only: bool) -> Backend:
    """Open (or make) the ``schema`` of a campaign on the PostgreSQL server at ``url``.

    Raises:
        UnknownName: There is no such schema, and ``create`` is not set.
        JournalUnavailable: The server cannot be reached.
        MissingExtra: psycopg is not installed.
    """
    try:
        target = make_url(url)
        if target.drivername.partition("+")[0] not in {"postgres", "postgresql"}:
            raise BadDefinition(
                "A journal lies in the campaign's folder, or on PostgreSQL: 'postgresql://…'."
            )
        engine = create_engine(target.set(drivername="postgresql+psycopg"), poolclass=NullPool)
    except ModuleNotFoundError as error:
        message = f"A journal on PostgreSQL needs psycopg: pip install 'aisteer[postgres]' ({error})."
        raise MissingExtra(message) from error
    except ArgumentError as error:
        raise BadDefinition(f"This is not the address of a PostgreSQL database ({error}).") from error
    shown = f"{target.render_as_string(hide_password=True)} ({schema})"
    path = f'"{schema}"'

    @event.listens_for(engine, "connect")
    def settings(connection: Any, _: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET search_path TO {path}")
        connection.commit()

    database = Database(engine, shown)
    try:
        with database.lock:
            connection = database.connect()
            if create:
                connection.execute(
                    text("SELECT pg_advisory_xact_lock(hashtext(:schema))"), {"schema": schema}
                )
                connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {path}"))
            _admitted(connection, schema, shown)
            if create:
                _make_tables(connection)
                inbox.make(connection, path)
            owner = bool(connection.execute(text("SELECT has_table_privilege('events', 'INSERT')")).scalar())
            connection.commit()
    except SQLAlchemyError as error:
        database.close()
        raise faults.explain(error, shown) from error
    except BaseException:
        database.close()
        raise
    return Backend(
        database, "postgresql", "It was opened so." if read_only else "", schema=path, client=not owner
    )
