"""What an engine's worker calls."""

from __future__ import annotations

import os
import socket
import threading

from . import guest
from .lots import Lots


def run_for_future(root: str, folder: str, client: tuple[int, str], place: object = None) -> None:
    """Execute an attempt; output and signals are left alone in the process that submitted it.

    It answers nothing: what became of the attempt stands in the spool.

    Args:
        root: The spool's root.
        folder: The attempt's folder, relative to the root.
        client: Process and host of who submitted it.
        place: Where its request stands, if it was handed over with others.
    """
    main = threading.current_thread() is threading.main_thread()
    elsewhere = (os.getpid(), socket.gethostname()) != tuple(client)
    handed = None
    if place is not None:
        lots = Lots(root)
        try:
            handed = lots.read(os.path.basename(folder), place)
        finally:
            lots.close()
    guest.execute(root, folder, alone=main and elsewhere, handed=handed)
