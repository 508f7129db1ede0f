"""The ground under a local host: whether its spool is still the one that it began with."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from aisteer.execution.worker import files

__all__ = ["Ground"]

_SURE = 3.0
"""Seconds for which a spool has to be away before it counts as removed: a folder can be moved and moved back."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """What tells a spool from every other."""

    root: tuple[int, int]
    file: tuple[int, int]
    nonce: object = None
    format: object = None

    def became(self, other: _Mark) -> bool:
        """Whether ``other`` is the same spool, or the same brought up to a later format."""
        if (self.root, self.file) == (other.root, other.file):
            return True
        before, after = self.format, other.format
        later = isinstance(before, int) and isinstance(after, int) and before < after
        return later and self.root == other.root and self.nonce == other.nonce


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
            if self._known is not None and not self._known.became(found):
                return "another spool stands in its place"
            self._known = found
            return ""
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
        found = _Mark((root.st_dev, root.st_ino), (mark.st_ino, mark.st_mtime_ns))
        if self._known is not None and found.file == self._known.file:
            return replace(self._known, root=found.root)
        content = files.read_json(str(self._root / "spool.json")) or {}
        return replace(found, nonce=content.get("nonce"), format=content.get("format"))
