"""Who executes what, in a local host: a queue, warm workers, and what happens when one of them dies."""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aisteer.execution.aftermath import Unwritten, cause_of_death
from aisteer.execution.crew import Worker
from aisteer.execution.stopping import Stop, read_stop
from aisteer.execution.worker import book, ending, files
from aisteer.execution.worker.attempt import ENDING, STALE, TAKEN, UNCLAIMED
from aisteer.execution.worker.claim import Claimant, read_claim
from aisteer.execution.worker.command import end_group
from aisteer.execution.worker.files import Json
from aisteer.execution.worker.folder import make_folder
from aisteer.execution.worker.lots import Lots, Spot, spot_of
from aisteer.execution.worker.withdrawal import withdraw

__all__ = ["Supervisor"]

_KEY = re.compile(r"[0-9A-Za-z]{4,64}-[0-9]{1,6}")
_STUCK = 0.05
"""Seconds after which attempts that wait behind a long one are given to an idle worker as well."""
_MOST_TRIES = 5
_LATER = 1.0
"""Seconds after which an attempt is tried again whose claim could not be written."""
_LAST_WORDS = 10.0
"""Seconds that runs have for a checkpoint when the host ends."""


@dataclass(slots=True)
class Entry:
    """An attempt that the host knows: queued, or sent to a worker."""

    key: str
    threads: int
    setting: Json
    place: Spot | None = None
    """Where its request stands, if that is in a lot; then its folder may not be there yet."""
    worker: Worker | None = None
    claimed: float = 0.0
    tries: int = 0
    stop: Stop | None = None


