"""The ends that workers wrote into their books, as somebody else reads them."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator

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

    def remove_over(self, is_over: Callable[[str], bool]) -> None:
        """Remove the books that nobody writes any more and of which each attempt is over and packed."""
        there = self._names()
        closed = book.closed(there)
        for name in there:
            ends = self._ends(name)
            if ends is None or not all(map(is_over, ends)):
                continue
            if name not in closed:
                if not self._is_left(name, ends):
                    continue
                ends = self._ends(name)  # once more: it may have written just before it left
                if ends is None or not all(map(is_over, ends)):
                    continue
            files.remove(os.path.join(self._folder, name))
            for known in (self._read_to_the_end, self._too_long):
                known.discard(name)
            self._offsets.pop(name, None)

    def _is_left(self, name: str, ends: Iterable[str]) -> bool:
        """Whether the worker whose book it is exists no more, as far as that can be known from here."""
        parts = book.NAME.fullmatch(name)
        token = parts[1] if parts is not None else ""
        own = files.read_json(os.path.join(self._root, "claimants", f"{token}.json"))
        if own is not None:
            return holder_is_dead(own)
        # A worker takes that file away when it leaves. Should somebody else have done so, its claims tell.
        claims = (read_claim(os.path.join(self._root, names.folder_of(key))) for key in ends)
        claim = next((claim for claim in claims if claim is not None and claim.get("by") == token), None)
        return claim is None or not holder_lives(claim)

    def _names(self) -> set[str]:
        try:
            found = os.listdir(self._folder)
        except OSError:
            return set()
        return {name for name in found if name.startswith(self._beginning) and book.NAME.fullmatch(name)}

    def _ends(self, name: str) -> dict[str, bytes] | None:
        data = files.read(os.path.join(self._folder, name), _LARGEST)
        return None if data is None else dict(book.entries(data[: data.rfind(b"\n") + 1]))

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
        self._offsets[name] = start + self._take(name, data)
        return len(data) < _CHUNK

    def _take(self, name: str, data: bytes) -> int:
        """Take in a stretch of a book; how many bytes of it are done with."""
        skipped = 0
        if name in self._too_long:  # the rest of a line that nobody reads
            skipped = data.find(b"\n") + 1
            if not skipped:
                return len(data)
            self._too_long.discard(name)
        whole = data[skipped : data.rfind(b"\n") + 1]
        if not whole and len(data) == _CHUNK and not skipped:
            self._too_long.add(name)
            for key, _ in book.entries(data):
                self._lines[key] = files.encode({"attempt": key, "end": "failed", "message": _TOO_LONG})
            return len(data)
        self._lines.update(book.entries(whole))
        return skipped + len(whole)
