"""The ends that workers wrote into their books, as somebody else reads them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from . import book, files, names
from .claim import holder_is_dead, holder_lives, read_claim

_CHUNK = 4 << 20
_LARGEST = 64 << 20
_TOO_LONG = (
    "Its end, in its worker's book, has more than 4 MB, which is more than a worker writes: it was damaged, or "
    "somebody else wrote it. Its observations are kept; run it again."
)


class Books:
    """Follows the books of a spool, and keeps each end until it is forgotten.

    A book is opened anew for each look. One that has a successor is not written any more.

    Args:
        root: The spool's root.
        token: The worker whose books are followed; None follows all of them.
    """

    def __init__(self, root: str, token: str | None = None) -> None:
        self._root = root
        self._folder = os.path.join(root, "ends")
        self._beginning = "" if token is None else f"{token}-"
        self._offsets: dict[str, int] = {}
        self._read_to_the_end: set[str] = set()
        self._too_long: set[str] = set()
        self._lines: dict[str, bytes] = {}

    def look(self) -> None:
        """Take in what was written since the last look."""
        there = self._names()
        closed = book.closed(there)
        for name in there - self._read_to_the_end:
            if self._read(name) and name in closed:
                self._read_to_the_end.add(name)

    def get(self, key: str) -> bytes | None:
        """The line of an attempt's end, of what was taken in."""
        return self._lines.get(key)

    def forget(self, key: str) -> None:
        """The end stands in the journal."""
        self._lines.pop(key, None)

    def all(self) -> Iterator[tuple[str, dict[str, bytes]]]:
        """Each book that can be read, and all ends that are in it."""
        for name in self._names():
            ends = self._ends(name)
            if ends is not None:
                yield name, ends

    def remove_if(self, name: str, packed: Iterator[str] | set[str]) -> None:
        raise NotImplementedError

    def _names(self) -> set[str]:
        try:
            found = os.listdir(self._folder)
        except OSError:
            return set()
        return {name for name in found if name.startswith(self._beginning) and book.NAME.fullmatch(name)}
