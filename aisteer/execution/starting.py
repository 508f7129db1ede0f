"""Starting a local host, and waiting until it answers."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from socket import socket as Connection  # noqa: N812  as in hosts

from aisteer.errors import EndpointError
from aisteer.execution.hosts import Place
from aisteer.execution.worker import files

__all__ = ["PATIENCE", "start_host"]

PATIENCE = 30.0
"""Seconds for a host to answer on a busy machine."""


def start_host(place: Place, root: Path, *, workers: int, idle: float) -> Connection:
    """Start a host for a spool, unless one runs, and connect to it.

    Args:
        place: Where it will listen.
        root: The spool's root.
        workers: How many runs it executes at a time.
        idle: Seconds without work after which it goes away.

    Raises:
        EndpointError: It cannot be started or does not answer.
    """
    options = files.encode({"root": str(root), "workers": workers, "idle": idle}).decode()
    deadline = time.monotonic() + PATIENCE
    next_try = 0.0
    while (now := time.monotonic()) < deadline:
        if now >= next_try:
            next_try = now + 2.0
            _launch(root, options)
        channel = place.connect()
        if channel is not None:
            return channel
        time.sleep(0.01)
    raise EndpointError(
        f"The local host process did not answer within {PATIENCE:g} s. Accepted runs wait; running ones go on. "
        f"Look at {root / 'host.log'}, and at `aisteer hosts`.",
        spool=str(root),
    )


def _launch(root: Path, options: str) -> None:
    import aisteer

    try:
        with (root / "host.log").open("ab") as log:
            subprocess.run(
                [sys.executable, "-m", "aisteer.execution.host", options],
                cwd=Path(aisteer.__file__).parent.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                check=False,
                timeout=PATIENCE,
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EndpointError(
            f"The local host process could not be started: {error}. Accepted runs wait; nothing was lost. "
            f"Check that {root} exists and can be written."
        ) from error
