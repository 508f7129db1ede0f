"""What this process has used: processor time and memory."""

from __future__ import annotations

import os
import resource
import sys
import time


def cpu() -> float:
    """Processor time of this process and of those it has waited for, seconds."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def peak() -> int:
    """The largest memory this process has held, bytes."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024
