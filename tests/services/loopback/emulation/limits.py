"""The documented limits of the service, and the faults that a test asks for."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass

PAYLOAD = 10 * 1024 * 1024
"""The largest request in bytes: all tasks of a submission together, after base64."""

REQUESTS, WINDOW = 20, 10.0
"""Requests that one client may make in so many seconds."""

RETENTION = 14 * 24 * 3600.0
"""Seconds for which a result is kept."""


class Throttle:
    """At most so many requests in any window of so many seconds, for each client."""

    def __init__(self, requests: int = REQUESTS, window: float = WINDOW) -> None:
        self._requests, self._window = requests, window
        self._times: dict[str, deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def admit(self, client: str) -> bool:
        """Whether one more request of this client is within the limit; if so, it counts."""
        now = time.monotonic()
        with self._lock:
            times = self._times[client]
            while times and times[0] <= now - self._window:
                times.popleft()
            if len(times) >= self._requests:
                return False
            times.append(now)
            return True


@dataclass
class Faults:
    """What goes wrong at the moment, by request of a test. Times are those of ``time.monotonic``."""

    status: int = 500
    answering_until: float = 0.0
    matching: str = ""
    delay: float = 0.0
    slow_until: float = 0.0
    dropping_until: float = 0.0
    dropped: int = 0
    retention: float = RETENTION

    def answer(self, path: str) -> int | None:
        """The status with which a request for this path is answered whatever it asks, if any."""
        hit = time.monotonic() < self.answering_until and self.matching in path
        return self.status if hit else None

    def linger(self, path: str) -> None:
        """Take one's time."""
        if time.monotonic() < self.slow_until and self.matching in path:
            time.sleep(self.delay)

    @property
    def dropping(self) -> bool:
        """Whether results that arrive are lost."""
        return time.monotonic() < self.dropping_until
