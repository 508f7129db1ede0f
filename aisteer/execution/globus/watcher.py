"""One long poll for all attempts at an endpoint, and what is put before them, in a thread of its own.

A look is a task in the endpoint's watch role: it waits there for news and brings all of it back at once. What is to
be written rides along with the next look when one is due, and goes at once in a task of its own when one is under way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from typing import Any, Protocol

from aisteer.errors import EndpointError, SpoolError
from aisteer.execution.ends import clean_text, number
from aisteer.execution.globus.flights import Flight, Flights
from aisteer.execution.globus.functions import closed, opened
from aisteer.execution.globus.letters import Letter, Letters
from aisteer.execution.globus.roster import Roster
from aisteer.execution.globus.wire import refusal
from aisteer.execution.worker import files

__all__ = ["Post", "Watcher"]

Json = dict[str, Any]

_SPACING = 1.3
"""Seconds between two requests while somebody looks: 0.77 a second, whatever the number of runs."""
_BORROWED = 5.0
"""The same without a watch role, where a look takes a worker that could compute."""
_LINGER = 0.7
"""Seconds for which a look gathers observations; with the way there and back it fills the spacing."""
_WAIT = 3.0
"""Seconds for which a look waits for news there: a control that goes by itself may have to wait behind it."""
_QUIET = 30.0
"""Seconds between two looks while nobody looks and nothing asks for observations; ends come by themselves."""
_NEAR = 0.2
"""Seconds between two looks at files that are seen from here."""
_BEGINS = 60.0
"""Seconds after the beginning, and after somebody asked for something, in which somebody is taken to look."""
_AT_ONCE = 2
"""Letters under way at a time; what is to be written meanwhile is gathered and goes together."""
_AGAIN = 5.0
"""Seconds at most that letters are held back after something failed."""
_HELD_UP = 2
"""Spacings after which a look goes, however much is written meanwhile."""
_BRING = 5.0
"""Seconds after which a worker that could not be written there is brought once more."""
_GONE = 300.0
"""Seconds after which what was executed in a spool that is not there any more is lost: file systems have hiccups."""
_PROBE = 15.0
"""Seconds between two questions, at most, whether it is back."""
_SURE = 5
"""Refusals that it takes for that."""
_ANEW = (
    "Nothing is sent to it. It is asked again and again, and goes on when it is back; what was under way counts as "
    f"lost after {_GONE / 60:.0f} minutes. If it was removed, let go of the campaign with close() and open it again: "
    "a new one is made, and what had not ended begins anew."
)


class Post(Protocol):
    """How tasks get to the endpoint's watch role, and what is known of them when no answer comes."""

    def send(self, kind: str, root: str, payload: Json) -> Any:
        """Have ``look`` or ``write`` executed; the SDK's future."""

    def find(self, tasks: Sequence[str]) -> dict[str, Any]:
        """Of each of these tasks that is over, a future that is done, with its result or failure.

        Raises:
            EndpointError: The web service does not answer.
        """

    def words(self, error: BaseException) -> str:
        """An error of the SDK, as it is said to people."""


