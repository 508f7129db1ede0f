"""Threads that compute are ended before the interpreter is.

An interpreter that ends stops its daemon threads wherever they next need it. In the midst of compiled code that calls
back into Python, as a fit does, that aborts the whole process: a script that had done all its work would fail.
"""

from __future__ import annotations

import atexit
import ctypes
import threading
import time
from collections.abc import Callable

__all__ = ["end_at_exit"]

_PATIENCE = 5.0
"""Seconds that threads are given to end, all together: one call into a linear algebra library takes less."""
_threads: dict[threading.Thread, Callable[[], None]] = {}


def end_at_exit(thread: threading.Thread, stop: Callable[[], None]) -> None:
    """When the interpreter ends, call ``stop``, end ``thread`` where it stands, and wait for it.

    Args:
        thread: It has been started. What it was computing is lost; its ``finally`` clauses run.
        stop: Wakes it, where it waits.
    """
    for ended in [other for other in _threads if not other.is_alive()]:
        _threads.pop(ended, None)
    _threads[thread] = stop


@atexit.register
def _leave() -> None:
    there = [thread for thread in _threads if thread.is_alive()]
    for thread in there:
        _threads[thread]()
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit)
        )
    deadline = time.monotonic() + _PATIENCE
    for thread in there:
        thread.join(max(0.0, deadline - time.monotonic()))
