"""Looks at the curves of live runs now and then, and proposes to stop those that can add nothing any more."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from aisteer.errors import Refused
from aisteer.execution.curves import Curves
from aisteer.execution.mirror import Mirror
from aisteer.journal import commands as cmd
from aisteer.journal.events import Actor, Json
from aisteer.journal.state import State
from aisteer.journal.store import Journal
from aisteer.steering.early_stopping import Stopping, Watched
from aisteer.steering.evidence import evidence
from aisteer.steering.thought import Thought
from aisteer.steering.watching import Watching

__all__ = ["Foresight"]

_LEAST = 0.5
"""Seconds between two looks, at least."""
_SHARE = 0.02
"""Of the time that a run takes."""
_AGAIN = 30.0
"""Seconds until the next look after one that failed."""
_MANUAL = "manual"


@dataclass(slots=True)
class _Task:
    """What is kept of a task, for as long as its definition stays."""

    key: str
    definition: Json
    watching: Watching
    stopping: Stopping
    curves: Curves


class Foresight:
    """Proposes stops for one campaign. All calls come from the thinker's thread.

    Args:
        journal: The campaign's journal.
        mirror: Where its observations are.
    """

    def __init__(self, journal: Journal, mirror: Mirror) -> None:
        self.journal = journal
        self._mirror = mirror
        self._tasks: dict[str, _Task] = {}
        self._looked: dict[str, float] = {}
        self._next: dict[str, float] = {}

    @property
    def pause(self) -> float | None:
        """Seconds until the next look; ``None`` where only news can make one worth while."""
        return max(0.0, min(self._next.values()) - time.monotonic()) if self._next else None

    def look(self, task: str, epoch: int) -> None:
        """Look at the runs of ``task``, unless they were looked at a moment ago; write what comes of it.

        Raises:
            LeaseLost: Another driver took over.
        """
        now = time.monotonic()
        due = self._next.get(task, self._looked.get(task, -_LEAST) + _LEAST)
        if now < due:
            self._next[task] = due  # what is new now is looked at then
            return
        self._looked[task] = now
        with self.journal.lock:
            watched = self._watched(self.journal.state, task)
            seconds = _usual_seconds(self.journal.state, watched)
        if watched is None:
            self._next.pop(task, None)
            return
        if watched.underway and watched.ended:
            self._next[task] = now + max(_LEAST, _SHARE * seconds)
        else:
            self._next.pop(task, None)
        known = self._tasks[task]
        ended = [one.datum.run for one in watched.ended]
        curves = known.curves.of(ended, [one.run for one in watched.underway])
        self._write(known.stopping.look(watched, curves), epoch, known.definition)

    def put_off(self, task: str) -> None:
        """Not before a while: the last look failed."""
        self._next[task] = time.monotonic() + _AGAIN

    def _watched(self, state: State, task: str) -> Watched | None:
        definition = state.definition["tasks"][task]
        if (
            not state.active
            or task in state.finished
            or (definition.get("policy") or {}).get("name") == _MANUAL
        ):
            return None
        names = ("objective", "objectives", "feasible", "context", "fidelity", "simulation", "early_stopping")
        key = json.dumps({name: definition.get(name) for name in names}, sort_keys=True)
        known = self._tasks.get(task)
        if known is None or known.key != key:
            fresh = _Task(key, definition, Watching(task), Stopping(definition), Curves(self._mirror))
            known = self._tasks[task] = fresh
        known.definition = definition
        return known.watching.look(state, evidence(state, task))

    def _write(self, thought: Thought, epoch: int, asked: Json) -> None:
        actor = Actor("ai", "foresight")
        for reason, names in thought.withdrawals.items():
            self.journal.submit(cmd.Withdraw(actor=actor, epoch=epoch, proposals=names, reason=reason))
        for draft in thought.drafts:
            try:
                self.journal.submit(cmd.Propose(actor=actor, epoch=epoch, drafts=[draft], asked=asked))
            except Refused:
                continue  # it ended while it was thought about


def _usual_seconds(state: State, watched: Watched | None) -> float:
    """How long the latest finished run took."""
    if watched is None or not watched.ended:
        return 0.0
    return state.runs[watched.ended[-1].datum.run].attempt.seconds
