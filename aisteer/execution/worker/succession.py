"""Never two live attempts of one run: a later one begins when nothing executes the earlier ones any more."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence

from .books import Books
from .claim import holder_is_dead, holder_lives, is_fence, read_claim
from .files import Json

_RELEASED = "released"
_POLL = 0.05
PATIENCE = 20.0
"""Seconds in which whoever executes a fenced attempt has noticed, and has interrupted or killed its simulation."""
_NAMED = b"aisteer-worker\n"


def release(folder: str) -> None:
    """Say that nothing of a fenced attempt computes any more; as far as its folder is there."""
    try:
        os.close(os.open(os.path.join(folder, _RELEASED), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666))
    except OSError:
        return


def wait_for_earlier(
    root: str, previous: Sequence[object], token: str, leave: Callable[[], bool], patience: float = PATIENCE
) -> str:
    """Wait until no process of this machine executes one of the earlier attempts.

    They are fenced, so this takes as long as a step of theirs, or as killing them: a worker that does not
    react is ended here. On another machine nobody can look; there the fence and the missing heartbeat count.

    Args:
        root: The spool's root.
        previous: Folders of the earlier attempts, relative to it.
        token: Who asks: its own attempts are over.
        leave: Whether the wait has lost its point.
        patience: Seconds after which a worker that still executes one is ended.

    Returns:
        Why the later attempt must not begin; empty when it may, or when ``leave`` says so.
    """
    folders = [os.path.join(root, f) for f in previous if isinstance(f, str) and ".." not in f.split("/")]
    begun = time.monotonic()
    ended = False
    for folder in folders:
        ends: dict[str, Books] = {}
        while (claim := _executed(root, folder, token, ends)) is not None and not leave():
            waited = time.monotonic() - begun
            if waited > patience and not ended:
                ended = True
                _end_worker(claim)
            elif waited > patience + 5.0:
                return (
                    f"an earlier attempt of this run is still executed by process {claim.get('pid')}, which does not "
                    "react. Two live attempts of one run must not be, so this one did not start; end that process"
                )
            time.sleep(_POLL)
    return ""


def _executed(root: str, folder: str, token: str, ends: dict[str, Books]) -> Json | None:
    """The claim of an attempt that a process of this machine still executes; ``ends`` are kept for the next look."""
    if any(os.path.lexists(os.path.join(folder, name)) for name in ("end.json", _RELEASED)):
        return None
    claim = read_claim(folder)
    if claim is None or claim.get("by") == token or is_fence(claim):
        return None
    by = str(claim.get("by"))
    books = ends.setdefault(by, Books(root, by))
    books.look()
    if books.get(os.path.basename(folder)) is not None:
        return None
    if holder_is_dead(claim):
        from .command import end_group

        end_group(folder)  # what a dead worker's command has left running
        return None
    return claim if holder_lives(claim) else None


def _end_worker(claim: Json) -> None:
    """Kill the process group of a worker of ours that does not react; nothing else is touched."""
    pid = claim["pid"]
    try:
        with open(f"/proc/{pid}/comm", "rb") as comm:
            ours = comm.read() == _NAMED[:16]
        if ours and holder_lives(claim) and os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
    except OSError:
        return
