"""The ends that workers wrote into their books, as somebody else reads them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from . import book, files

_CHUNK = 4 << 20


class Books:
    """Follows the books of a spool, and keeps each end until it is forgotten.

    A book is opened anew for each look. One that has a successor is not written any more.

    Args:
        root: The spool's root.
    """

    def __init__(self, root: str) -> None:
        self._folder = os.path.join(root, "ends")
        self._offsets: dict[str, int] = {}
        self._closed: set[str] = set()
        self._lines: dict[str, bytes] = {}

    def look(self) -> None:
        """Take in what was written since the last look."""
        names = self._names()
        for name in names:
            if name not in self._closed and self._read(name) and book.has_successor(name, names):
                self._closed.add(name)

    def get(self, key: str) -> bytes | None:
        """The line of an attempt's end, of what was taken in."""
        return self._lines.get(key)

    def forget(self, key: str) -> None:
        """The end stands in the journal."""
        self._lines.pop(key, None)

    def all(self) -> Iterator[tuple[str, bool, dict[str, bytes]]]:
        """Each book, whether it is closed, and all ends that are in it."""
        names = self._names()
        for name in names:
            data = files.read(os.path.join(self._folder, name), 64 << 20) or b""
            yield name, book.has_successor(name, names), dict(book.entries(data[: data.rfind(b"\n") + 1]))

    def remove(self, name: str) -> None:
        """Remove a closed book of which every attempt is packed."""
        files.remove(os.path.join(self._folder, name))
        self._closed.discard(name)
        self._offsets.pop(name, None)

    def _names(self) -> set[str]:
        try:
            return {name for name in os.listdir(self._folder) if book.NAME.fullmatch(name)}
        except OSError:
            return set()

    def _read(self, name: str) -> bool:
        """Take in what is new in a book. Answers whether it was read to its end."""
        start = self._offsets.get(name, 0)
        try:
            fd = os.open(os.path.join(self._folder, name), files.READ)
        except OSError:
            return False
        try:
            info = os.fstat(fd)
            if not stat.S_ISREG(info.st_mode) or info.st_size <= start:
                return True
            data = os.pread(fd, _CHUNK, start)
        except OSError:
            return False
        finally:
            os.close(fd)
        whole = data[: data.rfind(b"\n") + 1]
        self._lines.update(book.entries(whole))
        self._offsets[name] = start + len(whole)
        return len(data) < _CHUNK
