"""What is asked of runs and said about them."""

from __future__ import annotations

from dataclasses import dataclass, field

from aisteer.errors import Refused
from aisteer.journal import events as ev
from aisteer.journal.commands.checks import run_of
from aisteer.journal.commands.command import Command, handles
from aisteer.journal.events import Event, Json
from aisteer.journal.state import State

__all__ = ["Mark", "Request", "Resume"]

DRIVER_ONLY_VERBS = frozenset({"withdraw"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Command):
    """Ask something of a live run: ``stop``, ``pause`` or ``set`` with values."""

    run: str
    verb: str
    values: Json = field(default_factory=dict)
    reason: str = ""


@handles(Request)
def _request(state: State, command: Request, now: float) -> list[Event]:
    run = run_of(state, command.run)
    if command.verb in DRIVER_ONLY_VERBS:
        raise Refused(f"{command.verb!r} cannot be asked of a run; undo its decision instead.")
    if run.state == "paused" and command.verb == "stop":
        used = 1.0 if state.unit == "runs" else 0.0
        return [ev.RunClosed(run=run.id, used=used, reason=command.reason)]
    if not run.live:
        word = f"ended ({run.end})" if run.state == "ended" else run.state
        raise Refused(f"{run.id} cannot {command.verb}: it is {word}.", run=run.id)
    return [
        ev.ControlRequested(
            run=run.id,
            control=command.id,
            verb=command.verb,
            values=command.values,
            reason=command.reason,
        )
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(Command):
    run: str


@handles(Resume)
def _resume(state: State, command: Resume, now: float) -> list[Event]:
    run = run_of(state, command.run)
    if run.state != "paused":
        raise Refused(f"{run.id} cannot be resumed: it is {run.state}, not paused.", run=run.id)
    return [ev.RunResumed(run=run.id)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark(Command):
    run: str
    bad: bool
    reason: str = ""


@handles(Mark)
def _mark(state: State, command: Mark, now: float) -> list[Event]:
    run = run_of(state, command.run)
    if run.bad == command.bad:
        return []
    return [ev.RunMarked(run=run.id, bad=command.bad, reason=command.reason)]
