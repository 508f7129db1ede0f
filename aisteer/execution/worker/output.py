"""Output that grows: of a file that a command writes, and of what it prints."""

from __future__ import annotations

import os
import threading
from typing import IO

from . import files
from .capture import KEPT

_LONGEST = 1 << 20
"""Bytes of a line that are looked at."""
_MOST = 1 << 24
"""Bytes that wait to be read, and that are kept for a last look."""


class _Lines:
    """Bytes in, whole lines out."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> list[str]:
        """The lines that are whole now, without their line breaks."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-_LONGEST:]
        return [line[:_LONGEST].decode("utf-8", "replace").rstrip("\r") for line in lines]

    def remainder(self) -> str:
        """The last line, which has no line break, once."""
        rest, self._rest = self._rest, b""
        return rest.decode("utf-8", "replace")


class Growing:
    """A file that somebody else appends to; it need not exist yet, and may be written anew."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._offset = 0
        self._identity = 0
        self._lines = _Lines()

    def lines(self) -> list[str]:
        """Whole lines since the last look."""
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return []
        try:
            info = os.fstat(fd)
            if info.st_ino != self._identity or info.st_size < self._offset:
                self._identity, self._offset, self._lines = info.st_ino, 0, _Lines()
            data = os.pread(fd, _MOST, self._offset)
        except OSError:
            return []
        finally:
            os.close(fd)
        self._offset += len(data)
        return self._lines.take(data)

    def remainder(self) -> str:
        """The last line, without a line break."""
        return self._lines.remainder()


class Pipe:
    """What a command prints: taken off its hands by a thread, kept within bounds.

    The first ``KEPT`` bytes go to ``<name>.log`` as they come, the last ``KEPT`` at the end.
    """

    def __init__(self, stream: IO[bytes] | None, folder: str, name: str) -> None:
        assert stream is not None
        self._stream = stream
        self._path = os.path.join(folder, f"{name}.log")
        self._lines = _Lines()
        self._lock = threading.Lock()
        self._fresh: list[bytes] = []
        self._waiting = 0
        self._total = 0
        self._kept = b""
        self._thread = threading.Thread(target=self._drain, name=f"aisteer-{name}", daemon=True)
        self._thread.start()

    def _drain(self) -> None:
        while True:
            try:
                data = self._stream.read(1 << 16)
            except (OSError, ValueError):
                return
            if not data:
                return
            with self._lock:
                head = data[: max(0, KEPT - self._total)]
                self._total += len(data)
                self._kept = (self._kept + data)[-_MOST:]
                if self._waiting < _MOST:
                    self._fresh.append(data)
                    self._waiting += len(data)
            self._append(head)

    def _append(self, data: bytes) -> None:
        if not data:
            return
        try:
            fd = files.open_append(self._path)
            try:
                files.write_all(fd, data)
            finally:
                os.close(fd)
        except OSError:
            return  # a log is not worth a run

    def lines(self) -> list[str]:
        """Whole lines since the last look."""
        with self._lock:
            fresh, self._fresh, self._waiting = self._fresh, [], 0
        return self._lines.take(b"".join(fresh)) if fresh else []

    def remainder(self) -> str:
        """The last line, without a line break."""
        return self._lines.remainder()

    def text(self) -> str:
        """The last 16 MB that were printed."""
        with self._lock:
            return self._kept.decode("utf-8", "replace")

    def last(self, limit: int = 1500) -> str:
        """The last words."""
        with self._lock:
            return self._kept[-limit:].decode("utf-8", "replace").strip()

    def finish(self) -> None:
        """Complete the log, once everybody who could print has ended."""
        self._thread.join(2.0)
        with self._lock:
            beyond = self._total - KEPT
            tail = self._kept[-min(KEPT, beyond) :] if beyond > 0 else b""
            dropped = beyond - len(tail)
        if dropped > 0:
            self._append(b"\n[... %d bytes dropped here ...]\n" % dropped)
        self._append(tail)

    def close(self) -> None:
        """Let go of the pipe."""
        self._thread.join(1.0)
        if not self._thread.is_alive():
            self._stream.close()
