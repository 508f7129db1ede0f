"""The mirror: what each attempt wrote, kept with the campaign when the spool is gone.

One file per attempt, ``observations/<run>/<attempt>.jsonl``, a byte-for-byte prefix of the attempt's
stream. The journal seals it (length, SHA-256) when the attempt ends.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from aisteer.execution.attention import Attention
from aisteer.execution.worker import files

__all__ = ["Mirror"]

Json = dict[str, Any]
_TAIL = 1 << 16


class Mirror:
    """Reads and writes the mirrored observations of one campaign.

    Args:
        folder: The campaign's folder.

    One writer (the driver) appends; any number of readers in any process look, and say so (``attention``).
    """

    def __init__(self, folder: Path) -> None:
        self.root = Path(folder) / "observations"
        self.attention = Attention(Path(folder))
        self._text = str(self.root)
        self._writers: dict[tuple[str, int], _Stream] = {}
        self._runs: set[str] | None = None

    def path(self, run: str, attempt: int) -> Path:
        """Where the observations of an attempt are."""
        return self.root / run / f"{attempt}.jsonl"

    # --- the driver's side ---

    def length(self, run: str, attempt: int) -> int:
        """How much of the attempt's stream is here, bytes."""
        if self._runs is None:
            self._runs = self._known()
        # Most short runs have no stream: those cost no look at the disk. One that came since is found by ``append``.
        if run not in self._runs and (run, attempt) not in self._writers:
            return 0
        return self._stream(run, attempt).length

    def _known(self) -> set[str]:
        try:
            return {path.name for path in self.root.iterdir()}
        except OSError:
            return set()

    def append(self, run: str, attempt: int, offset: int, data: bytes) -> None:
        """Add whole lines that follow what is here; what is here already is not written again."""
        stream = self._stream(run, attempt)
        skip = stream.length - offset
        if skip < 0:
            raise ValueError(f"the mirror of {run} has {stream.length} bytes; data starts at {offset}")
        if skip < len(data):
            stream.append(data[skip:])

    def seal(self, run: str, attempt: int) -> list[Any] | None:
        """``[length, sha256]`` of the attempt's stream and the end of writing; None when there is none."""
        stream = self._writers.pop((run, attempt), None)
        if stream is None:
            path = f"{self._text}/{run}/{attempt}.jsonl"
            if not os.path.lexists(path):
                return None
            stream = _Stream(Path(path))
        return [stream.length, stream.hash.hexdigest()] if stream.length else None

    def _stream(self, run: str, attempt: int) -> _Stream:
        stream = self._writers.get((run, attempt))
        if stream is None:
            stream = self._writers[run, attempt] = _Stream(self.path(run, attempt))
        return stream

    # --- everybody's side ---

    def lines(self, run: str, attempt: int, start: int = 0) -> Iterator[Json]:
        """The attempt's lines from byte ``start`` on, in order; a torn last line is left for later."""
        self.attention.pay()
        try:
            with self.path(run, attempt).open("rb") as file:
                file.seek(start)
                for line in file:
                    if line.endswith(b"\n"):
                        parsed = files.decode(line)
                        if parsed is not None:
                            yield parsed
        except FileNotFoundError:
            return

    def observations(self, run: str, attempt: int) -> Iterator[Json]:
        """Only the observations: mappings with ``seq``, ``t`` (Unix seconds) and ``values``."""
        return (line for line in self.lines(run, attempt) if line.get("kind") == "obs")

    def last(self, run: str, attempt: int, at_most: int = 64) -> list[Json]:
        """The last observations, oldest first, read from the end of the file."""
        self.attention.pay()
        try:
            with self.path(run, attempt).open("rb") as file:
                end = file.seek(0, os.SEEK_END)
                file.seek(max(0, end - _TAIL))
                rows = file.read(_TAIL).split(b"\n")
        except FileNotFoundError:
            return []
        if end > _TAIL:
            rows = rows[1:]
        decoded = (files.decode(row) for row in reversed(rows[:-1]))
        found = (row for row in decoded if row is not None and row.get("kind") == "obs")
        return list(islice(found, at_most))[::-1]


class _Stream:
    """One file being written, with its running hash."""

    __slots__ = ("hash", "length", "path", "ready")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.length = 0
        self.hash = hashlib.sha256()
        self.ready = False
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return
        # A crash can leave half a line; it is fetched again whole.
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) != len(data):
            os.truncate(path, len(whole))
        self.length = len(whole)
        self.hash.update(whole)
        self.ready = True

    def append(self, data: bytes) -> None:
        if not self.ready:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.ready = True
        # Without a buffer of its own: closing one writes again what a full disk had refused.
        fd = files.open_append(str(self.path))
        try:
            files.write_all(fd, data)
        except OSError:
            # A full disk leaves part of it: take that back, so that a retry fits.
            os.ftruncate(fd, self.length)
            raise
        finally:
            os.close(fd)
        self.length += len(data)
        self.hash.update(data)
