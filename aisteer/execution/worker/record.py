"""What an attempt writes while it runs: one JSON line for each observation, in batches."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

from . import files, values
from .files import Json
from .folder import Folder

_PLAIN = frozenset({bool, int, float, str, type(None)})
BATCH = 0.05
"""Seconds between two writes at most as often."""


class Recorder:
    """Appends to ``observations.jsonl``.

    The simulation's thread adds lines, the pulse's thread may flush them; a file that nobody writes
    to is not made. A failed write is remembered in ``error`` and nothing is written after it.

    Args:
        folder: The attempt's folder, which is made when the first line is written.
        wake: Called when lines wait and nobody is bound to write them soon.
        moved: Called after lines were written.
    """

    def __init__(self, folder: Folder, wake: Callable[[], None], moved: Callable[[], None]) -> None:
        self.path = os.path.join(folder.path, "observations.jsonl")
        self._folder = folder
        self.length = 0
        self.lines = 0
        self.observations = 0
        self.error: OSError | None = None
        self._wake = wake
        self._moved = moved
        self._fd = -1
        self._pending: list[tuple[Json, bool]] = []
        self._lazy: list[bytes] = []
        self._flushed = 0.0
        self._lock = threading.Lock()

    def add(self, kind: str, **fields: Any) -> None:
        """Add a line of this kind; it is in the file within ``BATCH`` seconds."""
        with self._lock:
            self._lines_of_state()
            self._add(kind, fields)
        self.due()

    def observe(self, seen: Any) -> list[str]:
        """Add an observation. Answers what was left out of it, for being no plain data.

        Numbers and text cannot change any more: they are turned into JSON with the whole batch.
        """
        left_out: list[str] = []
        raw = (
            type(seen) is dict
            and len(seen) <= values.MOST_VALUES
            and _PLAIN.issuperset(map(type, seen.values()))
        )
        if raw:
            seen = seen.copy()
        else:
            seen, left_out = values.observation(seen)
        with self._lock:
            self._lines_of_state()
            self._add("obs", {"values": seen}, raw=raw)
            self.observations += 1
        self.due()
        return left_out

    def state(self, name: str) -> None:
        """Say in which state the attempt is, with the next line or beat: by itself it is not worth a file."""
        self._lazy.append(name.encode())

    def due(self) -> None:
        """Write now if the last write is long enough ago, else have it written soon."""
        if time.monotonic() - self._flushed >= BATCH:
            self.flush()
        else:
            self._wake()

    def flush_late(self) -> bool | None:
        """Write what its own thread should have written by now; None when nothing waits."""
        if not self._pending:
            return None
        if time.monotonic() - self._flushed < BATCH:
            return False
        self.flush()
        return True

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            lines, self._pending = self._pending, []
            if not lines or self.error is not None:
                return
            self._write(b"".join([_encoded(line, raw=raw) for line, raw in lines]), len(lines))
            self._flushed = time.monotonic()
        self._moved()

    def beat(self) -> None:
        """Write out the state as well: the attempt has lived long enough for it to matter."""
        with self._lock:
            self._lines_of_state()
        self.flush()

    def close(self) -> None:
        """Write the rest and let go of the file."""
        self.flush()
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

    def _lines_of_state(self) -> None:
        while self._lazy:
            self._add("state", {"state": self._lazy.pop(0).decode()})

    def _add(self, kind: str, fields: Json, *, raw: bool = False) -> None:
        self.lines += 1
        self._pending.append(({"seq": self.lines, "t": round(time.time(), 4), "kind": kind, **fields}, raw))

    def _write(self, data: bytes, count: int) -> None:
        try:
            if self._fd < 0:
                self._folder.need()
                self._fd = files.open_append(self.path)
            files.write_all(self._fd, data)
            self.length += len(data)
        except OSError as error:
            self.error = error
            self.lines -= count
            self._measure()

    def _measure(self) -> None:
        """After a failed write: how far whole lines go."""
        try:
            with open(self.path, "rb") as file:
                file.seek(self.length)
                rest = file.read()
        except OSError:
            return
        whole = rest.rfind(b"\n") + 1
        self.length += whole
        self.lines += rest.count(b"\n")


def _encoded(line: Json, *, raw: bool) -> bytes:
    if raw:
        line["values"], _ = values.observation(line["values"])
    return files.encode(line) + b"\n"
