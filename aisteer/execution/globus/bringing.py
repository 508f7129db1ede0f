"""Files that runs need, on their way into the spool there: code, and requests that are too large for a submission."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any

from aisteer.errors import EndpointError, SpoolError
from aisteer.execution.ends import clean_text
from aisteer.execution.globus.watcher import Watcher

__all__ = ["Bringing"]

Json = dict[str, Any]

_STRETCH = 3_000_000
"""Bytes of a file that go in one request."""
_PATIENCE = 120.0
"""Seconds in which the watcher is expected to write something there; after that it is asked again."""


class Bringing:
    """Puts files into the spool there, each once, until it is heard that one is there no more.

    Args:
        watcher: Writes them.
        closed: Set when nobody waits any more.
    """

    def __init__(self, watcher: Watcher, closed: threading.Event) -> None:
        self._watcher = watcher
        self._closed = closed
        self._there: set[str] = set()

    def has(self, name: str) -> bool:
        """Whether a file is there, as far as is known."""
        return name in self._there

    def missing(self, names: Iterable[object]) -> None:
        """These were looked for there in vain: a scratch disk is purged now and then."""
        self._there.difference_update(name for name in names if isinstance(name, str))

    def bring(self, parcels: dict[str, bytes]) -> None:
        """Put files into the spool there, as far as they are not.

        Raises:
            EndpointError, SpoolError: They could not be written.
        """
        missing = {name: content for name, content in parcels.items() if name not in self._there}
        if not missing:
            return
        asked = self._written([{"do": "have", "names": list(missing)}], 200 * len(missing))
        have = set(asked[0].get("have") or ()) if asked else set()
        for name, content in missing.items():
            if name not in have:
                self._put(name, content)
            self._there.add(name)

    def _put(self, name: str, content: bytes) -> None:
        sha256 = hashlib.sha256(content).hexdigest()
        offset, stored = 0, False
        for _ in range(2 * len(content) // _STRETCH + 4):
            stretch = content[offset : offset + _STRETCH]
            data = base64.b64encode(stretch).decode()
            order = {"do": "put", "name": name, "sha256": sha256, "size": len(content), "offset": offset}
            answer = self._written([{**order, "data": data}], len(data))[0]
            stored, following = answer.get("stored") is True, answer.get("next")
            if stored or type(following) is not int:
                break
            offset = min(max(0, following), len(content))
        if not stored:
            raise SpoolError(
                f"{name} could not be written to the spool at the endpoint: {clean_text(answer.get('problem'), 500)}. "
                "Nothing was sent; runs stay accepted, and it is tried again. Is there room?"
            )

    def _written(self, orders: list[Json], size: int) -> list[Json]:
        answer: Future[list[Json]] = self._watcher.write(orders, size)
        deadline = time.monotonic() + _PATIENCE
        while not answer.done():
            if self._closed.is_set() or time.monotonic() > deadline:
                raise EndpointError(
                    self._watcher.problem
                    or "The endpoint has not written yet what the runs need. They stay accepted."
                )
            time.sleep(0.05)
        answers = answer.result()
        if len(answers) != len(orders):
            raise EndpointError(
                "The endpoint answered less than it was asked. Runs stay accepted; it is tried again."
            )
        return answers
