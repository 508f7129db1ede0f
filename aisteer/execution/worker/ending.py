"""The end of an attempt, as a file."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Sequence

from . import checkpoints, files
from .files import Json

ENDS = frozenset({"done", "partial", "failed", "lost", "paused", "preempted", "withdrawn"})
_ARRIVES = 5.0
"""Seconds in which the content of a file that is there arrives on a network file system."""


def write_end(folder: str, end: Json) -> bool:
    """Put ``end.json`` into place unless one stands there. Answers whether one stands there now."""
    path = os.path.join(folder, "end.json")
    if os.path.lexists(path):
        return True
    try:
        files.write_whole(path, files.encode({"format": 1, **end}))
    except OSError:
        return False
    return True


def read_end(folder: str) -> Json | None:
    """What stands in ``end.json``, as it stands there; None while there is none.

    One that cannot be read, once it had time to arrive, is an end as well: somebody damaged it.
    """
    path = os.path.join(folder, "end.json")
    found = files.read_json(path)
    if found is not None:
        return found
    try:
        info = os.lstat(path)
    except OSError:
        return None
    if time.time() - info.st_mtime < _ARRIVES and stat.S_ISREG(info.st_mode):
        return None
    return {
        "end": "failed",
        "message": "Its end.json in the spool is not what a worker writes: damaged, too large, or a link. Its "
        "observations are kept; run it again.",
    }


def answer_on_behalf(folder: str, answers: Sequence[Json]) -> None:
    """Add acknowledgements to the stream of an attempt whose worker is dead; as far as the disk allows."""
    path = os.path.join(folder, "observations.jsonl")
    try:
        fd = files.open_append(path)
    except OSError:
        return
    try:
        with open(path, "rb") as file:
            content = file.read()
        # Half a line that the worker left stays a line of its own, that nobody can read.
        lines = [b"\n"] if content and not content.endswith(b"\n") else []
        number = content.count(b"\n") + len(lines)
        for index, answer in enumerate(answers, start=number + 1):
            line = {"seq": index, "t": round(time.time(), 4), "kind": "ack", **answer}
            lines.append(files.encode(line) + b"\n")
        files.write_all(fd, b"".join(lines))
    except OSError:
        return
    finally:
        os.close(fd)


def on_behalf(folder: str, end: str, message: str, seconds: float, claim: Json | None) -> Json:
    """The end of an attempt whose worker can no longer write it."""
    length, observations = measure(os.path.join(folder, "observations.jsonl"))
    found = checkpoints.names(folder)
    claim = claim or {}
    return {
        "end": end,
        "outcome": {},
        "message": message,
        "seconds": round(max(seconds, 0.0), 3),
        "observations": observations,
        "length": length,
        "checkpoint": str(found[-1]) if found else None,
        "where": {key: claim[key] for key in ("host", "pid", "job") if key in claim},
        "by": claim.get("by", ""),
        "on_behalf": True,
    }


def measure(path: str) -> tuple[int, int]:
    """Bytes of the whole lines of a stream, and how many observations they hold."""
    length = observations = 0
    try:
        with open(path, "rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                length += len(line)
                observations += b'"kind":"obs"' in line
    except OSError:
        return length, observations
    return length, observations
