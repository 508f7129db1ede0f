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
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO

from aisteer.execution.clients import Client
from aisteer.execution.ground import Ground
from aisteer.execution.hosts import Place, version
from aisteer.execution.priority import stand_behind
from aisteer.execution.supervision import Supervisor
from aisteer.execution.worker import files
from aisteer.execution.worker.claim import process_start
from aisteer.execution.worker.files import Json

__all__ = ["Host", "main"]

_TICK = 1.0
_FAST_TICK = 0.05
_MOST_THREADS = 1 << 16
_ORDERS = frozenset({"hello", "submit", "control", "end"})


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
        self._in_place = True
        self._ground = Ground(root)
        self._looked = 0.0
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
            self._stand()
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

    def _stand(self, *, now: bool = False) -> bool:
        """Whether our spool is there; if not, make room for the host of the one that takes its place."""
        if self._in_place and (now or time.monotonic() - self._looked >= _TICK):
            self._looked = time.monotonic()
            lost = self._ground.lost
            if lost:
                _say(f"the spool {self.crew.root} is gone: {lost}; this host ends")
                self._make_room()
                self._end()
        return self._in_place

    def _make_room(self) -> None:
        """Be found by nobody any more; whoever was connected finds the next host."""
        self._in_place = False
        with contextlib.suppress(OSError):
            self.place.socket.unlink()
            self.place.lock.unlink()
        self._selector.unregister(self._listener)
        self._listener.close()
        for client in list(self._clients.values()):
            self._drop(client)

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
            if self._stand(now=True):
                try:
                    self._obey(client, order)
                except (TypeError, ValueError, KeyError, AttributeError) as error:
                    # Somebody of other code: that one is told, and everybody else goes on.
                    _say(f"an order was not understood ({error}): {str(order)[:500]}")
                    client.tell("refused", str(order)[:200], str(error)[:200])

    def _obey(self, client: Client, order: Json) -> None:
        if not _ORDERS & order.keys():
            raise ValueError(f"it is none of {', '.join(sorted(_ORDERS))}")
        if "hello" in order:
            client.setting = {name: order[name] for name in ("path", "cwd") if name in order}
            if isinstance(order.get("workers"), int):
                self.crew.limit = max(1, order["workers"])
            client.say_status()
            for key in self.crew.unwritten:
                client.tell("kept", key)
        if "submit" in order:
            attempts, threads = order["submit"], order.get("threads")
            if isinstance(attempts, list):  # anybody who is us may say anything
                threads = threads if isinstance(threads, int) and 0 < threads < _MOST_THREADS else 1
                self.crew.submit(attempts, threads, client.setting)
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
        if self._clients.pop(client.fileno(), None) is client:
            self._selector.unregister(client.channel)
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
        if self._in_place:
            self._make_room()
        self.crew.close()
        self._let_go()


def _say(words: str) -> None:
    """Into the host's log."""
    sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {words}\n")
    sys.stderr.flush()


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
        except BaseException:  # noqa: BLE001  nobody waits for this process: it says why it ended
            traceback.print_exc()
        finally:
            sys.stderr.flush()
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

    stand_behind()
    _in_background(work)


if __name__ == "__main__":
    main()
