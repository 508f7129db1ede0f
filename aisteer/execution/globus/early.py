"""Ends that were read in a spool's books before anybody here followed their attempts."""

from __future__ import annotations

from aisteer.execution.worker import files
from aisteer.execution.worker.files import Json

__all__ = ["Early"]

_MOST = 8 << 20
"""Bytes of ends that are kept; the oldest are forgotten."""
_PAST = 50_000
"""Attempts that are known to be over, whose lines in books are news to nobody."""


class Early:
    """Keeps ends until somebody asks for them, and none of attempts whose ends are known."""

    def __init__(self) -> None:
        self._lines: dict[str, bytes] = {}
        self._size = 0
        self._past: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def put(self, key: str, line: bytes) -> None:
        """An attempt's line in a book."""
        if key in self._past or len(line) > _MOST:
            return
        self._remove(key)
        self._lines[key] = line
        self._size += len(line)
        while self._size > _MOST:
            self._remove(next(iter(self._lines)))

    def take(self, key: str) -> Json | None:
        """The end of an attempt that is followed from now on, if it was read."""
        line = self._remove(key)
        self._past.pop(key, None)
        return None if line is None else files.decode(line)

    def is_over(self, key: str) -> None:
        """The end of an attempt is known, and it is followed no more."""
        self._remove(key)
        self._past[key] = None
        if len(self._past) > _PAST:
            del self._past[next(iter(self._past))]

    def _remove(self, key: str) -> bytes | None:
        line = self._lines.pop(key, None)
        self._size -= len(line or b"")
        return line
