"""What the database said, in words that tell what it means for the campaign and what to do next."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from aisteer.errors import AisteerError, JournalDamaged, JournalReadOnly, JournalUnavailable, Refused

__all__ = ["explain", "is_busy"]

_AGAIN = "Nothing was written and nothing was lost: runs go on, and the same call can be repeated."
_POSTGRES = {
    "25006": "read-only",
    "42501": "read-only",
    "55P03": "locked",
    "40001": "locked",
    "40P01": "locked",
    "57014": "locked",
    "53100": "full",
    "3F000": "foreign",
    "42P01": "foreign",
    "XX001": "damaged",
    "XX002": "damaged",
}
_SQLITE = {
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_PROTOCOL: "locked",
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "read-only",
    sqlite3.SQLITE_PERM: "read-only",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "foreign",
    sqlite3.SQLITE_IOERR: "storage",
    sqlite3.SQLITE_CANTOPEN: "storage",
}

_RESTORE = (
    "It was not changed. Restore it from a copy, or, when there is none, try `sqlite3 journal.db .recover`; what the "
    "runs wrote is still in their spool."
)
_KINDS: dict[str, type[AisteerError]] = {
    "twice": Refused,
    "read-only": JournalReadOnly,
    "damaged": JournalDamaged,
    "foreign": JournalDamaged,
}
_WORDS = {
    "twice": "The journal already holds this (a launch is recorded once per attempt): {detail}.",
    "locked": """The journal {where} was locked by another process for too long. {again}
        If it stays so, look for a stopped process with `aisteer status`.""",
    "full": "There is no space left for the journal {where} ({detail}). {again} Free some space first.",
    "read-only": """The journal {where} cannot be written ({detail}). Nothing was written. The campaign can be
        looked at; to steer it, make the folder writable and open it again.""",
    "damaged": "{where} is damaged ({detail}). {restore}",
    "foreign": "{where} is not a journal of aisteer, or its beginning is damaged ({detail}). {restore}",
    "connection": """The database of the journal {where} cannot be reached ({detail}). Runs go on. It is unknown
        whether the last command arrived; repeating the same command is harmless. The connection is made
        again by itself.""",
    "storage": "The journal {where} could not be read or written ({detail}). {again}",
}


def _cause(error: BaseException) -> str:
    origin: Any = getattr(error, "orig", None) or error
    if isinstance(error, IntegrityError) or isinstance(origin, sqlite3.IntegrityError):
        return "twice"
    if isinstance(origin, sqlite3.Error):
        if "no such table" in str(origin) or "no such column" in str(origin):
            return "foreign"
        return _SQLITE.get(getattr(origin, "sqlite_errorcode", 0) & 0xFF, "storage")
    state = getattr(origin, "sqlstate", None)
    if state in _POSTGRES:
        return _POSTGRES[state]
    return "connection" if isinstance(error, DBAPIError) else "storage"


def is_busy(error: BaseException) -> bool:
    """Whether somebody else was writing."""
    return _cause(error) == "locked"


def explain(error: SQLAlchemyError | sqlite3.Error, where: str) -> AisteerError:
    """The error to raise for a fault of the database at ``where``."""
    cause = _cause(error)
    said = str(getattr(error, "orig", None) or error).strip().splitlines()
    detail = said[0][:300] if said else type(error).__name__
    words = " ".join(_WORDS[cause].split()).format(where=where, detail=detail, again=_AGAIN, restore=_RESTORE)
    return _KINDS.get(cause, JournalUnavailable)(words, cause=cause, where=where)
