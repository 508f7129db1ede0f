"""The endpoint that is an engine's: a user's own Executor (threads, processes, loky, …), Parsl, Dask."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aisteer.execution.endpoint import READ, AttemptRef, Glimpse, Health, Submission
from aisteer.execution.engines.engine import Call, Engine, Given
from aisteer.execution.engines.keeper import Keeper
from aisteer.execution.looking import Lookout
from aisteer.execution.mirror import Mirror
from aisteer.execution.spool import Spool
from aisteer.execution.worker import ending
from aisteer.execution.worker.claim import Claimant
from aisteer.execution.worker.lots import Spot
from aisteer.execution.worker.values import text
from aisteer.execution.worker.withdrawal import withdraw

__all__ = ["FuturesEndpoint"]

Json = dict[str, Any]

_LOOK = 0.2
"""Seconds between two looks at what runs: nobody rings a bell here."""
_LATE = 5.0
"""Seconds that an end may take to be seen after its future is done: other machines' files arrive late."""
_LOOK_AHEAD = 8
"""Runs that wait and are looked at as often as those that run, beside two for each worker: engines begin in order."""
_UNKNOWN = 2
"""Runs that are launched before an engine has said how many it executes at a time."""


@dataclass(slots=True)
class _Asked:
    """An attempt that an engine is to execute.

    Attributes:
        place: Where its request stands, if it was handed over with others.
        resources: What it needs.
        number: How often it was asked for.
        start: In which start of the engine that was.
        late: Since when its future is done though nobody saw its end, and what the engine says of it.
    """

    place: Spot | None
    resources: Json = field(default_factory=dict)
    number: int = 0
    start: int = 0
    future: Future[None] | None = None
    late: tuple[float, str] | None = None


