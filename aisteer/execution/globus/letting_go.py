"""Attempts that the journal keeps: packed in the spool there, and only then forgotten here."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from aisteer.execution.endpoint import AttemptRef
from aisteer.execution.ends import clean_text
from aisteer.execution.globus.outbox import Outbox
from aisteer.execution.globus.watcher import Watcher

__all__ = ["LettingGo"]

Json = dict[str, Any]

_AGAIN = 60.0
"""Seconds after which what could not be packed there is packed again."""


class LettingGo:
    """Has what is over packed, as often as it takes: requests stay here until the answer says that it was.

    A driver that ends before leaves them in the outbox, where the next one finds them.

    Args:
        outbox: The requests.

    Attributes:
        problem: Why something could not be packed, in words; empty when nothing waits to be packed again.
    """

    def __init__(self, outbox: Outbox) -> None:
        self.problem = ""
        self._outbox = outbox
        self._unpacked: list[tuple[float, list[AttemptRef]]] = []
        self._lock = threading.Lock()

    def pack(self, watcher: Watcher, refs: Sequence[AttemptRef]) -> None:
        """Have attempts packed."""
        order = {"do": "pack", "keys": [ref.key for ref in refs]}
        watcher.write([order], 64 * len(refs)).add_done_callback(lambda done: self._packed(list(refs), done))

    def again(self, watcher: Watcher) -> None:
        """Pack what could not be packed, once it is time."""
        if not self._unpacked:
            return
        now = time.monotonic()
        with self._lock:
            due = [refs for at, refs in self._unpacked if at <= now]
            self._unpacked = [entry for entry in self._unpacked if entry[0] > now]
        for refs in due:
            self.pack(watcher, refs)

    def _packed(self, refs: list[AttemptRef], answer: Future[list[Json]]) -> None:
        """What became of it; called in the watcher's thread."""
        if answer.cancelled():
            return
        error = answer.exception()
        said = answer.result()[0] if error is None and answer.result() else {}
        if said.get("done") is True:
            self._outbox.forget(refs)
            self.problem = ""
            return
        words = clean_text(said.get("problem") or str(error or "the endpoint did not answer to it"), 300)
        self.problem = (
            f"{len(refs)} ended runs could not be packed there: {words.rstrip('.')}. Nothing is lost, all of it is "
            "where it was, and it is tried again. Is there room?"
        )
        with self._lock:
            self._unpacked.append((time.monotonic() + _AGAIN, refs))
