"""Runs on the notebook's own machine leave the processor to the notebook whenever it wants it.

A hundred runs on two cores would otherwise keep a click waiting for its turn. What nobody else wants
they use in full.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

__all__ = ["NICENESS", "give_way", "give_way_together"]

NICENESS = 10
"""What is added to the niceness of a worker process, and so to what its simulations start."""

_GROUP = Path("/proc/self/autogroup")


def give_way() -> None:
    """Give this process, and all that it will start, a lower priority; for a worker that was just made."""
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    if hasattr(os, "SCHED_BATCH"):
        # Who wakes up often, as a simulation that writes observations does, need not run at once for that.
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def give_way_together() -> None:
    """Give this session a lower priority beside others; for the host, whose session its workers share.

    Where Linux groups processes by session, niceness only counts within one; elsewhere there is nothing to do.
    """
    if not _GROUP.exists():
        return
    with contextlib.suppress(OSError):
        _GROUP.write_text(str(NICENESS))
