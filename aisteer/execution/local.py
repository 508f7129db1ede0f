"""The endpoint on this machine: runs outlive the kernel, in worker processes of a host of our own."""

from __future__ import annotations

import os
import select
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aisteer.errors import EndpointError
from aisteer.execution.endpoint import READ, AttemptRef, Glimpse, Health, Submission
from aisteer.execution.hosts import Place, list_hosts, stop_host
from aisteer.execution.looking import Lookout
from aisteer.execution.mirror import Mirror
from aisteer.execution.spool import Spool
from aisteer.execution.starting import PATIENCE, start_host
from aisteer.execution.worker import files
from aisteer.execution.worker.lots import Spot

__all__ = ["LocalEndpoint"]

Json = dict[str, Any]

_LAST_WORDS = 14.0
"""Seconds for a host of an earlier format to end: less than a driver may be silent, more than a host needs."""
_REMIND = 2.0
"""Seconds after which the host is told again of what nobody has claimed though nothing waits there."""


class LocalEndpoint:
    """Runs on this machine, several at a time, that go on when the kernel is gone.

    Args:
        spool: The spool's root, usually ``<campaign>/spool``.
        workers: How many runs at a time; by default as many as there are cores.
        idle: Seconds without work after which the host process goes away; it comes back when needed.
        code: Where the campaign keeps the simulations' code, with ``observations`` (what earlier drivers
            mirrored) beside it; by default ``code`` beside the spool.

    The runs outlive this process, not the login session or the container.
    """

    address = "local"

    def __init__(
        self,
        spool: Path | str,
        workers: int | None = None,
        *,
        idle: float = 600.0,
        code: Path | str | None = None,
    ) -> None:
        self.spool = Spool(Path(spool))
        self.workers = workers or len(
            os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
        )
        self.idle = idle
        self.code = Path(code) if code is not None else self.spool.root.parent / "code"
        self._lookout = Lookout(self.spool, ours=True, mirror=Mirror(self.code.parent))
        self._channel: socket.socket | None = None
        self._rest = b""
        self._refs: dict[str, AttemptRef] = {}
        self._ended: set[AttemptRef] = set()
        self._observed: set[AttemptRef] = set()
        self._status: Json = {}
        self._contact: float | None = None
        self._problem = ""
        self._remind_at = 0.0

    # --- what the driver asks ---

    def submit(self, submissions: Sequence[Submission]) -> None:
        """Write the requests and tell the host; see ``Endpoint``."""
        if not submissions:
            return
        self._bring_up_to_date()
        self.spool.create(str(submissions[0].request["nonce"]))
        places = self.spool.put(submissions, self.code)
        orders = _Orders()
        for submission in submissions:
            key = self._follow(submission.ref)
            orders.add(key, submission.request, places.get(submission.ref))
        self._connected()
        orders.give(self._say)

    def attach(self, refs: Mapping[AttemptRef, str | None]) -> None:
        """Take up attempts that an earlier driver submitted; those that nobody executes are queued again."""
        for ref in refs:
            self._follow(ref)
        if refs:
            self.spool.handing.find([ref.key for ref in refs])  # before anything fails: they are there
            self._connected()
            self._resubmit(list(refs))
            self._ended.update(refs)  # some may have ended meanwhile: look at once

    def control(self, ref: AttemptRef, control: Json) -> None:
        """Write the control where the worker looks, and tell the host."""
        self.spool.append_control(ref, control)
        self._connected()
        self._say({"control": ref.key})

    def tail(self, offsets: Mapping[AttemptRef, int], wait: float) -> Sequence[Glimpse]:
        """What changed; waits for the host's word, and looks at everything every two seconds as well."""
        deadline = time.monotonic() + wait
        if offsets and self._channel is None:
            self._reconnect()
        while True:
            self._hear()
            self._remind()
            ended, self._ended = self._ended, set()
            observed, self._observed = self._observed, set()
            found = self._lookout.look(offsets, ended, observed)
            for glimpse in found:
                if glimpse.end is not None or glimpse.lost:
                    self._refs.pop(glimpse.ref.key, None)
            now = time.monotonic()
            if found or now >= deadline:
                return found
            self._wait(min(deadline, self._lookout.next_sweep) - now)

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
        """How the host is, as it last said."""
        status = self._status
        if self._problem:
            return Health("offline", self._problem, workers=self.workers, contact=self._contact)
        detail = (
            ""
            if self._channel is not None
            else "its host process is not needed now; it starts with the next run"
        )
        return Health(
            "online",
            detail,
            workers=self.workers,
            busy=_count(status.get("busy")),
            waiting=_count(status.get("waiting")),
            contact=self._contact,
            extra={"spool": str(self.spool.root)},
        )

    def close(self) -> None:
        """Let go of the host. Runs go on."""
        self.spool.handing.close()
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    # --- the host ---

    def _follow(self, ref: AttemptRef) -> str:
        key = ref.key
        self._refs[key] = ref
        self._lookout.add(ref)
        return key

    def _bring_up_to_date(self) -> None:
        """Upgrade a spool of an earlier format, once the host of the code that made it is gone.

        It would claim attempts where today's workers do not look. Its runs write a checkpoint and go on as next ones.
        """
        if not self.spool.is_of_earlier_format:
            return
        for host in list_hosts():
            if host.spool == str(self.spool.root) and not stop_host(host, _LAST_WORDS):
                raise EndpointError(
                    f"The local host of an earlier aisteer (process {host.pid}) executes runs of this campaign and "
                    "does not end. Nothing is handed over before it does, so that no run is executed twice. End it "
                    f"with `aisteer hosts --stop {host.key}`."
                )
        self.spool.upgrade()

    def _reconnect(self) -> None:
        """After the host went away: another one takes up what nobody executes."""
        live = self._lookout.live
        if not live:
            return
        try:
            self._connected()
        except EndpointError:
            return  # the status says so, and the sweep goes on without the host's word
        self._resubmit(live)

    def _remind(self) -> None:
        """Hand over again what nobody has claimed while the host has nothing that waits: at least once."""
        now = time.monotonic()
        if now < self._remind_at or self._channel is None or _count(self._status.get("waiting")):
            return
        self._remind_at = now + _REMIND
        forgotten = [ref for ref in self._lookout.unclaimed(_REMIND) if self.spool.claim(ref) is None]
        if forgotten:
            self._resubmit(forgotten)

    def _resubmit(self, refs: Sequence[AttemptRef]) -> None:
        orders = _Orders()
        self.spool.handing.find([ref.key for ref in refs])
        for ref in refs:
            request = self.spool.request(ref)
            if request is None:
                self._lookout.lose(
                    ref, "Its request never reached the spool, or was removed: nobody executes it."
                )
                self._ended.add(ref)
                continue
            orders.add(ref.key, request, self.spool.handing.place(ref.key))
        orders.give(self._say)

    def _connected(self) -> None:
        """Be connected to the host, which is started if there is none.

        Raises:
            EndpointError: It cannot be started or does not answer.
        """
        if self._channel is not None:
            return
        try:
            self._bring_up_to_date()
            place = Place.of(self.spool.root)
            channel = place.connect() or start_host(
                place, self.spool.root, workers=self.workers, idle=self.idle
            )
        except EndpointError as error:
            self._problem = str(error)
            raise
        self._problem = ""
        self._channel, self._rest = channel, b""
        self._say(
            {"hello": 1, "workers": self.workers, "path": [p for p in sys.path if p], "cwd": _folder_here()}
        )

    def _say(self, order: Json) -> None:
        if self._channel is None:
            return  # gone with an order before; see below
        try:
            self._channel.settimeout(PATIENCE)
            self._channel.sendall(files.encode(order) + b"\n")
            self._channel.setblocking(False)
        except OSError:
            # It is gone; the next look finds another and hands over everything again.
            self._disconnect()

    def _disconnect(self) -> None:
        self.close()
        self._lookout.keep_nothing()
        self._status = {}

    def _wait(self, seconds: float) -> None:
        if seconds <= 0:
            return
        if self._channel is None:
            time.sleep(seconds)
        else:
            select.select([self._channel], [], [], seconds)

    def _hear(self) -> None:
        """Take in what the host said; when it is gone, find another."""
        while self._channel is not None:
            try:
                data = self._channel.recv(1 << 20)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._disconnect()
                self._reconnect()
                return
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                self._heard(files.decode(line) or {})

    def _heard(self, news: Json) -> None:
        self._contact = time.time()
        for key in news.get("ended", ()):
            self._note(self._ended, key)
            if key in self._refs:
                self._lookout.released(self._refs[key])
        for what in ("observed", "claimed"):
            for key in news.get(what, ()):
                self._note(self._observed, key)
        for key in news.get("kept", ()):
            if key in self._refs:
                self._lookout.keep(self._refs[key])
        for order, why in news.get("refused", {}).items():
            self._problem = (
                f"The local host did not understand {order!r:.300} ({why:.200}): it is of other code. Running runs go "
                "on, and the others wait. End it (`aisteer hosts` lists it), and the next one takes them."
            )
        for key, reason in news.get("lost", {}).items():
            ref = self._refs.get(key)
            if ref is not None:
                self._lookout.lose(ref, f"It was not executed: {reason}.")
                self._ended.add(ref)
        if "status" in news:
            self._status = news["status"]

    def _note(self, where: set[AttemptRef], key: str) -> None:
        ref = self._refs.get(key)
        if ref is not None:
            where.add(ref)


class _Orders:
    """What the host is told to execute, by the threads that a run may use."""

    def __init__(self) -> None:
        self._by_threads: dict[int, list[tuple[object, ...]]] = {}

    def add(self, key: str, request: Json, place: Spot | None) -> None:
        self._by_threads.setdefault(_threads(request), []).append((key, *(place or ())))

    def give(self, say: Callable[[Json], None]) -> None:
        for threads, attempts in self._by_threads.items():
            say({"submit": attempts, "threads": threads})


def _threads(request: Json) -> int:
    """Threads that one run may use: the cores of its ranks on this machine."""
    cpus = (request.get("resources") or {}).get("cpus")
    return cpus if isinstance(cpus, int) and cpus > 0 else 1


def _count(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _folder_here() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""