class Supervisor:
    """Feeds the workers first come, first served, and speaks for those that died.

    At least once is good enough here: whoever claims an attempt executes it, so an attempt may be handed
    to a second worker without harm.

    Args:
        root: The spool's root.
        limit: How many workers there are at most.
        tell: Called with ``claimed``, ``observed``, ``ended``, ``kept`` (its end waits here for room on the disk) or
            ``lost``, a key, and for ``lost`` why.
        let_go: Called in each new worker process to close what is the host's alone.
        selector: Where the workers' channels are registered.
    """

    def __init__(
        self,
        root: Path,
        limit: int,
        tell: Callable[..., None],
        let_go: Callable[[], None],
        selector: selectors.BaseSelector,
    ) -> None:
        self.root = str(root)
        self.limit = limit
        self.workers: dict[int, Worker] = {}
        self._tell = tell
        self._host_lets_go = let_go
        self._selector = selector
        self._queue: deque[str] = deque()
        self._later: deque[tuple[float, str]] = deque()
        self._entries: dict[str, Entry] = {}
        self._ends = Unwritten()
        self._stopping: dict[str, Entry] = {}
        self._claimant = Claimant(self.root)
        self._lots = Lots(self.root)
        self._ending = 0.0
        self._asked = 0

    # --- asked by the host ---

    @property
    def busy(self) -> bool:
        """Whether there is anything to do."""
        return bool(self._entries or self._ends.waiting)

    @property
    def unwritten(self) -> list[str]:
        """Attempts that are over and whose end no disk has taken yet."""
        return list(self._ends.waiting)

    @property
    def impatient(self) -> bool:
        """Whether something has to be looked at again soon."""
        if self._stopping or self._ends.waiting or self._ending:
            return True
        return any(len(w.sent) > 1 for w in self.workers.values())

    @property
    def status(self) -> Json:
        """How many workers, how many of them work, and how many attempts wait."""
        busy = sum(1 for w in self.workers.values() if w.sent)
        return {"workers": self.limit, "busy": busy, "waiting": max(0, len(self._entries) - busy)}

    def submit(self, attempts: Sequence[Any], threads: int, setting: Json) -> None:
        """Queue attempts, a key each or a key and its place in a lot; those it knows already stay as they are.

        Raises:
            ValueError: Something else was among them; the others are queued.
        """
        strange: list[Any] = []
        for attempt in attempts:
            key, *place = attempt if isinstance(attempt, list) and attempt else [attempt]
            spot = spot_of(place)
            if not isinstance(key, str) or not _KEY.fullmatch(key) or (place and spot is None):
                strange.append(attempt)
            elif key not in self._entries:
                self._entries[key] = Entry(key, threads, setting, spot)
                self._queue.append(key)
        self._dispatch()
        if strange:
            raise ValueError(
                f"{len(strange)} of {len(attempts)} are no attempts, such as {str(strange[0])[:100]}"
            )

    def control(self, key: str) -> None:
        """There is something new in the controls of this attempt."""
        entry = self._entries.get(key)
        if entry is None:
            return
        if not entry.claimed and self._withdraw(entry):
            return
        if entry.stop is None:
            entry.stop = read_stop(self._folder(key), self._request(entry))
            if entry.stop is not None:
                self._stopping[key] = entry

    def tick(self) -> None:
        """What time brings about."""
        now = time.monotonic()
        for entry in list(self._stopping.values()):
            if entry.stop is not None and entry.claimed and entry.worker is not None:
                entry.stop.press(entry.worker, now)
        for key in self._ends.again(now):
            self._over(key)
        while self._later and self._later[0][0] <= now:
            self._queue.append(self._later.popleft()[1])
        self._share(now)
        if self._ending:
            self._press_on(now)
        else:
            self._dispatch()

    def end(self) -> None:
        """Ask all runs to write a checkpoint and end; what waits is handed over again by its driver."""
        if not self._ending:
            self._ending = time.monotonic()
            self._queue.clear()
            self._later.clear()
            for key in [k for k, e in self._entries.items() if e.worker is None]:
                del self._entries[key]
            self._press_on(self._ending)

    def close(self) -> None:
        """Nothing more is claimed."""
        self._claimant.forget()
        self._lots.close()

    # --- the queue ---

    def _folder(self, key: str) -> str:
        return f"{self.root}/attempts/{key[:2]}/{key}"

    def _request(self, entry: Entry) -> Json | None:
        """The request that stands in a lot."""
        return self._lots.read(entry.key, entry.place) if entry.place is not None else None

    def _dispatch(self) -> None:
        while self._queue and not self._ending:
            entry = self._entries.get(self._queue[0])
            if entry is None:
                self._queue.popleft()
                continue
            worker = self._choose(entry.threads)
            if worker is None:
                return
            self._send(worker, entry)

    def _choose(self, threads: int) -> Worker | None:
        """An idle worker, else a new one, else one whose runs are short; None when all are taken."""
        room: Worker | None = None
        idle: Worker | None = None
        for worker in self.workers.values():
            if not worker.sent and not worker.retiring:
                if worker.threads == threads:
                    return worker
                idle = worker
            elif worker.room > 0 and worker.threads == threads:
                room = worker
        if len(self.workers) < self.limit:
            return self._new_worker(threads)
        if idle is not None:
            # It has loaded its libraries for another number of threads.
            self._retire(idle)
            return None
        return room

    def _new_worker(self, threads: int) -> Worker:
        worker = Worker(self.root, threads, self._let_go)
        self.workers[worker.pid] = worker
        self._selector.register(worker.channel, selectors.EVENT_READ, worker)
        return worker

    def _let_go(self) -> None:
        for worker in self.workers.values():
            worker.close()
        self._host_lets_go()

    def _retire(self, worker: Worker) -> None:
        worker.retiring = True
        worker.signal(signal.SIGTERM)

    def _send(self, worker: Worker, first: Entry) -> None:
        """Fill the worker with attempts of one kind from the head of the queue."""
        attempts: list[tuple[object, ...]] = []
        room = max(1, worker.room)
        while self._queue and len(attempts) < room:
            entry = self._entries.get(self._queue[0])
            if entry is not None and (entry.threads != first.threads or entry.setting != first.setting):
                break
            self._queue.popleft()
            if entry is not None:
                entry.worker = worker
                attempts.append((entry.key, *(entry.place or ())))
        worker.send(attempts, first.setting)

    def _share(self, now: float) -> None:
        """Give idle workers what waits behind a long run; the claims decide who gets it."""
        if self._queue or self._ending:
            return
        for worker in list(self.workers.values()):
            if len(worker.sent) < 2 or now - worker.progress < _STUCK:
                continue
            worker.depth = 1
            waiting = [k for k in list(worker.sent)[1:] if (e := self._entries.get(k)) and e.worker is worker]
            for key in waiting:
                if not self._entries[key].claimed:
                    self._entries[key].worker = None
                    self._queue.append(key)

    # --- what workers say ---

    def hear(self, worker: Worker) -> None:
        """Read what a worker said."""
        try:
            heard = worker.receive()
        except OSError:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(worker.channel)
            self.reap()
            return
        for word, key, more in heard:
            self._said(worker, word, key, more)

    def _said(self, worker: Worker, word: str, key: str, more: str) -> None:
        entry = self._entries.get(key)
        if word == "c" and entry is not None:
            entry.worker, entry.claimed = worker, time.monotonic()
            self._tell("claimed", key)
        elif word == "o":
            self._tell("observed", key)
        elif word == "e":
            worker.finished(key)
            self._over(key)
        elif word == "u":
            worker.finished(key)
            self._write_end(key, json.loads(more))
        elif word == "s":
            worker.sent.pop(key, None)
            self._skipped(worker, key, more)

    def _skipped(self, worker: Worker, key: str, reason: str) -> None:
        entry = self._entries.get(key)
        if reason in {STALE, ENDING}:
            self._retire(worker)
            if entry is not None and entry.worker is worker:
                self._requeue(entry)
            return
        if entry is None or (entry.worker is not worker and entry.worker is not None):
            return
        elsewhere = next((w for w in self.workers.values() if key in w.sent), None)
        if elsewhere is not None:
            entry.worker = elsewhere
        elif reason == UNCLAIMED:
            entry.worker = None
            self._later.append((time.monotonic() + _LATER, key))
        else:
            self._forget(key)
            if reason == TAKEN:
                self._tell("claimed", key)
            else:
                self._tell("lost", key, reason)

    def _requeue(self, entry: Entry) -> None:
        entry.worker = None
        entry.tries += 1
        if entry.tries < _MOST_TRIES:
            self._queue.appendleft(entry.key)
        else:
            self._forget(entry.key)
            self._tell("lost", entry.key, f"{_MOST_TRIES} workers died before one could begin it")

    def _over(self, key: str) -> None:
        self._forget(key)
        self._tell("ended", key)

    def _forget(self, key: str) -> None:
        self._entries.pop(key, None)
        self._stopping.pop(key, None)

    # --- speaking for others ---

    def _withdraw(self, entry: Entry) -> bool:
        record = withdraw(self._folder(entry.key), self._claimant, self._request(entry))
        if record is not None:
            self._write_end(entry.key, record)
        return record is not None

    def _write_end(self, key: str, record: Json) -> None:
        entry = self._entries.get(key)
        if self._ends.write(
            key, self._folder(key), record, make=entry is not None and entry.place is not None
        ):
            self._over(key)
        else:
            self._tell("kept", key)

    def reap(self) -> None:
        """Take leave of workers that died, and speak for the attempts they had claimed."""
        for pid, worker in list(self.workers.items()):
            if not worker.has_ended():
                continue
            with contextlib.suppress(OSError):
                for word, key, more in worker.receive():
                    self._said(worker, word, key, more)
            code = worker.bury()
            del self.workers[pid]
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(worker.channel)
            self._mourn(worker, code)
            worker.close()
            files.remove(f"{self.root}/claimants/{worker.token}.json")

    def _mourn(self, worker: Worker, code: int) -> None:
        ended = book.of(self.root, worker.token) if worker.sent else {}
        for key in reversed(worker.sent):
            entry = self._entries.get(key)
            claim = read_claim(self._folder(key))
            if key in ended:
                self._over(key)
            elif claim is None and entry is not None and entry.worker is worker:
                self._requeue(entry)
            elif claim is not None and claim.get("by") == worker.token:
                self._speak_for(worker, key, entry, claim, code)
            elif claim is not None and entry is not None and entry.worker is worker:
                self._forget(key)  # whoever claimed it speaks for it

    def _speak_for(self, worker: Worker, key: str, entry: Entry | None, claim: Json, code: int) -> None:
        folder = self._folder(key)
        if entry is not None and entry.place is not None:
            with contextlib.suppress(OSError):
                make_folder(folder)
        end_group(folder)
        if os.path.lexists(f"{folder}/fenced"):
            self._forget(key)
            return
        last = worker.keep_log(Path(folder))
        end, message = cause_of_death(code, last, shutting_down=bool(self._ending))
        stop = entry.stop if entry is not None else None
        if stop is not None and stop.pressed:
            end, message = "partial", stop.words
            ending.answer_on_behalf(folder, stop.answers)
        begun = (entry.claimed if entry is not None else 0.0) or worker.progress
        self._write_end(key, ending.on_behalf(folder, end, message, time.monotonic() - begun, claim))

    # --- the end of the host ---

    def _press_on(self, now: float) -> None:
        waited = now - self._ending
        wanted = 1 if waited < _LAST_WORDS else 2 if waited < _LAST_WORDS + 3.0 else 3
        if wanted > self._asked:
            self._asked = wanted
            for worker in self.workers.values():
                worker.signal(signal.SIGKILL if wanted == 3 else signal.SIGTERM)
