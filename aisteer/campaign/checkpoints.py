"""Where a run's last checkpoint is, also while it runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aisteer.execution.endpoint import AttemptRef

if TYPE_CHECKING:
    from aisteer.execution.mirror import Mirror
    from aisteer.journal.state import Run

__all__ = ["last_checkpoint"]


def last_checkpoint(run: Run, mirror: Mirror) -> str | None:
    """Path of the run's last checkpoint relative to the spool's root; ``None`` where there is none yet."""
    for attempt in reversed(run.attempts):
        name = attempt.checkpoint or (None if attempt.end else _mirrored(mirror, run.id, attempt.number))
        if name:
            return f"{AttemptRef(run.id, run.uuid, attempt.number).folder}/checkpoints/{name}"
    return None


def _mirrored(mirror: Mirror, run: str, attempt: int) -> str | None:
    """The last one that a live attempt has reported."""
    name = None
    try:
        with mirror.path(run, attempt).open("rb") as file:
            for line in file:
                if b'"checkpoint"' in line and line.endswith(b"\n"):
                    name = _name_in(line) or name
    except FileNotFoundError:
        return None
    return name


def _name_in(line: bytes) -> str | None:
    try:
        note = json.loads(line)
    except ValueError:
        return None
    if not isinstance(note, dict) or note.get("kind") != "checkpoint":
        return None
    name = str(note.get("name", ""))
    return name if name and "/" not in name and name not in {".", ".."} else None
