"""How far the books of ends in a remote spool were read, said in so few words that it travels with each look.

A worker's books are numbered, and read in that order: of those that are closed and read to their end, the last number
says all. What is not there any more, since all of it was packed, is forgotten.
"""

from __future__ import annotations

from typing import Any

from aisteer.execution.worker.book import NAME

__all__ = ["Bookmarks"]

Json = dict[str, Any]

_MOST = 100_000
"""Books, and workers with closed ones, that are followed: no campaign has as many that are not packed yet."""


class Bookmarks:
    """The books, and where to read on in each."""

    def __init__(self) -> None:
        self._open: dict[str, int] = {}
        self._closed: dict[str, int] = {}

    def asked(self) -> Json:
        """``books`` and ``closed`` of a question."""
        return {"books": dict(self._open), "closed": dict(self._closed)}

    def take(self, answer: Json) -> list[bytes]:
        """The whole lines that are new in an answer, which comes from outside."""
        books, left = answer.get("books"), answer.get("left")
        for worker in left if isinstance(left, list) else ():
            self._closed.pop(str(worker), None)
        found = []
        for name, said in (books if isinstance(books, dict) else {}).items():
            parts = NAME.fullmatch(name) if isinstance(name, str) else None
            if parts is not None and isinstance(said, dict):
                found.append(self._read(name, parts[1], int(parts[2]), said))
        return found

    def _read(self, name: str, worker: str, number: int, said: Json) -> bytes:
        start = self._open.get(name)
        if said.get("gone") is True:
            self._open.pop(name, None)
            return b""
        if start is None:
            if number <= self._closed.get(worker, 0) or len(self._open) >= _MOST:
                return b""  # an answer to an earlier question
            start = 0
        data, following = said.get("data"), said.get("next")
        if "gap" in said or not isinstance(data, str) or type(following) is not int:
            self._open[name] = start
            return b""
        if following < start or following - len(data) != start:
            return b""
        if said.get("closed") is True and len(self._closed) < _MOST:
            self._open.pop(name, None)
            self._closed[worker] = max(number, self._closed.get(worker, 0))
        else:
            self._open[name] = following
        return data.encode("latin-1", "replace")
