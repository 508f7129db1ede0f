"""A spool there that is seen from here, as from a notebook on the facility's own machines: it needs no watcher."""

from __future__ import annotations

import base64
import hashlib
import os
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from aisteer.execution.worker import entrance, files, root

__all__ = ["Near", "Sight"]

Json = dict[str, Any]

_ARRIVES = 3.0
"""Seconds in which a file that was written there is seen here, on a file system that both see."""


class Sight:
    """Finds out whether both sides see the same files: there a file is written whose name nobody can know.

    Args:
        place: The spool's real path there.
        nonce: The campaign's mark.
    """

    def __init__(self, place: str, nonce: str) -> None:
        token = uuid.uuid4().hex
        self._nonce = nonce
        self._place = place
        self._name = f"lots/{token}.jsonl"
        content = files.encode({"seen": token}) + b"\n"
        self.order: Json = {
            "do": "put",
            "name": self._name,
            "sha256": hashlib.sha256(content).hexdigest(),
            "size": len(content),
            "offset": 0,
            "data": base64.b64encode(content).decode("ascii"),
        }
        self._content = content

    @property
    def possible(self) -> bool:
        """Whether there is a spool of this campaign at that path here."""
        return (
            Path(self._place).is_absolute()
            and bool(self._nonce)
            and root.nonce_of(self._place) == self._nonce
        )

    def seen(self) -> bool:
        """Whether what was written there is here, and can be removed here."""
        path = f"{self._place}/{self._name}"
        until = time.monotonic() + _ARRIVES
        while (found := files.read(path, 4096)) is None and time.monotonic() < until:
            time.sleep(0.1)
        files.remove(path)
        return found == self._content and not os.path.lexists(path)


class Near:
    """Does here what a watcher does there."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="aisteer-globus-near")

    def send(self, kind: str, place: str, payload: Json) -> Future[Json]:
        """Look or write in a thread of our own."""
        return self._threads.submit({"look": entrance.look, "write": entrance.write}[kind], place, payload)

    def find(self, tasks: Sequence[str]) -> Json:  # noqa: ARG002  there are none
        """Nothing is lost on the way."""
        return {}

    def words(self, error: BaseException) -> str:
        """An error of this side."""
        return f"{type(error).__name__}: {error}"[:300]

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
