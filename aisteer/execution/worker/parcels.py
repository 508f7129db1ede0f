"""Files that are brought to a spool in stretches: the worker itself, simulations' code, lots of large requests.

A parcel is written beside its place, and put there when its content is what its hash says: a reader sees all of
it or nothing.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
import re
import time

from . import files

LARGEST = 256 << 20
_NAME = re.compile(r"code/(?:worker-)?([0-9a-f]{64})\.(?:py|pkl|zip)|lots/[0-9a-f]{32}\.jsonl")
_PART = os.O_WRONLY | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
_SHA = re.compile(r"[0-9a-f]{64}")
_LEFT_BEHIND = 86400.0
"""Seconds after which an unfinished parcel is nobody's."""


class BadParcel(ValueError):
    """What was brought is not what it says it is; the message says why."""


def place_of(root: str, name: object, sha256: object = None) -> str:
    """Where a parcel belongs.

    Raises:
        BadParcel: Nothing of that name is brought to a spool, or its name and hash differ.
    """
    found = _NAME.fullmatch(name) if isinstance(name, str) else None
    if found is None:
        raise BadParcel(f"{str(name)[:120]!r} is nothing that is brought to a spool")
    if sha256 is not None and (not isinstance(sha256, str) or not _SHA.fullmatch(sha256)):
        raise BadParcel(f"{str(sha256)[:80]!r} is no SHA-256")
    if sha256 is not None and found[1] not in {None, sha256}:
        raise BadParcel(f"{name} is not named after its hash {sha256}")
    path = os.path.join(root, found[0])
    if os.path.islink(os.path.dirname(path)):
        raise BadParcel(f"{os.path.dirname(found[0])} is a link, which a spool has none of")
    return path


def is_whole(root: str, name: object) -> bool:
    """Whether a parcel is there, with the content that its name says; a lot's content is not looked at."""
    try:
        path = place_of(root, name)
    except BadParcel:
        return False
    found = _SHA.search(os.path.basename(path))
    if found is None:
        return os.path.isfile(path) and not os.path.islink(path)
    return _hash(path) == found[0]


class Parcel:
    """One parcel on its way.

    Args:
        root: The spool's root.
        name: Its path in the spool.
        sha256: Of all of it.
        size: Bytes of all of it.

    Raises:
        BadParcel: There is no such parcel.
    """

    def __init__(self, root: str, name: str, sha256: str, size: int) -> None:
        self.name = name
        self.sha256 = sha256
        self.size = size
        self.path = place_of(root, name, sha256)
        self._part = f"{self.path}.{str(sha256)[:16]}.part"
        if not _is_length(size):
            raise BadParcel(f"{name} has no size, or is larger than {LARGEST >> 20} MB")

    def take(self, offset: int, data: str) -> tuple[bool, int]:
        """Write a stretch of it (base64). Answers whether it is in its place now, and where the next begins.

        Raises:
            BadParcel: It is not what it says it is; nothing of it is kept.
            OSError: It could not be written.
        """
        if _hash(self.path) == self.sha256:
            files.remove(self._part)  # somebody else was quicker
            return True, self.size
        stretch = self._stretch(offset, data)
        with contextlib.suppress(OSError):  # what cannot be made is said when the file is opened
            os.mkdir(os.path.dirname(self.path))  # a scratch disk is purged of empty folders as well
        if not offset and len(stretch) == self.size:
            self._check(hashlib.sha256(stretch).hexdigest())
            files.write_whole(self.path, stretch)
            files.remove(self._part)
            return True, self.size
        return self._add(offset, stretch)

    def _stretch(self, offset: int, data: str) -> bytes:
        try:
            stretch = base64.b64decode(data, validate=True)
        except (binascii.Error, TypeError, ValueError) as error:
            raise BadParcel(f"a stretch of {self.name} is no base64") from error
        if not _is_length(offset) or offset + len(stretch) > self.size:
            raise BadParcel(f"a stretch of {self.name} goes beyond its size")
        return stretch

    def _add(self, offset: int, stretch: bytes) -> tuple[bool, int]:
        _sweep(os.path.dirname(self.path))
        try:
            fd = os.open(self._part, _PART | (0 if offset else os.O_CREAT), 0o666)
        except FileNotFoundError:
            return False, 0
        try:
            there = os.fstat(fd).st_size
            if there > self.size:
                os.ftruncate(fd, 0)
                there = 0
            if there < offset:
                return False, there
            # The same stretch twice, or from two at once, is the same bytes at the same place.
            done = 0
            while done < len(stretch):
                done += os.pwrite(fd, memoryview(stretch)[done:], offset + done)
        finally:
            os.close(fd)
        there = max(there, offset + len(stretch))
        if there < self.size:
            return False, there
        return self._put_there()

    def _put_there(self) -> tuple[bool, int]:
        """Put what is complete in its place. Of several who have completed it, one does."""
        mine = f"{self.path}.{os.getpid():x}-{os.urandom(4).hex()}.part"
        try:
            # Under a name of its own: what is put there is what was looked at, not what another began since.
            os.rename(self._part, mine)
        except FileNotFoundError:
            return (True, self.size) if _hash(self.path) == self.sha256 else (False, 0)
        try:
            self._check(_hash(mine))
            os.rename(mine, self.path)
        except BaseException:
            files.remove(mine)
            raise
        return True, self.size

    def _check(self, found: str) -> None:
        if found != self.sha256:
            raise BadParcel(
                f"{self.name} is not what its hash says: it was changed or damaged on the way. It was not kept"
            )


def _hash(path: str) -> str:
    """SHA-256 of a regular file; empty when there is none."""
    made = hashlib.sha256()
    try:
        fd = os.open(path, files.READ)
    except OSError:
        return ""
    try:
        while data := os.read(fd, 1 << 20):
            made.update(data)
    except OSError:
        return ""
    finally:
        os.close(fd)
    return made.hexdigest()


def _is_length(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST


def _sweep(folder: str) -> None:
    """Remove what was begun and left."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if (
                entry.name.endswith(".part")
                and time.time() - entry.stat(follow_symlinks=False).st_mtime > _LEFT_BEHIND
            ):
                files.remove(entry.path)
