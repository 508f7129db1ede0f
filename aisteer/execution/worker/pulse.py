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


class _Beating:
    """An attempt, and when it beats next, in monotonic seconds."""

    __slots__ = ("attempt", "due")

    def __init__(self, attempt: Living, due: float) -> None:
        self.attempt = attempt
        self.due = due


class Pulse:
    """Beats for every attempt of this process, and flushes soon when asked to.

    Args:
        interval: Seconds between two beats.
    """

    def __init__(self, interval: float = 1.0) -> None:
        self.interval = interval
        self._living: dict[int, _Beating] = {}
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
        self._living[id(attempt)] = _Beating(attempt, time.monotonic() + self.interval)

    def leave(self, attempt: Living) -> None:
        """Its attempt is over."""
        self._living.pop(id(attempt), None)

    def wake(self) -> None:
        """Flush within ``BATCH`` seconds."""
        if not self._armed:
            self._armed = True
            self._soon.set()

    def _run(self) -> None:
        nap = BATCH
        idle = 0
        while True:
            if self._armed:
                self._soon.clear()
                time.sleep(nap)
                late = self._flush()
                # A steady stream is written by those who make it: the longer it lasts the less we look.
                nap = BATCH if late else min(2 * nap, 4 * BATCH)
                idle = idle + 1 if late is None else 0
                if idle > 1:
                    self._armed, idle, nap = False, 0, BATCH
                    self._flush()
            elif self._soon.wait(self._left()):
                continue
            self._beat()

    def _left(self) -> float:
        """How long nothing has to beat, seconds."""
        now = time.monotonic()
        return max(0.0, min([self.interval, *(one.due - now for one in list(self._living.values()))]))

    def _beat(self) -> None:
        for one in list(self._living.values()):
            now = time.monotonic()
            if now >= one.due:
                one.due = now + self.interval
                one.attempt.beat()

    def _flush(self) -> bool | None:
        """Whether something was late; None when nothing waits."""
        found = [one.attempt.flush() for one in list(self._living.values())]
        return any(found) if any(late is not None for late in found) else None
