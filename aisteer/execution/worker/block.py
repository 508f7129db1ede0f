"""When the block ends in which this worker lives: a batch job with a walltime."""

from __future__ import annotations

import functools
import math
import os
import re
from typing import Any

from .claim import job
from .files import Json

_ENDS = ("AISTEER_BLOCK_ENDS", "SLURM_JOB_END_TIME", "COBALT_ENDTIME")
"""Variables with the Unix time of the end. The first is for the endpoint's administrator to set."""
_WALLTIME = ("PBS_WALLTIME",)
"""Variables with the whole of a job's time, in seconds; when it began is to be found out."""
_PARSL = ("JOBNAME", "PARSL_WORKER_BLOCK_ID")
"""What a block of Parsl is called, in all its processes, whoever brought it; and what only a worker of it has."""
_EARLY = 20.0
"""Seconds for which a job may have lived before the first of its processes that can be seen from here; a twentieth
of its whole time at most."""
_MARGIN = 10.0
"""Seconds before the end of a block in which a run winds up; a tenth of its whole time at most."""
_NEVER = 1e11
_CLOCK = re.compile(r"(?:(\d{1,3})-)?(\d{1,4}):([0-5]\d)(?::([0-5]\d))?")


def ends(request: Json | None = None) -> float | None:
    """Unix time at which it ends, the earliest that is told; None where nobody tells.

    Args:
        request: A request, with the ``walltime`` of its ``block``: what its blocks were asked for with, seconds or
            ``HH:MM:SS``.
    """
    request = request or {}
    told = [time for time in map(_number, map(os.environ.get, _ENDS)) if time is not None]
    whole = _whole(request)
    if whole is not None and not told:
        began = _began(*_name())
        told += [] if began is None else [began + whole - min(_EARLY, whole / 20)]
    return min(told, default=None)


def wind_up(request: Json) -> float | None:
    """Unix time at which a run has to begin to come to an end, so that it has before its block does."""
    found, whole = ends(request), _whole(request)
    return None if found is None else found - _margin(whole or math.inf)


def usable(whole: float) -> float:
    """Seconds that a run can have in a block of so many, at most."""
    return whole - _margin(whole)


def _margin(whole: float) -> float:
    return min(_MARGIN, whole / 10)


def _whole(request: Json) -> float | None:
    """The whole time of this block, in seconds; the least that is told."""
    block = request.get("block")
    told = [block.get("walltime") if isinstance(block, dict) else None, *map(os.environ.get, _WALLTIME)]
    return min((seconds for seconds in map(seconds_of, told) if seconds is not None), default=None)


def _name() -> tuple[str, str]:
    """A variable that all processes of this block have, and its value; empty outside of one."""
    name, value = job()
    if not value and _PARSL[1] in os.environ:
        name, value = _PARSL[0], os.environ.get(_PARSL[0], "")
    return name, value


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
    if not value:
        return None
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
