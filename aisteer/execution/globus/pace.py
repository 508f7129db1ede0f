"""How often the web service is asked: seldom enough that it answers everybody."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

from requests.adapters import HTTPAdapter

__all__ = ["Pace", "Paced"]

_WINDOW = 10.0
_MOST = 18
"""Requests in a window; the service takes 20 of one client, and somebody else may ask as well."""


class Pace:
    """Lets requests pass, at most so many in ten seconds, whatever they are for.

    Args:
        most: Requests in ``window`` seconds.
        window: Length of the window, seconds.
    """

    def __init__(self, most: int = _MOST, window: float = _WINDOW) -> None:
        self.most = most
        self.window = window
        self.count = 0
        self._passed: deque[float] = deque()
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when the next request may be sent, and count it."""
        while True:
            with self._lock:
                now = time.monotonic()
                while self._passed and now - self._passed[0] >= self.window:
                    self._passed.popleft()
                if len(self._passed) < self.most:
                    self._passed.append(now)
                    self.count += 1
                    return
                due = self._passed[0] + self.window - now
            time.sleep(due)


class Paced(HTTPAdapter):
    """What sends a session's requests, each retry among them, in its pace.

    Args:
        pace: Shared by all sessions of this process.
    """

    def __init__(self, pace: Pace) -> None:
        super().__init__()
        self._pace = pace

    def send(self, *args: Any, **options: Any) -> Any:
        """Send a request when it may be sent."""
        self._pace.wait()
        return super().send(*args, **options)
