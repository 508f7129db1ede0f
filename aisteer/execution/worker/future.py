"""What a user's Executor calls."""

from __future__ import annotations

import os
import socket
import threading

from . import guest
from .files import Json


def run_for_future(root: str, folder: str, client: tuple[int, str]) -> Json:
    """Execute an attempt; output and signals are left alone in the process that submitted it.

    Args:
        root: The spool's root.
        folder: The attempt's folder, relative to the root.
        client: Process and host of who submitted it.
    """
    main = threading.current_thread() is threading.main_thread()
    elsewhere = (os.getpid(), socket.gethostname()) != tuple(client)
    return {"executed": guest.execute(root, folder, alone=main and elsewhere)["executed"]}
