"""Attempts: launched at most once, and what the driver saw of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aisteer.journal import events as ev
from aisteer.journal.commands.checks import under_lease
from aisteer.journal.commands.command import Command, handles
from aisteer.journal.events import Event
from aisteer.journal.state import State

__all__ = ["Launch", "LaunchRequest", "Report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchRequest:
    """One attempt to launch: the first of ``proposal``, or the next of ``run``."""

    uuid: str
    endpoint: str
    seed: int
    code: str = ""
    proposal: str | None = None
    run: str | None = None
    restart: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch(Command):
    """The driver's launch record; what may not launch (any more) is left out of the events."""

    epoch: int
    launches: Sequence[LaunchRequest]


@handles(Launch)
def _launch(state: State, command: Launch, now: float) -> list[Event]:
    under_lease(state, command.epoch)
    if not state.active or state.remaining < -1e-9:
        return []  # paused, or the budget was lowered below what is spent and reserved
    made: list[Event] = []
    number = state.next_run
    taken: set[str] = set()
    for wish in command.launches:
        if wish.run is not None:
            run = state.runs.get(wish.run)
            if run is None or run.state != "accepted" or run.end or not run.attempt.end:
                continue
            if run.id in taken:
                continue
            taken.add(run.id)
            attempt, name, proposal_id, parent = (
                len(run.attempts) + 1,
                run.id,
                run.proposal,
                run.parent,
            )
        else:
            proposal = state.proposals.get(wish.proposal or "")
            if proposal is None or proposal.state != "accepted" or proposal.action not in ev.STARTS:
                continue
            assert proposal.decision is not None
            if proposal.decision.launch_after > now or proposal.id in taken:
                continue
            taken.add(proposal.id)
            attempt, name, proposal_id, parent = 1, f"R{number}", proposal.id, proposal.run
            number += 1
        made.append(
            ev.AttemptLaunched(
                run=name,
                proposal=proposal_id,
                attempt=attempt,
                uuid=wish.uuid,
                epoch=command.epoch,
                endpoint=wish.endpoint,
                seed=wish.seed,
                code=wish.code,
                restart=wish.restart,
                parent=parent,
            )
        )
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Command):
    """What the driver saw: ``AttemptMoved``, ``AttemptEnded``, ``ControlAcknowledged``.

    Reports about an attempt that is over, or is not the latest, are dropped: they are late.
    """

    epoch: int
    events: Sequence[Event]


@handles(Report)
def _report(state: State, command: Report, now: float) -> list[Event]:
    under_lease(state, command.epoch)
    made: list[Event] = []
    ended: set[str] = set()
    for event in command.events:
        if isinstance(event, ev.ControlAcknowledged):
            run = state.runs.get(event.run)
            if run is not None and any(
                c.id == event.control and c.answer != event.answer for c in run.controls
            ):
                made.append(event)
            continue
        assert isinstance(event, ev.AttemptMoved | ev.AttemptEnded)
        run = state.runs.get(event.run)
        late = run is None or run.id in ended or event.attempt != run.attempt.number or run.attempt.end
        if late:
            continue
        if isinstance(event, ev.AttemptEnded):
            ended.add(event.run)
        made.append(event)
    return made
