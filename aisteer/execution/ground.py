"""The ground under a local host: whether its spool is still the one that it began with."""

from __future__ import annotations

import time
from pathlib import Path

__all__ = ["Ground"]

_SURE = 3.0
"""Seconds for which a spool has to be away before it counts as removed: a folder can be moved and moved back."""
_Mark = tuple[int, ...]


class Ground:
    """Notices that a spool was removed, or that another stands in its place.

    Args:
        root: The spool's root.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: _Mark | None = None
        self._known = self._look()
        self._gone_since = 0.0

    @property
    def lost(self) -> str:
        """What happened to the spool, in words; empty while it is the same."""
        found = self._look()
        now = time.monotonic()
        if found is not None:
            self._gone_since = 0.0
            self._known = self._known or found
            return "" if found == self._known else "another spool stands in its place"
        self._gone_since = self._gone_since or now
        return "it was removed" if now - self._gone_since >= _SURE else ""

    def _look(self) -> _Mark | None:
        """What tells this spool from every other; None where there is none."""
        try:
            root, mark = self._root.stat(), (self._root / "spool.json").stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            return self._known  # a file system that does not answer says nothing
        return root.st_dev, root.st_ino, mark.st_ino, mark.st_mtime_ns
