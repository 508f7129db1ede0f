"""A sender whose tasks are executed in threads of this process: its own code and the worker's, without a service."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from aisteer.execution.endpoint import AttemptRef, Submission
from aisteer.execution.mirror import Mirror
from aisteer.execution.worker import entrance
from tests.execution.stage import Stage, eventually

pytest.importorskip("globus_compute_sdk")
from aisteer.execution.globus.member import Member
from aisteer.execution.globus.near import Near
from aisteer.execution.globus.outbox import Outbox
from aisteer.execution.globus.roster import Roster
from aisteer.execution.globus.sending import Sender
from aisteer.execution.globus.watcher import Watcher

__all__ = ["Here", "Threads", "here"]

Json = dict[str, Any]


class Task(Future[Any]):
    """What the SDK's future has beside a future."""

    task_id = ""


class Threads:
    """A role whose tasks are executed by threads: each by ``execute``, the worker's own unless it was exchanged."""

    endpoint = "here"

    def __init__(self) -> None:
        self.execute: Callable[[str, Json], Json] = entrance.run
        self.open = threading.Event()
        self.open.set()
        self.sent: list[tuple[str, Json | None]] = []
        self._threads = ThreadPoolExecutor(4)

    def send(
        self, function: str, root: str, orders: Sequence[Json], resources: Json | None = None
    ) -> list[Any]:
        """Have orders executed once ``open`` is set."""
        assert function == "run"
        tasks = []
        for order in orders:
            task = Task()
            task.task_id = f"task-{len(self.sent)}"
            self.sent.append((str(entrance.unfold(order)["key"]), resources))
            self._threads.submit(self._do, task, root, order)
            tasks.append(task)
        return tasks

    def _do(self, task: Task, root: str, order: Json) -> None:
        self.open.wait(60)
        try:
            task.set_result(self.execute(root, order))
        except Exception as error:  # noqa: BLE001  it is the task's
            task.set_exception(error)

    def wait_until_sent(self, futures: Sequence[Any], timeout: float) -> None:
        """They are."""

    def refused(self, error: BaseException | None) -> bool:
        """Threads refuse nothing."""
        return False

    def close(self) -> None:
        self.open.set()
        self._threads.shutdown(wait=True, cancel_futures=True)


@dataclass
class Here:
    """A campaign's folder and a spool, and what sends, watches and executes."""

    stage: Stage
    root: Path
    roster: Roster
    outbox: Outbox
    watcher: Watcher
    role: Threads
    sender: Sender
    known: dict[str, Json] = field(default_factory=dict)
    """What the service says of tasks."""
    asked: list[str] = field(default_factory=list)
    """Tasks that it was asked about."""
    refs: list[AttemptRef] = field(default_factory=list)

    def submit(self, *submissions: Submission) -> list[Member]:
        """Have them sent."""
        self.outbox.put(submissions)
        members = [self.roster.add(s.ref, queued=True, elsewhere=False) for s in submissions]
        self.refs += [s.ref for s in submissions]
        self.sender.ring()
        return members

    def said(self, member: Member) -> Any:
        """The end of an attempt, or why it is lost, once it is over."""
        found: list[Any] = []

        def over() -> bool:
            news = self.roster.drain(dict.fromkeys(self.refs, 0), 0.05)
            found.extend(one.end or one.lost for one in news if one.ref == member.ref)
            return any(found)

        eventually(over)
        return next(filter(None, found))


@contextmanager
def here(folder: Path, **block: Any) -> Iterator[Here]:
    """Everything, until the end of the block.

    Args:
        folder: Where.
        block: What is known of blocks: ``walltime``.
    """
    stage = Stage(folder / "campaign")
    near, role = Near(), Threads()
    roster, outbox = Roster(Mirror(stage.folder)), Outbox(stage.root)
    watcher = Watcher(near, roster, stage.nonce, attention=lambda: True)
    watcher.move_in(near)
    root = folder / "scratch"

    def prepare() -> str:
        watcher.create(str(root)).result(20)
        return "run"

    def tasks(ids: Sequence[str]) -> dict[str, Json]:
        made.asked += ids
        return {name: made.known[name] for name in ids if name in made.known}

    sender = Sender(
        roster,
        outbox,
        watcher,
        role,  # type: ignore[arg-type]
        prepare=prepare,
        refresh=lambda: None,
        tasks=tasks,
        result=lambda task: task["result"],
        code=stage.folder / "code",
        block=block,
        python=lambda: roster.python(time.monotonic()),
        words=str,
    )
    made = Here(stage, root, roster, outbox, watcher, role, sender)
    watcher.start()
    sender.start()
    try:
        yield made
    finally:
        sender.close()
        watcher.close()
        role.close()
        near.close()
        outbox.close()
