"""Reading on in a file of lines that somebody else appends to, and noticing when it is another one than before."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import NamedTuple

from . import files

LONGEST_LINE = 1 << 20
PREFIX = 4096
"""Bytes before an offset by which a file is known again."""


class Stretch(NamedTuple):
    """What was read.

    Attributes:
        data: Whole lines from the offset on.
        length: Bytes that the file has; 0 where it cannot be seen.
        prefix: What the bytes before the end of ``data`` are known by (``mark``).
        gap: Why nothing can be read on, in words.
        more: Whether the limit left something unread.
    """

    data: bytes = b""
    length: int = 0
    prefix: str = ""
    gap: str = ""
    more: bool = False


def mark(data: bytes) -> str:
    """What the bytes before an offset are known by: all before it or, if there are more, the last ``PREFIX``."""
    return hashlib.blake2b(data[-PREFIX:], digest_size=8).hexdigest()


def read_on(path: str, offset: int = 0, prefix: str = "", limit: int = 4 << 20) -> Stretch:
    """New whole lines of a file from ``offset`` on. It is opened anew for each look and never followed through a link.

    Args:
        path: The file; it need not exist yet.
        offset: Bytes that were read before.
        prefix: The ``mark`` of what was read before ``offset``; empty where that is not known.
        limit: Bytes to read at most, and up to 1 MB more where a line is longer.
    """
    try:
        fd = os.open(path, files.READ)
    except FileNotFoundError:
        return Stretch(gap=f"the file is gone, after {offset} bytes of it were read" if offset else "")
    except OSError as error:
        return Stretch(gap=f"the file cannot be opened ({error.strerror})")
    try:
        return _read_on(fd, offset, prefix, limit)
    except OSError as error:
        return Stretch(gap=f"the file cannot be read ({error.strerror})")
    finally:
        os.close(fd)


def _read_on(fd: int, offset: int, prefix: str, limit: int) -> Stretch:
    info = os.fstat(fd)
    if not stat.S_ISREG(info.st_mode):
        return Stretch(gap="there is something else than a file in its place")
    size = info.st_size
    if size < offset:
        return Stretch(
            length=size,
            gap=f"the file has {size} bytes, and {offset} were read before: it was cut or replaced",
        )
    before = os.pread(fd, min(offset, PREFIX), max(0, offset - PREFIX)) if prefix or size > offset else b""
    if prefix and mark(before) != prefix:
        return Stretch(
            length=size,
            gap=f"what stands before byte {offset} is not what was read there: the file was replaced",
        )
    if size == offset:
        return Stretch(length=size, prefix=prefix)
    data = os.pread(fd, limit, offset)
    if len(data) >= limit and b"\n" not in data:
        data = os.pread(fd, max(limit, LONGEST_LINE + 1), offset)
        data = data[: data.find(b"\n") + 1] or data  # this one line, as it is longer than what was asked for
    whole = data[: data.rfind(b"\n") + 1]
    if not whole and len(data) > LONGEST_LINE:
        gap = f"a line of more than 1 MB begins at byte {offset}: nothing after it is read"
        return Stretch(length=size, prefix=prefix, gap=gap)
    return Stretch(whole, size, mark(before + whole), more=offset + len(data) < size)
