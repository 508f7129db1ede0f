"""Requests that were handed over together: one file for all of them, from which workers take theirs.

``lots/<name>.jsonl`` begins with a line of what its requests have in common; each further line is what one
request has of its own. So a thousand short runs cost the disk one file and no folder.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence

from . import files
from .files import Json

Spot = tuple[str, int, int]
"""Where a request stands: the lot's name, the byte at which its line begins, and the line's length."""

LARGEST = 64 << 20
"""Bytes that a request, and a lot, may have."""
_HEADING = 1 << 16
_NAME = re.compile(r"[0-9a-f]{32}")
_HEAD = re.compile(rb'\{"uuid":"([0-9A-Za-z]{4,64})","attempt":([0-9]{1,6})[,}]')


class TooLarge(ValueError):
    """A request that no spool takes; the message says which, and how large it is."""


def check_size(request: Json, size: int) -> None:
    """Refuse a request that nobody would read, before it is written.

    Raises:
        TooLarge: It has more than ``LARGEST`` bytes.
    """
    if size > LARGEST:
        raise TooLarge(
            f"the request of {request.get('run')} has {size >> 20} MiB, and {LARGEST >> 20} MiB are the most"
        )


def spot_of(value: object) -> Spot | None:
    """The place that somebody named, if it is one."""
    if not isinstance(value, (list, tuple)) or len(value) != 3:
        return None
    name, offset, length = value
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return None
    if not isinstance(offset, int) or not isinstance(length, int):
        return None
    return (name, offset, length) if 0 <= offset < LARGEST and 0 < length <= LARGEST else None


def path_of(root: str, name: str) -> str:
    """The file of a lot."""
    return f"{root}/lots/{name}.jsonl"


def compose(requests: Sequence[Json]) -> tuple[bytes, list[tuple[int, int]]]:
    """The content of a lot of these requests, and where each one's line begins and how long it is.

    All of them have the same keys. Raises ValueError or TypeError on what is no plain data.
    """
    own = {"uuid", "attempt", "run", "parameters", "seed"}
    common = {key: value for key, value in requests[0].items() if key not in own}
    lines = [files.encode(common) + b"\n"]
    places = []
    end = len(lines[0])
    for request in requests:
        line = {"uuid": request["uuid"], "attempt": request["attempt"]}
        line.update({k: v for k, v in request.items() if k in own or common[k] != v})
        data = files.encode(line) + b"\n"
        lines.append(data)
        places.append((end, len(data)))
        end += len(data)
    return b"".join(lines), places


def entries(data: bytes) -> Iterator[tuple[str, int, int]]:
    """Of each request in a lot's content: the attempt's key, and where its line stands."""
    start = data.find(b"\n") + 1
    while start and (end := data.find(b"\n", start) + 1):
        head = _HEAD.match(data, start, end)
        if head is not None:
            yield f"{head[1].decode()}-{head[2].decode()}", start, end - start
        start = end


class Lots:
    """Takes requests out of a spool's lots; the lot that was last asked for stays open.

    Args:
        root: The spool's root.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self._name = ""
        self._fd = -1
        self._common: Json = {}

    def read(self, key: str, place: object) -> Json | None:
        """The request of the attempt ``<uuid>-<number>``; None when it is not there."""
        where = spot_of(place)
        if where is None:
            return None
        name, offset, length = where
        try:
            if name != self._name:
                self._turn_to(name)
            own = files.decode(os.pread(self._fd, length, offset))
        except OSError:
            return None
        if own is None or f"{own.get('uuid')}-{own.get('attempt')}" != key:
            return None
        return {**self._common, **own}

    def _turn_to(self, name: str) -> None:
        self.close()
        fd = os.open(path_of(self.root, name), files.READ)
        try:
            info = os.fstat(fd)
            if not stat.S_ISREG(info.st_mode):
                raise FileNotFoundError(name)
            head = os.pread(fd, _HEADING, 0)
            if b"\n" not in head:
                head = os.pread(fd, min(info.st_size, LARGEST), 0)
        except OSError:
            os.close(fd)
            raise
        self._name, self._fd = name, fd
        self._common = files.decode(head[: head.find(b"\n") + 1]) or {}

    def close(self) -> None:
        """Let go of the open file."""
        if self._fd >= 0:
            os.close(self._fd)
        self._name, self._fd, self._common = "", -1, {}
