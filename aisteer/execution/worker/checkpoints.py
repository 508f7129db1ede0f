"""Checkpoints: plain data in JSON, with arrays and bytes beside it. Nothing in them can run."""

from __future__ import annotations

import os
import shutil
import time
from typing import Any

from . import files
from .packing import NotStorable, Packer, unpack

LARGEST = 64 << 20
"""Bytes of ``value.json``; arrays and bytes have files of their own."""
MOST_BYTES = 256 << 20
"""Older checkpoints of an attempt are kept as long as all of them fit in this."""


def names(folder: str) -> list[int]:
    """The numbers of the complete checkpoints in an attempt's folder, in order."""
    try:
        found = os.listdir(os.path.join(folder, "checkpoints"))
    except OSError:
        return []
    return sorted(int(name) for name in found if name.isascii() and name.isdigit())


def save(folder: str, value: Any) -> str:
    """Write ``value`` as the next checkpoint and return its name.

    Raises:
        NotStorable: It holds something that is neither plain data, bytes nor a numeric array.
        OSError: It could not be written; earlier ones still stand.
    """
    parent = os.path.join(folder, "checkpoints")
    number = max(names(folder), default=0) + 1
    part = os.path.join(parent, f".{number}-{os.getpid()}.part")
    if not os.path.isdir(parent):
        os.mkdir(parent)
    os.mkdir(part)
    try:
        packed = Packer(part).pack(value, "checkpoint")
        files.write_new(os.path.join(part, "value.json"), files.encode({"format": 1, "value": packed}))
        os.rename(part, os.path.join(parent, str(number)))
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    _prune(parent, folder)
    return str(number)


def load(root: str, path: str) -> Any:
    """The object that a checkpoint holds.

    Args:
        root: The spool's root.
        path: Where it is, relative to the root.

    Raises:
        NotStorable: It is not there, is not inside the spool, or is damaged.
    """
    folder = os.path.join(root, path)
    inside = os.path.realpath(folder).startswith(os.path.realpath(root) + os.sep)
    body = files.read_json(os.path.join(folder, "value.json"), LARGEST) if inside else None
    if body is None or "value" not in body:
        raise NotStorable(
            f"The checkpoint {path!r} cannot be read from the spool. The run cannot start from it; "
            "start it from an earlier checkpoint, or as a new run."
        )
    try:
        return unpack(body["value"], folder)
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise NotStorable(
            f"The checkpoint {path!r} is damaged ({error}). The run cannot start from it."
        ) from error


def size(folder: str) -> int:
    """Bytes of the files in a checkpoint."""
    try:
        return sum(entry.stat(follow_symlinks=False).st_size for entry in os.scandir(folder))
    except OSError:
        return 0


def _prune(parent: str, folder: str) -> None:
    """Remove the oldest beyond the last two when all together are too large."""
    numbers = names(folder)
    if len(numbers) <= 2:
        return
    total = 0
    for number in reversed(numbers):
        total += size(os.path.join(parent, str(number)))
        if total > MOST_BYTES and number < numbers[-2]:
            shutil.rmtree(os.path.join(parent, str(number)), ignore_errors=True)


class Schedule:
    """When the next checkpoint is due.

    A checkpoint that takes long is written less often: at most a tenth of the time goes into them.
    """

    def __init__(self, every: float) -> None:
        self.every = every
        self.took = 0.0
        self._next = time.monotonic() + every

    def due(self) -> bool:
        """Whether one is due now."""
        return time.monotonic() >= self._next

    def done(self, started: float) -> None:
        """One that began at ``started`` (monotonic seconds) is finished, or has failed."""
        now = time.monotonic()
        self.took = now - started
        self._next = now + max(self.every, 10.0 * self.took)
