"""Looking at many attempts at once for somebody who does not see the spool: one question, one answer.

Both are plain JSON, and a repeated question loses and doubles nothing: it says from where on to read.

A **question** is ``{"nonce", …}`` with, each optional:

``attempts``
    ``{key: {"offset", "prefix", "known"}}``: from which byte on its observations are wanted, the
    ``stream.mark`` of what was read before (empty where that is not known), and what of it is known already:
    ``""``, ``"claimed"``, or ``"ended"`` when only the rest of its observations is wanted.
``books``
    ``{name: offset}`` of books of ends that were read before; -1 for one that is closed and read to its end. Others
    are read from their beginning.
``orders``
    What is to be done first, see ``orders``.
``wait``, ``linger``, ``limit``
    Seconds to wait for news (0); seconds to gather observations once there are some (1); bytes of content that the
    answer may have (4 MB).

An **answer** is ``{"refused": words, "machine"}`` where the root is not this campaign's or the question is none, else:

``attempts``
    ``{key: {…}}`` of those of which there is something to say. ``claim``: its content, unless known. ``data``: new
    whole lines, each byte one character (``data.encode("latin-1")`` gives them back) from ``offset`` on; ``next``:
    where to read on, and ``prefix`` what is known there; ``length``: of the whole file. ``gap``: why nothing can be
    read on.
    ``heartbeat``: the counter, once there is one. ``end``: its record, unless known, not checked: ``clean_end`` does
    that. ``holder_dead``: its claim's holder was a process of the watching machine, and is no more. ``gone``: it was
    claimed or had observations, and neither its claim nor its folder is there.
``books``
    ``{name: {"data", "next", "closed"}}``, in the same way; ``closed``: nothing is written to it any more, and it was
    read to its end. ``{"gap": words}`` where it cannot be read on.
``answers``
    One for each order.
``machine``
    ``host``, ``python``, ``time`` (Unix seconds), ``free`` (bytes where the spool is), ``block_ends``.
``more``
    Whether something was left for the next look.

It is answered at once when a claim, an end, an acknowledgement or a gap is new, after ``linger`` when there are
observations, after at most ``linger`` when there were orders, else after ``wait``.
"""

from __future__ import annotations

import os
import platform
import random
import time
from typing import Any, NamedTuple

from . import block, book, ending, files, names, orders, root, stream
from .claim import brief, holder_is_dead, is_claimed, machine, read_claim
from .command import end_group
from .files import Json

_MOST_ATTEMPTS = 20_000
_MOST_BOOKS = 20_000
_LEAST = 64 << 10
_SHARE = 64 << 10
"""Bytes that one attempt may take before the others had their turn."""
_NAP = 0.1
"""Seconds between two rounds, at most as often; and a round takes at most a fifth of the time."""
_SETTLE = 0.05
"""Seconds for which news is waited with for its neighbours."""
_PROCESSES = 1.0
"""Seconds between two looks at whether the holders of claims live."""


def look(where: str, question: Json) -> Json:
    """The answer to a question, see above."""
    try:
        asked = Question.of(where, question)
        answers = orders.carry_out(asked.root, question.get("orders"))
    except (root.NoRoot, names.BadName, orders.BadOrder) as refused:
        return {"refused": str(refused), "machine": surroundings(where)}
    watch = Watch(asked)
    watch.wait(min(asked.wait, asked.linger) if answers else asked.wait)
    return {**watch.answer(), "answers": answers, "machine": surroundings(asked.root)}


def write(where: str, letter: Json) -> Json:
    """Carry out orders; the first of them may be to create the root.

    Args:
        where: The root; for ``create`` it may hold ``~`` and environment variables.
        letter: ``{"nonce", "orders"}``.

    Returns:
        ``{"root", "answers", "machine"}``, ``root`` being its real path; or ``{"refused": words, "machine"}``.
    """
    try:
        place, answers = orders.with_root(where, letter)
    except (root.NoRoot, names.BadName, orders.BadOrder) as refused:
        return {"refused": str(refused), "machine": surroundings(where)}
    return {"root": place, "answers": answers, "machine": surroundings(place)}


def surroundings(place: str) -> Json:
    """Where this is executed, and how much room there is."""
    found: Json = {
        "host": machine()["host"],
        "python": platform.python_version(),
        "time": round(time.time(), 3),
        "block_ends": block.ends(),
    }
    try:
        room = os.statvfs(place)
    except (OSError, ValueError, TypeError):
        return found
    return {**found, "free": room.f_bavail * room.f_frsize}


