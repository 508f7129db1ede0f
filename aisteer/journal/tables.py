"""The journal's tables, the same on SQLite and PostgreSQL.

``events`` is the journal. ``head`` says where it ends, and is the row that PostgreSQL locks. The rest
are caches and constraints, made again from the events by ``aisteer.journal.caches``; only ``lease``
stands for itself (it is forgotten without harm: a driver then waits a little longer for the lease).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

__all__ = [
    "FORMAT",
    "commands",
    "events",
    "head",
    "launches",
    "lease",
    "metadata",
    "pages",
    "points",
    "snapshot",
]

FORMAT = 1
"""Raised when the tables change so that an older release cannot write them."""

_Position = BigInteger().with_variant(Integer(), "sqlite")  # INTEGER PRIMARY KEY is SQLite's own row id
metadata = MetaData()

head = Table(
    "head",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("format", Integer, nullable=False),
    Column("position", _Position, nullable=False),
    Column("created", Float(53), nullable=False),
    Column("host", Text, nullable=False),  # who may write, where only one host may; else empty
)

events = Table(
    "events",
    metadata,
    Column("position", _Position, primary_key=True, autoincrement=False),
    Column("time", Float(53), nullable=False),
    Column("kind", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("actor", Text, nullable=False),
    Column("command", Text),
    Column("body", Text, nullable=False),
    Column("crc", BigInteger, nullable=False),
)

commands = Table(
    "commands",
    metadata,
    Column("id", Text, primary_key=True),
    Column("first", _Position, nullable=False),
    Column("last", _Position, nullable=False),  # first - 1 when the command led to nothing
    sqlite_with_rowid=False,
)

launches = Table(
    "launches",
    metadata,
    Column("proposal", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

points = Table(
    "points",
    metadata,
    Column("point", BigInteger, nullable=False),
    Column("proposal", Text, nullable=False),
    Index("points_by_point", "point"),
)

lease = Table(
    "lease",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    Column("beat", BigInteger, nullable=False),
    Column("released", Boolean, nullable=False),
)

snapshot = Table(
    "snapshot",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("position", _Position, nullable=False),
    Column("shape", Text, nullable=False),
    Column("core", LargeBinary, nullable=False),
    Column("proposals", Integer, nullable=False),
    Column("runs", Integer, nullable=False),
)

pages = Table(
    "pages",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("page", Integer, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
    Column("crc", BigInteger, nullable=False),
)
