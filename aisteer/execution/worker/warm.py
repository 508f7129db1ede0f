"""A warm worker: executes one attempt after the other for the host that made it."""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator

from .attempt import beating, run_attempt
from .book import Book
from .capture import Capture
from .claim import Claimant
from .files import Json
from .interruption import Interrupted, Interruption
from .lots import Lots

_EXIT_SOON = 10.0
"""Seconds that a run has to write a checkpoint after its host died."""
_BATCH = 0.005


class Bell:
    """What a worker tells its host: hints, for the truth is in the spool.

    Each line has a word and a key: ``c`` claimed, ``o`` observed, ``e`` ended, ``s`` skipped, ``u`` ended
    and the end could not be written.
    """

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._lines: list[str] = []
        self._lock = threading.Lock()
        self._flushed = 0.0

    def ring(self, word: str, key: str, more: str = "") -> None:
        """Tell the host soon: at once unless it was told just now."""
        with self._lock:
            if word == "e" and self._lines and self._lines[-1] == f"c {key} \n":
                self._lines.pop()  # what has ended was claimed
            self._lines.append(f"{word} {key} {more}\n")
        if time.monotonic() - self._flushed >= _BATCH:
            self.flush()
        else:
            beating.wake()

    def flush(self) -> bool | None:
        """Tell the host now; None when there is nothing to tell."""
        with self._lock:
            if not self._lines:
                return None
            data, self._lines = "".join(self._lines).encode(), []
            self._flushed = time.monotonic()
            try:
                self._channel.sendall(data)
            except OSError:
                return False
            return True


class HostWatch:
    """Ends the work when the host is gone: it would be nobody's."""

    def __init__(self, bell: Bell, channel: socket.socket, interruption: Interruption) -> None:
        self.flush = bell.flush
        self._channel = channel
        self._interruption = interruption
        self._gone = 0.0

    def beat(self) -> None:
        """Look whether the host is still there."""
        if not self._gone:
            if _has_ended(self._channel):
                self._gone = time.monotonic()
                self._interruption.ask()
        elif time.monotonic() - self._gone > _EXIT_SOON:
            self._interruption.interrupt(hard_after=5.0)


def _has_ended(channel: socket.socket) -> bool:
    try:
        ready, _, _ = select.select([channel], [], [], 0.0)
        return bool(ready) and channel.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except (OSError, ValueError):
        return True


def serve(root: str, channel: socket.socket, token: str, out: int, err: int) -> None:
    """Execute what the host sends until it closes the channel or ends this process.

    Args:
        root: The spool's root.
        channel: To the host; JSON lines come in, words of ``Bell`` go out.
        token: What stands in the claims of this worker.
        out: Descriptor of the scratch file that is standard output.
        err: The same for standard error.
    """
    interruption = Interruption(group=True)
    capture = Capture(out, err)
    claimant = Claimant(root, token)
    bell = Bell(channel)
    lots, book = Lots(root), Book(root, token)
    beating.enter(HostWatch(bell, channel, interruption))
    try:
        for key, place in _orders(channel, bell):
            answer = run_attempt(
                root,
                f"attempts/{key[:2]}/{key}",
                claimant=claimant,
                capture=capture,
                interruption=interruption,
                notify=lambda word, key=key: _tell(bell, word, key),  # type: ignore[misc]
                handed=lots.read(key, place) if place else None,
                book=book,
            )
            if not answer["executed"]:
                bell.ring("s", key, answer["reason"].replace("\n", " "))
            elif not answer["written"]:
                bell.ring("u", key, json.dumps(answer["record"]))
            else:
                bell.ring("e", key)
            if interruption.asked:
                return
    except Interrupted:
        return
    finally:
        claimant.forget()
        book.close()
        lots.close()
        bell.flush()


def _tell(bell: Bell, word: str, key: str) -> None:
    if word != "ended":
        bell.ring(word[0], key)


def _orders(channel: socket.socket, bell: Bell) -> Iterator[tuple[str, list[object]]]:
    """The attempts that the host sends, as they come: the key, and where its request stands if that is in a lot."""
    waiting: deque[tuple[str, list[object]]] = deque()
    rest = b""
    while True:
        while waiting:
            yield waiting.popleft()
        bell.flush()
        data = channel.recv(1 << 16)
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            order = json.loads(line)
            _settle(order)
            waiting.extend((key, place) for key, *place in order.get("run", ()))


def _settle(order: Json) -> None:
    """Look for modules and files where the one who submitted looks for them."""
    for entry in order.get("path", ()):
        if entry not in sys.path:
            sys.path.append(entry)
    if order.get("cwd"):
        try:
            os.chdir(order["cwd"])
        except OSError:
            return
