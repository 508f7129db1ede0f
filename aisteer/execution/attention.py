"""Whether somebody reads the observations of a campaign, in whatever process: else they need not come at once."""

from __future__ import annotations

import time
from pathlib import Path

__all__ = ["Attention"]

_EVERY = 5.0
"""Seconds after which a reader says again that it reads."""
_LASTS = 20.0
"""Seconds for which somebody who has read is taken to go on reading."""


class Attention:
    """Readers touch a file in the campaign's folder; whoever fetches observations looks at it.

    Args:
        folder: The campaign's folder.

    Only whether the file's time changes counts, by our own clock: readers may be on other machines.
    """

    def __init__(self, folder: Path) -> None:
        self._file = Path(folder) / ".read"
        self._paid = -_EVERY
        self._looked = -1.0
        self._stamp: float | None = None
        self._changed = time.monotonic() - _LASTS

    def pay(self) -> None:
        """Somebody reads."""
        now = time.monotonic()
        if now - self._paid < _EVERY:
            return
        self._paid = now
        try:
            self._file.touch()
        except OSError:
            return  # then they come twice a minute

    def is_paid(self) -> bool:
        """Whether somebody has read lately."""
        now = time.monotonic()
        if now - self._looked >= 1.0:
            self._looked = now
            try:
                stamp = self._file.stat().st_mtime
            except OSError:
                stamp = 0.0
            if self._stamp is not None and stamp != self._stamp:
                self._changed = now
            self._stamp = stamp
        return now - self._changed < _LASTS
