"""What is asked of runs and said about them: controls, resumed, closed, marked."""

from __future__ import annotations

from dataclasses import replace

from aisteer.journal import events as ev
from aisteer.journal.events import Record
from aisteer.journal.state.fold import on
from aisteer.journal.state.run import Control
from aisteer.journal.state.state import State


@on(ev.ControlRequested)
def _requested(state: State, record: Record, event: ev.ControlRequested) -> None:
    run = state.runs[event.run]
    control = Control(event.control, event.verb, event.values, record.time, record.actor)
    state.runs[run.id] = replace(run, controls=(*run.controls, control), revision=record.position)


@on(ev.ControlAcknowledged)
def _acknowledged(state: State, record: Record, event: ev.ControlAcknowledged) -> None:
    run = state.runs[event.run]
    controls = tuple(
        replace(c, answer=event.answer, detail=event.detail) if c.id == event.control else c
        for c in run.controls
    )
    state.runs[run.id] = replace(run, controls=controls, revision=record.position)


@on(ev.RunResumed)
def _resumed(state: State, record: Record, event: ev.RunResumed) -> None:
    run = state.runs[event.run]
    state.runs[run.id] = replace(run, state="accepted", since=record.time, revision=record.position)
    state.live[run.id] = None


@on(ev.RunClosed)
def _closed(state: State, record: Record, event: ev.RunClosed) -> None:
    run = state.runs[event.run]
    words = "It was stopped while it was paused; its observations and its checkpoint are kept."
    state.runs[run.id] = replace(
        run,
        state="ended",
        end="partial",
        message=f"{words} {event.reason}".strip(),
        since=record.time,
        revision=record.position,
        used=run.used + event.used,
        charged=run.charged + event.used,
    )
    totals = state.totals
    totals.used += event.used
    totals.charged += event.used
    totals.ended["partial"] = totals.ended.get("partial", 0) + 1
    decision = state.proposals[run.proposal].decision
    if decision is not None:
        totals.reserved -= decision.reserved


@on(ev.RunMarked)
def _marked(state: State, record: Record, event: ev.RunMarked) -> None:
    run = state.runs[event.run]
    who, why = (record.actor.name, event.reason) if event.bad else ("", "")
    state.runs[run.id] = replace(run, bad=event.bad, bad_by=who, bad_reason=why, revision=record.position)
    if event.bad:
        state.bad[run.id] = None
    else:
        state.bad.pop(run.id, None)
