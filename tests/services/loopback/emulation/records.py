"""What the emulated service remembers: tables in memory, and a file of their changes that outlives the process."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]


class Records:
    """Tables of JSON records.

    Each change is a line of a file, read again when the service is started again, so that the service can be stopped
    and killed like one that lives in a cloud: what it has confirmed is still there afterwards.
    """

    def __init__(self, path: Path) -> None:
        self.lock = threading.RLock()
        self._tables: dict[str, dict[str, Record]] = {}
        if path.exists():
            for line in path.read_text().splitlines():
                table, key, record = json.loads(line)
                self._keep(table, key, record)
        self._file = path.open("a", buffering=1)

    def get(self, table: str, key: str) -> Record | None:
        """The record as it is now; it must not be changed in place."""
        with self.lock:
            return self._tables.get(table, {}).get(key)

    def put(self, table: str, key: str, record: Record) -> None:
        """Keep a record in place of the one that the key had."""
        with self.lock:
            self._keep(table, key, record)
            self._file.write(json.dumps([table, key, record]) + "\n")

    def change(self, table: str, key: str, **changes: Any) -> Record:
        """Keep what the key has, with changes."""
        with self.lock:
            record = {**self._tables[table][key], **changes}
            self.put(table, key, record)
            return record

    def remove(self, table: str, key: str) -> None:
        """Forget what the key has."""
        with self.lock:
            self._keep(table, key, None)
            self._file.write(json.dumps([table, key, None]) + "\n")

    def items(self, table: str) -> Iterator[tuple[str, Record]]:
        """A copy of the table to walk over."""
        with self.lock:
            return iter(list(self._tables.get(table, {}).items()))

    def _keep(self, table: str, key: str, record: Record | None) -> None:
        if record is None:
            self._tables.get(table, {}).pop(key, None)
        else:
            self._tables.setdefault(table, {})[key] = record
