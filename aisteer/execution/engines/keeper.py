"""Keeps an engine up: it is started in a thread of its own, and again whenever it is gone."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from aisteer.errors import AisteerError
from aisteer.execution.engines.engine import Capacity, Engine, Given
from aisteer.execution.worker.values import text

__all__ = ["Keeper"]

_log = logging.getLogger("aisteer.engines")
_LOOK = 2.0
"""Seconds between two looks at an engine that is up."""
_FIRST, _LONGEST = 1.0, 60.0
"""Seconds after which an engine that cannot be had is tried again: at first, and at most."""
_LEAVES = 15.0
"""Seconds that ``close`` waits for an engine to end what was started for it."""


class Keeper:
    """Has one engine ready once something is to be executed.

    Args:
        engine: It; a ``Given`` one is up already and needs no thread.
        ring: Called when it came up or went down.

    Attributes:
        up: Whether it takes calls.
        problem: Why it does not, in words.
        starts: How often it came up.
        capacity: What it said at the last look; None before the first.
    """

    def __init__(self, engine: Engine, ring: Callable[[], None]) -> None:
        self.engine = engine
        self.problem = ""
        self.capacity: Capacity | None = engine.look() if isinstance(engine, Given) else None
        self.up = isinstance(engine, Given)
        self.starts = int(self.up)
        self._ring = ring
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self._bell = threading.Event()

    @property
    def needed(self) -> bool:
        """Whether anything was to be executed so far."""
        return isinstance(self.engine, Given) or self._thread is not None

    def begin(self) -> None:
        """It is needed from now on; a repeat is harmless."""
        if not self.needed:
            self._thread = threading.Thread(target=self._run, name="aisteer-engine", daemon=True)
            self._thread.start()

    def doubt(self, error: BaseException) -> None:
        """A call was not taken: look at the engine now."""
        self.problem = text(error, 500)
        if not isinstance(self.engine, Given):
            self.up = False
        self._bell.set()

    def close(self) -> None:
        """Let go of the engine; what takes longer than some seconds goes on in the thread."""
        self._closed.set()
        self._bell.set()
        if self._thread is not None:
            self._thread.join(_LEAVES)
        self.up = False

    def _run(self) -> None:
        pause = _FIRST
        started = False
        while not self._closed.is_set():
            self._bell.clear()
            try:
                if not started:
                    self.engine.start()
                self.capacity = self.engine.look()
                if not (started and self.up):
                    self.starts += 1
                started, self.up, self.problem, pause, wait = True, True, "", _FIRST, _LOOK
            except Exception as error:  # noqa: BLE001  an engine has errors of its own, and this thread has to live
                if not isinstance(error, AisteerError):
                    _log.warning("%s", error, exc_info=True)
                self.up, self.problem, started = False, text(error, 1000), False
                self.engine.stop()
                wait, pause = pause, min(2 * pause, _LONGEST)
            self._ring()
            self._bell.wait(wait)
        self.engine.stop()
