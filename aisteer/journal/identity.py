"""Which process this is, so that another can tell whether it is gone."""

from __future__ import annotations

import functools
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = ["gone", "host_id", "this_process"]

Json = dict[str, Any]


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _ask(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


@functools.cache
def host_id() -> str:
    """The host across its reboots: name and machine id."""
    return f"{platform.node()}:{_read('/etc/machine-id')[:12]}"


@functools.cache
def _boot() -> str:
    """This boot of this host, as seen from this container: processes are comparable only within it."""
    if sys.platform == "darwin":
        return _ask("/usr/sbin/sysctl", "-n", "kern.bootsessionuuid")
    boot = _read("/proc/sys/kernel/random/boot_id")
    try:
        return f"{boot}:{Path('/proc/self/ns/pid').readlink()}" if boot else ""
    except OSError:
        return ""


def _started(pid: int) -> str:
    """When the process started, in the kernel's own words; empty when there is none."""
    if sys.platform == "darwin":
        return _ask("/bin/ps", "-o", "lstart=", "-p", str(pid))
    stat = _read(f"/proc/{pid}/stat")
    if not stat:
        return ""
    # The command's name stands in parentheses and may hold anything.
    columns = stat.rpartition(")")[2].split()
    return "ended" if columns[0] in {"Z", "X"} else columns[19]


def this_process() -> Json:
    """Host, boot, process id and start time of this process."""
    pid = os.getpid()
    return {
        "host": platform.node(),
        "host_id": host_id(),
        "boot": _boot(),
        "pid": pid,
        "started": _started(pid),
    }


def gone(holder: Json) -> bool:
    """Whether the process described by ``holder`` is known to have ended; ``False`` when nobody can tell."""
    boot = holder.get("boot")
    if not boot or boot != _boot() or not holder.get("started"):
        return False
    started = _started(int(holder["pid"]))
    return started != holder["started"] if started else _unknown_to_the_system(int(holder["pid"]))


def _unknown_to_the_system(pid: int) -> bool:
    """Whether no process has ``pid``: /proc may hide those of other users."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False
