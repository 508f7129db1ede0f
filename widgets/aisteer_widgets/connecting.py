"""What the connect panel does: it signs in to Globus and asks it for endpoints, on threads of its own."""

from __future__ import annotations

import importlib.util
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from aisteer.errors import AisteerError, MissingExtra
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.connect_told import Known
from aisteer_widgets.view_models.endpoints import SHOWN, Found, name_of, period_of

if TYPE_CHECKING:
    from aisteer.execution.globus.service import Service

__all__ = ["Connecting"]

PATIENCE = 900.0
"""Seconds for which a code is waited for; a link of Globus does not live for ever either."""
FRESH = 10.0
"""Seconds within which an endpoint is not asked for again."""


def _shared() -> Service:
    if importlib.util.find_spec("globus_compute_sdk") is None:
        raise MissingExtra(
            "Globus Compute needs the extra aisteer[globus], which is not installed here. "
            "Run pip install 'aisteer[globus]', and restart the kernel."
        )
    from aisteer.execution.globus.service import Service

    return Service.shared()


class Connecting:
    """Signs in, lists endpoints, asks how each is. No call waits: what comes of it is in ``known``.

    Args:
        changed: Called, on a thread of its own, whenever ``known`` is another.
        service: Gives the connection to Globus; this process's one if not given.

    Attributes:
        known: What is known now; replaced as a whole.
    """

    def __init__(self, changed: Callable[[], None], service: Callable[[], Service] = _shared) -> None:
        self.known = Known()
        self._changed = changed
        self._service = service
        self._lock = threading.Lock()
        self._todo: queue.SimpleQueue[tuple[str, Callable[[Service], None]] | None] = queue.SimpleQueue()
        self._codes: queue.SimpleQueue[str] | None = None
        self._signing = False
        threading.Thread(target=self._work, name="aisteer-connect", daemon=True).start()

    # --- what a user asks for ---

    def look(self) -> None:
        """List the endpoints anew, and ask how each is."""
        self._todo.put(("Asking Globus for your endpoints…", self._list))

    def look_at(self, text: str) -> str:
        """Ask for one endpoint by its id, whether Globus lists it or not.

        Returns:
            Its id; empty where the text is none, which ``known`` then says.
        """
        try:
            endpoint = str(UUID(text.strip().removeprefix("globus:")))
        except ValueError:
            words = f"{fmt.clip(text, 60)!r} is no endpoint's id. It looks like 4b116d3c-1703-4f8f-9f6f-39921e5864df."
            self._know(problem=words)
            return ""
        self._add(Found(endpoint, given=True))
        self._know(problem="")
        self._todo.put(
            ("Asking for the endpoint…", lambda service: self._ask(service, endpoint, always=True))
        )
        return endpoint

    def sign_in(self) -> None:
        """Begin a sign-in: ``known`` has a link to open, and ``code`` takes what Globus shows there."""
        with self._lock:
            if self._signing:
                return
            self._signing = True
            codes = self._codes = queue.SimpleQueue()
        self._know(problem="", doing="Asking Globus for a link…")
        threading.Thread(target=self._sign_in, args=(codes,), name="aisteer-sign-in", daemon=True).start()

    def code(self, text: str) -> None:
        """Hand over the code that Globus showed."""
        codes = self._codes
        if codes is not None and text.strip():
            codes.put(text.strip()[:500])

    def cancel(self) -> None:
        """Give up the sign-in that is under way."""
        codes = self._codes
        if codes is not None:
            codes.put("")

    def close(self) -> None:
        """Ask no more, and give up a sign-in that is under way."""
        self.cancel()
        self._todo.put(None)

    # --- signing in, on a thread that waits for a human ---

    def _sign_in(self, codes: queue.SimpleQueue[str]) -> None:
        def ask(link: str) -> str:
            self._know(link=link, doing="")
            try:
                code = codes.get(timeout=PATIENCE)
            except queue.Empty:
                code = ""
            self._know(link="", doing="Signing in…" if code else "")
            if not code:
                raise _GivenUpError
            return code

        try:
            service = self._service()
            service.sign_in(ask)
        except _GivenUpError:
            self._know(link="", doing="")
        except Exception as error:  # noqa: BLE001  whatever the SDK comes up with: a human waits for an answer
            self._know(link="", doing="", problem=_refused(error))
        else:
            given = tuple(Found(one.id, given=True) for one in self.known.found if one.given)
            self._know(link="", doing="", problem="", signed_in=True, found=given, listed=0.0)
            self.look()
        finally:
            self._codes = None
            self._signing = False

    # --- asking, one thing after the other ---

    def _work(self) -> None:
        while (todo := self._todo.get()) is not None:
            words, task = todo
            self._know(doing=words)
            try:
                service = self._service()
                self._look_who(service)
                if self.known.signed_in:
                    task(service)
            except Exception as error:  # noqa: BLE001  a thread that dies silently would look like patience
                self._failed(error)
            self._know(doing="")

    def _look_who(self, service: Service) -> None:
        by_client = type(service.app).__name__ == "ClientApp"
        if (self.known.signed_in, self.known.by_client) != (service.signed_in, by_client):
            self._know(signed_in=service.signed_in, by_client=by_client)

    def _list(self, service: Service) -> None:
        said = service.endpoints()
        before = {one.id: one for one in self.known.found}
        found = [
            replace(
                before.get(one["uuid"], Found(str(one["uuid"]))), name=_called(one), own=bool(one.get("own"))
            )
            for one in said
        ]
        there = {one.id for one in found}
        kept = [one for one in self.known.found if one.given and one.id not in there]
        ordered = [*kept, *found]
        self._know(found=tuple(ordered), listed=time.time(), problem="")
        for one in ordered[:SHOWN]:
            self._ask(service, one.id)

    def _ask(self, service: Service, endpoint: str, *, always: bool = False) -> None:
        """How one endpoint is; what cannot be asked stands with it, in words."""
        old = self.known.endpoint(endpoint)
        if old is None or (not always and time.time() - old.asked < FRESH):
            return
        try:
            metadata = old.metadata if old.metadata is not None and not always else service.metadata(endpoint)
            state = service.state(endpoint)
        except AisteerError as error:
            if _signed_out(error):
                raise
            self._replace(replace(old, problem=str(error), asked=time.time()))
            return
        status = state.get("status")
        online = status == "online" if isinstance(status, str) else None
        now = time.time()
        made = replace(
            old,
            metadata=metadata,
            online=online,
            period=period_of(state.get("details")),
            asked=now,
            heard=now if online else old.heard,
            problem="",
        )
        self._replace(replace(made, name=name_of(made)))

    # --- what is known ---

    def _failed(self, error: Exception) -> None:
        out = _signed_out(error)
        if out and self.known.signed_in and not self.known.by_client:
            self._know(
                signed_in=False, problem="Your sign-in has expired. Runs at endpoints go on; sign in again."
            )
        elif out and self.known.by_client:
            words = "Globus does not know the client of GLOBUS_COMPUTE_CLIENT_ID, or its secret is wrong."
            self._know(signed_in=True, problem=f"{words} Set both anew, and restart the kernel.")
        else:
            said = str(error) if isinstance(error, AisteerError) else f"{type(error).__name__}: {error}"
            self._know(signed_in=self.known.signed_in or False, problem=said)

    def _add(self, found: Found) -> None:
        with self._lock:
            if self.known.endpoint(found.id) is None:
                self.known = replace(self.known, found=(found, *self.known.found))
        self._changed()

    def _replace(self, found: Found) -> None:
        with self._lock:
            others = tuple(found if one.id == found.id else one for one in self.known.found)
            self.known = replace(self.known, found=others)
        self._changed()

    def _know(self, **news: Any) -> None:
        with self._lock:
            self.known = replace(self.known, **news)
        self._changed()


class _GivenUpError(Exception):
    """No code came."""


def _signed_out(error: Exception) -> bool:
    """Whether it is the service's NotSignedIn, which cannot be imported where the SDK is not installed."""
    return type(error).__name__ == "NotSignedIn"


def _called(one: dict[str, Any]) -> str:
    return fmt.clip(one.get("display_name") or one.get("name") or "", 60)


def _refused(error: Exception) -> str:
    """Why a sign-in came to nothing, and what to do next."""
    cause = error.__cause__
    if type(cause).__name__ == "AuthAPIError":
        return (
            "Globus did not take the code: it was used before, belongs to another sign-in, or is not complete. "
            "Begin again: there is a new link for a new code."
        )
    said = str(error) if isinstance(error, AisteerError) else f"{type(error).__name__}: {error}"
    return f"Signing in came to nothing: {said}"
