"""What a dead worker leaves behind: the end of its attempt, and why, in words."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from aisteer.execution.worker import ending
from aisteer.execution.worker.files import Json
from aisteer.execution.worker.folder import make_folder

__all__ = ["Unwritten", "cause_of_death"]

_AGAIN = 1.0
"""Seconds between two tries to write an end to a disk that is full."""


class Unwritten:
    """Ends that stay in memory until the disk takes them."""

    def __init__(self) -> None:
        self.waiting: dict[str, tuple[str, Json, bool, float]] = {}

    def write(self, key: str, folder: str, record: Json, *, make: bool = False) -> bool:
        """Write an end. Answers whether that is settled: it stands there, or its folder is gone for good.

        Args:
            key: The attempt's.
            folder: Its folder.
            record: The end.
            make: Whether the folder may not have been needed until now.
        """
        if make:
            with contextlib.suppress(OSError):
                make_folder(folder)
        home = os.path.dirname(os.path.dirname(folder)) if make else folder
        if ending.write_end(folder, record) or not os.path.isdir(home):
            return True
        self.waiting[key] = (folder, record, make, time.monotonic() + _AGAIN)
        return False

    def again(self, now: float) -> list[str]:
        """Try those that are due once more; the keys of those that are settled."""
        due = [(key, *rest) for key, rest in self.waiting.items() if now >= rest[3]]
        for key, *_ in due:
            del self.waiting[key]
        return [key for key, folder, record, make, _ in due if self.write(key, folder, record, make=make)]


def cause_of_death(code: int, last: str, *, shutting_down: bool) -> tuple[str, str]:
    """How an attempt ended whose worker is dead, and what that means, in words.

    Args:
        code: The process's exit code, or the negative number of the signal that killed it.
        last: What it last printed to standard error.
        shutting_down: Whether the host ended it.
    """
    # The interpreter's own account of a crash is long; it stands in the log.
    printed = last.partition("Fatal Python error")[0].strip()[-600:]
    tail = f" It last printed to standard error: {printed}" if printed else ""
    if shutting_down:
        return "preempted", "The local host was ended while it ran; it goes on from its last checkpoint."
    if code >= 0:
        return "failed", (
            f"The simulation ended its own process with exit code {code}, so it has no outcome. Other runs "
            f"were not touched. "
            f"Return the outcome instead of calling exit, and look at stderr.log in its folder.{tail}"
        )
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    why = (
        "most often because the machine ran out of memory"
        if name == "SIGKILL"
        else "a fault in compiled code, or from outside"
    )
    return "lost", (
        f"Its process was killed by {name}: {why}. Other runs were not touched. It is tried again as the "
        f"task's retries say; "
        f"use fewer slots or a smaller system if it happens again.{tail}"
    )
