"""From what was seen at an endpoint to what the journal should say of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, get_args

from aisteer.execution.endpoint import AttemptRef, Glimpse
from aisteer.execution.mirror import Mirror
from aisteer.execution.worker import files
from aisteer.journal import events as ev
from aisteer.journal.events import Event, Json
from aisteer.journal.state import Run
from aisteer.problem.goals import wanted_outcomes

__all__ = ["Tracked", "Tracker"]

_OBSERVATION = b'"kind":"obs"'
_ENDS: dict[str, ev.End] = {name: name for name in get_args(ev.End)}
_ORDER = {"accepted": 0, "submitted": 1, "waiting": 2, "claimed": 3, "running": 4, "pausing": 5}
_AGAIN = 1.0
"""Seconds between two words about a stream that cannot be kept."""
_LATE_TAIL = 5.0
"""Seconds to wait for the rest of a stream whose end is already there (attributes arrive late)."""


@dataclass(slots=True)
class Tracked:
    """A live attempt as the driver follows it."""

    ref: AttemptRef
    task: Json
    nodes: int = 1
    state: str = "accepted"
    checkpoint: str | None = None
    where: Json | None = None
    claimed: float = 0.0
    end: Json | None = None
    end_seen: float = 0.0
    beat: int | None = None
    beat_seen: float = 0.0
    gap: str = ""
    unkept: float | None = 0.0
    """When it was last said that the stream cannot be kept; None while it can. An earlier driver may have said so."""
    moved: list[Event] = field(default_factory=list)


class Tracker:
    """Follows live attempts: mirrors their streams and says what moved and what ended.

    Args:
        mirror: Where observations are kept.
        patience: Seconds without a heartbeat, on our own clock, after which an attempt is lost.
        on_gap: Called with a run and words when a stream was not what it had been.
        on_unkept: Called with a run and the reason while its stream cannot be kept, once a second.
        on_kept: Called with a run when it can (again).
    """

    def __init__(
        self,
        mirror: Mirror,
        *,
        patience: float = 60.0,
        on_gap: Callable[[str, str], None],
        on_unkept: Callable[[str, str], None],
        on_kept: Callable[[str], None],
    ) -> None:
        self.mirror = mirror
        self.patience = patience
        self.on_gap = on_gap
        self.on_unkept = on_unkept
        self.on_kept = on_kept
        self.live: dict[AttemptRef, Tracked] = {}

    def add(self, run: Run, task: Json, resources: Json | None = None) -> Tracked:
        """Follow the run's latest attempt; ``resources`` are its own where they differ from the task's."""
        attempt = run.attempt
        ref = AttemptRef(run.id, run.uuid, attempt.number)
        tracked = self.live.get(ref)
        if tracked is None:
            needs = {**(task.get("resources") or {}), **(resources or {})}
            tracked = self.live[ref] = Tracked(
                ref=ref,
                task=task,
                nodes=int(needs.get("nodes") or 1),
                state=attempt.state,
                checkpoint=attempt.checkpoint,
                where=attempt.where,
            )
        return tracked

    def offset(self, ref: AttemptRef) -> int:
        """How far the attempt's stream is mirrored, bytes."""
        return self.mirror.length(ref.run, ref.attempt)

    def take(self, glimpse: Glimpse) -> None:
        """Mirror what is new and note what it means; the events wait for ``collect``."""
        tracked = self.live.get(glimpse.ref)
        if tracked is None:
            return
        now = time.monotonic()
        if glimpse.claim is not None and _ORDER[tracked.state] < _ORDER["claimed"]:
            tracked.where, tracked.claimed = _where(glimpse.claim), now
            self._move(tracked, "claimed", where=tracked.where)
        elif glimpse.state and _ORDER.get(glimpse.state, -1) > _ORDER[tracked.state]:
            self._move(tracked, glimpse.state, ticket=glimpse.ticket)
        if glimpse.heartbeat is not None:
            self._hear(tracked, glimpse.heartbeat, now)
        if glimpse.end is not None and tracked.end is None:
            tracked.end, tracked.end_seen = glimpse.end, now
        elif glimpse.lost and tracked.end is None:
            self._lose(tracked, glimpse.lost)
        if glimpse.gap and glimpse.gap != tracked.gap:
            tracked.gap = glimpse.gap
            self.on_gap(tracked.ref.run, glimpse.gap)
        if glimpse.data and not tracked.gap:
            self._mirror(tracked, glimpse)

    def _hear(self, tracked: Tracked, heartbeat: int, now: float) -> None:
        if heartbeat != tracked.beat:
            tracked.beat, tracked.beat_seen = heartbeat, now
        elif now - tracked.beat_seen > self.patience and tracked.end is None:
            self._lose(tracked, f"its worker has given no sign for {now - tracked.beat_seen:.0f} s")

    def _mirror(self, tracked: Tracked, glimpse: Glimpse) -> None:
        try:
            self.mirror.append(tracked.ref.run, tracked.ref.attempt, glimpse.offset, glimpse.data)
        except OSError as error:
            # It is read again from where the mirror ends; an end that is here waits for it.
            tracked.end_seen = now = time.monotonic()
            if now - (tracked.unkept or 0.0) >= _AGAIN:
                tracked.unkept = now
                self.on_unkept(tracked.ref.run, str(error))
            return
        self._read(tracked, glimpse.data)  # first: it is not read again
        if tracked.unkept is not None:
            tracked.unkept = None
            self.on_kept(tracked.ref.run)

    def collect(self) -> tuple[list[Event], list[AttemptRef]]:
        """The events that are ready, and the attempts that are over with them."""
        events: list[Event] = []
        over: list[AttemptRef] = []
        now = time.monotonic()
        for tracked in self.live.values():
            if tracked.end is not None and self._complete(tracked, now):
                # What it did before it ended is in the end; only answers still matter.
                events += [e for e in tracked.moved if isinstance(e, ev.ControlAcknowledged)]
                tracked.moved = []
                events.append(self._ended(tracked))
                over.append(tracked.ref)
            elif tracked.moved:
                events += tracked.moved
                tracked.moved = []
        for ref in over:
            del self.live[ref]
        return events, over

    # --- inside ---

    def _move(self, tracked: Tracked, state: str, **what: Any) -> None:
        tracked.state = state
        tracked.moved.append(
            ev.AttemptMoved(run=tracked.ref.run, attempt=tracked.ref.attempt, state=state, **what)
        )

    def _lose(self, tracked: Tracked, why: str) -> None:
        now = time.monotonic()
        held = now - tracked.claimed if tracked.claimed else 0.0
        tracked.end, tracked.end_seen = {"end": "lost", "message": why, "seconds": round(held, 3)}, now

    def _read(self, tracked: Tracked, data: bytes) -> None:
        if _ORDER[tracked.state] < _ORDER["running"]:
            self._move(tracked, "running", where=tracked.where)
        for line in data.split(b"\n"):
            if line and _OBSERVATION not in line:
                note = files.decode(line)
                if note is not None:
                    self._note(tracked, note)

    def _note(self, tracked: Tracked, note: Json) -> None:
        kind = note.get("kind")
        if kind == "ack":
            tracked.moved.append(
                ev.ControlAcknowledged(
                    run=tracked.ref.run,
                    control=str(note.get("control", "")),
                    answer=str(note.get("answer", "done")),
                    detail=str(note.get("detail", ""))[:1000],
                )
            )
        elif kind == "checkpoint":
            name = note.get("name")
            if isinstance(name, str) and name.isascii() and name.isdigit():
                tracked.checkpoint = name
        elif kind == "state" and isinstance(note.get("state"), str) and note["state"] in _ORDER:
            self._move(tracked, note["state"])

    def _complete(self, tracked: Tracked, now: float) -> bool:
        """Whether the stream is here as far as the end says it goes."""
        assert tracked.end is not None
        want = tracked.end.get("length", 0)
        if tracked.gap or not want:
            return True
        if self.mirror.length(tracked.ref.run, tracked.ref.attempt) >= want:
            return True
        if now - tracked.end_seen < _LATE_TAIL:
            return False
        here = self.mirror.length(tracked.ref.run, tracked.ref.attempt)
        self.on_gap(tracked.ref.run, f"only {here} of {want} bytes of its observations arrived")
        return True

    def _sealed(self, ref: AttemptRef, end: Json) -> list[Any] | None:
        if end.get("length") == 0 and not self.mirror.length(ref.run, ref.attempt):
            return None  # it wrote nothing: most short runs do not, and need no look at the disk
        return self.mirror.seal(ref.run, ref.attempt)

    def _ended(self, tracked: Tracked) -> ev.AttemptEnded:
        end = tracked.end or {}
        outcome, message = end.get("outcome") or {}, str(end.get("message", ""))[:4000]
        how = _ENDS.get(str(end.get("end")), "failed")
        missing = [name for name in wanted_outcomes(tracked.task) if name not in outcome]
        if how == "done" and missing:
            how = "failed"
            message = (
                f"Its end says done, without the outcome {missing[0]!r}, which the goals speak of. "
                "The run counts as failed and teaches the surrogate nothing."
            )
        seconds = float(end.get("seconds", 0.0))
        hours = tracked.nodes * seconds / 3600.0
        return ev.AttemptEnded(
            run=tracked.ref.run,
            attempt=tracked.ref.attempt,
            end=how,
            outcome=outcome,
            message=message,
            used=hours,
            charged=hours,
            seconds=seconds,
            sealed=self._sealed(tracked.ref, end),
            observations=int(end.get("observations", 0)),
            checkpoint=end.get("checkpoint") or tracked.checkpoint,
            where=end.get("where") or tracked.where,
            versions=end.get("versions"),
        )


def _where(claim: Json) -> Json:
    """Host, process and job of a claim; everything else of it is dropped."""
    keep = ("host", "pid", "job", "block", "worker")
    return {k: claim[k] for k in keep if isinstance(claim.get(k), str | int)}
