"""The worker processes of a host, each in a process group of its own and behind the notebook in priority."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, NoReturn

from aisteer.execution.priority import give_way
from aisteer.execution.worker import files
from aisteer.execution.worker.capture import Log, line_by_line, scratch
from aisteer.execution.worker.files import Json

__all__ = ["Worker"]

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
_DEEPEST = 32
_SHORT = 0.01
"""Seconds; a worker whose runs are shorter is sent several at once."""


class Worker:
    """One worker process, forked from the host, which has a single thread and no libraries loaded.

    Args:
        root: The spool's root.
        threads: Threads that numerical libraries may use in it.
        let_go: Called in the new process to close what is the host's alone.
    """

    def __init__(self, root: str, threads: int, let_go: Callable[[], None]) -> None:
        self.token = uuid.uuid4().hex
        self.threads = threads
        self.sent: dict[str, None] = {}
        self.depth = 1
        self.progress = time.monotonic()
        self.settled: Json | None = None
        self.retiring = False
        self._rest = b""
        self._status: int | None = None
        self._files: list[IO[bytes]] = [scratch(), scratch()]
        self.channel, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            self.channel.close()
            let_go()
            _work(root, theirs, self.token, threads, self._files)
        theirs.close()
        self.channel.setblocking(False)

    def fileno(self) -> int:
        """Of its channel, for selectors."""
        return self.channel.fileno()

    @property
    def room(self) -> int:
        """How many more attempts it may be sent now."""
        waiting = len(self.sent)
        return self.depth - waiting if waiting <= self.depth // 2 and not self.retiring else 0

    def send(self, attempts: Sequence[tuple[object, ...]], setting: Json) -> None:
        """Hand attempts over: the key of each, and where its request stands if that is in a lot.

        One that cannot be told is dead, or dies: its attempts are handed over again when it is mourned.
        """
        order: Json = {"run": attempts}
        if setting != self.settled:
            order.update(setting)
            self.settled = setting
        if not self.sent:
            self.progress = time.monotonic()
        self.sent.update(dict.fromkeys(str(key) for key, *_ in attempts))
        try:
            # At most a few kilobytes: they fit the socket's buffer, which the worker has emptied.
            self.channel.setblocking(True)
            with contextlib.suppress(OSError):
                self.channel.sendall(files.encode(order) + b"\n")
        finally:
            self.channel.setblocking(False)

    def receive(self) -> list[tuple[str, str, str]]:
        """Word, key and more of each line that it wrote; raises ConnectionError when it closed the channel."""
        parts = [self._rest]
        try:
            while len(data := self.channel.recv(1 << 16)) == 1 << 16:
                parts.append(data)
        except BlockingIOError:
            data = b""
        else:
            if not data and len(parts) == 1:
                raise ConnectionError
        parts.append(data)
        *lines, self._rest = b"".join(parts).split(b"\n")
        made = []
        for line in lines:
            word, _, rest = line.decode("utf-8", "replace").partition(" ")
            key, _, more = rest.partition(" ")
            made.append((word, key, more))
        return made

    def finished(self, key: str) -> None:
        """An attempt left it; short ones make it be sent more at once."""
        self.sent.pop(key, None)
        now = time.monotonic()
        took, self.progress = now - self.progress, now
        if took < _SHORT:
            self.depth = min(_DEEPEST, self.depth * 2)
        elif took > 5 * _SHORT:
            self.depth = 1

    def signal(self, number: int) -> None:
        """Signal its whole process group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def has_ended(self) -> bool:
        """Whether the process is dead; it stays unburied, so that nobody else gets its number."""
        if not hasattr(os, "waitid"):  # macOS before Python 3.13
            if self._status is None:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                self._status = status if pid else None
            return self._status is not None
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return False

    def bury(self) -> int:
        """End what is left of its group; its exit code, or the negative number of the signal that killed it."""
        self.signal(signal.SIGKILL)
        if self._status is None:
            _, self._status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(self._status)

    def keep_log(self, folder: Path) -> str:
        """Save what its last attempt printed; returns the last words on standard error."""
        logs = [
            Log(file.fileno(), name) for file, name in zip(self._files, ("stdout", "stderr"), strict=True)
        ]
        last = logs[1].last()
        for log in logs:
            log.resume(str(folder))
            log.finish(str(folder))
        return last

    def close(self) -> None:
        """Let go of the channel and the scratch files."""
        self.channel.close()
        for file in self._files:
            file.close()


def _work(
    root: str, channel: socket.socket, token: str, threads: int, scratches: Sequence[IO[bytes]]
) -> NoReturn:
    """The life of the new process."""
    code = 1
    try:
        os.setpgid(0, 0)  # in the host's session: a session each would have a share of the processor each
        give_way()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for name in _THREADS:
            os.environ[name] = str(threads)
        for number, file in enumerate(scratches, start=1):
            os.dup2(file.fileno(), number)
        _unbuffer()
        from aisteer.execution.worker.warm import serve

        serve(root, channel, token, scratches[0].fileno(), scratches[1].fileno())
        code = 0
    finally:
        os._exit(code)


def _unbuffer() -> None:
    """Print to the scratch files, and say where a crash in compiled code came from."""
    import faulthandler
    import sys

    sys.stdout, sys.stderr = line_by_line(1), line_by_line(2)
    sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr  # type: ignore[misc, assignment]
    faulthandler.enable(file=2)
    with contextlib.suppress(OSError), open("/proc/self/comm", "wb") as comm:
        comm.write(b"aisteer-worker")
