"""What may launch now, and what is sent when it does."""

from __future__ import annotations

import time
import uuid
import zlib
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace

from aisteer.execution.endpoint import AttemptRef, Endpoint, Far, Submission
from aisteer.journal import events as ev
from aisteer.journal.commands import LaunchRequest
from aisteer.journal.events import Json
from aisteer.journal.state import Run, State
from aisteer.problem.goals import wanted_outcomes

__all__ = ["Launcher"]

_RETRIED = frozenset({"lost", "preempted", "failed"})
_MOST_QUEUED = 4000
_MOST_GUESSED = 512
"""Runs that are queued because the last ones were short, before many have ended."""
_LAST = 16
_SHORTEST = 0.01
"""Seconds that a run occupies a slot at least, whatever it computes."""
_BLOCKS = 3
"""Blocks without a checkpoint after which a run is not begun again."""


class Launcher:
    """Chooses launches and builds requests.

    The endpoint is kept supplied with about a second's worth of runs beyond its slots (more where it is far
    away), so that short runs do not wait for the driver and long ones stay undoable here for as long as possible.
    """

    def __init__(self) -> None:
        self.next_launch: float | None = None
        self._rate = 0.0
        self._rate_at = time.monotonic()
        self._ended = 0
        self._lasted: dict[str, deque[float]] = {}

    def ended(self, state: State, events: Iterable[ev.Event]) -> None:
        """Count ends, for the rate that decides how far ahead to launch, and how long runs of a task last."""
        for event in events:
            if isinstance(event, ev.AttemptEnded):
                self._ended += 1
                if event.end == "done":
                    task = state.runs[event.run].task
                    self._lasted.setdefault(task, deque(maxlen=_LAST)).append(event.seconds)
        now = time.monotonic()
        span = now - self._rate_at
        if span >= 0.25:
            self._rate = 0.5 * self._rate + 0.5 * self._ended / span
            self._ended, self._rate_at = 0, now

    def wishes(self, state: State, endpoints: Mapping[str, Endpoint], now: float) -> list[LaunchRequest]:
        """The attempts to launch, oldest decision first; the gate has the last word."""
        self.next_launch = None
        if not state.active or not (state.accepted or state.live):
            return []
        room = self._room(state, endpoints)
        found: list[LaunchRequest] = []
        for name in self._open(state):
            run = state.runs[name]
            if room.get(run.task, 0) > 0:
                room[run.task] -= 1
                found.append(self._again(run, endpoints[run.task]))
        for name in state.accepted:
            proposal = state.proposals[name]
            if room.get(proposal.task, 0) <= 0:
                continue
            due = proposal.decision.launch_after if proposal.decision is not None else 0.0
            if due > now:
                self.next_launch = min(due, self.next_launch or due)
                continue
            room[proposal.task] -= 1
            found.append(self._first(state, name, endpoints[proposal.task]))
        return found

    def _open(self, state: State) -> list[str]:
        """Runs whose last attempt is over and that wait for their next one."""
        return [n for n in state.live if state.runs[n].state == "accepted" and state.runs[n].attempt.end]

    def _room(self, state: State, endpoints: Mapping[str, Endpoint]) -> dict[str, int]:
        flying: dict[str, int] = {}
        for name in state.live:
            run = state.runs[name]
            if not run.attempt.end:
                flying[run.task] = flying.get(run.task, 0) + 1
        room = {}
        for task, endpoint in endpoints.items():
            definition = state.definition["tasks"].get(task)
            if definition is None:
                continue
            slots = definition.get("slots") or max(1, endpoint.status().workers or 1)
            ahead = min(_MOST_QUEUED, self._ahead(task, slots, endpoint))
            free = slots + ahead - flying.get(task, 0)
            # Each launch waits for the disk: short runs are launched in few large lots.
            room[task] = free if 2 * free >= ahead else 0
        return room

    def _ahead(self, task: str, slots: int, endpoint: Endpoint) -> int:
        """Runs beyond the slots that keep the endpoint supplied."""
        if not isinstance(endpoint, Far):
            return int(self._rate)
        lasted = self._lasted.get(task)
        guessed = slots * endpoint.lead / max(_SHORTEST, *lasted) if lasted else 0.0
        return int(max(self._rate * endpoint.lead, min(_MOST_GUESSED, guessed)))

    def _first(self, state: State, name: str, endpoint: Endpoint) -> LaunchRequest:
        proposal = state.proposals[name]
        task = state.definition["tasks"][proposal.task]
        return LaunchRequest(
            uuid=uuid.uuid4().hex,
            endpoint=endpoint.address,
            seed=seed_of(state, name),
            code=str(task["simulation"].get("code", "")),
            proposal=name,
            restart=proposal.restart,
        )

    def _again(self, run: Run, endpoint: Endpoint) -> LaunchRequest:
        return LaunchRequest(
            uuid=run.uuid,
            endpoint=endpoint.address,
            seed=run.seed,
            code=run.code,
            run=run.id,
            restart=checkpoint_of(run) or run.attempt.restart,
        )

    def submission(self, state: State, run: Run) -> Submission:
        """The request for a run's latest attempt."""
        task: Json = state.definition["tasks"][run.task]
        proposal = state.proposals[run.proposal]
        resources: Json = {**(task.get("resources") or {}), **(proposal.resources or {})}
        earlier = [AttemptRef(run.id, run.uuid, a.number).folder for a in run.attempts[:-1]]
        request: Json = {
            "format": 1,
            "nonce": state.nonce,
            "campaign": state.name,
            "run": run.id,
            "uuid": run.uuid,
            "attempt": run.attempt.number,
            "epoch": run.attempt.epoch,
            "task": run.task,
            "simulation": task["simulation"],
            "parameters": run.effective,
            "outcomes": wanted_outcomes(task),
            "seed": run.seed,
            "restart": run.attempt.restart,
            # Its later attempts go on from checkpoints of its own.
            "branched": proposal.action == "branch" and run.attempt.restart == proposal.restart,
            "previous": earlier,
            "resources": resources,
            "walltime": resources.get("walltime"),
            "keep": bool(task["simulation"].get("checkpoint")),  # so that it can be extended and branched
        }
        for option in ("checkpoint_every", "stop_when", "grace"):
            if task.get(option) is not None:
                request[option] = task[option]
        return Submission(AttemptRef(run.id, run.uuid, run.attempt.number), request)

    def finality(self, state: State, event: ev.AttemptEnded) -> ev.AttemptEnded:
        """The end, final or not by the definition's retry rule, with its cost in the budget's unit."""
        run = state.runs[event.run]
        final = event.end != "paused"
        if event.end in _RETRIED and not _asked_to_end(run):
            retries = state.definition["tasks"][run.task].get("retries", {"lost": 2})
            before = sum(1 for a in run.attempts[:-1] if a.end == event.end)
            final = before >= int(retries.get(event.end, 0))
            if event.end == "preempted":
                final = _gets_nowhere(run, event)
        if final and event.end == "preempted":
            message = (
                "It was preempted again and again without a checkpoint, so it would never end. Give it more "
                "walltime, or let it yield checkpoints."
                if not _asked_to_end(run)
                else "Its block ended after it was asked to stop."
            )
            event = replace(event, end="lost", message=message)
        if state.unit == "runs":
            amount = 1.0 if final and event.end != "withdrawn" else 0.0
            return replace(event, final=final, used=amount, charged=amount)
        return event if event.final == final else replace(event, final=final)


def _asked_to_end(run: Run) -> bool:
    """Whether somebody wanted it to be over: then another attempt is not what they want."""
    return any(c.verb in {"stop", "withdraw"} and c.answer != "refused" for c in run.controls)


def _gets_nowhere(run: Run, event: ev.AttemptEnded) -> bool:
    """Whether its last blocks ended without a checkpoint, so that the next would begin there again."""
    earlier = [a for a in run.attempts[:-1] if a.end == "preempted"][1 - _BLOCKS :]
    return event.checkpoint is None and len(earlier) == _BLOCKS - 1 and not any(a.checkpoint for a in earlier)


def seed_of(state: State, proposal: str) -> int:
    """A seed that depends on the campaign's seed and the proposal's name alone."""
    return zlib.crc32(f"{state.definition.get('seed', 0)}/{proposal}".encode()) & 0x7FFFFFFF


def checkpoint_of(run: Run) -> str | None:
    """Path of the run's last checkpoint relative to the spool's root."""
    for attempt in reversed(run.attempts):
        if attempt.checkpoint:
            folder = AttemptRef(run.id, run.uuid, attempt.number).folder
            return f"{folder}/checkpoints/{attempt.checkpoint}"
    return None
