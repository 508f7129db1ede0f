"""What a simulation prints, also from compiled code and child processes, kept within bounds."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import sys
import tempfile
from typing import IO

from . import files
from .folder import Folder

KEPT = 256 << 10
"""Bytes kept of the beginning, and again of the end."""
_STREAMS = ("stdout", "stderr")


def scratch() -> IO[bytes]:
    """A nameless file that takes what is printed; every write goes to its end."""
    file = tempfile.TemporaryFile(prefix="aisteer-")  # noqa: SIM115  it lives as long as the worker
    flags = fcntl.fcntl(file.fileno(), fcntl.F_GETFL)
    fcntl.fcntl(file.fileno(), fcntl.F_SETFL, flags | os.O_APPEND)
    return file


def line_by_line(number: int) -> IO[str]:
    """A stream onto a descriptor whose lines leave as they are printed: a process that dies has printed them."""
    raw = io.FileIO(number, "wb", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), "utf-8", "backslashreplace", line_buffering=True)


class Log:
    """One stream: a scratch file on its way to a bounded log in the attempt's folder.

    The first ``KEPT`` bytes go to the log while the simulation runs; of the rest the last ``KEPT``
    bytes follow at the end. The scratch file is emptied when it grows.
    """

    def __init__(self, fd: int, name: str) -> None:
        self.fd = fd
        self.name = name
        self._head = 0
        self._position = 0
        self._tail = b""
        self._dropped = 0
        self._broken = False

    def take(self, folder: str) -> None:
        """Move on what was printed since the last time."""
        size = os.fstat(self.fd).st_size
        if size == self._position:
            return
        if self._head < KEPT:
            data = os.pread(self.fd, min(size - self._position, KEPT - self._head), self._position)
            self._append(folder, data)
            self._head += len(data)
            self._position += len(data)
        fresh = size - self._position
        if fresh > 0:
            newest = os.pread(self.fd, min(fresh, KEPT), size - min(fresh, KEPT))
            tail = (self._tail + newest)[-KEPT:]
            self._dropped += len(self._tail) + fresh - len(tail)
            self._tail = tail
            self._position = size
        if size > 8 * KEPT:
            os.ftruncate(self.fd, 0)
            self._position = 0

    @property
    def waiting(self) -> bool:
        """Whether anything was printed since the last attempt."""
        return bool(os.fstat(self.fd).st_size or self._head)

    def finish(self, folder: str) -> None:
        """Complete the log and be ready for the next attempt."""
        if not self.waiting:
            return
        self.take(folder)
        if self._dropped:
            self._append(folder, b"\n[... %d bytes dropped here ...]\n" % self._dropped)
        self._append(folder, self._tail)
        os.ftruncate(self.fd, 0)
        self.__init__(self.fd, self.name)  # type: ignore[misc]

    def resume(self, folder: str) -> None:
        """Go on where the process that wrote the log before us stopped."""
        try:
            size = os.stat(os.path.join(folder, f"{self.name}.log")).st_size
        except OSError:
            return
        self._head = size
        self._position = size if os.fstat(self.fd).st_size >= size else 0

    def last(self, limit: int = 20_000) -> str:
        """The last words that were printed."""
        size = os.fstat(self.fd).st_size
        return os.pread(self.fd, limit, max(0, size - limit)).decode("utf-8", "replace")

    def _append(self, folder: str, data: bytes) -> None:
        if not data or self._broken:
            return
        try:
            fd = files.open_append(os.path.join(folder, f"{self.name}.log"))
            try:
                files.write_all(fd, data)
            finally:
                os.close(fd)
        except OSError:
            # A log is not worth a run: on a full disk the rest of it is missing.
            self._broken = True


class Capture:
    """Descriptors 1 and 2 of this process as logs.

    Args:
        out: Descriptor of the scratch file that is standard output already; None to redirect now.
        err: The same for standard error.
    """

    def __init__(self, out: int | None = None, err: int | None = None) -> None:
        self._saved: list[tuple[int, int]] = []
        self._files: list[IO[bytes]] = []
        self._streams = (sys.stdout, sys.stderr)
        self.logs = (
            Log(self._redirect(1) if out is None else out, "stdout"),
            Log(self._redirect(2) if err is None else err, "stderr"),
        )

    def _redirect(self, number: int) -> int:
        _flush()
        file = scratch()
        self._files.append(file)
        self._saved.append((number, os.dup(number)))
        os.dup2(file.fileno(), number)
        # A process forked from a notebook prints to the notebook, whatever its descriptors are.
        setattr(sys, _STREAMS[number - 1], line_by_line(number))
        return file.fileno()

    def take(self, folder: str) -> None:
        """Move on what was printed; from any thread."""
        for log in self.logs:
            log.take(folder)

    def finish(self, folder: Folder) -> None:
        """Complete the logs of an attempt; one that printed nothing needs no folder."""
        _flush()
        if any(log.waiting for log in self.logs):
            with contextlib.suppress(OSError):  # a log is not worth a run
                folder.need()
        for log in self.logs:
            log.finish(folder.path)

    def restore(self) -> None:
        """Give the descriptors back."""
        _flush()
        if self._saved:
            sys.stdout, sys.stderr = self._streams
        for number, saved in self._saved:
            os.dup2(saved, number)
            os.close(saved)
        for file in self._files:
            file.close()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue
    ctypes = sys.modules.get("ctypes")
    if ctypes is not None:
        # Compiled code has buffers of its own.
        ctypes.CDLL(None).fflush(None)
