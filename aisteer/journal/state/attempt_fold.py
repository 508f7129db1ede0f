"""What happens to attempts: launched, moved, ended; their run goes with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aisteer.journal import events as ev
from aisteer.journal.events import Record
from aisteer.journal.state.fold import on
from aisteer.journal.state.run import Attempt, Run
from aisteer.journal.state.state import State


@on(ev.AttemptLaunched)
def _launched(state: State, record: Record, event: ev.AttemptLaunched) -> None:
    attempt = Attempt(
        number=event.attempt,
        uuid=event.uuid,
        epoch=event.epoch,
        launched=record.time,
        restart=event.restart,
    )
    old = state.runs.get(event.run)
    if old is None:
        proposal = state.proposals[event.proposal]
        state.runs[event.run] = Run(
            id=event.run,
            uuid=event.uuid,
            proposal=event.proposal,
            task=proposal.task,
            parameters=proposal.parameters,
            endpoint=event.endpoint,
            seed=event.seed,
            code=event.code,
            since=record.time,
            revision=record.position,
            origin=proposal.origin,
            parent=event.parent,
            attempts=(attempt,),
        )
        state.next_run += 1
        state.accepted.pop(proposal.id, None)
        state.proposals[proposal.id] = replace(
            proposal, state="launched", launched=event.run, revision=record.position
        )
    else:
        state.runs[event.run] = replace(
            old,
            state="accepted",
            since=record.time,
            revision=record.position,
            endpoint=event.endpoint,
            attempts=(*old.attempts, attempt),
        )
    state.live[event.run] = None


@on(ev.AttemptMoved)
def _moved(state: State, record: Record, event: ev.AttemptMoved) -> None:
    run = state.runs[event.run]
    change: dict[str, Any] = {"state": event.state}
    if event.ticket is not None:
        change["ticket"] = event.ticket
    if event.where is not None:
        change["where"] = event.where
    state.runs[run.id] = replace(
        run,
        state=event.state,
        message=event.detail,
        since=record.time,
        revision=record.position,
        attempts=_attempt(run, **change),
    )


@on(ev.AttemptEnded)
def _attempt_ended(state: State, record: Record, event: ev.AttemptEnded) -> None:
    run = state.runs[event.run]
    change: dict[str, Any] = {
        "state": "ended",
        "end": event.end,
        "seconds": event.seconds,
        "observations": event.observations,
        "sealed": (int(event.sealed[0]), str(event.sealed[1])) if event.sealed else None,
        "checkpoint": event.checkpoint or run.attempt.checkpoint,
    }
    if event.where is not None:
        change["where"] = event.where
    controls = tuple(
        c if c.answer else replace(c, answer="missed", detail="the attempt ended first") for c in run.controls
    )
    outcome = {k: (v[0], v[1] if len(v) > 1 else 0.0) for k, v in event.outcome.items()}
    totals = state.totals
    totals.used += event.used
    totals.charged += event.charged
    state.runs[run.id] = replace(
        run,
        state="ended" if event.final else ("paused" if event.end == "paused" else "accepted"),
        end=event.end if event.final else "",
        outcome=outcome,
        message=event.message,
        since=record.time,
        revision=record.position,
        attempts=_attempt(run, **change),
        controls=controls,
        used=run.used + event.used,
        charged=run.charged + event.charged,
    )
    if event.final:
        state.live.pop(run.id, None)
        totals.ended[event.end] = totals.ended.get(event.end, 0) + 1
        proposal = state.proposals[run.proposal]
        if proposal.decision is not None:
            totals.reserved -= proposal.decision.reserved
        if event.end == "withdrawn":
            totals.estimated -= proposal.cost
            state.proposals[proposal.id] = replace(proposal, state="withdrawn", revision=record.position)
    elif event.end == "paused":
        state.live.pop(run.id, None)


def _attempt(run: Run, **change: Any) -> tuple[Attempt, ...]:
    return (*run.attempts[:-1], replace(run.attempts[-1], **change))
