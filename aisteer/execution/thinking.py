"""The driver's second thread: it looks at the evidence, lets the mind think, and writes what came of it.

The mind never touches the journal: what it wants goes through the gate as commands that carry the
driver's epoch, so a thought that took too long, or a driver that was replaced meanwhile, does no harm.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from aisteer.errors import AisteerError, LeaseLost, Refused
from aisteer.execution.foresight import Foresight
from aisteer.execution.leaving import end_at_exit
from aisteer.journal import commands as cmd
from aisteer.journal.events import Actor
from aisteer.journal.store import Journal
from aisteer.steering.evidence import evidence
from aisteer.steering.protocols import Evidence, Json
from aisteer.steering.thought import Situation, Thought, situation

__all__ = ["Thinker", "Thinks"]

_log = logging.getLogger("aisteer.driver")
MANUAL = "manual"
"""The policy of a task for which nothing proposes: all proposals are somebody's own."""
_GATHER = 0.05
"""Seconds to gather further news before thinking, at most: results often come together."""
_SHARE = 0.2
"""Of the time that the last thought took: where thoughts are quick, waiting for news would take longer than they do."""


class Thinks(Protocol):
    """What proposes (``aisteer.steering.mind.Mind``)."""

    def think(self, evidence: Evidence, situation: Situation) -> Thought:
        """What is to be written, given what is known and how things stand."""


