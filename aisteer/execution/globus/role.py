"""One role of an endpoint: where tasks of a kind are sent, by an Executor that is made again when it died."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from globus_compute_sdk import Executor
from globus_compute_sdk.sdk import executor as sdk
from globus_compute_sdk.sdk.asynchronous.compute_future import ComputeFuture
from globus_compute_sdk.sdk.utils.uuid_like import as_optional_uuid
from globus_compute_sdk.serialize import JSONData
from globus_sdk import GlobusAPIError

from aisteer.errors import EndpointError

__all__ = ["NOT_STARTED", "Role", "is_refused", "task_of"]

NOT_STARTED = "Failed to start or unexpected error"
"""How the agent begins to say that it could not start what executes tasks: a user endpoint."""

Json = dict[str, Any]

_ONE: Json = {"num_nodes": 1, "ranks_per_node": 1, "num_ranks": 1}
_WANTS_RANKS = "MPI mode requires"
_GLANCE = 0.02
"""Seconds between two looks at whether a batch was sent."""
_POLL = 0.1
"""Seconds between two looks of the SDK at results that are here; its own half a second is most of a round trip."""


class Role:
    """Sends tasks to one endpoint with one user endpoint configuration.

    Args:
        client: The SDK's client, shared by all roles.
        endpoint: The endpoint's id.
        config: What its administrator's template is filled in with for this role.
        amqp_port: The port on which results come, where the site leaves only some open.
        left: Is told when it was let go of.

    Attributes:
        ranks: Whether its engine is known to be one of MPI, which refuses a task that does not say how many it needs.
            Other engines refuse one that does.
        made: How many Executors it took so far: one, and one more for each that died.
    """

    def __init__(
        self,
        client: Any,
        endpoint: str,
        config: Json | None,
        *,
        amqp_port: int | None = None,
        left: Callable[[Role], None] = lambda _: None,
    ) -> None:
        self.endpoint = endpoint
        self.config = dict(config or {})
        self.made = 0
        self.ranks = False
        self._client = client
        self._port = amqp_port
        self._left = left
        self._closed = False
        self._executor: Any = None
        self._lock = threading.Lock()

    def send(
        self, function: str, root: str, orders: Sequence[Json], resources: Json | None = None
    ) -> list[Any]:
        """Have ``function(root, order)`` executed for each order; they travel in one batch, or in a few.

        Args:
            function: The function's id.
            root: The spool's root.
            orders: What it is given.
            resources: What an MPI engine is told of them; None for what needs one process.

        Returns:
            The SDK's futures: their ``task_id`` is set once the service has taken them.
        """
        calls = [(root, order) for order in orders]
        with self._lock:
            for go in range(3):
                if self._closed:
                    return [_failed("the endpoint was let go of") for _ in calls]
                executor = self._living()
                executor.resource_specification = resources or (_ONE if self.ranks else None)
                try:
                    futures = [executor.submit_to_registered_function(function, args=call) for call in calls]
                except RuntimeError:
                    # A batch that failed has killed it meanwhile; what had gone in is sent again: at least once.
                    self._executor = None
                    continue
                for future in futures:
                    future.again = go > 0
                    future.add_done_callback(self._look_at)
                return futures
        return [_failed("the SDK's Executor is shut down as soon as it is made") for _ in calls]

    def refused(self, error: BaseException | None) -> bool:
        """Whether an engine of MPI has refused a task for it said nothing of ranks; from now on all of them do."""
        if error is None or _WANTS_RANKS not in str(error):
            return False
        self.ranks = True
        return True

    def _look_at(self, future: Future[Any]) -> None:
        if not future.cancelled():
            self.refused(future.exception(timeout=0))

    def wait_until_sent(self, futures: Sequence[Any], timeout: float) -> None:
        """Wait until each of them has its task's id, or has failed, or ``timeout`` seconds have passed."""
        deadline = time.monotonic() + timeout
        left = list(futures)
        while left and time.monotonic() < deadline:
            left = [future for future in left if not (future.task_id or future.done())]
            if left:
                time.sleep(_GLANCE)

    def close(self) -> None:
        """Let go of it: nobody waits for results here any more. What was sent goes on."""
        with self._lock:
            executor, self._executor = self._executor, None
            self._closed = True
        self._left(self)
        if executor is None:
            return
        with contextlib.suppress(Exception):
            executor.shutdown(wait=False, cancel_futures=True)
        # Its thread for results would live until the last one is here, and the process with it.
        watcher = getattr(sdk, "_RESULT_WATCHERS", {}).get(executor.task_group_id)
        if watcher is not None:
            with contextlib.suppress(Exception):
                watcher.shutdown(wait=False, cancel_futures=True)

    def _living(self) -> Any:
        if self._executor is None or self._executor.stopped:
            group = None if self._executor is None else self._executor.task_group_id
            self._executor = _Executor(
                self.endpoint,
                self._client,
                user_endpoint_config=self.config or None,
                amqp_port=self._port,
                api_burst_limit=8,  # the pace is kept for all requests of the process together
                api_burst_window_s=1,
                result_serializers=[JSONData()],
            )
            self._executor.task_group_id = group  # results of what was sent before come in the same queue
            self.made += 1
        return self._executor


def _failed(why: str) -> ComputeFuture:
    future = ComputeFuture()
    future.set_exception(EndpointError(f"Nothing was sent: {why}. What waits stays accepted."))
    return future


class _Executor(Executor):  # type: ignore[misc]  # the SDK has no types
    """The SDK's, with a task group of its own: the SDK gives one group to all Executors of a process."""

    @property
    def task_group_id(self) -> Any:
        """The group of its tasks; set by the service with the first batch."""
        return self._task_group_id

    @task_group_id.setter
    def task_group_id(self, value: Any) -> None:
        self._task_group_id = as_optional_uuid(value)

    def _get_result_watcher(self) -> Any:
        watcher = super()._get_result_watcher()
        watcher.poll_period_s = _POLL
        return watcher

    @property
    def stopped(self) -> bool:
        """Whether it takes nothing any more."""
        return bool(self._stopped)


def is_refused(future: Future[Any]) -> bool:
    """Whether what was to be sent is surely not at the service, which has said so."""
    if not future.done() or future.cancelled() or getattr(future, "again", False):
        return False
    error = future.exception(timeout=0)
    return isinstance(error, GlobusAPIError) and 400 <= error.http_status < 500


def task_of(future: Future[Any]) -> str:
    """``<task group>/<task>`` of a task that was sent; empty before."""
    task = getattr(future, "task_id", None)
    if not task:
        return ""
    group = getattr(future, "_metadata", {}).get("task_group_uuid", "")
    return f"{group}/{task}"
