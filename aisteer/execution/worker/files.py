"""Files of the spool: small, bounded, and never trusted to be what their name says."""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import stat
from typing import Any

Json = dict[str, Any]

READ = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
_encode = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode


def _refuse(name: str) -> float:
    raise ValueError(name)


_decode = json.JSONDecoder(parse_constant=_refuse).decode
_numbers = itertools.count(1)

_BLOCK = 1 << 16

SMALL = 1 << 20
"""Bytes that a request, a claim or an end may have."""


def encode(value: Any) -> bytes:
    """Strict JSON in ASCII, without a newline. Raises ValueError or TypeError on anything else."""
    return _encode(value).encode("ascii")


def decode(data: bytes) -> Json | None:
    """The JSON object in ``data``, or None: not JSON, not an object, too deep, or not strict."""
    try:
        value = _decode(data.decode("utf-8"))
    except (ValueError, RecursionError, MemoryError):
        return None
    return value if isinstance(value, dict) else None


def read(path: str, limit: int = SMALL) -> bytes | None:
    """The content of a regular file of at most ``limit`` bytes; None when there is no such file."""
    try:
        fd = os.open(path, READ)
    except OSError:
        return None
    try:
        # Only regular files: nobody makes us wait for a pipe, or read a device for ever.
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return None
        data = os.read(fd, min(limit + 1, _BLOCK))
        if len(data) < _BLOCK:
            return data if len(data) <= limit else None
        parts = [data]
        length = len(data)
        while more := os.read(fd, min(limit + 1 - length, 64 * _BLOCK)):
            parts.append(more)
            length += len(more)
            if length > limit:
                return None
        return b"".join(parts)
    except OSError:
        return None
    finally:
        os.close(fd)


def read_json(path: str, limit: int = SMALL) -> Json | None:
    """The JSON object in a small file; None when it is absent or anything else."""
    data = read(path, limit)
    return None if data is None else decode(data)


def open_append(path: str) -> int:
    """A descriptor that appends to ``path``; the folder must exist."""
    return os.open(path, _APPEND, 0o666)


def write_whole(path: str, data: bytes) -> None:
    """Put a complete file into place: a reader sees the old one or this one, never a part.

    Raises:
        OSError: It could not be written; what stood there before still stands.
    """
    part = f"{path}.{os.getpid()}-{next(_numbers)}.part"
    write_new(part, data)
    try:
        os.rename(part, path)
    except OSError:
        remove(part)
        raise


def look_anew(folder: str) -> None:
    """Have a network file system ask what is in a folder now: it answers from memory until somebody opens it."""
    with contextlib.suppress(OSError):
        os.close(os.open(folder, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_DIRECTORY", 0)))


def sync_folder(path: str) -> None:
    """Wait until the disk has a folder's entries, as far as its file system knows how to.

    Raises:
        OSError: The disk has not taken them.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP, errno.EBADF}:
            raise
    finally:
        os.close(fd)


def write_new(path: str, data: bytes) -> None:
    """Write a file that does not exist yet; nothing is left of it on failure."""
    fd = os.open(path, _NEW, 0o666)
    try:
        try:
            write_all(fd, data)
        finally:
            os.close(fd)
    except OSError:
        remove(path)
        raise


def write_all(fd: int, data: bytes) -> None:
    """Write all of ``data``, however many calls it takes."""
    done = os.write(fd, data)
    while done < len(data):
        done += os.write(fd, memoryview(data)[done:])


def remove(path: str) -> None:
    """Remove a file if it is there and may be removed."""
    try:
        os.unlink(path)
    except OSError:
        return
