"""The state as far as the journal was folded: kept up with what is appended, its snapshot stored now and then."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection, select

from aisteer.errors import JournalDamaged
from aisteer.journal import caches, log
from aisteer.journal.database import Database, Writing
from aisteer.journal.events import Record, Unknown
from aisteer.journal.folding import fold
from aisteer.journal.pages import Paged, PagedProposals
from aisteer.journal.state import State
from aisteer.journal.tables import head

__all__ = ["Folded"]

SNAPSHOT_EVERY = 10_000
CHUNK = 5_000
RECENT = 4_096

# Built once: making a statement takes SQLAlchemy longer than SQLite takes to run it.
_HEAD = select(head.c.position)


class Folded:
    """What the events of a journal fold to, up to ``state.position``.

    Args:
        folder: The campaign's folder, for messages.
        database: Where the events stand.

    Attributes:
        state: The state.
        torn: Nothing was folded yet, or a fold was interrupted: the state has to be loaded anew.
        unknown: The first event of a newer release that was met, if any.
    """

    def __init__(self, folder: Path, database: Database) -> None:
        self._folder = folder
        self._database = database
        self.state = self._empty()
        self.torn = True
        self.unknown: Unknown | None = None
        self._saved = -1
        self._recent: deque[Record] = deque(maxlen=RECENT)

    def _empty(self) -> State:
        def search(keys: Iterable[str]) -> list[str]:
            with self._database.reading() as connection:
                return caches.alike(connection, keys)

        return State(proposals=PagedProposals(search), runs=Paged("R"))

    # --- keeping up ---

    def catch_up(self, connection: Connection) -> None:
        """Fold everything up to the head, inside a transaction.

        Raises:
            JournalDamaged: The journal went back, or an event is missing.
        """
        if self.torn:
            self._load(connection)
        end = int(connection.execute(_HEAD).scalar_one())
        if end < self.state.position:
            self.torn = True
            message = f"The journal in {self._folder} went back from event {self.state.position} to {end}:"
            raise JournalDamaged(message + " it was replaced by an older copy. Open the campaign again.")
        while self.state.position < end:
            found = log.read(connection, self.state.position, CHUNK, upto=end)
            if not found:
                raise log.damaged(
                    f"Event {self.state.position + 1} of the journal is missing", self.state.position
                )
            self.fold(found)

    def _load(self, connection: Connection) -> None:
        """Start from the snapshot, or from nothing."""
        state = self._empty()
        if not caches.load(connection, state):
            state = self._empty()
        self.state, self._saved = state, state.position or -1
        self._recent.clear()
        self.torn = False

    def fold(self, records: list[Record]) -> None:
        """Fold records that follow the state."""
        self.torn = True  # an interrupt in the middle leaves half a fold; then the state is loaded anew
        self.unknown = fold(self.state, records, self.unknown)
        self._recent.extend(records)
        self.torn = False

    def remembered(self, after: int, limit: int) -> list[Record] | None:
        """Records that follow position ``after``, if they were folded just now; else they have to be read."""
        first = self._recent[0].position if self._recent else after + 2
        if not first <= after + 1 <= self._recent[-1].position:
            return None
        return list(islice(self._recent, after + 1 - first, after + 1 - first + limit))

    # --- the snapshot ---

    @property
    def due(self) -> bool:
        """Whether much was folded since the snapshot that is known of."""
        return self.state.position - self._saved >= SNAPSHOT_EVERY

    def save_when_due(self, writing: Writing) -> None:
        """Store a snapshot of the state as it is before the transaction's own events."""
        if not self.due:
            return
        self._saved = caches.saved_at(writing.connection)
        if self.due:
            position = self.state.position
            caches.save(writing.connection, self.state)
            writing.then(lambda: setattr(self, "_saved", position))

    def rebuild(self, writing: Writing) -> None:
        """Fold all events anew and make every cache again."""
        state = self._empty()
        end = self.state.position

        def everything() -> Iterator[Record]:
            while state.position < end:
                records = log.read(writing.connection, state.position, CHUNK, upto=end)
                fold(state, records)
                yield from records

        caches.rebuild(writing.connection, everything(), state)
        writing.then(lambda: setattr(self, "state", state))