class Question(NamedTuple):
    """A question that was checked."""

    root: str
    attempts: list[Asked]
    books: dict[str, int]
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
        attempts, books = question.get("attempts") or {}, question.get("books") or {}
        if not isinstance(attempts, dict) or not isinstance(books, dict):
            raise names.BadName("the question's attempts or books are no objects")
        if len(attempts) > _MOST_ATTEMPTS or len(books) > _MOST_BOOKS:
            raise names.BadName(
                f"the question is about {len(attempts)} attempts and {len(books)} books: too many"
            )
        for name in books:
            if not book.NAME.fullmatch(name):
                raise names.BadName(f"{name[:80]!r} is no book")
        return cls(
            place,
            [Asked(place, key, about) for key, about in attempts.items()],
            {name: _whole(offset, -1, 1 << 50) for name, offset in books.items()},
            _number(question.get("wait"), 0.0, 300.0),
            _number(question.get("linger"), 1.0, 10.0),
            _whole(question.get("limit", 4 << 20), _LEAST, 6 << 20),
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
        gone = self.had and not self.ended and not is_claimed(self.path) and not os.path.isdir(self.path)
        facts = {"claim": self.claim, "end": self.end, "heartbeat": heartbeat, "gap": self.gap or None}
        facts.update(holder_dead=self.dead or None, gone=gone or None)
        said.update({name: value for name, value in facts.items() if value is not None})
        return said


class Watch:
    """Goes round the attempts of a question until there is enough to say."""

    def __init__(self, asked: Question) -> None:
        self._asked = asked
        random.shuffle(asked.attempts)  # when there is more than fits, nobody is always the last
        self._left = asked.limit
        self._books: dict[str, Json] = {}
        self._offsets = dict(asked.books)
        self._behind = False
        self._holders_at = 0.0

    def wait(self, seconds: float) -> None:
        """Return when there is enough to say, after so many seconds at most."""
        begun = time.monotonic()
        until = begun + seconds
        seen = False
        while True:
            started = time.monotonic()
            urgent, observed = self._round()
            now = time.monotonic()
            if urgent:
                until = min(until, now + _SETTLE)
            elif observed and not seen:
                until = min(until, now + self._asked.linger)
            seen = seen or observed
            if now >= until or self._left <= 0:
                return
            if not self._behind:
                time.sleep(min(max(_NAP, 4.0 * (now - started)), until - now))

    def _round(self) -> tuple[bool, bool]:
        """Look at everything once: whether there is news that does not wait, and whether there are observations."""
        urgent = observed = self._behind = False
        for asked in self._asked.attempts:
            if self._left <= 0:
                self._behind = True
                break
            size = asked.news()
            had_gap = bool(asked.gap)
            data = asked.read(min(self._left, _SHARE))
            self._left -= size + len(data)
            urgent = urgent or bool(size) or (bool(asked.gap) and not had_gap) or b'"kind":"ack"' in data
            observed = observed or bool(data)
            self._behind = self._behind or asked.more
        urgent = self._look_into_books() or urgent
        now = time.monotonic()
        if now >= self._holders_at:
            self._holders_at = now + _PROCESSES
            dead = [asked.look_for_holder() for asked in self._asked.attempts]
            urgent = any(dead) or urgent
        return urgent, observed

    def _look_into_books(self) -> bool:
        folder = os.path.join(self._asked.root, "ends")
        try:
            there = {name for name in os.listdir(folder) if book.NAME.fullmatch(name)}
        except OSError:
            return False
        found = False
        for name in sorted(there):
            offset = self._offsets.get(name, 0)
            if offset < 0:
                continue
            if self._left <= 0:
                self._behind = True
                return found
            found = self._read_book(folder, name, offset, closed=book.has_successor(name, there)) or found
        return found

    def _read_book(self, folder: str, name: str, offset: int, *, closed: bool) -> bool:
        read = stream.read_on(os.path.join(folder, name), offset, "", min(self._left, 1 << 20))
        if read.gap:
            new = "gap" not in self._books.get(name, {})
            self._books[name] = {"gap": read.gap}
            self._offsets[name] = -1
            return new
        self._left -= len(read.data)
        over = closed and offset + len(read.data) == read.length
        if read.data or over:
            before = self._books.get(name, {"data": ""})["data"]
            self._books[name] = {
                "data": before + read.data.decode("latin-1"),
                "next": offset + len(read.data),
                "closed": over,
            }
        self._offsets[name] = -1 if over else offset + len(read.data)
        self._behind = self._behind or read.more
        return bool(read.data)

    def answer(self) -> Json:
        """What was found."""
        said = {asked.key: asked.answer() for asked in self._asked.attempts}
        return {
            "attempts": {key: what for key, what in said.items() if what},
            "books": self._books,
            "more": self._behind or self._left <= 0,
        }


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
    return min(max(float(value), 0.0), high) if good else default
