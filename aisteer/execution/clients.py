"""A client of a local host: orders come in, news goes out, and a client that does not listen holds up nobody."""

from __future__ import annotations

import socket
import time

from aisteer.execution.worker import files
from aisteer.execution.worker.files import Json

__all__ = ["Client"]

_RHYTHM = 0.05
"""Seconds between two words about observations, and ten times that about the host's state, at most as often."""
_LONGEST_ORDER = 64 << 20


class Client:
    """One connection. What is to be told gathers here, each key once, until the client takes it."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.channel.setblocking(False)
        self.setting: Json = {}
        self._rest = b""
        self._out = b""
        self._news: dict[str, dict[str, str]] = {
            what: {} for what in ("ended", "claimed", "observed", "kept", "lost", "refused")
        }
        self._status: Json = {}
        self._said_status = 0.0
        self._said_observed = 0.0

    def fileno(self) -> int:
        """Of its channel."""
        return self.channel.fileno()

    @property
    def blocked(self) -> bool:
        """Whether something waits for the client to read."""
        return bool(self._out)

    @property
    def soon(self) -> bool:
        """Whether something waits for its moment."""
        return bool(self._news["observed"])

    def receive(self) -> list[Json]:
        """The orders that arrived; raises OSError when the client is gone."""
        parts = [self._rest]
        try:
            while True:
                data = self.channel.recv(1 << 20)
                if not data:
                    raise ConnectionResetError
                parts.append(data)
                if len(data) < 1 << 20:
                    break
        except BlockingIOError:
            pass
        *lines, self._rest = b"".join(parts).split(b"\n")
        if len(self._rest) > _LONGEST_ORDER:
            raise ConnectionResetError
        return [order for line in lines if (order := files.decode(line)) is not None]

    def tell(self, what: str, key: str, reason: str = "") -> None:
        """Tell it something about an attempt, with the next ``send``."""
        self._news[what][key] = reason

    def say_status(self) -> None:
        """Tell it the host's state with the next ``send``."""
        self._status = {}
        self._said_status = 0.0

    def send(self, status: Json) -> None:
        """Send what is due, as far as the client takes it; raises OSError when it is gone."""
        if not self._out:
            message = self._message(status)
            if message:
                self._out = files.encode(message) + b"\n"
        while self._out:
            try:
                self._out = self._out[self.channel.send(self._out) :]
            except BlockingIOError:
                return

    def _message(self, status: Json) -> Json:
        now = time.monotonic()
        message: Json = {}
        for what, keys in self._news.items():
            if not keys or (what == "observed" and now - self._said_observed < _RHYTHM):
                continue
            message[what] = keys if what in {"lost", "refused"} else list(keys)
            self._news[what] = {}
            if what == "observed":
                self._said_observed = now
        if status != self._status and now - self._said_status >= 10 * _RHYTHM:
            self._status, self._said_status = dict(status), now
            message["status"] = status
        return message
