"""What the driver asks of an attempt, read while it runs."""

from __future__ import annotations

import os
import stat

from . import files
from .files import Json

LONGEST = 1 << 16
"""Bytes of a control at most; a longer one is not taken."""
_VERBS = frozenset({"stop", "pause", "set", "withdraw"})


class Controls:
    """New whole lines of ``controls.jsonl``, each once.

    Args:
        folder: The attempt's folder.
        epoch: The epoch that launched it: a control of a lower one comes from a driver that has
            lost the campaign, and is refused.
    """

    def __init__(self, folder: str, epoch: int) -> None:
        self.path = os.path.join(folder, "controls.jsonl")
        self.epoch = epoch
        self._offset = 0
        self._seen: set[str] = set()

    def look(self) -> tuple[list[Json], list[Json]]:
        """Controls to act on, and controls refused for their epoch."""
        accepted: list[Json] = []
        refused: list[Json] = []
        for line in self._new_lines():
            control = files.decode(line)
            if control is None or not _well_formed(control) or control["id"] in self._seen:
                continue
            self._seen.add(control["id"])
            if control["epoch"] < self.epoch:
                refused.append(control)
            else:
                self.epoch = control["epoch"]
                accepted.append(control)
        return accepted, refused

    def _new_lines(self) -> list[bytes]:
        try:
            fd = os.open(self.path, files.READ)
        except OSError:
            return []
        try:
            info = os.fstat(fd)
            if not stat.S_ISREG(info.st_mode) or info.st_size <= self._offset:
                return []
            data = os.pread(fd, 16 * LONGEST, self._offset)
        except OSError:
            return []
        finally:
            os.close(fd)
        end = data.rfind(b"\n") + 1
        self._offset += end
        return [line for line in data[:end].split(b"\n") if 0 < len(line) <= LONGEST]


def append(folder: str, control: Json) -> None:
    """Put a control before the attempt in ``folder``, which has to be there.

    Raises:
        OSError, ValueError, TypeError: It could not be written.
    """
    path = os.path.join(folder, "controls.jsonl")
    line = files.encode(control) + b"\n"
    # A disk that was full may have taken part of an earlier try: that is no part of this line.
    start = b"" if _ends_a_line(path) else b"\n"
    fd = files.open_append(path)
    try:
        files.write_all(fd, start + line)
    finally:
        os.close(fd)


def _ends_a_line(path: str) -> bool:
    """Whether nothing stands in a file, or its last line is whole."""
    try:
        fd = os.open(path, files.READ)
    except FileNotFoundError:
        return True
    try:
        size = os.fstat(fd).st_size
        return not size or os.pread(fd, 1, size - 1) == b"\n"
    finally:
        os.close(fd)


def is_control(value: object) -> bool:
    """Whether a worker would take this for a control."""
    return isinstance(value, dict) and _well_formed(dict(value)) and len(files.encode(value)) <= LONGEST


def _well_formed(control: Json) -> bool:
    epoch = control.get("epoch")
    return (
        isinstance(control.get("id"), str)
        and isinstance(epoch, int)
        and not isinstance(epoch, bool)
        and control.get("verb") in _VERBS
        and isinstance(control.setdefault("values", {}), dict)
    )
