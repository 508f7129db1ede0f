"""Ports of this machine for programs that tests start."""

from __future__ import annotations

import random
import socket
from contextlib import suppress

# Below what Linux and macOS give to outgoing connections (from 32768 and 49152), above what services are registered
# for: a connection of another process cannot take the port between its choice and its program's start.
_RANGE = range(20_000, 32_000)
_chance = random.SystemRandom()


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on, and that no outgoing connection will be given."""
    for port in _chance.sample(_RANGE, 200):
        with suppress(OSError), socket.socket() as found:
            found.bind(("127.0.0.1", port))
            return port
    raise OSError(f"200 ports between {_RANGE.start} and {_RANGE.stop} are all in use")
