"""Those who wait for the journal to move on, and those who want to be told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from threading import Condition, RLock

__all__ = ["Followers"]


class Followers:
    """Threads and callbacks that follow the journal's position.

    Args:
        lock: The lock under which the position moves.
    """

    def __init__(self, lock: RLock) -> None:
        self._moved = Condition(lock)
        self._callbacks: list[Callable[[int], None]] = []

    def wait(self, moved: Callable[[], bool], timeout: float) -> bool:
        """Wait until told, at most ``timeout`` seconds; whether ``moved()``."""
        with self._moved:
            if not moved() and timeout > 0:
                self._moved.wait(timeout)
            return moved()

    def subscribe(self, callback: Callable[[int], None]) -> Callable[[], None]:
        """Add a callback; returns what removes it."""
        with self._moved:
            self._callbacks.append(callback)

        def unsubscribe() -> None:
            with self._moved, suppress(ValueError):
                self._callbacks.remove(callback)

        return unsubscribe

    def tell(self, position: int) -> None:
        """Wake who waits, and call who follows."""
        with self._moved:
            self._moved.notify_all()
            callbacks = list(self._callbacks)
        for callback in callbacks:
            try:
                callback(position)
            except Exception:
                logging.getLogger(__name__).exception("a follower of the journal failed")
