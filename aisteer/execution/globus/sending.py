"""Sending attempts to the compute role, and finding out what became of those that nobody executes."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aisteer.errors import AisteerError, EndpointError, SpoolError
from aisteer.execution.ends import clean_text, number
from aisteer.execution.globus import sizes
from aisteer.execution.globus.bringing import Bringing
from aisteer.execution.globus.fitting import obstacle
from aisteer.execution.globus.functions import opened
from aisteer.execution.globus.member import Member
from aisteer.execution.globus.outbox import Outbox
from aisteer.execution.globus.patience import hold_back
from aisteer.execution.globus.preparing import Preparing
from aisteer.execution.globus.role import NOT_STARTED, Role, is_refused, task_of
from aisteer.execution.globus.roster import Roster
from aisteer.execution.globus.watcher import Watcher
from aisteer.execution.globus.wire import refusal

__all__ = ["Sender", "specification"]

Json = dict[str, Any]

_SENT = 90.0
"""Seconds in which a batch is sent or has failed; after that it is sent again."""
_CHECK = 15.0
"""Seconds between two questions to the service about what was sent and nobody executes, while somebody looks."""
_HOW_IT_IS = 30.0
"""Seconds between two questions whether the endpoint is online, while somebody looks."""
_FRESH = 20.0
"""Seconds after which something that was sent may be asked about."""
_TRIES = 3
"""Times that an attempt is sent whose task failed without having begun it."""
_GATHER = 0.8
"""Seconds after a submission in which less than a whole batch is gathered: the service takes few requests."""
_BLOCK_ENDED = re.compile(r"\b(ManagerLost|WorkerLost)\b")
"""What an engine says of a task whose block, or worker, came to its end with it: that says nothing about the task."""
_BLOCKS = 20
"""Blocks that may end around an attempt which they have not begun."""
_STARTS = 30
"""Times that an attempt is sent to an endpoint that cannot start what would execute it: half an hour."""
_BACKOFF = (2.0, 5.0, 15.0, 30.0, 60.0)


class Sender:
    """Takes attempts from the roster, in a thread of its own, until they are executed by somebody.

    Args:
        roster: The attempts.
        outbox: Their requests.
        watcher: Writes what they need there.
        role: Where they are sent.
        prepare: Finds out whether the endpoint can be used, and makes the spool there; raises when it cannot (yet).
            Answers with the id of the function that executes an attempt.
        refresh: Asks how the endpoint is; now and then, as long as something is there.
        tasks: What the web service knows of tasks.
        result: The content of a result as the web service keeps it; raises what is wrong with it.
        code: The campaign's folder of simulations' code.
        block: What is known of the blocks there: their ``walltime``.
        python: The Python of the workers there, as they said lately; empty where they did not.
        words: An error of the SDK, as it is said to people.
    """

    def __init__(
        self,
        roster: Roster,
        outbox: Outbox,
        watcher: Watcher,
        role: Role,
        *,
        prepare: Callable[[], str],
        refresh: Callable[[], None],
        tasks: Callable[[Sequence[str]], dict[str, Json]],
        result: Callable[[Json], Any],
        code: Path,
        block: Json,
        python: Callable[[], str],
        words: Callable[[BaseException], str],
    ) -> None:
        self.problem = ""
        self.ready = False
        self._roster = roster
        self._outbox = outbox
        self._watcher = watcher
        self._role = role
        self._prepare = prepare
        self._refresh = refresh
        self._refresh_at = 0.0
        self._tasks = tasks
        self._result = result
        self._block = block
        self._python = python
        self._words = words
        self._function = ""
        self._done: deque[tuple[str, Any]] = deque()
        self._failures = 0
        self._thrown = False
        self._not_before = 0.0
        self._check_at = 0.0
        self._gather_until = 0.0
        self._bell = threading.Event()
        self._closed = threading.Event()
        self._bringing = Bringing(watcher, self._closed)
        self._preparing = Preparing(self._bringing, code, block)
        self._thread = threading.Thread(target=self._run, name="aisteer-globus-sender", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End; what was not sent is sent by the next driver."""
        self._closed.set()
        self._bell.set()

    def ring(self) -> None:
        """There is something to send."""
        self._bell.set()

    # --- its thread ---

    def _run(self) -> None:
        while not self._closed.is_set():
            self._bell.clear()
            try:
                self._round()
                nap = min(1.0, max(0.0, self._gather_until - time.monotonic()) or 1.0)
            except Exception as error:  # noqa: BLE001  a thread that dies silently would look like patience
                self._failed(str(error) if isinstance(error, AisteerError) else self._words(error))
                self._thrown = True
                nap = 1.0
            if not self._done:
                self._bell.wait(nap)

    def _round(self) -> None:
        self._take_results()
        now = time.monotonic()
        if now < self._not_before:
            return
        if not self.ready:
            self._make_ready()
        if self._watcher.refused:
            return  # the spool is not there: nothing could be executed in it
        self._send_once_more(self._roster.forgotten(now))
        queued = [m for m in self._roster.members() if m.queued and not m.claimed and m.not_before <= now]
        if queued and (now >= self._gather_until or len(queued) >= sizes.MOST):
            self._gather_until = now + _GATHER
            self._send(queued)
        if now >= self._check_at:
            self._check(now)
            self._check_at = now + (_CHECK if self._watcher.attentive else 4 * _CHECK)
        if now >= self._refresh_at and self._roster.members():
            self._refresh()
            self._refresh_at = now + (_HOW_IT_IS if self._watcher.attentive else 10 * _HOW_IT_IS)
        if self._thrown and not any(m.queued and not m.claimed for m in self._roster.members()):
            # What failed was done anew, or nobody wants it any more.
            self._thrown, self._failures, self.problem = False, 0, ""

    def _failed(self, problem: str) -> None:
        self.problem = problem
        self._not_before = time.monotonic() + _BACKOFF[min(self._failures, len(_BACKOFF) - 1)]
        self._failures += 1

    # --- before the first ---

    def _make_ready(self) -> None:
        self._function = self._prepare()
        self.ready, self._failures, self.problem = True, 0, ""
        self._watcher.ring()

    # --- sending ---

    def _send(self, queued: Sequence[Member]) -> None:
        requests = self._outbox.requests([member.ref.key for member in queued])
        fit = [member for member in queued if self._fits(member, requests.get(member.ref.key))]
        self._preparing.anew()
        kinds: dict[str, tuple[Json | None, list[tuple[Member, sizes.Parcel]]]] = {}
        for member in fit:
            if self._closed.is_set():
                return  # the next driver sends them
            request = requests[member.ref.key]
            parcel = self._prepared(member, request)
            if parcel is not None:
                needs = specification(request)
                kinds.setdefault(str(needs), (needs, []))[1].append((member, parcel))
        for needs, kind in kinds.values():
            of = {id(parcel): member for member, parcel in kind}
            for batch in sizes.batches([parcel for _, parcel in kind]):
                self._send_batch(needs, [(of[id(parcel)], parcel.order) for parcel in batch])

    def _fits(self, member: Member, request: Json | None) -> bool:
        """Whether it can be executed there; it ends here when it never can be."""
        if request is None:
            self._roster.lose(member, "Its request is gone from the campaign's folder: nobody executes it.")
            return False
        words = obstacle(request, python=self._python(), walltime=self._block.get("walltime"))
        if words:
            self._roster.end(member, {"end": "failed", "message": words})
        return not words

    def _prepared(self, member: Member, request: Json) -> sizes.Parcel | None:
        """Its order, once what it needs is there; None where that cannot be brought for this one, which waits."""
        try:
            return self._preparing.parcel(member.ref.key, request)
        except SpoolError as error:
            if self._watcher.refused:
                raise
            self._hold_back(member, str(error))
        except (KeyError, TypeError, ValueError) as error:
            words = f"Its request cannot be sent: {type(error).__name__}: {clean_text(str(error), 300)}."
            self._roster.end(member, {"end": "failed", "message": words})
        return None

    def _send_batch(self, needs: Json | None, batch: Sequence[tuple[Member, Json]]) -> None:
        orders = {member.ref.key: order for member, order in batch}
        members = [] if self._closed.is_set() else self._roster.begin_sending(member for member, _ in batch)
        if not members:
            return
        whole = [orders[member.ref.key] for member in members]
        futures = self._role.send(self._function, self._watcher.root, whole, needs)
        self._role.wait_until_sent(futures, _SENT)
        problem = ""
        for member, future in zip(members, futures, strict=True):
            ticket = task_of(future)
            if ticket:
                self._roster.sent(member, ticket)
                key = member.ref.key
                future.add_done_callback(lambda done, key=key: self._landed(key, done))
            else:
                error = future.exception(timeout=0) if future.done() and not future.cancelled() else None
                self._roster.not_sent(member, surely=is_refused(future))
                problem = problem or (self._words(error) if error is not None else "the batch was not sent")
        if problem:
            raise EndpointError(problem)
        self._failures, self.problem = 0, ""
        self._watcher.ring()

    # --- what came back ---

    def _landed(self, key: str, future: Any) -> None:
        """Called in the SDK's thread for results: only says that there is one."""
        self._done.append((key, future))
        self._bell.set()

    def _take_results(self) -> None:
        while self._done:
            key, future = self._done.popleft()
            member = self._roster.get(key)
            if member is None or member.over or future.cancelled():
                continue
            error = future.exception(timeout=0)
            if error is None:
                self._came_back(member, future.result(timeout=0))
            elif refusal(error):
                self.problem = (
                    f"An answer of the endpoint was refused: {refusal(error)}. Only JSON is taken from an endpoint; "
                    "nothing of it was executed. What its run did is read in the spool. Ask its administrator who "
                    "answers there."
                )
            elif type(error).__name__ == "TaskExecutionFailed":
                self._not_executed(member, self._words(error), error)
            # else the way back is closed: the spool says how it is, and the web service is asked

    def _came_back(self, member: Member, answer: object) -> None:
        try:
            said = opened(answer)
        except ValueError as error:
            self.problem = (
                f"A result of the endpoint cannot be read: {error}. What its run did is read in the spool."
            )
            return
        end, stream = said.get("end"), said.get("stream")
        if said.get("executed") is True and isinstance(end, dict):
            data = stream.encode("latin-1", "replace") if isinstance(stream, str) else None
            self._roster.take_result(member, end, data)
        elif said.get("again") is True:
            missing, after = said.get("missing"), number(said.get("after"))
            self._bringing.missing(missing if isinstance(missing, list) else ())
            self._hold_back(member, clean_text(said.get("reason"), 500) or "it says no reason", after or 0.0)
        elif isinstance(said.get("missing"), str):
            self._watcher.bring()
            self._hold_back(member, "the worker has to be brought there")
        elif isinstance(said.get("refused"), str):
            self._not_executed(member, clean_text(said["refused"], 500))
        elif isinstance(said.get("claim"), dict):
            self._watcher.ring()  # somebody else executes it: the spool says how it goes on
        elif said.get("executed") is False and not member.claimed:
            self._not_executed(member, clean_text(said.get("reason"), 500) or "it says no reason")

    def _hold_back(self, member: Member, why: str, after: float = 0.0) -> None:
        """A worker had it and has not begun it: it is sent again, later each time."""
        given_up = "" if member.claimed else hold_back(member, why, time.monotonic(), after)
        if given_up:
            self._roster.lose(member, given_up)

    def _not_executed(self, member: Member, why: str, error: BaseException | None = None) -> None:
        """Its task is over and did not begin it: it is sent again, a few times."""
        if member.claimed:
            return  # somebody executes it; whether that one lives is seen in the spool
        if self._role.refused(error) and not member.ranks:
            member.ranks = member.queued = True  # the role says one rank from now on
            return
        if _BLOCK_ENDED.search(str(error or "")) and member.cut_off < _BLOCKS:
            member.cut_off += 1
            member.queued, member.not_before = True, time.monotonic() + 1.0
            return
        if NOT_STARTED in str(error or "") and member.unstarted < _STARTS:
            self._cannot_start(member, why)
            return
        member.failures += 1
        if member.failures >= _TRIES:
            times = member.failures + member.cut_off + member.unstarted
            self._roster.lose(member, f"The endpoint did not execute it, {times} times: {why}.")
        else:
            member.queued = True
            self._failed(f"The endpoint did not execute {member.ref.run}: {why}. It is sent again.")

    def _cannot_start(self, member: Member, why: str) -> None:
        """What would execute it there does not come up, through no fault of the attempt: it waits, longer each time."""
        pause = _BACKOFF[min(member.unstarted, len(_BACKOFF) - 1)]
        member.unstarted += 1
        member.queued, member.not_before = True, time.monotonic() + pause
        self._thrown = True
        self.problem = (
            f"The endpoint cannot execute runs now: {why.rstrip('.')}. Runs wait, and it is tried again. "
            "Where that does not pass, change compute={…} or show this to its administrator."
        )

    def _check(self, now: float) -> None:
        """Ask about what was sent and nobody has claimed: its task may have failed, or be forgotten."""
        doubtful = {
            member.ticket.rpartition("/")[2]: member
            for member in self._roster.members()
            if member.ticket
            and not member.claimed
            and not member.queued
            and now - member.sent > _FRESH
            and member.looked > member.sent
        }
        self._ask(doubtful)

    def _send_once_more(self, members: Sequence[Member]) -> None:
        """Nobody there may know these: the service is asked first, and what it says still waits is sent beside it."""
        asked = {member.ticket.rpartition("/")[2]: member for member in members if member.ticket}
        self._ask(asked)
        for member in members:
            if not (member.queued or member.over or member.claimed):
                self._roster.send_once_more(member)

    def _ask(self, doubtful: Mapping[str, Member]) -> None:
        """Ask about tasks, and take what those that are over say."""
        known = self._tasks(list(doubtful)) if doubtful else {}
        for task, member in doubtful.items():
            said = known.get(task)
            if said is None:
                member.queued = True  # the service has forgotten it, executed or not: the claim decides
            elif said.get("completion_t"):
                try:
                    self._came_back(member, self._result(said))
                except Exception as error:  # noqa: BLE001  whatever it answered
                    self._not_executed(member, refusal(error) or self._words(error), error)


def specification(request: Json) -> Json | None:
    """What an MPI engine is told of a request's resources; None for what needs one process.

    Args:
        request: With its ``resources``.
    """
    resources = request.get("resources") or {}
    nodes, ranks = int(resources.get("nodes") or 1), int(resources.get("ranks_per_node") or 1)
    if nodes * ranks <= 1:
        return None
    return {"num_nodes": nodes, "ranks_per_node": ranks, "num_ranks": nodes * ranks}
