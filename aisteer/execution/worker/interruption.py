"""How a signal, or the pulse, reaches a simulation that computes."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Interrupted(BaseException):
    """Raised inside a simulation that did not end when it was asked to."""


class Abandoned(BaseException):
    """The attempt is not ours any more: nothing is written for it."""


class Interruption:
    """SIGTERM: the first asks (``asked``), the second interrupts the simulation where it computes.

    Args:
        install: Whether to handle SIGTERM now; only possible in the main thread.
        group: Whether the process leads a group of its own, that may be killed as the last resort.
        expendable: Whether at least the process itself may be.
    """

    def __init__(self, *, install: bool = True, group: bool = False, expendable: bool = False) -> None:
        self.asked = 0
        self.is_inside = False
        self._wanted = False
        self._active = False
        self._group = group
        self._expendable = expendable
        self._kill_at: float | None = None
        self._thread = threading.get_ident()
        self._installed = install
        self._before: Any = signal.signal(signal.SIGTERM, self._signalled) if install else None

    def begin(self) -> None:
        """An attempt begins."""
        self.asked = 0
        self._wanted = self.is_inside = False
        self._kill_at = None
        self._active = True

    def end(self) -> None:
        """The attempt is over."""
        self._active = self.is_inside = False
        self._kill_at = None

    @contextmanager
    def inside(self) -> Iterator[None]:
        """While the simulation's own code runs it can be interrupted."""
        self.is_inside = True
        try:
            yield
        finally:
            self.is_inside = False

    def ask(self) -> None:
        """As the first SIGTERM: wind up at the next step."""
        if self._installed:
            signal.pthread_kill(self._thread, signal.SIGTERM)

    def interrupt(self, hard_after: float | None = None) -> None:
        """Interrupt the simulation from another thread; kill the process group if that does not help.

        Args:
            hard_after: Seconds of patience; None never kills.
        """
        if not self._active or not self._installed:
            return
        if hard_after is not None and self._kill_at is None:
            self._kill_at = time.monotonic() + hard_after
        self._wanted = True
        signal.pthread_kill(self._thread, signal.SIGTERM)

    def patience(self) -> None:
        """Called now and then: kill what did not end in time."""
        if self._kill_at is None or time.monotonic() <= self._kill_at:
            return
        if self._group:
            os.killpg(0, signal.SIGKILL)
        elif self._expendable:
            os.kill(os.getpid(), signal.SIGKILL)

    def uninstall(self) -> None:
        """Handle signals as before."""
        if self._installed:
            signal.signal(signal.SIGTERM, self._before)

    def _signalled(self, _number: int, _frame: FrameType | None) -> None:
        if not self._active:
            raise Interrupted
        if not self._wanted:
            self.asked += 1
        if self.is_inside and (self._wanted or self.asked > 1):
            self._wanted = False
            raise Interrupted
