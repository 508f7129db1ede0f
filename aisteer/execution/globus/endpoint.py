"""A Globus Compute endpoint: runs at a facility, watched through a role of the same endpoint."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

from aisteer.errors import EndpointError, NotSupported
from aisteer.execution.endpoint import AttemptRef, Glimpse, Health, Submission
from aisteer.execution.ends import clean_text
from aisteer.execution.globus import functions
from aisteer.execution.globus.faults import explained
from aisteer.execution.globus.health import health
from aisteer.execution.globus.letting_go import LettingGo
from aisteer.execution.globus.near import Near, Sight
from aisteer.execution.globus.outbox import Outbox
from aisteer.execution.globus.patience import held_back
from aisteer.execution.globus.post import TaskPost
from aisteer.execution.globus.reading import read
from aisteer.execution.globus.roster import Roster
from aisteer.execution.globus.sending import Sender, specification
from aisteer.execution.globus.service import Service
from aisteer.execution.globus.sizes import in_words, largest
from aisteer.execution.globus.telling import Telling
from aisteer.execution.globus.watcher import Watcher
from aisteer.execution.mirror import Mirror
from aisteer.execution.worker import controls, files
from aisteer.execution.worker.lots import LARGEST

__all__ = ["GlobusEndpoint"]

Json = dict[str, Any]

_CREATED = 600.0
"""Seconds for which the spool's making is waited for; it may wait for a block. After that it is asked again."""


_BUSY = "its workers are taken, or wait for a block"


