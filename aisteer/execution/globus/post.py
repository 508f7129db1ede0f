"""How the watcher's looks and letters get to an endpoint that is reached through the service alone."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from aisteer.errors import EndpointError
from aisteer.execution.globus import functions
from aisteer.execution.globus.faults import explained
from aisteer.execution.globus.role import Role
from aisteer.execution.globus.service import Service

__all__ = ["TaskPost"]

Json = dict[str, Any]


class TaskPost:
    """Sends looks and letters to a role, and finds out what became of those of which no answer comes; see ``Post``.

    Args:
        service: The connection to Globus.
        role: Where they are executed.
    """

    def __init__(self, service: Service, role: Role) -> None:
        self._service = service
        self._role = role

    def send(self, kind: str, root: str, payload: Json) -> Any:
        """Have it executed by the function of that name."""
        function = self._service.function(kind, functions.source(kind), self._role.endpoint)
        [future] = self._role.send(function, root, [payload])
        return future

    def find(self, tasks: Sequence[str]) -> dict[str, Any]:
        """What the web service knows of those tasks that are over, or that it has forgotten; one request for all."""
        known = self._service.tasks(tasks)
        return {
            task: self._over(known.get(task))
            for task in tasks
            if task not in known or known[task].get("completion_t")
        }

    def _over(self, said: Json | None) -> Future[Any]:
        found: Future[Any] = Future()
        try:
            if said is None:
                raise EndpointError("the web service has forgotten the task")  # noqa: TRY301
            found.set_result(self._service.result(said))
        except Exception as error:  # noqa: BLE001  whatever it was: the future says it
            self._role.refused(error)
            found.set_exception(error)
        return found

    def words(self, error: BaseException) -> str:
        """An error of the SDK, as it is said to people."""
        return explained(error)
