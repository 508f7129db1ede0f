"""Who executes an attempt: decided by what stands in the claim, never by an error number."""

from __future__ import annotations

import functools
import os
import socket
import subprocess
import time
import uuid

from . import files
from .files import Json

_FENCE = "fence-"
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


def where() -> Json:
    """Host, process and scheduler job of this process."""
    job = next((os.environ[name] for name in _JOBS if os.environ.get(name)), "")
    made = {**machine(), "pid": os.getpid(), "started": process_start(os.getpid())}
    if job:
        made["job"] = job[:200]
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


class Claimant:
    """Someone who executes attempts, one after the other; its token stands in every claim it wins.

    A claim is a hard link to one complete file, so that it appears whole or not at all.
    """

    def __init__(self, root: str, token: str | None = None) -> None:
        self.token = token or uuid.uuid4().hex
        self.where = where()
        self._path = os.path.join(root, "claimants", f"{self.token}.json")
        self._linked = 0

    def claim(self, folder: str) -> bool:
        """Try to become the one that executes the attempt in ``folder``."""
        path = os.path.join(folder, "claim.json")
        if os.path.lexists(path):
            return False
        for _ in range(2):
            try:
                # File systems allow so many links to a file (65,000 on ext4).
                if self._linked in {0, 10_000}:
                    self._renew()
                os.link(self._path, path)
                self._linked += 1
            except OSError:
                # On a network file system the answer to a link that succeeded can be lost: look. Where
                # no claim stands the file that we link may have been removed: write it again.
                self._linked = 0
            if os.path.lexists(path):
                break
        held = files.read_json(path, 1 << 16)
        return held is not None and held.get("by") == self.token

    def _renew(self) -> None:
        body = files.encode({"by": self.token, "time": round(time.time(), 3), **self.where})
        files.write_whole(self._path, body)
        self._linked = 0

    def forget(self) -> None:
        """Nothing more is claimed."""
        files.remove(self._path)
