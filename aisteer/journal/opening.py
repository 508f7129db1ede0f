"""What a journal is opened on: the campaign's folder, and tables that this release may write."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, select

from aisteer.errors import JournalDamaged, JournalReadOnly
from aisteer.journal.events import Unknown
from aisteer.journal.tables import FORMAT, head

__all__ = ["make_folder", "newer_event", "newer_format"]

_UPGRADE = "What this release knows is shown; upgrade aisteer to steer the campaign."


def make_folder(folder: Path) -> None:
    """Make a campaign's folder; one that is there is fine.

    Raises:
        JournalReadOnly: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"The campaign's folder {folder} cannot be made ({error.strerror}). Nothing was written."
        raise JournalReadOnly(
            message + " Choose another with $AISTEER_CAMPAIGNS.", folder=str(folder)
        ) from error


def newer_format(connection: Connection, where: str) -> str:
    """Why the tables cannot be written, where a newer release made them; else empty.

    Raises:
        JournalDamaged: They have no head.
    """
    found = connection.execute(select(head.c.format)).scalar()
    if found is None:
        raise JournalDamaged(f"{where} is a journal without a head: it is damaged. Restore it from a copy.")
    if found <= FORMAT:
        return ""
    return (
        f"Its format ({found}) is that of a newer release of aisteer (this one writes {FORMAT}). {_UPGRADE}"
    )


def newer_event(unknown: Unknown) -> str:
    """Why a journal that holds an event of a newer release cannot be written."""
    what = f"{unknown.stored_kind!r} (version {unknown.stored_version})"
    return f"It holds {what}, written by a newer release of aisteer. {_UPGRADE}"
