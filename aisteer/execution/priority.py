"""Runs on the notebook's own machine leave the processor to the notebook whenever it wants it.

A hundred runs on two cores would otherwise keep a click waiting for its turn. What nobody else wants
they use in full.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

__all__ = ["BEHIND", "NICENESS", "give_way", "stand_behind"]

NICENESS = 5
"""What is added to the niceness of a worker process, and so to what its simulations start."""

BEHIND = 4
"""Niceness of the host's session as a whole, where the system shares the processor among sessions first.

Of 3, 4, 5, 6 and 10 the largest with which a hundred runs beside a fit still stream at nearly their rate.
"""
_TRIES = 20
_AGAIN = 0.05


def give_way() -> None:
    """Give this process, and all that it will start, a lower priority; for a worker that was just made."""
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    if hasattr(os, "SCHED_BATCH"):
        # Who wakes up often, as a simulation that writes observations does, need not run at once for that.
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def stand_behind() -> None:
    """Have this process's session, with all that is in it, give way to other sessions of this machine.

    Linux may hand out the processor session by session (``autogroup``, see sched(7)); niceness then orders only what
    is within one. Does nothing in a session that others lead, nor where there is no such thing.
    """
    if os.getsid(0) == os.getpid():
        for _ in range(_TRIES):
            try:
                Path("/proc/self/autogroup").write_text(str(BEHIND), encoding="ascii")
            except (
                BlockingIOError
            ):  # Linux takes one such wish in a tenth of a second, from everybody together.
                time.sleep(_AGAIN)
            except OSError:
                return
            else:
                return
