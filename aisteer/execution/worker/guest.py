"""Executing attempts as a guest: in a process that an engine owns, which executes other people's tasks as well."""

from __future__ import annotations

import os
import signal
import threading
import weakref
from collections.abc import Callable

from . import block
from .attempt import ENDING, STALE, TOO_SOON, UNCLAIMED, run_attempt
from .book import Book
from .claim import Claimant
from .files import Json
from .interruption import Interrupted, Interruption

_DEPARTS = 0.5
"""Seconds in which the answer leaves this process before it ends: a worker pool kills it after one."""
_AGAIN = frozenset({ENDING, STALE, TOO_SOON, UNCLAIMED})
_leaving: list[int] = []
"""The process that has been asked to end, once it was."""


class Post:
    """Who claims for one thread of this process in one spool, and the book of its ends."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.pid = os.getpid()
        self.claimant = Claimant(root)
        self.book = Book(root, self.claimant.token)
        weakref.finalize(self, _leave, self.pid, self.claimant, self.book)


def _leave(pid: int, claimant: Claimant, book: Book) -> None:
    if pid == os.getpid():  # a fork has a copy of what is not its own
        claimant.forget()
        book.close()


_kept = threading.local()


def _post(root: str) -> Post:
    """This thread's: a token stands for one that executes, so each thread and each process has its own."""
    post: Post | None = getattr(_kept, "post", None)
    if post is None or (post.root, post.pid) != (root, os.getpid()):
        post = _kept.post = Post(root)
    return post


def execute(root: str, folder: str, *, alone: bool, handed: Json | None = None) -> Json:
    """Execute an attempt here.

    In the main thread of a worker process SIGTERM means checkpoint and end; after that the process ends as it
    would have without us. In a thread of a process signals and output are left alone.

    Args:
        root: The spool's root.
        folder: The attempt's folder, relative to the root.
        alone: Whether this process executes nothing else meanwhile.
        handed: Its request; None reads it in the folder.

    Returns:
        What ``run_attempt`` answers; ``again`` where nobody has claimed it and another worker may.
    """
    if os.getpid() in _leaving:
        return {"executed": False, "reason": ENDING, "again": True}
    post = _post(root)
    ends = block.ends({"block": (handed or {}).get("block")})
    if ends is not None:
        post.claimant.where["ends"] = round(ends, 3)
    interruption = Interruption(install=alone, expendable=alone and _is_replaced())
    try:
        answer = run_attempt(
            root,
            folder,
            alone=alone,
            claimant=post.claimant,
            interruption=interruption,
            handed=handed,
            book=None if handed is None else post.book,
        )
    except Interrupted:  # the signal came before it began, or after its end
        interruption.asked += 1
        answer = {"executed": False, "reason": ENDING}
    finally:
        interruption.uninstall()
    reason = "" if answer["executed"] else answer["reason"]
    if interruption.asked or (reason == STALE and alone and _is_replaced()):
        depart()
    return {**answer, "again": True} if reason in _AGAIN else answer


def _is_replaced() -> bool:
    """Whether this is a worker of a Parsl pool, which begins another one in place of one that ended."""
    return "PARSL_WORKER_RANK" in os.environ


def depart(after: float = _DEPARTS, end: Callable[[int, int], None] = os.kill) -> None:
    """End this process as SIGTERM does, once the answer has left it; nothing is begun in it any more."""
    _leaving[:] = [os.getpid()]
    timer = threading.Timer(after, end, (os.getpid(), signal.SIGTERM))
    timer.daemon = True
    timer.start()