class GlobusEndpoint:
    """Runs wherever a Globus Compute endpoint brings them.

    Nothing blocks here: requests are kept in the campaign's folder, sent by a thread of its own, and looked after by
    another. The truth of a run is in the spool there; results of tasks are a shortcut.

    Args:
        address: What ``ai.connect`` takes to find it again.
        endpoint: The endpoint's id.
        compute: What its template is filled in with for runs.
        watch: The same for the watcher, or the id of another endpoint on the same file system; None has none.
        spool: The folder for spools there; ``~`` and variables are those of the workers.
        amqp_port: The port on which results come; None leaves it to the service.
        workers: How many runs are sent at a time.
        direct: Whether the spool is read from here, where it is seen from here and no watcher was named.
        folder: The campaign's folder.
        service: The connection to Globus; None takes this process's.
    """

    lead = 3.0
    """Seconds: submissions are gathered, go through the web service and a queue, and the spool is looked into."""

    def __init__(
        self,
        address: str,
        endpoint: str,
        *,
        compute: Json | None = None,
        watch: Json | str | None = None,
        spool: str,
        amqp_port: int | None = None,
        workers: int = 8,
        direct: bool = True,
        folder: Path,
        service: Service | None = None,
    ) -> None:
        self.address = address
        self.endpoint = endpoint
        self.workers = workers
        self._spool = spool
        self._folder = Path(folder)
        self._outbox = Outbox(self._folder / "spool")
        self._mirror = Mirror(self._folder)
        self._roster = Roster(self._mirror)
        self._telling = Telling(self._roster)
        self._letting_go = LettingGo(self._outbox)
        self._compute, self._watch, self._port = compute, watch, amqp_port
        self._given = service
        self._direct = direct and watch is None
        self._near: Near | None = None
        self._watcher: Watcher | None = None
        self._sender: Sender | None = None
        self._roles: list[Any] = []
        self._online: bool | None = None
        self._details: Json = {}
        self._lock = threading.Lock()

    # --- what the driver asks ---

    def submit(self, submissions: Sequence[Submission]) -> None:
        """Keep the requests and have them sent; see ``Endpoint``.

        Raises:
            SpoolError: The campaign's folder cannot be written.
            NotSupported: A request can never be sent.
            EndpointError: Globus Compute cannot be used here at all.
        """
        if not submissions:
            return
        for submission in submissions:
            self._refuse_too_large(submission)
        before = self._outbox.put(submissions)
        for submission in submissions:
            known, needs = submission.ref in before, str(specification(submission.request) or "")
            self._roster.add(submission.ref, queued=True, elsewhere=known, needs=needs)
        self._begin(str(submissions[0].request["nonce"])).ring()

    def attach(self, refs: Mapping[AttemptRef, str | None]) -> None:
        """Take up attempts of an earlier driver: first the spool is looked at, then the service is asked."""
        if not refs:
            return
        requests = self._outbox.requests([ref.key for ref in refs])
        for ref, ticket in refs.items():
            needs = str(specification(requests.get(ref.key) or {}) or "")
            member = self._roster.add(
                ref, queued=not ticket, elsewhere=True, ticket=ticket or "", needs=needs
            )
            member.sent = member.sent or (time.monotonic() if ticket else 0.0)
        nonce = next((str(r["nonce"]) for r in requests.values()), "") or self._outbox.nonce
        if nonce:
            self._begin(nonce).ring()

    def tail(self, offsets: Mapping[AttemptRef, int], wait: float) -> Sequence[Glimpse]:
        """What came since the last time; waits for news at most ``wait`` seconds."""
        if self._watcher is not None:
            self._telling.again(self._watcher)
            self._letting_go.again(self._watcher)
        return self._roster.drain(offsets, wait)

    def control(self, ref: AttemptRef, control: Json) -> None:
        """Have the control put before the attempt; one that nobody has claimed is withdrawn there at once."""
        watcher, member = self._watcher, self._roster.get(ref.key)
        if watcher is None or member is None:
            raise EndpointError(f"{ref.run} is not at {self.address} (any more): nothing was asked of it.")
        size = len(files.encode(control))
        if size > controls.LONGEST:
            raise NotSupported(
                f"What is asked of {ref.run} has {in_words(size)}, and {in_words(controls.LONGEST)} are the most that "
                "a worker reads: nothing was asked of it. Put such values into a file there, and send its path."
            )
        orders: list[Json] = [{"do": "control", "key": ref.key, "control": control}]
        if control.get("verb") in {"stop", "withdraw"}:
            if self._taken_back(ref):
                return
            if not member.claimed:
                request = self._outbox.requests([ref.key]).get(ref.key) or {}
                brief = {name: request.get(name) for name in ("epoch", "attempt")}
                orders.append({"do": "withdraw", "key": ref.key, "request": brief})
        self._telling.tell(watcher, ref, orders)

    def status(self) -> Health:
        """How it is, from what is known now."""
        sender, watcher, members = self._sender, self._watcher, self._roster.members()
        held, works = held_back(members), any(member.claimed for member in members)
        return health(
            members,
            problem=(sender.problem if sender else "") or ("" if works else held),
            silence=(watcher.problem if watcher else "") or self._telling.problem,
            ready=bool(sender and sender.ready),
            needed=sender is not None,
            online=self._online,
            own_watcher=self._watch is not None or self._near is not None,
            machine=watcher.machine if watcher else {},
            ahead=watcher.ahead if watcher else None,
            contact=watcher.contact if watcher else None,
            workers=self.workers,
            root=watcher.root if watcher else "",
            details=self._details,
            note=self._letting_go.problem or (held if works else ""),
        )

    def pack(self, refs: Sequence[AttemptRef]) -> int:
        """Have what is over packed there; its requests are let go of once it is. See ``Packs``."""
        nonce = self._outbox.nonce
        if not refs or not nonce:
            return 0
        self._begin(nonce)
        if self._watcher is None:
            return 0
        self._letting_go.pack(self._watcher, refs)
        return len(refs)

    def kept(self) -> set[str]:
        """Attempts of which something is there outside of its archives, as far as is known here; see ``Keeps``."""
        return self._outbox.kept()

    def read(self, ref: AttemptRef, name: str) -> bytes:
        """What an attempt printed, as somebody there reads it; see ``Reads``."""
        nonce = self._outbox.nonce
        if nonce:
            self._begin(nonce)
        if self._watcher is None:
            raise EndpointError(
                f"Nothing of this campaign is at {self.address}: {ref.run} printed nothing there."
            )
        return read(self._watcher, ref.key, name)

    def close(self) -> None:
        """Let go of it. Runs go on."""
        with self._lock:
            if self._sender is not None:
                self._sender.close()
            if self._watcher is not None:
                self._watcher.close()
            self._sender = self._watcher = None
            for role in self._roles:
                role.close()
            if self._near is not None:
                self._near.close()
            self._roles.clear()
        self._outbox.close()

    # --- inside ---

    def _refuse_too_large(self, submission: Submission) -> None:
        size = len(files.encode(submission.request))
        if size > LARGEST - 4096:
            raise NotSupported(
                f"The request of {submission.ref.run} has {in_words(size)}, and {in_words(LARGEST)} are the most "
                f"that is sent: {largest(submission.request)}. Nothing was sent. Withdraw it, put such data into a "
                "file there, and give its path as the parameter."
            )

    def _taken_back(self, ref: AttemptRef) -> bool:
        """Whether an attempt was still here, never sent by anybody: it ends here."""
        words = "It was taken back before it was sent; nothing ran."
        end = {"end": "withdrawn" if ref.attempt <= 1 else "partial", "message": words}
        return self._roster.take_back(ref, end)

    def _begin(self, nonce: str) -> Sender:
        """The threads that send and watch, once something is to be sent."""
        with self._lock:
            if self._sender is None:
                service = self._given or Service.shared()
                compute = service.role(self.endpoint, self._compute, amqp_port=self._port)
                watch = self._watch_role(service) or compute
                self._roles = [compute, watch]
                post = TaskPost(service, watch)
                self._watcher = Watcher(
                    post,
                    self._roster,
                    nonce,
                    own=self._watch is not None,
                    attention=self._mirror.attention.is_paid,
                )
                self._sender = Sender(
                    self._roster,
                    self._outbox,
                    self._watcher,
                    compute,
                    prepare=lambda: self._prepare(service),
                    refresh=lambda: self._refresh(service),
                    tasks=service.tasks,
                    result=service.result,
                    code=self._folder / "code",
                    block={"walltime": (self._compute or {}).get("walltime")},
                    python=self._python,
                    words=explained,
                )
                self._watcher.start()
                self._sender.start()
            return self._sender

    def _python(self) -> str:
        """The Python that executes runs there, where that is known: the watcher's may be another one."""
        told = (
            self._watcher.machine.get("python") if self._watcher is not None and self._watch is None else ""
        )
        return clean_text(told, 80) or self._roster.python(time.monotonic())

    def _watch_role(self, service: Service) -> Any:
        if self._watch is None:
            return None
        if isinstance(self._watch, str):
            return service.role(self._watch, None, amqp_port=self._port)
        return service.role(self.endpoint, self._watch, amqp_port=self._port)

    def _prepare(self, service: Service) -> str:
        """Find out whether it can be used, and make the spool there; the id of what executes an attempt."""
        watcher = self._watcher
        if watcher is None:
            raise EndpointError(f"{self.address} was let go of.")
        for endpoint in dict.fromkeys(
            [self.endpoint, *([self._watch] if isinstance(self._watch, str) else [])]
        ):
            service.metadata(endpoint)
        self._refresh(service)
        function = service.function("run", functions.source("run"), self.endpoint)
        created = watcher.create(self._root())
        deadline = time.monotonic() + _CREATED
        while not created.done() and time.monotonic() < deadline and self._sender is not None:
            time.sleep(0.05)
        try:
            created.result(timeout=0)
        except (TimeoutError, CancelledError) as error:
            raise EndpointError(
                f"The endpoint has not made its spool yet: {watcher.problem or _BUSY}. Runs stay accepted and are sent "
                "when it has."
            ) from error
        self._look_from_here(watcher)
        return function

    def _refresh(self, service: Service) -> None:
        """Ask whether it is online."""
        said = service.state(self.endpoint)
        details = said.get("details")
        self._details = details if isinstance(details, dict) else {}
        self._online = said.get("status") == "online"

    def _look_from_here(self, watcher: Watcher) -> None:
        """Read the spool without a watcher, where what is written there is seen here."""
        if not self._direct or self._near is not None:
            return
        sight = Sight(watcher.root, self._outbox.nonce)
        if not sight.possible:
            return
        written = watcher.write([sight.order])
        deadline = time.monotonic() + _CREATED
        while not written.done() and time.monotonic() < deadline and self._sender is not None:
            time.sleep(0.05)
        if sight.seen():
            self._near = Near()
            watcher.move_in(self._near)

    def _root(self) -> str:
        """The spool's root there: one for each campaign."""
        nonce = self._outbox.nonce
        return f"{self._spool.rstrip('/')}/{self._folder.resolve().name}-{nonce[:12]}"