class Watcher:
    """Looks after all attempts of an endpoint.

    Args:
        post: How tasks get there.
        roster: The attempts, and where news goes.
        nonce: The campaign's mark.
        own: Whether there is a role for it; else a look takes a worker that could compute.
        attention: Whether somebody reads observations.

    Attributes:
        root: The spool's real path there; empty until it was made.
        problem: Why nothing is heard from there, in words; empty when something is.
        contact: When an answer last came, Unix seconds.
        machine: What it said of the machine there.
        ahead: Seconds by which the clock there is ahead of ours, less the way back; None before it was told.
    """

    def __init__(
        self, post: Post, roster: Roster, nonce: str, *, own: bool = True, attention: Callable[[], bool]
    ) -> None:
        self.root = ""
        self.problem = ""
        self.contact: float | None = None
        self.machine: Json = {}
        self.ahead: float | None = None
        self.requests = 0
        self._to_bring = False
        self._bring_at = 0.0
        self._unbrought = ""
        self._post = post
        self._roster = roster
        self._nonce = nonce
        self._own = own
        self._far = True
        self._linger, self._spaced = _LINGER, _SPACING if own else _BORROWED
        self._at_once = _AT_ONCE if own else 1  # each takes a worker that could compute
        self._attention = attention
        self._attentive_until = time.monotonic() + _BEGINS
        self._letters = Letters()
        self._flights = Flights()
        self._due = self._looked = self._write_at = 0.0
        self._quiet = False
        self._failures = 0
        self._refused_since = 0.0
        self._bell = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="aisteer-globus-watcher", daemon=True)

    # --- from other threads ---

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End; what is under way is not waited for."""
        self._closed.set()
        self._bell.set()

    def move_in(self, post: Post) -> None:
        """The spool's files are seen from here: look at them without asking anybody there."""
        self._post, self._own, self._far = post, True, False
        self._linger, self._spaced, self._at_once = _NEAR, _NEAR, _AT_ONCE

    @property
    def refused(self) -> bool:
        """Whether the spool there cannot be used now, as the watcher found."""
        return self._refused_since > 0.0

    def ring(self) -> None:
        """There is something new: look at it soon. Safe to call from anywhere, at any time."""
        self._bell.set()

    def write(self, orders: Sequence[Json], size: int = 0) -> Future[list[Json]]:
        """Have orders carried out; a future with one answer for each, or SpoolError where the spool is refused."""
        return self._mail(Letter(list(orders), size or len(files.encode(orders))))

    def bring(self) -> None:
        """The worker is not there (any more): it travels with the next letter, or in one of its own."""
        self._to_bring = True
        self.ring()

    def create(self, where: str) -> Future[list[Json]]:
        """Have the spool's root made; a repeat is harmless. ``root`` is known when it is done."""
        return self._mail(Letter([{"do": "create"}], where=where))

    def _mail(self, letter: Letter) -> Future[list[Json]]:
        self._attentive_until = time.monotonic() + _BEGINS
        self._letters.add(letter)
        self._bell.set()
        return letter.answer

    @property
    def attentive(self) -> bool:
        """Whether somebody looks, or has just begun or asked for something."""
        return time.monotonic() < self._attentive_until or self._attention()

    # --- its thread ---

    def _run(self) -> None:
        while not self._closed.is_set():
            self._bell.clear()
            try:
                nap = self._round()
            except Exception as error:  # noqa: BLE001  a thread that dies silently would look like patience
                self._failed(self._post.words(error))
                nap = 1.0
            self._bell.wait(nap)

    def _round(self) -> float:
        """Take in what came, send what is due; seconds until something is due again."""
        search_at = self._flights.due
        if search_at is not None and time.monotonic() >= search_at:
            self._search()
        while (flight := self._flights.landed()) is not None:
            self._land(flight)
        now = time.monotonic()
        looking = self._flights.count("look") > 0
        question = {} if looking or not self.root else self._roster.question()
        asked = question.get("attempts") or {}
        can_write = now >= self._write_at and self._flights.count("write") < self._at_once
        look = bool(asked) and now >= self._due
        letters = self._letters.take(rooted=bool(self.root)) if can_write or look else []
        bring = self._to_bring and bool(self.root) and now >= self._bring_at and not self._flights.zipped
        probe = self.refused and bool(self.root) and not (asked or self._flights) and now >= self._due
        if (bring or probe) and not letters:
            letters = [Letter([])]
        if letters and (letters[0].where or bring or not look):
            orders = [order for letter in letters for order in letter.orders]
            self._send("write", {"orders": orders}, letters, (), bring=bring)
        elif look:
            self._send("look", self._worded(question, letters), letters, tuple(asked))
        due = [at for at in (self._write_at, self._bring_at) if at > now]
        if self._flights.due is not None:
            due.append(self._flights.due)
        if asked and self._quiet and self.attentive:
            self._quiet, self._due = False, 0.0
        if (asked and not self._flights.count("look")) or (self.refused and not self._flights):
            due.append(self._due)
        return max(0.01, min([*due, now + (1.0 if self._quiet else 60.0)]) - now)

    def _worded(self, question: Json, letters: Sequence[Letter]) -> Json:
        quiet = not self.attentive
        times = (
            {"wait": 0.0, "linger": 0.0}
            if quiet or not self._own
            else {"wait": _WAIT, "linger": self._linger}
        )
        orders = [order for letter in letters for order in letter.orders]
        return {**question, **times, "orders": orders} if orders else {**question, **times}

    def _send(
        self, kind: str, payload: Json, letters: list[Letter], asked: tuple[str, ...], *, bring: bool = False
    ) -> None:
        now = time.monotonic()
        where = letters[0].where if letters and letters[0].where else self.root
        zipped = bring or where != self.root
        try:
            future = self._post.send(kind, where, closed({"nonce": self._nonce, **payload}, zipped=zipped))
        except Exception:
            self._letters.again(letters)
            raise
        self.requests += 1
        spacing = self._spacing()
        due = max(self._due, now) + spacing
        if kind == "look":
            self._looked, self._due = now, due
        else:
            self._due = max(self._due, min(due, self._looked + _HELD_UP * spacing))
        self._flights.add(Flight(kind, future, letters, asked, zipped, payload.get("wait", 0.0)))
        future.add_done_callback(lambda _: self._bell.set())

    def _spacing(self) -> float:
        self._quiet = not self.attentive
        if self._quiet:
            return _QUIET
        return self._spaced

    def _search(self) -> None:
        """Ask the web service for tasks whose results should be here."""
        try:
            lost = self._flights.search(self._post.find)
        except EndpointError as error:
            self._failed(str(error))
            return
        for flight, why in lost:
            self._again(flight, why)
        if self._flights.waiting:
            self.problem = (
                f"The watcher at the endpoint has not answered for {self._flights.waiting:.0f} s: its workers are all "
                "taken, or it is not running. Runs there go on; what they say is read when it answers. Is its agent "
                "started, on its login node?"
            )

    def _land(self, flight: Flight) -> None:
        try:
            answer = flight.future.result(timeout=0)
        except CancelledError:
            self._again(flight, "the request was not sent")
            return
        except Exception as error:  # noqa: BLE001  whatever the SDK and the endpoint come up with
            self._again(flight, _why(error, self._post))
            return
        try:
            answer = opened(answer)
        except ValueError as error:
            self._again(flight, f"what it answered cannot be read, for {error}")
            return
        if "missing" in answer and not flight.zipped:
            self.bring()
            self._letters.again(flight.letters)
            return
        try:
            self._take(flight, answer)
        except Exception:
            for letter in flight.letters:  # nobody waits for ever, whatever was answered
                if not letter.answer.done():
                    letter.answer.set_exception(
                        SpoolError("What the endpoint answered cannot be understood.")
                    )
            raise

    def _take(self, flight: Flight, answer: Json) -> None:
        """Take in an answer. It comes from outside: nothing in it is believed to be what it should be."""
        if self._far:  # else it tells of the machine here
            self.machine = _machine(answer.get("machine"))
            told = self.machine.get("time")
            self.ahead = None if told is None else told - time.time()
        self.contact = time.time()
        refused = answer.get("refused")
        if isinstance(refused, str):
            self._refused(flight, clean_text(refused, 1000).rstrip("."), gone=answer.get("gone") is True)
            return
        if flight.zipped:
            self._brought(answer.get("answers"))
        self._failures, self._refused_since, self._write_at = 0, 0.0, 0.0
        self._flights.heard()
        self.problem = self._unbrought
        root = answer.get("root")
        if flight.letters and flight.letters[0].where and isinstance(root, str):
            self.root = clean_text(root, 4096)
        self._answered(flight, answer.get("answers"))
        if flight.kind == "look":
            self._roster.take(answer, flight.asked)
            if answer.get("more") is True:
                self._due = min(self._due, flight.since + self._spaced)

    def _brought(self, answers: object) -> None:
        """Whether the worker that came with a letter lies in the spool now; a look in a warm process needs none."""
        said = answers[-1] if isinstance(answers, list) and answers else None
        said = said if isinstance(said, dict) else {}
        self._to_bring = said.get("stored") is not True
        self._bring_at = time.monotonic() + _BRING if self._to_bring else 0.0
        why = clean_text(said.get("problem"), 500).rstrip(".") or "the endpoint does not say why"
        self._unbrought = (
            f"The worker cannot be written to the spool at the endpoint: {why}. What is sent to a new block waits for "
            "that; it is tried again. Is there room?"
            if self._to_bring
            else ""
        )

    def _answered(self, flight: Flight, answers: object) -> None:
        listed = answers if isinstance(answers, list) else []
        start = 0
        for letter in flight.letters:
            own = [a if isinstance(a, dict) else {} for a in listed[start : start + len(letter.orders)]]
            start += len(letter.orders)
            letter.answer.set_result(own)

    def _refused(self, flight: Flight, words: str, *, gone: bool) -> None:
        """The spool is not there or not ours; or, unless it is gone, what was asked is not done."""
        now = time.monotonic()
        if gone:
            self._failed(f"The spool at the endpoint cannot be used: {words}. {_ANEW}")
            self._refused_since, self._due = self._refused_since or now, min(self._due, now + _PROBE)
        else:
            self._failed(
                f"The endpoint refuses what it is asked: {words}. Runs there go on; it is tried again."
            )
        for letter in flight.letters:
            letter.answer.set_exception(SpoolError(self.problem))
        if gone and now - self._refused_since > _GONE and self._failures >= _SURE:
            for member in self._roster.members():
                if member.claimed:
                    lost = f"The spool at the endpoint is gone: {words}. What was mirrored is kept."
                    self._roster.lose(member, lost)

    def _again(self, flight: Flight, why: str) -> None:
        """It did not get there or back: what it was to write is written again, which does no harm."""
        self._failed(
            f"The watcher at the endpoint cannot be asked: {why}. Runs there go on; it is tried again."
        )
        self._letters.again(flight.letters)

    def _failed(self, problem: str) -> None:
        self._failures += 1
        self.problem = problem
        now, backoff = time.monotonic(), 1.0 * 2 ** min(self._failures, 5)
        self._due, self._write_at = now + min(30.0, backoff), now + min(_AGAIN, backoff / 4)


def _machine(said: object) -> Json:
    """What an answer says of the machine there, as far as it says anything."""
    told = said if isinstance(said, dict) else {}
    words = {name: clean_text(told.get(name), 200) for name in ("host", "python")}
    numbers = {name: number(told.get(name)) for name in ("time", "free")}
    return {name: value for name, value in {**words, **numbers}.items() if value not in (None, "")}


def _why(error: BaseException, post: Post) -> str:
    refused = refusal(error)
    if refused:
        return (
            f"its answer was refused, for {refused}. Only JSON is taken from an endpoint; nothing of it was executed. "
            "Ask its administrator who answers there"
        )
    return post.words(error)
