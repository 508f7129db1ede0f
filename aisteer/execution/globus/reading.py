"""Reading a file of an attempt that only somebody there can read."""

from __future__ import annotations

import base64
import contextlib
import errno
import os

from aisteer.errors import EndpointError, SpoolError
from aisteer.execution.endpoint import READ
from aisteer.execution.ends import clean_text
from aisteer.execution.globus.watcher import Watcher

__all__ = ["read"]

_PATIENCE = 60.0
"""Seconds for which a file there is waited for."""


def read(watcher: Watcher, key: str, name: str, patience: float = _PATIENCE) -> bytes:
    """A file of an attempt, packed or not, at most ``READ`` bytes of it; empty where there is none.

    Raises:
        SpoolError: It is there and cannot be read, or the spool is refused.
        EndpointError: No answer came within ``patience`` seconds.
    """
    asked = watcher.write([{"do": "read", "key": key, "name": name, "limit": READ}])
    try:
        [said] = asked.result(patience) or [{}]
    except TimeoutError as error:
        why = watcher.problem or "its workers are taken, or wait for a block"
        raise EndpointError(f"{name} of {key} has not come yet: {why}. Ask again later.") from error
    data, words = said.get("data"), clean_text(said.get("problem"), 300)
    if isinstance(data, str):
        with contextlib.suppress(ValueError):
            return base64.b64decode(data)[:READ]
    if os.strerror(errno.ENOENT) in words:
        return b""
    raise SpoolError(
        f"{name} cannot be read at the endpoint: {words or 'it does not say why'}. Nothing was lost."
    )