class Thinker:
    """Runs a mind beside the driver.

    Args:
        journal: The campaign's journal.
        mind: What thinks.
        trouble: Called with a source and words when thinking failed.
        solved: Called with the source when it works again.
        foresight: Looks at the curves of live runs; they are not looked at where it is not given.
    """

    def __init__(
        self,
        journal: Journal,
        mind: Thinks,
        trouble: Callable[[str, str], None],
        solved: Callable[[str], None],
        *,
        foresight: Foresight | None = None,
    ) -> None:
        self.journal = journal
        self.mind = mind
        self._foresight = foresight
        self._trouble = trouble
        self._solved = solved
        self._news = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._busy = False
        self._gather = _GATHER
        self._questions: deque[tuple[Callable[[Any], Any], Future[Any]]] = deque()

    @property
    def busy(self) -> bool:
        """Whether a thought is under way, or there is news to think about."""
        alive = self._thread is not None and self._thread.is_alive()
        return alive and (self._busy or self._news.is_set())

    def start(self, epoch: int) -> None:
        """Begin to think under ``epoch``, once a thought of an earlier time that is still under way has ended."""
        before = self._thread
        self._stop.set()
        self._stop = threading.Event()
        self._news.set()
        self._thread = threading.Thread(
            target=self._run, args=(epoch, self._stop, before), name="aisteer-mind", daemon=True
        )
        self._thread.start()
        end_at_exit(self._thread, self.stop)

    def wake(self) -> None:
        """There is something new to look at."""
        self._news.set()

    def ask(self, question: Callable[[Any], Any]) -> Future[Any]:
        """Ask the mind something on its own thread, between two thoughts: ``question(mind)``.

        The answer is cancelled when the thinker stops first.
        """
        answer: Future[Any] = Future()
        self._questions.append((question, answer))
        self._news.set()
        return answer

    def stop(self) -> None:
        """Think no more; a fit under way is not waited for, its thought comes too late to be written."""
        self._stop.set()
        self._news.set()

    def _run(self, epoch: int, stop: threading.Event, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()  # the mind is asked by one thread at a time
        try:
            self._go_on(epoch, stop)
        finally:
            if stop is self._stop:
                self._forget()

    def _go_on(self, epoch: int, stop: threading.Event) -> None:
        while True:
            news = self._news.wait(self._foresight.pause if self._foresight is not None else None)
            if stop.wait(self._gather if news else 0.0):
                return
            if not news:
                if not self._look_at_curves(epoch):
                    return
                continue
            self._busy = True
            self._news.clear()
            begun = time.monotonic()
            try:
                self._answer()
                for task in list(self.journal.state.definition.get("tasks", ())):
                    self._think(task, epoch, stop)
                if not self._look_at_curves(epoch):
                    return
            except LeaseLost:
                return
            except Exception as error:  # noqa: BLE001  a thread that dies silently would look like patience
                if stop.is_set():  # the journal was closed under it, as nobody waits for this thought
                    return
                if not isinstance(error, AisteerError | OSError):
                    _log.exception("the mind met something unexpected")
                _log.warning("thinking was put off: %s", error)
                if stop.wait(1.0):
                    return
                self._news.set()
            finally:
                self._busy = False
                self._gather = min(_GATHER, _SHARE * (time.monotonic() - begun))

    def _answer(self) -> None:
        while self._questions:
            question, answer = self._questions.popleft()
            if not answer.set_running_or_notify_cancel():
                continue
            try:
                answer.set_result(question(self.mind))
            except Exception as error:  # noqa: BLE001  it is for the one who asked
                answer.set_exception(error)

    def _forget(self) -> None:
        while self._questions:
            self._questions.popleft()[1].cancel()

    def _think(self, task: str, epoch: int, stop: threading.Event) -> None:
        looked = self._look(task)
        if looked is None:
            return
        try:
            thought = self.mind.think(*looked)
        except Exception as error:  # noqa: BLE001  a policy is anybody's code
            self._failed(task, error)
            return
        if stop.is_set():
            return
        try:
            self._write(thought, looked[0].definition, epoch)
        except LeaseLost:
            raise
        except Refused as error:
            self._failed(task, error)
            return
        if thought.trouble:
            self._trouble(_source(task), thought.trouble)
        else:
            self._solved(_source(task))

    def _look_at_curves(self, epoch: int) -> bool:
        """Whether we still drive; what goes wrong here holds nothing else up."""
        if self._foresight is None:
            return True
        for task in list(self.journal.state.definition.get("tasks", ())):
            source = f"early stopping of {task}"
            try:
                self._foresight.look(task, epoch)
            except LeaseLost:
                return False
            except Exception as error:  # noqa: BLE001  curves are anybody's numbers
                _log.debug("looking at curves failed", exc_info=error)
                self._foresight.put_off(task)
                self._trouble(
                    source,
                    f"The curves of {task!r} could not be looked at: {type(error).__name__}: {error}. No stop is "
                    "proposed meanwhile; runs go on and nothing was lost.",
                )
            else:
                if source in self.journal.state.troubles:
                    self._solved(source)
        return True

    def _look(self, task: str) -> tuple[Evidence, Situation] | None:
        """What there is to think about; None where nothing proposes, or what is known cannot be gathered."""
        with self.journal.lock:
            state = self.journal.state
            if state.definition["tasks"][task].get("policy", {}).get("name") == MANUAL:
                return None
            try:
                return evidence(state, task), situation(state, task)
            except Exception as error:  # noqa: BLE001  other tasks are thought about, and runs go on
                failure = error
        self._failed(task, failure)
        return None

    def _failed(self, task: str, error: Exception) -> None:
        _log.debug("the mind failed", exc_info=error)
        self._trouble(
            _source(task),
            f"The AI could not think about {task!r}: {type(error).__name__}: {error}. "
            "Runs go on and nothing was lost; propose points of your own with campaign.propose(…).",
        )

    def _write(self, thought: Thought, asked: Json, epoch: int) -> None:
        """Write what came to mind of a task as it was defined then; where it asks something else by now, nothing."""
        actor = Actor("ai", _who(asked.get("policy") or {}))
        submit = self.journal.submit
        if thought.fit is not None:
            submit(cmd.Fitted(actor=actor, epoch=epoch, fit=thought.fit, asked=asked))
        for reason, names in thought.withdrawals.items():
            submit(cmd.Withdraw(actor=actor, epoch=epoch, proposals=names, reason=reason))
        if thought.predictions:
            submit(cmd.Predict(actor=actor, epoch=epoch, predictions=thought.predictions, asked=asked))
        if thought.drafts:
            submit(cmd.Propose(actor=actor, epoch=epoch, drafts=thought.drafts, asked=asked))


def _who(policy: dict[str, Any]) -> str:
    """Who proposes: a policy by its name, a mind of somebody else's by its own."""
    mind = (policy.get("options") or {}).get("mind") or {}
    return str(mind.get("name") or policy.get("name") or "ai")


def _source(task: str) -> str:
    """What troubles with a task's proposals are called by."""
    return f"proposals of {task}"
