"""Ending an attempt that nobody has claimed yet: by claiming it, so that nobody can start it any more."""

from __future__ import annotations

from . import ending, files
from .claim import Claimant
from .controls import Controls
from .files import Json

_WORDS = "It was taken back before it started; nothing ran."


def withdraw(folder: str, claimant: Claimant, request: Json | None = None) -> Json | None:
    """The end of an attempt that was withdrawn (or stopped) before it started; not yet written.

    None when that was not asked, or when somebody has claimed it: then it is theirs to end.

    Args:
        folder: The attempt's folder.
        claimant: Who claims it, so that nobody else does.
        request: Its request; None reads it in the folder.
    """
    request = request or files.read_json(f"{folder}/request.json", 64 << 20) or {}
    epoch, attempt = request.get("epoch"), request.get("attempt")
    accepted, _ = Controls(folder, epoch if isinstance(epoch, int) else 0).look()
    if not any(control["verb"] in {"withdraw", "stop"} for control in accepted):
        return None
    if not claimant.claim(folder):
        return None
    first = not isinstance(attempt, int) or attempt <= 1
    return ending.on_behalf(folder, "withdrawn" if first else "partial", _WORDS, 0.0, None)
