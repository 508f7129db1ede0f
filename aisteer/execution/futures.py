"""The endpoint that is a user's own Executor: threads, processes, loky, Parsl, Dask."""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError, Executor, Future
from pathlib import Path
from typing import Any

from aisteer.errors import EndpointError
from aisteer.execution.endpoint import AttemptRef, Glimpse, Health, Submission
from aisteer.execution.looking import Lookout
from aisteer.execution.mirror import Mirror
from aisteer.execution.spool import Spool
from aisteer.execution.worker import ending
from aisteer.execution.worker.claim import Claimant, machine
from aisteer.execution.worker.future import run_for_future
from aisteer.execution.worker.values import text
from aisteer.execution.worker.withdrawal import withdraw

__all__ = ["FuturesEndpoint"]

Json = dict[str, Any]

_LOOK = 0.2
"""Seconds between two looks at what runs: nobody rings a bell here."""
_LATE = 5.0
"""Seconds that an end may take to be seen after its future is done: other machines' files arrive late."""


class FuturesEndpoint:
    """Runs wherever an Executor brings them, as long as both sides see the spool's folder.

    aisteer has to be installed there. Results of futures are not read: the truth is in the spool. The executor
    is the user's own and trusted: most of them unpickle in this process what they bring back.

    Args:
        executor: Any ``concurrent.futures.Executor``; it is not shut down here.
        spool: The spool's root.
        workers: How many runs it executes at a time, where it does not say.
        code: Where the campaign keeps the simulations' code, with ``observations`` (what earlier drivers
            mirrored) beside it; by default ``code`` beside the spool.
    """

    def __init__(
        self,
        executor: Executor,
        spool: Path | str,
        workers: int | None = None,
        *,
        code: Path | str | None = None,
    ) -> None:
        self.executor = executor
        self.spool = Spool(Path(spool))
        self.code = Path(code) if code is not None else self.spool.root.parent / "code"
        self.workers = workers or int(getattr(executor, "_max_workers", 0) or os.cpu_count() or 1)
        self._lookout = Lookout(self.spool, mirror=Mirror(self.code.parent))
        self._futures: dict[AttemptRef, Future[Any]] = {}
        self._news: list[AttemptRef] = []
        self._bell = threading.Event()
        self._late: dict[AttemptRef, tuple[float, str]] = {}
        self._look_at = 0.0
        self._claimant: Claimant | None = None
        self._problem = ""

    @property
    def address(self) -> str:
        """It cannot be found again by an address: it lives in this kernel."""
        return f"executor:{type(self.executor).__name__}"

    # --- what the driver asks ---

    def submit(self, submissions: Sequence[Submission]) -> None:
        """Write the requests and submit a call for each; see ``Endpoint``."""
        if not submissions:
            return
        self.spool.create(str(submissions[0].request["nonce"]))
        for submission in submissions:
            self.spool.prepare(submission.ref, submission.request, self.code)
            self._lookout.add(submission.ref)
        for submission in submissions:
            self._call(submission.ref)

    def attach(self, refs: Mapping[AttemptRef, str | None]) -> None:
        """Take up attempts of an earlier kernel: those that nobody claimed are submitted again."""
        for ref in refs:
            self._lookout.add(ref)
            if self.spool.claim(ref) is None and self.spool.end(ref) is None:
                if self.spool.request(ref) is None:
                    self._lookout.lose(
                        ref, "Its request never reached the spool, or was removed: nobody executes it."
                    )
                else:
                    self._call(ref)

    def control(self, ref: AttemptRef, control: Json) -> None:
        """Write the control where the worker looks; one that has not started ends here."""
        self.spool.append_control(ref, control)
        future = self._futures.get(ref)
        if future is not None and future.cancel():
            if self._claimant is None:
                self._claimant = Claimant(str(self.spool.root))
            record = withdraw(f"{self.spool.root}/{ref.folder}", self._claimant)
            if record is None:
                self._call(ref)
            else:
                ending.write_end(f"{self.spool.root}/{ref.folder}", record)

    def tail(self, offsets: Mapping[AttemptRef, int], wait: float) -> Sequence[Glimpse]:
        """What changed; futures wake it, running attempts are looked at five times a second."""
        deadline = time.monotonic() + wait
        while True:
            self._bell.clear()
            done, self._news = self._news, []
            self._settle(done)
            found = self._lookout.look(offsets, done, self._running())
            for glimpse in found:
                if glimpse.end is not None or glimpse.lost:
                    self._futures.pop(glimpse.ref, None)
                    self._late.pop(glimpse.ref, None)
            now = time.monotonic()
            if found or now >= deadline:
                return found
            self._bell.wait(max(0.0, min(deadline, self._look_at, self._lookout.next_sweep) - now))

    def pack(self, refs: Sequence[AttemptRef]) -> int:
        """Pack ended attempts into an archive beside them; see ``Packs``."""
        return self.spool.archives.pack(refs)

    def kept(self) -> set[str]:
        """Attempts of which something is in the spool outside of its archives; see ``Keeps``."""
        return self.spool.archives.kept()

    def status(self) -> Health:
        """How many of its futures run and wait."""
        running = sum(future.running() for future in list(self._futures.values()))
        waiting = sum(not future.done() for future in list(self._futures.values())) - running
        state = "offline" if self._problem else "online"
        return Health(
            state,
            self._problem,
            workers=self.workers,
            busy=running,
            waiting=waiting,
            trusted_code=True,
            extra={"executor": type(self.executor).__name__, "spool": str(self.spool.root)},
        )

    def close(self) -> None:
        """Let go of it; the executor is the user's to shut down."""
        if self._claimant is not None:
            self._claimant.forget()

    # --- inside ---

    def _call(self, ref: AttemptRef) -> None:
        here = (os.getpid(), machine()["host"])
        try:
            future = self.executor.submit(run_for_future, str(self.spool.root), ref.folder, here)
        except Exception as error:  # any executor has errors of its own
            self._problem = (
                f"The executor {type(self.executor).__name__} takes no more work: {text(error, 300)}. Runs "
                f"that wait stay accepted. "
                "Give the campaign a new one with campaign.redefine(endpoint=…)."
            )
            raise EndpointError(self._problem) from error
        self._problem = ""
        self._futures[ref] = future
        future.add_done_callback(functools.partial(self._done, ref))

    def _done(self, ref: AttemptRef, future: Future[Any]) -> None:
        """Called in a thread of the executor's: only says that there is news."""
        if self._futures.get(ref) is future or not future.cancelled():
            self._news.append(ref)
            self._bell.set()

    def _running(self) -> list[AttemptRef]:
        now = time.monotonic()
        if now < self._look_at:
            return []
        self._look_at = now + _LOOK
        return [ref for ref, future in self._futures.items() if not future.done()]

    def _settle(self, done: Sequence[AttemptRef]) -> None:
        """A future that is done without an end in the spool: nobody executes its attempt, once that is sure."""
        now = time.monotonic()
        for ref in done:
            future = self._futures.get(ref)
            if future is not None:
                self._late[ref] = (now, _why(future))
        for ref, (since, why) in list(self._late.items()):
            if self.spool.end(ref) is not None:
                del self._late[ref]
                self._news.append(ref)
            elif now - since > _LATE and self.spool.claim(ref) is None:
                self._lookout.lose(ref, f"It was not executed: {why}.")
                del self._late[ref]
            elif now - since > 4 * _LATE and not self._alive(ref):
                self._lookout.lose(ref, f"It was executed and left no end: {why}.")
                del self._late[ref]

    def _alive(self, ref: AttemptRef) -> bool:
        """Whether its heartbeat still moves."""
        watched = self._lookout.watched.get(ref)
        return watched is not None and watched.moving(self.spool.heartbeat(ref))


def _why(future: Future[Any]) -> str:
    """What the executor says of a future, in words."""
    try:
        error = future.exception(timeout=0)
    except CancelledError:
        return "the executor cancelled it"
    if error is None:
        return "the executor finished without it; is the spool's folder the same there?"
    return f"the executor failed with {type(error).__name__}: {text(error, 500)}"
