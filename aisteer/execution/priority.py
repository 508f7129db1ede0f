"""Runs on the notebook's own machine leave the processor to the notebook whenever it wants it.

A hundred runs on two cores would otherwise keep a click waiting for its turn. What nobody else wants
they use in full.
"""

from __future__ import annotations

import contextlib
import os

__all__ = ["NICENESS", "give_way"]

NICENESS = 5
"""What is added to the niceness of a worker process, and so to what its simulations start."""


def give_way() -> None:
    """Give this process, and all that it will start, a lower priority; for a worker that was just made."""
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    if hasattr(os, "SCHED_BATCH"):
        # Who wakes up often, as a simulation that writes observations does, need not run at once for that.
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
