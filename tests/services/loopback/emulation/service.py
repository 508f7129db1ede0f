"""The emulated service: everything that a request or a message can reach."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from tests.services.loopback.emulation.endpoints import Endpoints
from tests.services.loopback.emulation.identity import Identity
from tests.services.loopback.emulation.limits import Faults, Throttle
from tests.services.loopback.emulation.routing import RESULTS, TASK_GROUP, Message, Received, Routing
from tests.services.loopback.emulation.tasks import Tasks


class Refused(Exception):
    """A request that the service does not do; answered with this status and code."""

    def __init__(self, status: int, code: str, why: str) -> None:
        super().__init__(why)
        self.status, self.code = status, code


class Service:
    """What the parts of the service have in common."""

    def __init__(self, identity: Identity, endpoints: Endpoints, tasks: Tasks, broker: str) -> None:
        self.identity, self.endpoints, self.tasks = identity, endpoints, tasks
        self.throttle, self.faults = Throttle(), Faults()
        self.requests: deque[dict[str, Any]] = deque(maxlen=100_000)
        self.routing = Routing(broker, self._heard)
        self._expired = 0.0

    def expire(self) -> None:
        """Forget what was kept for long enough; at most once a second, as it means looking at all of it."""
        if time.monotonic() - self._expired > 1:
            self._expired = time.monotonic()
            for group in self.tasks.forget(self.faults.retention):
                self.routing.purge(TASK_GROUP + group)

    def ours(self, endpoint: str) -> dict[str, Any]:
        """An endpoint's registration.

        Raises:
            Refused: There is no such endpoint, or it is somebody else's.
        """
        known = self.endpoints.get(endpoint)
        if known is None:
            raise Refused(404, "ENDPOINT_NOT_FOUND", f"Endpoint {endpoint} could not be resolved")
        if known["owner"] != self.identity.person.subject:
            raise Refused(403, "ENDPOINT_ACCESS_FORBIDDEN", f"Unauthorized access to endpoint {endpoint}")
        return known

    def _heard(self, message: Received) -> list[Message]:
        if message.source == RESULTS:
            if self.faults.dropping:
                self.faults.dropped += 1
                return []
            return self.tasks.finished(message.body, again=message.again)
        endpoint, error = self.endpoints.heard(message.body)
        return self.tasks.fail_all(endpoint, error) if error else []
