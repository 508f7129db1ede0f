"""The thread that keeps attempts alive while their simulations compute: one for a whole process."""

from __future__ import annotations

import os
import threading
import time
from typing import Protocol

from .record import BATCH


class Living(Protocol):
    """What the pulse does for an attempt."""

    def flush(self) -> bool | None:
        """Write what has waited too long. Answers whether anything had; None when nothing waits."""

    def beat(self) -> None:
        """Give a sign of life and look around; once an interval."""


class Pulse:
    """Beats for every attempt of this process, and flushes soon when asked to.

    Args:
        interval: Seconds between two beats.
    """

    def __init__(self, interval: float = 1.0) -> None:
        self.interval = interval
        self._living: dict[int, Living] = {}
        self._soon = threading.Event()
        self._armed = False
        self._thread: threading.Thread | None = None
        self._pid = 0

    def enter(self, attempt: Living) -> None:
        """Beat for this attempt, the first time an interval from now."""
        if self._pid != os.getpid():  # a fork has our memory but not our thread
            self._living.clear()
            self._pid = os.getpid()
            self._soon = threading.Event()
            self._armed = False
            self._thread = threading.Thread(target=self._run, name="aisteer-pulse", daemon=True)
            self._thread.start()
        self._living[id(attempt)] = attempt

    def leave(self, attempt: Living) -> None:
        """Its attempt is over."""
        self._living.pop(id(attempt), None)

    def wake(self) -> None:
        """Flush within ``BATCH`` seconds."""
        if not self._armed:
            self._armed = True
            self._soon.set()

    def _run(self) -> None:
        left = self.interval
        nap = BATCH
        idle = 0
        while True:
            if self._armed:
                self._soon.clear()
                time.sleep(nap)
                left -= nap
                late = self._flush()
                # A steady stream is written by those who make it: the longer it lasts the less we look.
                nap = BATCH if late else min(2 * nap, 4 * BATCH)
                idle = idle + 1 if late is None else 0
                if idle > 1:
                    self._armed, idle, nap = False, 0, BATCH
                    self._flush()
            elif self._soon.wait(left):
                continue
            else:
                left = 0.0
            if left <= 0.0:
                left = self.interval
                for attempt in list(self._living.values()):
                    attempt.beat()

    def _flush(self) -> bool | None:
        """Whether something was late; None when nothing waits."""
        found = [attempt.flush() for attempt in list(self._living.values())]
        return any(found) if any(late is not None for late in found) else None
