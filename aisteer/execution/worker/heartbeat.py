"""The heartbeat of an attempt: a counter in its folder that shows that somebody executes it."""

from __future__ import annotations

import os

from .folder import Folder

_TOLERATED = 3
"""Beats that may fail before a worker takes itself for cut off."""


class Heartbeat:
    """Writes the heartbeat of the attempt in ``folder``, which the first beat needs."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._path = os.path.join(folder.path, "heartbeat")
        self._beats = 0
        self._there = False
        self._missed = 0

    def write(self) -> str:
        """Beat once more; answers why we are cut off, when it could not be written for too long."""
        self._beats += 1
        flags = os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | (0 if self._there else os.O_CREAT)
        try:
            self._folder.need()
            fd = os.open(self._path, flags, 0o666)
            try:
                os.pwrite(fd, b"%012d\n" % self._beats, 0)
            finally:
                os.close(fd)
        except FileNotFoundError:
            return "its folder in the spool is gone"
        except OSError as error:
            self._missed += 1
            return f"its heartbeat cannot be written ({error.strerror})" if self._missed >= _TOLERATED else ""
        self._missed = 0
        self._there = True
        return ""
