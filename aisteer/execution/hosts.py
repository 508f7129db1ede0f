"""Which local hosts there are: where their locks and sockets lie, and how to find and end them."""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import stat
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from socket import AF_UNIX, SOCK_STREAM
from socket import socket as Connection  # noqa: N812  a place has a socket of its own

from aisteer.errors import EndpointError
from aisteer.execution.worker import files
from aisteer.execution.worker.claim import machine, process_start

__all__ = ["HostInfo", "Place", "list_hosts", "stop_host", "version"]

_PROTOCOL = 2
"""What a driver tells its host, and how attempts are claimed: raised with every change that a host of earlier code
would not understand. Such a host is not spoken to; it goes on with what it has, and ends when it is idle."""
_LONGEST_SOCKET = 100
"""Bytes that the path of a Unix socket may have (104 on macOS, 108 on Linux)."""


@dataclass(frozen=True, slots=True)
class HostInfo:
    """A local host that runs on this machine.

    Attributes:
        key: Its name among the hosts of this user.
        pid: Its process.
        spool: The spool that it works on.
        since: Unix time of its start.
        python: Its interpreter.
        version: Its version of aisteer.
        workers: How many runs it executes at a time.
    """

    key: str
    pid: int
    spool: str
    since: float
    python: str
    version: str
    workers: int
    started: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a host's lock and socket are."""

    lock: Path
    socket: Path

    @classmethod
    def of(cls, spool: Path) -> Place:
        """The place of the host for this spool, boot, environment, version and protocol.

        The environment is named by what its paths lead to: a process may have been started by another path than the
        host that it starts.

        Raises:
            EndpointError: There is no folder that only this user can reach.
        """
        where = (os.path.realpath(spool), machine()["boot"], machine()["space"])
        environment = os.path.realpath(sys.prefix), os.path.realpath(sys.executable)
        parts = (*where, *environment, version(), str(_PROTOCOL))
        key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
        folder = runtime_folder()
        return cls(folder / f"{key}.lock", folder / f"{key}.sock")

    def connect(self) -> Connection | None:
        """A connection to the host; None when there is none."""
        found = Connection(AF_UNIX, SOCK_STREAM)
        try:
            found.connect(str(self.socket))
        except OSError:
            found.close()
            return None
        return found


def version() -> str:
    """The installed version of aisteer."""
    try:
        return metadata.version("aisteer")
    except metadata.PackageNotFoundError:
        return "unknown"


def runtime_folder() -> Path:
    """A folder that only this user can reach; made when it is not there.

    Raises:
        EndpointError: Somebody else's folder, or one that others can reach, is in its place.
    """
    user = os.getuid()
    own = os.environ.get("XDG_RUNTIME_DIR", "")
    candidates = [Path(tempfile.gettempdir()) / f"aisteer-{user}", Path("/tmp") / f"aisteer-{user}"]  # noqa: S108
    if own and os.path.isdir(own) and os.access(own, os.W_OK):
        candidates.insert(0, Path(own) / "aisteer")
    folder = next((c for c in candidates if len(str(c)) + 24 <= _LONGEST_SOCKET), candidates[-1])
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        info = folder.lstat()
    except OSError as error:
        raise EndpointError(
            f"The local endpoint needs the folder {folder}, and it cannot be made ({error.strerror}). "
            f"Nothing runs there. "
            "Set XDG_RUNTIME_DIR to a folder of your own."
        ) from error
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != user or info.st_mode & 0o077:
        raise EndpointError(
            f"{folder} is not a folder that only you can reach, so the local endpoint does not trust it. "
            f"Nothing runs there. "
            "Remove it, or set XDG_RUNTIME_DIR to a folder of your own."
        )
    return folder


def list_hosts() -> list[HostInfo]:
    """The local hosts of this user that run on this machine, oldest first."""
    found = []
    for path in runtime_folder().glob("*.lock"):
        info = _info(path)
        if _is_locked(path) and info is not None:
            found.append(info)
    return sorted(found, key=lambda info: info.since)


def _info(path: Path) -> HostInfo | None:
    body = files.read_json(str(path))
    try:
        return HostInfo(key=path.stem, **body) if body else None
    except TypeError:
        return None


def _is_locked(path: Path) -> bool:
    """Whether a host holds it; what a host that was killed left behind is removed."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
            path.with_suffix(".sock").unlink(missing_ok=True)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def stop_host(info: HostInfo, timeout: float = 30.0) -> bool:
    """End a host: its runs write a checkpoint and end as preempted. Answers whether it is gone.

    Args:
        info: From ``list_hosts``.
        timeout: Seconds to wait for it.
    """
    if process_start(info.pid) != info.started:
        return True
    os.kill(info.pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if process_start(info.pid) != info.started:
            return True
        time.sleep(0.05)
    return False
