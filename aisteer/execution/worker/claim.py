"""Who executes an attempt: decided by what stands in the claim, never by an error number."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import subprocess
import time
import uuid

from . import files
from .files import Json
from .folder import make_parent

_FENCE = "fence-"
_EARLIER = "claim.json"
"""Where the claim stood in spools of format 1: inside the attempt's folder."""
_LONGEST = 1 << 16
_TOLD = ("by", "time", "host", "pid", "boot", "space", "started", "job", "ends")
_JOBS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "FLUX_JOB_ID", "COBALT_JOBID", "JOB_ID")


def process_start(pid: int) -> str:
    """When a process started, as its kernel counts; empty when it does not exist or cannot be known."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return "" if os.path.isdir("/proc/self") else _exists(pid)
    return "" if fields[:1] in ([b"Z"], [b"X"]) else fields[19].decode()


def _exists(pid: int) -> str:
    """Where the kernel does not tell when (macOS): whether it exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except OSError:
        return "?"
    return "?"


def _boot() -> str:
    """The name of this boot of the machine."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        pass
    try:
        asked = subprocess.run(
            ["sysctl", "-n", "kern.bootsessionuuid"], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return asked.stdout.strip()


@functools.lru_cache(maxsize=1)
def machine() -> Json:
    """What tells this machine, this boot of it and this container from others."""
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        space = ""
    return {"host": socket.gethostname(), "boot": _boot(), "space": space}


def job() -> tuple[str, str]:
    """The variable that names the scheduler's job in which this process lives, and its value; empty where none does."""
    return next(((name, os.environ[name]) for name in _JOBS if os.environ.get(name)), ("", ""))


def where() -> Json:
    """Host, process and scheduler job of this process."""
    made = {**machine(), "pid": os.getpid(), "started": process_start(os.getpid())}
    _, name = job()
    if name:
        made["job"] = name[:200]
    return made


def holder_is_dead(claim: Json) -> bool:
    """Whether the claim's holder was a process of this machine that exists no more.

    False also where that cannot be known from here: another machine, another container.
    """
    here = machine()
    if claim.get("host") != here["host"] or not here["boot"]:
        return False
    if claim.get("boot") != here["boot"]:
        return isinstance(claim.get("boot"), str)
    pid = claim.get("pid")
    if claim.get("space") != here["space"] or not isinstance(pid, int) or not 0 < pid < 2**31:
        return False
    return process_start(pid) != claim.get("started")


def holder_lives(claim: Json) -> bool:
    """Whether the claim's holder is a process of this machine that exists now; False where that cannot be known."""
    here = machine()
    pid = claim.get("pid")
    if not here["boot"] or any(claim.get(key) != here[key] for key in ("host", "boot", "space")):
        return False
    return isinstance(pid, int) and 0 < pid < 2**31 and process_start(pid) == claim.get("started") != ""


def fence_token() -> str:
    """A token that claims an attempt so that nobody ever executes it."""
    return f"{_FENCE}{uuid.uuid4().hex}"


def is_fence(claim: Json) -> bool:
    """Whether nobody executes the attempt that was claimed so."""
    return str(claim.get("by")).startswith(_FENCE)


def claim_path(folder: str) -> str:
    """Where the claim of the attempt in ``folder`` stands: beside it, for many attempts need no folder."""
    return f"{folder}.claim"


def is_claimed(folder: str) -> bool:
    """Whether somebody has claimed the attempt."""
    return os.path.lexists(claim_path(folder)) or os.path.lexists(os.path.join(folder, _EARLIER))


def bring_out(folder: str) -> None:
    """Put a claim of format 1 beside the folder, where it stays when the folder goes.

    Raises:
        OSError: It could not be written.
    """
    with contextlib.suppress(FileNotFoundError, FileExistsError):
        os.link(os.path.join(folder, _EARLIER), claim_path(folder), follow_symlinks=False)


def read_claim(folder: str) -> Json | None:
    """Who claimed the attempt; None while nobody has."""
    found = files.read_json(claim_path(folder), _LONGEST)
    return found if found is not None else files.read_json(os.path.join(folder, _EARLIER), _LONGEST)


def brief(claim: Json) -> Json:
    """What of a claim is told to somebody else: what a worker puts there, bounded."""
    return {
        key: value[:200] if isinstance(value, str) else value
        for key, value in claim.items()
        if key in _TOLD and isinstance(value, (str, int, float))
    }


class Claimant:
    """Someone who executes attempts, one after the other; its token stands in every claim it wins.

    A claim is a hard link to one complete file, so that it appears whole or not at all.
    """

    def __init__(self, root: str, token: str | None = None) -> None:
        self.token = token or uuid.uuid4().hex
        self.where = where()
        self._path = os.path.join(root, "claimants", f"{self.token}.json")
        self._body = b""
        self._linked = 0

    def claim(self, folder: str) -> bool:
        """Try to become the one that executes the attempt in ``folder``."""
        if is_claimed(folder):
            return False
        path = claim_path(folder)
        for _ in range(3):
            try:
                # File systems allow so many links to a file (65,000 on ext4).
                if self._linked in {0, 10_000}:
                    self._renew()
                os.link(self._path, path)
                self._linked += 1
            except OSError:
                # On a network file system the answer to a link that succeeded can be lost: look. Where
                # no claim stands it may be the first in its part of the spool, or the file that we link
                # may have been removed: make that again.
                if not self._make_room(path):
                    self._linked = 0
            if os.path.lexists(path):
                break
        return self._holds(path)

    def _holds(self, path: str) -> bool:
        held = files.read(path, _LONGEST)
        if held is None or held == self._body:
            return held is not None
        return (files.decode(held) or {}).get("by") == self.token

    def _make_room(self, path: str) -> bool:
        """Make the folder in which the claim stands. Answers whether that was what was missing."""
        if os.path.isdir(os.path.dirname(path)):
            return False
        try:
            make_parent(path)
        except OSError:
            return False  # the next try says so
        return True

    def _renew(self) -> None:
        self._body = files.encode({"by": self.token, "time": round(time.time(), 3), **self.where})
        files.write_whole(self._path, self._body)
        self._linked = 0

    def forget(self) -> None:
        """Nothing more is claimed."""
        files.remove(self._path)
