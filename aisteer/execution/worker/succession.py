"""Never two live attempts of one run: a later one begins when nothing executes the earlier ones any more."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from . import files
from .books import Books
from .claim import holder_is_dead, holder_lives, is_fence, machine, read_claim
from .files import Json

_RELEASED = "released"
_POLL = 0.05
_STILL = 5.0
"""Seconds for which a heartbeat elsewhere has to stand still: it is written once a second."""
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
    """Wait until nobody executes one of the earlier attempts.

    They are fenced, so this takes as long as a step of theirs, or as killing them: a worker that does not
    react is ended here. What another machine executes is seen by its heartbeat alone: one that is fenced stops
    beating, so that has to stand still for some seconds.

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
        earlier = _Earlier(root, folder, token)
        while (claim := earlier.executed()) is not None and not leave():
            waited = time.monotonic() - begun
            if waited > patience and not ended:
                ended = True
                _end_worker(claim)
            elif waited > patience + 5.0:
                return (
                    f"an earlier attempt of this run is still executed by process {claim.get('pid')} of "
                    f"{str(claim.get('host'))[:80]}, which does not react. Two live attempts of one run must not be, "
                    "so this one did not start; end that process"
                )
            time.sleep(_POLL)
    return ""


class _Earlier:
    """One earlier attempt, which is looked at until nobody executes it."""

    def __init__(self, root: str, folder: str, token: str) -> None:
        self._root = root
        self._folder = folder
        self._token = token
        self._books: Books | None = None
        self._beat: tuple[bytes | None, float] | None = None

    def executed(self) -> Json | None:
        """The claim of it, while somebody still executes it."""
        if any(os.path.lexists(os.path.join(self._folder, name)) for name in ("end.json", _RELEASED)):
            return None
        claim = read_claim(self._folder)
        if (
            claim is None
            or claim.get("by") == self._token
            or is_fence(claim)
            or self._is_over(str(claim.get("by")))
        ):
            return None
        if holder_is_dead(claim):
            from .command import end_group

            end_group(self._folder)  # what a dead worker's command has left running
            return None
        here = machine()
        if any(claim.get(key) != here[key] for key in ("host", "boot", "space")):
            return claim if self._beats() else None
        return claim if holder_lives(claim) else None

    def _is_over(self, by: str) -> bool:
        """Whether it has its end elsewhere: in its worker's book, or in an archive."""
        if self._books is None:
            if not os.path.isdir(self._folder) and self._is_packed():
                return True
            self._books = Books(self._root, by)
        self._books.look()
        return self._books.get(os.path.basename(self._folder)) is not None

    def _is_packed(self) -> bool:
        from .archives import Archives

        return Archives(Path(self._root)).find(os.path.relpath(self._folder, self._root)) is not None

    def _beats(self) -> bool:
        """Whether its heartbeat has changed, on our own clock, within the time that it takes to arrive here."""
        files.look_anew(self._folder)
        beat, now = files.read(os.path.join(self._folder, "heartbeat"), 64), time.monotonic()
        if self._beat is None or beat != self._beat[0]:
            self._beat = (beat, now)
        return now - self._beat[1] < _STILL


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
