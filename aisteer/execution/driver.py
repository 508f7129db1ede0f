"""The driver: the one process that acts on a campaign.

It holds the lease and, in one thread, folds what is new, lets the autonomy rules answer, launches what
is accepted, follows live attempts and reports what became of them. A second thread fits and proposes
(``aisteer.execution.thinking``). Everything it decides goes through the journal's gate, so a driver
that lost its lease, was stopped and woken, or repeats itself can do no harm.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from aisteer.errors import AisteerError, LeaseHeld, LeaseLost
from aisteer.execution.attaching import Attaching
from aisteer.execution.delivery import Delivery
from aisteer.execution.endpoint import AttemptRef, Endpoint, Health
from aisteer.execution.foresight import Foresight
from aisteer.execution.launching import Launcher
from aisteer.execution.mirror import Mirror
from aisteer.execution.rules import Rules
from aisteer.execution.thinking import Thinker, Thinks
from aisteer.execution.tidying import Tidier
from aisteer.execution.tracking import Tracked, Tracker
from aisteer.execution.troubles import Troubles
from aisteer.journal import commands as cmd
from aisteer.journal import events as ev
from aisteer.journal.events import Actor, Event
from aisteer.journal.state import Run, State
from aisteer.journal.store import Journal

__all__ = ["Driver"]

_log = logging.getLogger("aisteer.driver")
_BEAT = 2.0
_BUSY = 0.05
_EAGER = 0.01
"""The same while proposals are being made that a rule may accept at once."""
_IDLE = 0.5


class Driver:
    """Drives one campaign until it is stopped or another driver takes over.

    Args:
        journal: The campaign's journal, open for writing.
        folder: The campaign's folder.
        endpoints: Answers with task name to endpoint; asked again when the campaign is redefined.
        mind: What proposes (``aisteer.steering.mind.Mind``); None drives without proposing.
        holder: Who we are, for the lease: host, pid, start, boot.
        patience: Seconds without a heartbeat after which an attempt is lost.
        check: Raises when what a client of the database asks does not fit the problem.
    """

    def __init__(
        self,
        journal: Journal,
        folder: Path,
        endpoints: Callable[[], Mapping[str, Endpoint]],
        *,
        mind: Thinks | None = None,
        holder: Mapping[str, Any],
        patience: float = 60.0,
        check: Callable[[cmd.Command], None] | None = None,
        on_log: Callable[[str], None] | None = None,
    ) -> None:
        self.journal = journal
        self.folder = Path(folder)
        self._resolve = endpoints
        self.endpoints = dict(endpoints())
        self.actor = Actor("driver", f"{holder.get('host', '?')}:{holder.get('pid', '?')}")
        self.holder = dict(holder)
        self.mirror = Mirror(self.folder)
        self.epoch = 0
        self.troubles = Troubles(journal, self.actor, on_log or _log.info)
        self._tracker = Tracker(
            self.mirror,
            patience=patience,
            on_gap=self.troubles.gap,
            on_unkept=self.troubles.unkept,
            on_kept=self.troubles.kept,
        )
        self._launcher = Launcher()
        self._check = check
        self._rules = Rules()
        self._thinker = (
            Thinker(
                journal,
                mind,
                self.troubles.note,
                self.troubles.solved,
                foresight=Foresight(journal, self.mirror),
            )
            if mind is not None
            else None
        )
        self._delivery = Delivery(self.troubles.note, self.troubles.works)
        self._attaching = Attaching(self._tracker.live, self._delivery.waits, self.troubles)
        self._unreported: list[Event] = []
        self._tidier = Tidier(journal)
        self._seen = 0
        self._beaten = 0.0
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None

    # --- from outside ---

    def start(self) -> None:
        """Take the lease and begin, in threads of our own; returns at once."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._stop.clear()
        self._ready.clear()
        self._thread = threading.Thread(target=self._run, name="aisteer-driver", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Let go of the campaign. Runs at the endpoints go on; another driver can take over at once."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout)

    @property
    def alive(self) -> bool:
        """Whether it is driving (it holds the lease, or waits for it)."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def problem(self) -> str:
        """The latest of what is wrong and could not be written into the journal; empty if there is nothing."""
        return self.troubles.latest

    @property
    def driving(self) -> bool:
        """Whether it holds the lease now."""
        return self.alive and self._ready.is_set()

    def ask(self, question: Callable[[Any], Any]) -> Future[Any] | None:
        """Ask the mind something on its own thread: ``question(mind)``; ``None`` where nothing thinks here."""
        return None if self._thinker is None or not self.driving else self._thinker.ask(question)

    @property
    def thinking(self) -> bool:
        """Whether the mind is at work, so that proposals may still come."""
        return self._thinker is not None and self._thinker.busy

    def wait_until_driving(self, timeout: float) -> bool:
        """Wait for the lease."""
        return self._ready.wait(timeout)

    def health(self) -> dict[str, Health]:
        """Task name to how its endpoint is."""
        return {task: endpoint.status() for task, endpoint in self.endpoints.items()}

    # --- the thread ---

    def _run(self) -> None:
        try:
            if not self._take_lease():
                return
            self._attach()
            self._ready.set()
            if self._thinker is not None:
                self._thinker.start(self.epoch)
            self._loop()
        except LeaseLost as error:
            self.troubles.keep("lease", str(error))
        except Exception as error:  # noqa: BLE001  a thread that dies silently would look like patience
            words = f"The driver stopped: {error}. Runs go on; start it again with campaign.start()."
            self.troubles.keep("driver", words)
            _log.exception("the driver stopped")
        finally:
            self._ready.clear()
            if self._thinker is not None:
                self._thinker.stop()
            self._let_go()

    def _take_lease(self) -> bool:
        while not self._stop.is_set():
            try:
                self.epoch = self.journal.take_lease(self.holder, self.actor)
            except (LeaseHeld, LeaseLost) as error:
                self.troubles.keep("lease", str(error))
                if self._stop.wait(1.0):
                    return False
                continue
            self.troubles.forget()
            return True
        return False

    def _let_go(self) -> None:
        try:
            if self.epoch:
                self.journal.release_lease(self.epoch)
        except AisteerError as error:
            _log.debug("lease not released: %s", error)

    def _loop(self) -> None:
        pause = 0.1
        while not self._stop.is_set():
            try:
                busy = self._tick()
                pause = 0.1
                self.troubles.works("driver")
            except LeaseLost:
                raise
            except Exception as error:  # noqa: BLE001  a thread that dies silently would look like patience
                # Storage or an endpoint is in trouble: nothing is lost, so keep trying, ever slower.
                if not isinstance(error, AisteerError | OSError):
                    _log.exception("the driver met something unexpected")
                self.troubles.note("driver", str(error))
                self._stop.wait(pause)
                pause = min(pause * 2, 10.0)
                continue
            if not busy:
                self.journal.wait(self._seen, self._nap())

    def _nap(self) -> float:
        """How long nothing can happen without the journal saying so, seconds."""
        now = time.time()
        looks = [t - now for t in (self._rules.next_look, self._launcher.next_launch) if t is not None]
        return max(0.0, min([_IDLE, *looks]))

    def _tick(self) -> bool:
        """One round. Answers whether there is work that the journal would not wake us for."""
        self._beat()
        self.journal.serve(self._check)
        self.journal.refresh()
        self.troubles.settle()
        state = self.journal.state
        self._follow(state)
        self._decide(state)
        self._launch(state)
        self._delivery.retry()
        self._attaching.retry()
        if not self._tracker.live and not self._unreported:
            self._tidier.tidy(self.endpoints, self.epoch)
            for endpoint in {id(e): e for e in self.endpoints.values()}.values():
                endpoint.tail({}, 0.0)  # nothing to read, but it may have news of itself
            return False
        self._tidier.busy()
        self._look()
        return True

    def _beat(self) -> None:
        now = time.monotonic()
        if now - self._beaten >= _BEAT:
            self.journal.beat(self.epoch)
            self._beaten = now

    def _attach(self) -> None:
        """Take up what an earlier driver left: live attempts, and controls not yet answered."""
        self.journal.refresh()
        with self.journal.lock:
            state = self.journal.state
            self._seen = state.position
            runs = [state.runs[name] for name in state.live]
        grouped: dict[int, tuple[Endpoint, dict[AttemptRef, str | None]]] = {}
        unsure = []
        for run in runs:
            endpoint = self.endpoints.get(run.task)
            if run.attempt.end or endpoint is None:
                continue  # It waits for its next attempt.
            tracked = self._track(state, run, endpoint)
            group = grouped.setdefault(id(endpoint), (endpoint, {}))
            group[1][tracked.ref] = run.attempt.ticket
            if run.state == "accepted":
                # Recorded, but perhaps never handed over: submission is at least once.
                unsure.append(self._launcher.submission(state, run))
        self._delivery.submit(unsure)
        for endpoint, tickets in grouped.values():
            self._attaching.attach(endpoint, tickets)
        self._delivery.control(runs, self.epoch)

    def _track(self, state: State, run: Run, endpoint: Endpoint) -> Tracked:
        task, proposal = state.definition["tasks"][run.task], state.proposals[run.proposal]
        tracked = self._tracker.add(run, task, proposal.resources)
        self._delivery.follow(tracked.ref, endpoint)
        return tracked

    def _follow(self, state: State) -> None:
        """Act on events that others wrote."""
        if state.position == self._seen:
            return
        for record in self.journal.records(self._seen):
            self._seen = record.position
            if isinstance(record.event, ev.ControlRequested):
                self._delivery.control([state.runs[record.event.run]], self.epoch)
            elif isinstance(record.event, ev.CampaignRedefined):
                self.endpoints = {**self.endpoints, **self._resolve()}
        if self._thinker is not None:
            self._thinker.wake()

    def _decide(self, state: State) -> None:
        with self.journal.lock:
            verdicts = self._rules.verdicts(state, time.time())
        if verdicts:
            actor = Actor("rule", "autonomy")
            self.journal.submit(cmd.Decide(actor=actor, epoch=self.epoch, verdicts=verdicts))
            if self._thinker is not None:
                self._thinker.wake()  # it may propose the next while these are launched

    def _launch(self, state: State) -> None:
        with self.journal.lock:
            wishes = self._launcher.wishes(state, self.endpoints, time.time())
        if not wishes:
            return
        receipt = self.journal.submit(cmd.Launch(actor=self.actor, epoch=self.epoch, launches=wishes))
        launched = [r.event for r in receipt.events if isinstance(r.event, ev.AttemptLaunched)]
        state = self.journal.state
        for event in launched:
            self._track(state, state.runs[event.run], self.endpoints[state.runs[event.run].task])
        self._delivery.submit([self._launcher.submission(state, state.runs[e.run]) for e in launched])
        # What was asked between two attempts.
        self._delivery.control([state.runs[event.run] for event in launched], self.epoch)

    def _look(self) -> None:
        groups = self._delivery.offsets(self._tracker.live, self._tracker.offset)
        wait = _EAGER if self.thinking else _BUSY
        for endpoint, offsets in groups:
            for glimpse in endpoint.tail(offsets, wait / len(groups)):
                self._tracker.take(glimpse)
        if not groups:
            self._stop.wait(_BUSY)
        events, over = self._tracker.collect()
        self._unreported += events  # at once: the tracker gives them once
        for ref in over:
            self._tidier.over(self._delivery.forget(ref), ref)
        self._launcher.ended(self.journal.state, events)
        if self._unreported:
            # They are let go of only once they are committed: a full disk must not lose an end.
            self._report(self._unreported)
            self._unreported = []

    def _report(self, events: list[Event]) -> None:
        state = self.journal.state
        final = [self._finality(state, event) for event in events]
        self.journal.submit(cmd.Report(actor=self.actor, epoch=self.epoch, events=final))

    def _finality(self, state: State, event: Event) -> Event:
        """Whether an end is the run's end: the retry rule stands in the definition."""
        if not isinstance(event, ev.AttemptEnded):
            return event
        return self._launcher.finality(state, event)