class FuturesEndpoint:
    """Runs wherever an engine brings them, as long as both sides see the spool's folder.

    aisteer has to be installed there. Results of futures are not read: the truth is in the spool. The engine is the
    user's own and trusted: most of them unpickle in this process what they bring back.

    Args:
        executor: Any ``concurrent.futures.Executor``, which is not shut down here; or an ``Engine``, which is started
            with the first run and stopped by ``close``.
        spool: The spool's root.
        workers: How many runs it is given at a time; None asks it.
        code: Where the campaign keeps the simulations' code, with ``observations`` (what earlier drivers
            mirrored) beside it; by default ``code`` beside the spool.
    """

    lead = 1.0
    """Seconds: an engine's workers may be on other machines, and nobody rings a bell when a run has ended there."""

    def __init__(
        self,
        executor: Executor | Engine,
        spool: Path | str,
        workers: int | None = None,
        *,
        code: Path | str | None = None,
    ) -> None:
        self.engine = executor if isinstance(executor, Engine) else Given(executor)
        self.spool = Spool(Path(spool))
        self.code = Path(code) if code is not None else self.spool.root.parent / "code"
        self._workers = workers
        self._lookout = Lookout(self.spool, mirror=Mirror(self.code.parent))
        self._bell = threading.Event()
        self._keeper = Keeper(self.engine, self._bell.set)
        self._asked: dict[AttemptRef, _Asked] = {}
        self._queue: deque[AttemptRef] = deque()
        self._news: deque[AttemptRef] = deque()
        self._look_at = 0.0
        self._start = self._keeper.starts
        self._claimant: Claimant | None = None

    @property
    def address(self) -> str:
        """What ``ai.connect`` takes to find it again; a user's Executor lives in this kernel alone."""
        return self.engine.address

    @property
    def workers(self) -> int:
        """How many runs it is given at a time."""
        capacity = self._keeper.capacity
        return self._workers or (capacity.workers if capacity is not None else _UNKNOWN)

    # --- what the driver asks ---

    def submit(self, submissions: Sequence[Submission]) -> None:
        """Write the requests and have each executed; see ``Endpoint``."""
        if not submissions:
            return
        self.spool.create(str(submissions[0].request["nonce"]))
        places = self.spool.put(submissions, self.code)
        for submission in submissions:
            self._ask(submission.ref, submission.request, places.get(submission.ref))
        self._give()

    def attach(self, refs: Mapping[AttemptRef, str | None]) -> None:
        """Take up attempts of an earlier kernel: those that nobody claimed are asked for again."""
        self.spool.handing.find([ref.key for ref in refs])
        for ref in refs:
            self._lookout.add(ref)
            if self.spool.claim(ref) is not None or self.spool.end(ref) is not None:
                continue
            request = self.spool.request(ref)
            if request is None:
                self._lookout.lose(
                    ref, "Its request never reached the spool, or was removed: nobody executes it."
                )
            else:
                self._ask(ref, request, self.spool.handing.place(ref.key))
        if self._queue:
            self._give()

    def control(self, ref: AttemptRef, control: Json) -> None:
        """Write the control where the worker looks; one that nobody has claimed ends here."""
        self.spool.append_control(ref, control)
        if control.get("verb") not in {"stop", "withdraw"} or self.spool.claim(ref) is not None:
            return
        if self._claimant is None:
            self._claimant = Claimant(str(self.spool.root))
        folder = f"{self.spool.root}/{ref.folder}"
        record = withdraw(folder, self._claimant, self.spool.request(ref))
        if record is None:
            return  # somebody was faster, and reads it
        ending.write_end(folder, record)
        self._news.append(ref)
        asked = self._asked.pop(ref, None)
        if asked is not None and asked.future is not None:
            with contextlib.suppress(NotImplementedError):  # Parsl's futures; then a worker finds it claimed
                asked.future.cancel()

    def tail(self, offsets: Mapping[AttemptRef, int], wait: float) -> Sequence[Glimpse]:
        """What changed; futures wake it, running attempts are looked at five times a second."""
        deadline = time.monotonic() + wait
        while True:
            self._bell.clear()
            self._take_up()
            done = [self._news.popleft() for _ in range(len(self._news))]
            running, late = self._due()
            found = self._lookout.look(offsets, [*done, *late], running)
            for glimpse in found:
                if glimpse.end is not None or glimpse.lost:
                    self._asked.pop(glimpse.ref, None)
            self._settle([*done, *late])
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

    def read(self, ref: AttemptRef, name: str) -> bytes:
        """What an attempt printed; see ``Reads``."""
        return self.spool.archives.content(ref.folder, name, READ)

    def status(self) -> Health:
        """How many of its runs are claimed, and how many wait for that."""
        keeper = self._keeper
        live = [watched for watched in list(self._lookout.watched.values()) if not watched.over]
        busy = sum(watched.claim is not None for watched in live)
        if keeper.problem:
            state, detail = "offline", keeper.problem
        elif keeper.up:
            words = keeper.capacity.words if keeper.capacity is not None else ""
            state, detail = "online", words if len(live) > busy else ""
        elif keeper.needed:
            state, detail = "starting", f"{self.engine.name} is being started; runs wait for it"
        else:
            state, detail = "online", f"{self.engine.name} is not needed now; it is reached with the next run"
        return Health(
            state,
            detail,
            workers=self.workers,
            busy=busy,
            waiting=len(live) - busy,
            trusted_code=True,
            extra={"executor": self.engine.name, "spool": str(self.spool.root)},
        )

    def close(self) -> None:
        """Let go of it. A user's Executor is the user's to shut down; what was started here is ended."""
        self._keeper.close()
        self.spool.handing.close()
        if self._claimant is not None:
            self._claimant.forget()

    # --- asking the engine ---

    def _ask(self, ref: AttemptRef, request: Json, place: Spot | None) -> None:
        """Queue an attempt for the engine; one that it has already is not asked for twice."""
        self._lookout.add(ref)
        asked = self._asked.get(ref)
        if asked is None:
            asked = self._asked[ref] = _Asked(place, request.get("resources") or {})
        if asked.future is None or asked.future.done():
            self._queue.append(ref)

    def _give(self) -> None:
        """Give the engine what is queued, as long as it takes calls.

        Raises:
            EndpointError: A user's Executor takes no more.
        """
        self._keeper.begin()
        while self._queue and self._keeper.up:
            ref = self._queue.popleft()
            asked = self._asked.get(ref)
            if asked is not None:
                self._call(ref, asked)

    def _call(self, ref: AttemptRef, asked: _Asked) -> None:
        root = str(self.spool.root)
        call = Call(ref.key, root, ref.folder, asked.place, asked.resources, asked.number)
        asked.number += 1
        asked.start = self._keeper.starts
        asked.late = None
        try:
            future = self.engine.submit(call)
        except Exception as error:  # an engine has errors of its own
            self._keeper.doubt(error)
            if isinstance(self.engine, Given):
                self._queue.clear()  # all of it is handed over again
                raise
            self._again(ref, asked, f"{self.engine.name} does not take it: {text(error, 500)}")
        else:
            self._keeper.problem = ""
            asked.future = future
            future.add_done_callback(functools.partial(self._done, ref))

    def _again(self, ref: AttemptRef, asked: _Asked, why: str) -> None:
        """Ask for it once more, unless that was done often enough."""
        asked.future = asked.late = None
        if asked.number < self.engine.tries:
            self._queue.append(ref)
        else:
            self._lookout.lose(ref, f"It was not executed: {why}.")
            self._news.append(ref)

    def _take_up(self) -> None:
        """When the engine was started anew, what it had been given before is given again, as far as nobody has it."""
        if self._start != self._keeper.starts:
            self._start = self._keeper.starts
            for ref, asked in self._asked.items():
                if asked.future is not None and self.spool.claim(ref) is None:
                    asked.future = asked.late = None
                    asked.number = min(asked.number, self.engine.tries - 1)
                    self._queue.append(ref)
        if self._queue and self._keeper.up:
            self._give()

    # --- what became of it ---

    def _done(self, ref: AttemptRef, _: Future[None]) -> None:
        """Called in a thread of the engine's: only says that there is news."""
        self._news.append(ref)
        self._bell.set()

    def _due(self) -> tuple[list[AttemptRef], list[AttemptRef]]:
        """Attempts to look at now: those that run, and those whose future is done though no end was seen."""
        now = time.monotonic()
        if now < self._look_at:
            return [], []
        self._look_at = now + _LOOK
        late = [ref for ref, asked in self._asked.items() if asked.late is not None]
        running, next_ones = [], 2 * self.workers + _LOOK_AHEAD
        for ref, asked in self._asked.items():
            if asked.late is None and asked.future is not None:
                watched = self._lookout.watched.get(ref)
                claimed = watched is not None and watched.claim is not None
                next_ones -= not claimed
                if claimed or next_ones >= 0:
                    running.append(ref)
        return running, late

    def _settle(self, done: Sequence[AttemptRef]) -> None:
        """A future that is done without an end in the spool: nobody executes its attempt, once that is sure."""
        now = time.monotonic()
        for ref in done:
            asked = self._asked.get(ref)
            if asked is None or asked.future is None or not asked.future.done():
                continue
            asked.late = asked.late or (now, _why(asked.future))
            since, why = asked.late
            if now - since <= _LATE or not self._keeper.up:
                continue
            if self.spool.claim(ref) is None:
                self._again(ref, asked, why)
            elif now - since > 4 * _LATE and not self._alive(ref):
                self._lookout.lose(ref, f"It was executed and left no end: {why}.")

    def _alive(self, ref: AttemptRef) -> bool:
        """Whether its heartbeat still moves."""
        watched = self._lookout.watched.get(ref)
        return watched is not None and watched.moving(self.spool.heartbeat(ref))


def _why(future: Future[None]) -> str:
    """What the engine says of a future, in words."""
    try:
        error = future.exception(timeout=0)
    except CancelledError:
        return "the executor cancelled it"
    if error is None:
        return "the executor finished without it; is the spool's folder the same there?"
    return f"the executor failed with {type(error).__name__}: {text(error, 500)}"
