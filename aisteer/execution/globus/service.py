"""This process's one connection to Globus Compute: one sign-in, one client, one pace for every endpoint."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import globus_sdk
from globus_compute_sdk import Client
from globus_compute_sdk.errors import TaskExecutionFailed

from aisteer.errors import EndpointError
from aisteer.execution.globus import signing_in
from aisteer.execution.globus.allowed import allowed
from aisteer.execution.globus.faults import UnknownEndpoint, translated
from aisteer.execution.globus.functions import mark
from aisteer.execution.globus.pace import Pace, Paced
from aisteer.execution.globus.role import Role
from aisteer.execution.globus.wire import JsonOnly

__all__ = ["Service"]

Json = dict[str, Any]

_RETRIES = 2
"""Times that the SDK repeats a request by itself; after that we say so, and go on trying."""
_STATUSES = 500
"""Tasks that are asked about in one request."""

# Its threads print each failed batch and each lost connection into whatever cell is there; the board says it better.
logging.getLogger("globus_compute_sdk.sdk.executor").setLevel(logging.CRITICAL)


class Service:
    """What all endpoints of this process share. ``Service.shared()`` gives it; nothing is asked before it is used.

    Args:
        app: The sign-in; None takes the one that the SDK keeps for this user, or the client's credentials in
            ``GLOBUS_COMPUTE_CLIENT_ID`` and ``_SECRET``.
    """

    _one: Service | None = None
    _guard = threading.Lock()

    def __init__(self, app: globus_sdk.GlobusApp | None = None) -> None:
        self.app = app if app is not None else signing_in.app()
        self.pace = Pace()
        self.client = _client(self.app, self.pace)
        self._functions: dict[str, str] = {}
        self._allowed: dict[str, dict[str, str] | None] = {}
        self._lock = threading.Lock()
        self._roles: set[Role] = set()
        threading.Thread(target=self._leave, name="aisteer-globus-leave", daemon=False).start()

    @classmethod
    def shared(cls) -> Service:
        """The one of this process.

        Raises:
            EndpointError: The SDK cannot be set up here.
        """
        with cls._guard:
            if cls._one is None:
                try:
                    cls._one = Service()
                except (ValueError, OSError, globus_sdk.GlobusError) as error:
                    raise EndpointError(
                        f"Globus Compute cannot be used here: {error}. Runs that wait stay accepted. Check the "
                        "variables GLOBUS_COMPUTE_… and that the home folder can be written."
                    ) from error
            return cls._one

    # --- what is asked of the web service ---

    @property
    def signed_in(self) -> bool:
        """Whether somebody is signed in here; a client with credentials of its own always is."""
        return not (isinstance(self.app, globus_sdk.UserApp) and self.app.login_required())

    def sign_in(self, ask: Callable[[str], str]) -> None:
        """Sign in, for this process and all that share the SDK's sign-in.

        Args:
            ask: Is given the link to open, and answers with the code that Globus shows there. It may take its time:
                call this in a thread of its own.
        """
        signing_in.sign_in(self.app, ask)

    def function(self, name: str, source: str, endpoint: str = "") -> str:
        """The id of a function that travels: the one that an endpoint's administrator has allowed, else one of ours.

        Asked once in a process.

        Args:
            name: Its name.
            source: Its source text.
            endpoint: Where it is to be executed.

        Raises:
            NotAllowed: The endpoint executes only what its administrator has allowed, and this is not among it.
            EndpointError: The web service does not answer.
        """
        with self._lock:
            theirs = self._allowed_at(endpoint) if endpoint else None
            if theirs is not None:
                return theirs[name]
            if source not in self._functions:
                with translated("registration of what travels"):
                    self._functions[source] = self.client.register_source_code(
                        source, name, description=mark(name, source)
                    )
            return self._functions[source]

    def _allowed_at(self, endpoint: str) -> dict[str, str] | None:
        if endpoint not in self._allowed:
            what = f"the list of functions that endpoint {endpoint} executes"
            listed = self._seen(what, lambda: self.client.get_allowed_functions(endpoint))
            self._allowed[endpoint] = allowed(endpoint, listed, self._described)
        return self._allowed[endpoint]

    def _described(self, function: str) -> Json:
        return self._seen(f"function {function} of the endpoint", lambda: self.client.get_function(function))

    def _seen(self, what: str, question: Callable[[], Any]) -> Json:
        """An answer; nothing where it is not ours to see, which is for the submission to say."""
        try:
            return self._ask(what, question)
        except UnknownEndpoint:
            return {}

    def metadata(self, endpoint: str) -> Json:
        """What an endpoint says of itself."""
        return self._ask(f"endpoint {endpoint}", lambda: self.client.get_endpoint_metadata(endpoint))

    def state(self, endpoint: str) -> Json:
        """Whether an endpoint is online, as the service knows."""
        return self._ask(f"endpoint {endpoint}", lambda: self.client.get_endpoint_status(endpoint))

    def endpoints(self) -> list[Json]:
        """The endpoints that are known to be usable by whoever is signed in: their own (``own``), then the others."""
        found: dict[str, Json] = {}
        for role in ("owner", "any"):
            with translated("the list of your endpoints"):
                listed = self.client.get_endpoints(role=role)
            for one in listed:
                if isinstance(one, Mapping) and isinstance(one.get("uuid"), str):
                    found.setdefault(one["uuid"], {**one, "own": role == "owner"})
        return list(found.values())

    def tasks(self, ids: Sequence[str]) -> dict[str, Json]:
        """What the service knows of tasks; one that it does not know (any more) is missing."""
        found: dict[str, Json] = {}
        web = self.client._compute_web_client.v2  # noqa: SLF001  the client's own call hides why a task failed
        for start in range(0, len(ids), _STATUSES):
            some = list(ids[start : start + _STATUSES])
            answer = self._ask("tasks", functools.partial(_batch, web, some))
            results = answer.get("results")
            if isinstance(results, Mapping):
                found.update({k: v for k, v in results.items() if isinstance(v, dict)})
        return found

    def result(self, task: Json) -> Any:
        """The result of a task that is over, as the service keeps it.

        Raises:
            TaskExecutionFailed: It failed there.
            NotJson: Its result is refused.
        """
        if task.get("status") == "success":
            return self.client.fx_serializer.deserialize(task.get("result"))
        raise TaskExecutionFailed(
            str(task.get("exception") or task.get("reason") or "the service says no reason")
        )

    def _ask(self, what: str, question: Callable[[], Any]) -> Json:
        with translated(what):
            answer = question()
        return dict(answer) if isinstance(answer, Mapping) else {}

    # --- where tasks go ---

    def role(self, endpoint: str, config: Json | None, *, amqp_port: int | None = None) -> Role:
        """A way to have tasks executed at an endpoint, in one of its roles."""
        made = Role(self.client, endpoint, config, amqp_port=amqp_port, left=self._roles.discard)
        self._roles.add(made)
        return made

    def _leave(self) -> None:
        """At the end of the process: the SDK would wait for the last result of every run."""
        threading.main_thread().join()
        for role in list(self._roles):
            role.close()


def _batch(web: Any, ids: Sequence[str]) -> Any:
    return web.get_task_batch(ids).data


class _Quiet(Client):  # type: ignore[misc]  # the SDK has no types
    """The SDK's client without its word on differing versions: only text and JSON travel between ours."""

    def _log_version_mismatch(self, worker_details: object) -> None:
        """Say nothing."""


def _client(app: globus_sdk.GlobusApp, pace: Pace) -> Any:
    made = _Quiet(app=app, do_version_check=False)
    made.fx_serializer = JsonOnly()
    for web in (made._compute_web_client.v2, made._compute_web_client.v3):  # noqa: SLF001  there is no other way in
        web.retry_config.max_retries = _RETRIES
        for scheme in ("https://", "http://"):
            web.transport.session.mount(scheme, Paced(pace))
    return made
