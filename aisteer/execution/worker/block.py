"""When the block ends in which this worker lives: a batch job with a walltime."""

from __future__ import annotations

import functools
import os
import re
from typing import Any

from .claim import job
from .files import Json

_ENDS = ("AISTEER_BLOCK_ENDS", "SLURM_JOB_END_TIME", "COBALT_ENDTIME")
"""Variables with the Unix time of the end. The first is for the endpoint's administrator to set."""
_WALLTIME = ("PBS_WALLTIME",)
"""Variables with the whole of a job's time, in seconds; when it began is to be found out."""
_EARLY = 20.0
"""Seconds for which a job may have lived before the first of its processes that can be seen from here."""
_NEVER = 1e11
_CLOCK = re.compile(r"(?:(\d{1,3})-)?(\d{1,4}):([0-5]\d)(?::([0-5]\d))?")


def ends(request: Json | None = None) -> float | None:
    """Unix time at which it ends, the earliest that is told; None where nobody tells.

    Args:
        request: A request, whose ``deadline`` counts as well, and the ``walltime`` of its ``block``: what its blocks
            were asked for with, seconds or ``HH:MM:SS``.
    """
    request = request or {}
    block = request.get("block")
    told = [request.get("deadline"), *(os.environ.get(name) for name in _ENDS)]
    whole = [block.get("walltime") if isinstance(block, dict) else None, *map(os.environ.get, _WALLTIME)]
    found = [time for time in map(_number, told) if time is not None]
    walltimes = [seconds for seconds in map(seconds_of, whole) if seconds is not None]
    if walltimes:
        name, value = job()
        began = _began(name, value) if value else None
        if began is not None:
            found.append(began + min(walltimes) - _EARLY)
    return min(found, default=None)


def seconds_of(walltime: Any) -> float | None:
    """A walltime as batch systems write it: seconds, ``HH:MM``, ``HH:MM:SS`` or ``D-HH:MM:SS``."""
    parts = _CLOCK.fullmatch(walltime.strip()) if isinstance(walltime, str) else None
    if parts is None:
        return _number(walltime)
    days, hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


@functools.lru_cache(maxsize=4)
def _began(name: str, value: str) -> float | None:
    """Unix time at which the first process of this job began that can be seen from here: an ancestor of this one."""
    mark = f"{name}={value}".encode()
    pid, first = os.getpid(), None
    for _ in range(64):
        fields = _status(pid)
        if fields is None or pid <= 1 or not (first is None or mark in _environment(pid)):
            break
        first, pid = float(fields[19]), int(fields[1])
    booted = _booted()
    if first is None or booted is None:
        return None
    return booted + first / os.sysconf("SC_CLK_TCK")


def _status(pid: int) -> list[bytes] | None:
    """The fields of a process from its state on, as proc(5) counts them from 3."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return None


def _environment(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read(1 << 20).split(b"\0")
    except OSError:
        return []


def _booted() -> float | None:
    try:
        with open("/proc/stat", "rb") as file:
            found = re.search(rb"^btime (\d+)", file.read(), re.MULTILINE)
    except OSError:
        return None
    return float(found[1]) if found else None


def _number(value: Any) -> float | None:
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if 0.0 < found < _NEVER else None
