"""The local host: a process of our own that outlives the kernel and supervises warm workers.

``python -m aisteer.execution.host '{"root": …, "workers": …}'`` starts one in the background, unless
one runs already for this spool, boot, interpreter and version. It talks JSON lines over a Unix socket
that only its user can reach; what it says are hints, the truth is in the spool.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from aisteer.execution.clients import Client
from aisteer.execution.hosts import Place, version
from aisteer.execution.supervision import Supervisor
from aisteer.execution.worker import files
from aisteer.execution.worker.claim import process_start
from aisteer.execution.worker.files import Json

__all__ = ["Host", "main"]

_TICK = 1.0
_FAST_TICK = 0.05


class Host:
    """Listens to clients, and passes between them and the supervisor.

    Args:
        root: The spool's root.
        place: Where the socket is.
        lock: The locked file that says we are the host.
        workers: How many runs execute at a time.
        idle: Seconds without work or a word after which it ends.
    """

    def __init__(self, root: Path, place: Place, lock: IO[str], *, workers: int, idle: float) -> None:
        self.place = place
        self.idle = idle
        self._lock = lock
        self._clients: dict[int, Client] = {}
        self._selector = selectors.DefaultSelector()
        self._busy_until = time.monotonic()
        self._ending = False
        self._woken, waker = socket.socketpair()
        self._woken.setblocking(False)
        waker.setblocking(False)
        self._waker = waker
        self._listener = _listen(place)
        self.crew = Supervisor(root, workers, self._tell, self._let_go, self._selector)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)

    def run(self) -> None:
        """Serve until it is told to end, or has been idle for long enough."""
        signal.set_wakeup_fd(self._waker.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._on_term)
        gc.freeze()  # what is here now stays shared with the workers
        while not (self._ending and not self.crew.workers):
            for key, _ in self._selector.select(self._timeout()):
                self._handle(key)
            self.crew.tick()
            for client in list(self._clients.values()):
                self._serve(client)
            if self.crew.busy:
                self._busy_until = time.monotonic()
            elif time.monotonic() - self._busy_until > self.idle:
                self._end()
        self._close()

    def _on_term(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        self._ending = True
        self.crew.end()

    def _timeout(self) -> float:
        if self.crew.impatient or any(client.soon for client in self._clients.values()):
            return _FAST_TICK
        return _TICK

    def _handle(self, key: selectors.SelectorKey) -> None:
        if key.fileobj is self._listener:
            with contextlib.suppress(OSError):
                client = Client(self._listener.accept()[0])
                self._clients[client.fileno()] = client
                self._selector.register(client.channel, selectors.EVENT_READ, client)
        elif key.fileobj is self._woken:
            with contextlib.suppress(BlockingIOError):
                self._woken.recv(4096)
            self.crew.reap()
        elif isinstance(key.data, Client):
            self._hear(key.data)
        else:
            self.crew.hear(key.data)

    # --- clients ---

    def _hear(self, client: Client) -> None:
        try:
            orders = client.receive()
        except OSError:
            self._drop(client)
            return
        self._busy_until = time.monotonic()
        for order in orders:
            self._obey(client, order)

    def _obey(self, client: Client, order: Json) -> None:
        if "hello" in order:
            client.setting = {name: order[name] for name in ("path", "cwd") if name in order}
            if isinstance(order.get("workers"), int):
                self.crew.limit = max(1, order["workers"])
            client.say_status()
        if "submit" in order:
            self.crew.submit(order["submit"], int(order.get("threads", 1)), client.setting)
        if "control" in order:
            self.crew.control(str(order["control"]))
        if "end" in order:
            self._end()

    def _serve(self, client: Client) -> None:
        try:
            client.send(self.crew.status)
        except OSError:
            self._drop(client)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.blocked else 0)
        if self._selector.get_key(client.channel).events != wanted:
            self._selector.modify(client.channel, wanted, client)

    def _drop(self, client: Client) -> None:
        self._selector.unregister(client.channel)
        self._clients.pop(client.fileno(), None)
        client.channel.close()

    def _tell(self, what: str, key: str, reason: str = "") -> None:
        for client in self._clients.values():
            client.tell(what, key, reason)

    # --- the end ---

    def _let_go(self) -> None:
        """In a new worker process: close what is ours alone, the lock above all."""
        self._selector.close()
        for client in self._clients.values():
            client.channel.close()
        for channel in (self._listener, self._woken, self._waker):
            channel.close()
        self._lock.close()

    def _close(self) -> None:
        with contextlib.suppress(OSError):
            self.place.socket.unlink()
            self.place.lock.unlink()
        self.crew.close()
        self._let_go()


def _listen(place: Place) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        place.socket.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(place.socket))
    finally:
        os.umask(before)
    listener.listen(64)
    listener.setblocking(False)
    return listener


def _lock(place: Place) -> IO[str] | None:
    """The locked file; None when another host holds it."""
    while True:
        file = os.fdopen(os.open(place.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        # A host that ended removes its file: what we locked may not be what others will find.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), place.lock.stat()):
                return file
        file.close()


def _introduce(lock: IO[str], root: Path, workers: int) -> None:
    """Say in the lock file who we are, for ``aisteer hosts``."""
    info = {
        "pid": os.getpid(),
        "started": process_start(os.getpid()),
        "spool": str(root),
        "since": time.time(),
        "python": sys.executable,
        "version": version(),
        "workers": workers,
    }
    os.ftruncate(lock.fileno(), 0)
    os.pwrite(lock.fileno(), files.encode(info), 0)


def _in_background(work: Callable[[], None]) -> None:
    """Run ``work`` in a process that the kernel which started us need not wait for."""
    if os.fork() == 0:
        try:
            work()
        finally:
            os._exit(0)


def main() -> None:
    """Start a host in the background, if none runs."""
    options = json.loads(sys.argv[1])
    root = Path(options["root"])

    def work() -> None:
        place = Place.of(root)
        lock = _lock(place)
        if lock is None:
            return
        # The kernel's notebook backend is not to be had here.
        if os.environ.get("MPLBACKEND", "").startswith("module://"):
            del os.environ["MPLBACKEND"]
        workers = int(options["workers"])
        _introduce(lock, root, workers)
        Host(root, place, lock, workers=workers, idle=float(options["idle"])).run()

    _in_background(work)


if __name__ == "__main__":
    main()
