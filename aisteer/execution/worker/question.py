"""A question about attempts that came from outside, checked; and what is found of each of them."""

from __future__ import annotations

import os
import random
from typing import Any, NamedTuple

from . import book, ending, files, names, root, stream
from .claim import brief, holder_is_dead, is_claimed, read_claim
from .command import end_group
from .files import Json

_MOST_ATTEMPTS = 20_000
_MOST_BOOKS = 20_000
"""Of what is more, each question has others looked at; nothing is refused for being much."""
_LEAST = 64 << 10
_MOST = 5 << 19
"""Bytes of content in an answer: a line and an end more, each of 1 MB, and all of it in the worst encoding, it is still
less than the 10 MB that a result may have."""


class Question(NamedTuple):
    """A question that was checked; ``cut`` where not all attempts in it are looked at."""

    root: str
    attempts: list[Asked]
    books: dict[str, int]
    closed: dict[str, int]
    cut: bool
    wait: float
    linger: float
    limit: int

    @classmethod
    def of(cls, where: str, question: Json) -> Question:
        """Check what came from outside.

        Raises:
            NoRoot: The root is not this campaign's.
            BadName: Something is named that is no part of a spool.
        """
        if not isinstance(question, dict):
            raise names.BadName("the question is no object")
        place = root.check(where, question.get("nonce"))
        attempts, books, closed = (question.get(name) or {} for name in ("attempts", "books", "closed"))
        if not all(isinstance(named, dict) for named in (attempts, books, closed)):
            raise names.BadName("the question's attempts or books are no objects")
        for name in books:
            if not book.NAME.fullmatch(name):
                raise names.BadName(f"{name[:80]!r} is no book")
        return cls(
            place,
            [Asked(place, key, about) for key, about in _some(attempts, _MOST_ATTEMPTS)],
            {**dict.fromkeys(books, -1), **_offsets(_some(books, _MOST_BOOKS))},
            {worker: _whole(number, 0, 1 << 20) for worker, number in closed.items()},
            len(attempts) > _MOST_ATTEMPTS,
            _number(question.get("wait"), 0.0, 300.0),
            _number(question.get("linger"), 1.0, 10.0),
            _whole(question.get("limit", _MOST), _LEAST, _MOST),
        )


class Asked:
    """One attempt that was asked about, and what was found of it."""

    def __init__(self, place: str, key: str, about: object) -> None:
        about = about if isinstance(about, dict) else {}
        self.key = key
        self.path = names.home(place, key)
        self.start = self.offset = _whole(about.get("offset", 0), 0, 1 << 50)
        prefix, known = about.get("prefix"), about.get("known")
        self.prefix = prefix if isinstance(prefix, str) else ""
        self.claimed = known in {"claimed", "ended"}
        self.ended = known == "ended"
        self.had = self.claimed or self.offset > 0
        self.claim: Json | None = None
        self.end: Json | None = None
        self.parts: list[bytes] = []
        self.length = 0
        self.gap = ""
        self.more = False
        self.dead = False

    @property
    def where(self) -> str:
        """The folder in which the next news of it appears: its claim beside its own, then its end."""
        return self.path if self.claimed else os.path.dirname(self.path)

    def news(self) -> int:
        """Bytes of a claim or an end that is new."""
        size = 0
        if not self.claimed and is_claimed(self.path):
            self.claimed = True
            self.claim = brief(read_claim(self.path) or {})
            size += 400
        if self.claimed and not self.ended:
            # The end before the stream: then the stream is whole.
            self.end = ending.read_end(self.path)
            if self.end is not None:
                self.ended = True
                size += len(files.encode(self.end))
        return size

    def read(self, limit: int) -> bytes:
        """Read on in its observations, at most so many bytes."""
        if self.gap or not (self.claimed or self.offset):
            return b""
        found = stream.read_on(f"{self.path}/observations.jsonl", self.offset, self.prefix, limit)
        self.length, self.gap, self.more = found.length, found.gap, found.more
        if found.data:
            self.parts.append(found.data)
            self.offset += len(found.data)
        self.prefix = found.prefix or self.prefix
        return found.data

    def look_for_holder(self) -> bool:
        """Whether its holder was found to be dead just now; what its command has left running is ended."""
        if self.dead or self.ended or not self.claimed:
            return False
        claim = read_claim(self.path)
        self.dead = claim is not None and holder_is_dead(claim)
        if self.dead:
            end_group(self.path)
        return self.dead

    def answer(self) -> Json:
        """What there is to say."""
        said: Json = {}
        if self.parts:
            data = b"".join(self.parts)
            said = {"data": data.decode("latin-1"), "offset": self.start, "next": self.offset}
            said.update(prefix=self.prefix, length=self.length)
        heartbeat = _counter(f"{self.path}/heartbeat") if self.claimed and not self.ended else None
        gone = not self.ended and self.had and not os.path.isdir(self.path)
        gone = gone and (self.offset > 0 or not is_claimed(self.path))
        facts = {"claim": self.claim, "end": self.end, "heartbeat": heartbeat, "gap": self.gap or None}
        facts.update(holder_dead=self.dead or None, gone=gone or None)
        said.update({name: value for name, value in facts.items() if value is not None})
        return said


def _some(named: dict[str, Any], most: int) -> list[tuple[str, Any]]:
    """All of it, or so much of it, others each time."""
    found = list(named.items())
    return found if len(found) <= most else random.sample(found, most)


def _offsets(books: list[tuple[str, Any]]) -> dict[str, int]:
    return {name: _whole(offset, -1, 1 << 50) for name, offset in books}


def _counter(path: str) -> int | None:
    data = files.read(path, 64)
    try:
        return int(data) if data else None
    except ValueError:
        return None


def _whole(value: Any, low: int, high: int) -> int:
    """An integer within bounds; the lower bound where it is none."""
    good = isinstance(value, int) and not isinstance(value, bool)
    return min(max(value, low), high) if good else low


def _number(value: Any, default: float, high: float) -> float:
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and value == value  # noqa: PLR0124  not a NaN
    return float(min(max(value, 0), high)) if good else default  # a whole number may be larger than any float
