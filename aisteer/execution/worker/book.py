"""The ends of attempts that left nothing else, in one file for each worker instead of a folder for each attempt.

``ends/<token>-<number>.jsonl``: one line for each end, with ``attempt`` in front. Only the worker whose token
it is writes to it; when a file is long it begins the next one, and the one before is never written again.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator

from . import files
from .files import Json

NAME = re.compile(r"([0-9A-Za-z]{4,64})-([0-9]{6})\.jsonl")
LONGEST_LINE = files.SMALL
_LONGEST = 256 << 10
_NUMBER = len("-000001.jsonl")
_KEY = re.compile(rb'\{"attempt":"([0-9A-Za-z]{4,64}-[0-9]{1,6})",')
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC


def entries(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The attempt's key and the line of each end in whole lines of a book."""
    for line in data.split(b"\n"):
        found = _KEY.match(line)
        if found is not None:
            yield found[1].decode(), line


def parts(name: str) -> tuple[str, int]:
    """The worker's token and the number in a book's name."""
    return name[:-_NUMBER], int(name[-_NUMBER + 1 : -len(".jsonl")])


def closed(names: Iterable[str]) -> set[str]:
    """Those books among ``names`` that are not written any more: a later one of the same worker is there."""
    known = list(names)
    latest: dict[str, str] = {}
    for name in sorted(known):
        latest[name[:-_NUMBER]] = name
    return set(known).difference(latest.values())


def of(root: str, token: str) -> dict[str, bytes]:
    """All that a worker has in its book: for when it is dead, or its attempt is asked for."""
    folder = os.path.join(root, "ends")
    found: dict[str, bytes] = {}
    try:
        names = os.listdir(folder)
    except OSError:
        return found
    for name in sorted(names):
        parts = NAME.fullmatch(name)
        if parts is not None and parts[1] == token:
            data = files.read(os.path.join(folder, name), 64 << 20) or b""
            found.update(entries(data[: data.rfind(b"\n") + 1]))
    return found


class Book:
    """The book of one worker.

    Args:
        root: The spool's root.
        token: The worker's, as it stands in its claims.
    """

    def __init__(self, root: str, token: str) -> None:
        self._start = os.path.join(root, "ends", token)
        self._number = 0
        self._fd = -1
        self._length = 0

    def write(self, key: str, end: Json) -> bool:
        """Add the end of an attempt. Answers whether it stands there; one that is too long for a line does not."""
        line = files.encode({"attempt": key, "format": 1, **end}) + b"\n"
        if len(line) > LONGEST_LINE:
            return False
        try:
            self._write(line)
            if not os.fstat(self._fd).st_nlink:
                self._turn()  # removed underneath: it would be read by nobody
                self._write(line)
        except OSError:
            self._tear_out()
            return False
        return True

    def _write(self, line: bytes) -> None:
        if self._fd < 0 or self._length > _LONGEST:
            self._turn()
        files.write_all(self._fd, line)
        self._length += len(line)

    def _turn(self) -> None:
        self.close()
        while True:
            try:
                self._fd = os.open(f"{self._start}-{self._number + 1:06d}.jsonl", _NEW, 0o666)
            except FileExistsError:
                self._number += 1  # we made it, though the answer was lost
            else:
                break
        self._number += 1
        self._length = 0

    def _tear_out(self) -> None:
        """After a failed write: half a line must not be taken for the beginning of the next."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._length)
            self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
