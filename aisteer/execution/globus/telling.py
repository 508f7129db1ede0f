"""Controls on their way to attempts, until they stand in the spool there."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from aisteer.execution.endpoint import AttemptRef
from aisteer.execution.ends import clean_text
from aisteer.execution.globus.roster import Roster
from aisteer.execution.globus.watcher import Watcher

__all__ = ["Telling"]

Json = dict[str, Any]

_AGAIN = 5.0
"""Seconds after which what could not be written there is written again."""


class Telling:
    """Has controls written, and those that could not be again and again: a repeat is harmless.

    Args:
        roster: The attempts; one that was withdrawn before it began ends here.

    Attributes:
        problem: What could not be told, in words; empty when nothing waits to be told again.
    """

    def __init__(self, roster: Roster) -> None:
        self.problem = ""
        self._roster = roster
        self._untold: list[tuple[float, AttemptRef, list[Json]]] = []
        self._lock = threading.Lock()

    def tell(self, watcher: Watcher, ref: AttemptRef, orders: Sequence[Json]) -> None:
        """Have orders about an attempt carried out."""
        kept = list(orders)
        watcher.write(kept).add_done_callback(lambda answer: self._told(ref, kept, answer))

    def again(self, watcher: Watcher) -> None:
        """Write again what could not be written, once it is time."""
        if not self._untold:
            return
        now = time.monotonic()
        with self._lock:
            due = [entry for entry in self._untold if entry[0] <= now]
            self._untold = [entry for entry in self._untold if entry[0] > now]
        for _, ref, orders in due:
            member = self._roster.get(ref.key)
            if member is not None and not member.over:
                self.tell(watcher, ref, orders)
            else:
                self._keep(ref, [], "")

    def _told(self, ref: AttemptRef, orders: list[Json], answer: Future[list[Json]]) -> None:
        """What became of it; called in the watcher's thread."""
        if answer.cancelled():
            return
        error = answer.exception()
        answers: list[Json] = [] if error is not None else answer.result()
        left: list[Json] = []
        words = clean_text(str(error), 500) if error is not None else "the endpoint did not answer to it"
        for number, order in enumerate(orders):
            said = answers[number] if number < len(answers) else {}
            if left or said.get("done") is not True:
                left.append(order)  # with all that follows: nothing is withdrawn before that was asked
                words = clean_text(said.get("problem"), 500) or words
            elif isinstance(said.get("end"), dict) and (member := self._roster.get(ref.key)) is not None:
                self._roster.end(member, said["end"])
        self._keep(ref, left, words)

    def _keep(self, ref: AttemptRef, left: list[Json], words: str) -> None:
        with self._lock:
            if left:
                self._untold.append((time.monotonic() + _AGAIN, ref, left))
                self.problem = f"{ref.run} could not be told: {words.rstrip('.')}. It is tried again."
            elif not self._untold:
                self.problem = ""
