"""Where a run's checkpoints are, also while it runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aisteer.errors import BadParameters
from aisteer.execution.endpoint import AttemptRef
from aisteer.execution.worker.checkpoints import MOST_BYTES

if TYPE_CHECKING:
    from aisteer.execution.mirror import Mirror
    from aisteer.journal.state import Run

__all__ = ["last_checkpoint", "nearest_checkpoint"]

Json = dict[str, Any]


def last_checkpoint(run: Run, mirror: Mirror) -> str | None:
    """Path of the run's last checkpoint relative to the spool's root; ``None`` where there is none yet."""
    for attempt in reversed(run.attempts):
        name = attempt.checkpoint or (None if attempt.end else _mirrored(mirror, run.id, attempt.number))
        if name:
            return f"{AttemptRef(run.id, run.uuid, attempt.number).folder}/checkpoints/{name}"
    return None


def nearest_checkpoint(run: Run, mirror: Mirror, at: int) -> str:
    """Path of the checkpoint nearest to an observation, relative to the spool's root; of two as near, the earlier.

    Args:
        run: One that has written a checkpoint.
        mirror: Where its observations are.
        at: Number of the observation, from 0, over all attempts; negative numbers count from the end.

    Raises:
        BadParameters: There is no such observation.
    """
    seen, kept = 0, []
    for attempt in run.attempts:
        folder = AttemptRef(run.id, run.uuid, attempt.number).folder
        written = []
        for line in mirror.lines(run.id, attempt.number):
            seen += line.get("kind") == "obs"
            name = _name_in(line)
            if name:
                written.append((seen - 1, f"{folder}/checkpoints/{name}", _size_in(line)))
        kept += _not_removed(written)
    if not -seen <= at < seen:
        raise BadParameters(
            f"{run.id} has {seen} observations, numbered from 0, and none is number {at}. Nothing was written. "
            f"Name one below {seen}, as len(run.observations) says; -1 is the last."
        )
    if not kept:
        raise BadParameters(
            f"Of {run.id} only the last checkpoint is known here. Branch without from_observation=…."
        )
    return min(kept, key=lambda each: abs(each[0] - at % seen))[1]


def _not_removed(written: list[tuple[int, str, int]]) -> list[tuple[int, str, int]]:
    """Those that a worker has left: all that fit into ``MOST_BYTES`` from the last on, and the last two."""
    left = MOST_BYTES
    for number, (_, _, size) in enumerate(reversed(written)):
        left -= size
        if left < 0 and number >= 2:
            return written[len(written) - number :]
    return written


def _mirrored(mirror: Mirror, run: str, attempt: int) -> str | None:
    """The last one that a live attempt has reported."""
    name = None
    try:
        with mirror.path(run, attempt).open("rb") as file:
            for line in file:
                if b'"checkpoint"' in line and line.endswith(b"\n"):
                    name = _name_in(_parsed(line)) or name
    except FileNotFoundError:
        return None
    return name


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _name_in(note: object) -> str | None:
    if not isinstance(note, dict) or note.get("kind") != "checkpoint":
        return None
    name = str(note.get("name", ""))
    return name if name and "/" not in name and name not in {".", ".."} else None


def _size_in(note: Json) -> int:
    size = note.get("bytes")
    return size if isinstance(size, int) and size >= 0 else 0
