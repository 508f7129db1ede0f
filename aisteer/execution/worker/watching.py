"""Looking at many attempts at once for somebody who does not see the spool: one question, one answer.

Both are plain JSON, and a repeated question loses and doubles nothing: it says from where on to read.

A **question** is ``{"nonce", …}`` with, each optional:

``attempts``
    ``{key: {"offset", "prefix", "known"}}``: from which byte on its observations are wanted, the
    ``stream.mark`` of what was read before (empty where that is not known), and what of it is known already:
    ``""``, ``"claimed"``, or ``"ended"`` when only the rest of its observations is wanted.
``books``
    ``{name: offset}`` of books of ends that were read before; -1 for one that is not to be read. Others are read from
    their beginning, but for those of
``closed``
    ``{worker: number}``: of this worker's books, those up to this number were read to their end, unless ``books``
    names them.
``orders``
    What is to be done first, see ``orders``.
``wait``, ``linger``, ``limit``
    Seconds to wait for news (0); seconds to gather observations once there are some (1); bytes of content that the
    answer may have (2.5 MB, which is also the most).

An **answer** is ``{"refused": words, "gone", "machine"}`` where the root is not this campaign's (then ``gone`` is true:
it may come back) or the question is none, else:

``attempts``
    ``{key: {…}}`` of those of which there is something to say. ``claim``: its content, unless known. ``data``: new
    whole lines, each byte one character (``data.encode("latin-1")`` gives them back) from ``offset`` on; ``next``:
    where to read on, and ``prefix`` what is known there; ``length``: of the whole file. ``gap``: why nothing can be
    read on. ``heartbeat``: the counter, once there is one. ``end``: its record, unless known, not checked:
    ``clean_end`` does that. ``holder_dead``: its claim's holder was a process of the watching machine, and is no
    more. ``gone``: its observations were read, or it was claimed, and there is nothing of that any more.
``books``
    ``{name: {"data", "next", "closed"}}``, in the same way; ``closed``: nothing is written to it any more, and it was
    read to its end. ``{"gap": words}`` where it cannot be read on. ``{"gone": true}`` where it was asked about and is
    not there any more.
``left``
    Workers of ``closed`` of which there is no book any more.
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

from . import block, book, files, names, orders, root, stream
from .claim import machine
from .files import Json
from .question import Question

_SHARE = 64 << 10
"""Bytes that one attempt may take before the others had their turn."""
_NAP = 0.1
"""Seconds between two rounds, at most as often; and a round takes at most a fifth of the time."""
_SETTLE = 0.05
"""Seconds for which news is waited with for its neighbours."""
_ANEW = 1.0
"""Seconds between two looks at what costs more: folders as they are now, and whether the holders of claims live."""


def look(where: str, question: Json) -> Json:
    """The answer to a question, see above."""
    try:
        asked = Question.of(where, question)
        answers = orders.carry_out(asked.root, question.get("orders"))
    except (root.NoRoot, names.BadName, orders.BadOrder) as refused:
        return _refusal(where, refused)
    watch = Watch(asked)
    watch.wait(min(asked.wait, asked.linger) if answers else asked.wait)
    return {**watch.answer(), "answers": answers, "machine": surroundings(asked.root)}


def write(where: str, letter: Json) -> Json:
    """Carry out orders; the first of them may be to create the root.

    Args:
        where: The root; for ``create`` it may hold ``~`` and environment variables.
        letter: ``{"nonce", "orders"}``.

    Returns:
        ``{"root", "answers", "machine"}``, ``root`` being its real path; or ``{"refused": words, "gone", "machine"}``.
    """
    try:
        place, answers = orders.with_root(where, letter)
    except (root.NoRoot, names.BadName, orders.BadOrder) as refused:
        return _refusal(where, refused)
    return {"root": place, "answers": answers, "machine": surroundings(place)}


def _refusal(where: str, refused: Exception) -> Json:
    gone = isinstance(refused, root.NoRoot) and refused.gone
    return {"refused": str(refused), "gone": gone, "machine": surroundings(where)}


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


class Watch:
    """Goes round the attempts of a question until there is enough to say."""

    def __init__(self, asked: Question) -> None:
        self._asked = asked
        random.shuffle(asked.attempts)  # when there is more than fits, nobody is always the last
        self._left = asked.limit
        self._books: dict[str, Json] = {}
        self._offsets = dict(asked.books)
        self._there: set[str] | None = None
        self._behind = False
        self._anew_at = 0.0

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
            if self._left <= 0 or (now >= until and not self._behind):
                return
            if not self._behind:
                time.sleep(min(max(_NAP, 4.0 * (now - started)), until - now))

    def _round(self) -> tuple[bool, bool]:
        """Look at everything once: whether there is news that does not wait, and whether there are observations."""
        urgent = observed = self._behind = False
        anew = time.monotonic() >= self._anew_at
        if anew:
            self._anew_at = time.monotonic() + _ANEW
            for folder in {asked.where for asked in self._asked.attempts}:
                files.look_anew(folder)
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
        if anew:
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
        self._there = there | (self._there or set())
        closed = book.closed(there)
        for name in sorted(there):
            offset = self._offsets.setdefault(name, self._beginning(name))
            if offset < 0:
                continue
            if self._left <= 0:
                self._behind = True
                return found
            found = self._read_book(folder, name, offset, closed=name in closed) or found
        return found

    def _beginning(self, name: str) -> int:
        """Where a book is read that was not named: nowhere, if it was read to its end."""
        worker, number = book.parts(name)
        return -1 if number <= self._asked.closed.get(worker, 0) else 0

    def _read_book(self, folder: str, name: str, offset: int, *, closed: bool) -> bool:
        read = stream.read_on(os.path.join(folder, name), offset, "", min(self._left, 1 << 20))
        if read.gap:
            self._books[name] = {"gap": read.gap}
            self._offsets[name] = -1
            return False
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
        gone, left = self._packed()
        books = {name: {"gone": True} for name in gone}
        return {
            "attempts": {key: what for key, what in said.items() if what},
            "books": {**books, **self._books},
            "left": left,
            "more": self._behind or self._left <= 0 or self._asked.cut,
        }

    def _packed(self) -> tuple[list[str], list[str]]:
        """Books that were asked about, and workers, of which nothing is there any more."""
        if self._there is None:
            return [], []  # it could not be seen
        workers = {book.parts(name)[0] for name in self._there}
        left = [worker for worker in self._asked.closed if worker not in workers]
        return [name for name in self._asked.books if name not in self._there], left
