"""What happens to proposals: made, predicted, decided on, taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aisteer.journal import events as ev
from aisteer.journal.events import Record
from aisteer.journal.state.fold import on
from aisteer.journal.state.proposal import Decision, Proposal
from aisteer.journal.state.state import State


@on(ev.ProposalMade)
def _made(state: State, record: Record, event: ev.ProposalMade) -> None:
    state.proposals[event.proposal] = Proposal(
        id=event.proposal,
        task=event.task,
        parameters=event.parameters,
        origin=event.origin,
        author=record.actor,
        time=record.time,
        revision=record.position,
        action=event.action,
        predicted=event.predicted,
        acquisition=event.acquisition,
        rank=event.rank,
        of=event.of,
        cost=event.cost,
        reasons=tuple(event.reasons),
        parent=event.parent,
        run=event.run,
        restart=event.restart,
        resources=event.resources,
        model=event.model,
        batch=event.batch,
        reason=event.reason,
        beside=event.beside,
        observation=event.observation,
    )
    state.waiting[event.proposal] = None
    state.next_proposal += 1
    if event.action == "finish":
        state.finishing[event.task] = event.proposal


@on(ev.ProposalPredicted)
def _predicted(state: State, record: Record, event: ev.ProposalPredicted) -> None:
    old = state.proposals[event.proposal]
    # The revision stays: a prediction that arrives does not make a human's decision stale.
    state.proposals[event.proposal] = replace(
        old,
        predicted=event.predicted,
        model=event.model,
        acquisition=event.acquisition,
        rank=event.rank,
        of=event.of,
        # What was decided on was decided at its cost.
        cost=old.cost if event.cost is None or old.state != "waiting" else event.cost,
        reasons=tuple(event.reasons) or old.reasons,
    )


@on(ev.ProposalAccepted)
def _accepted(state: State, record: Record, event: ev.ProposalAccepted) -> None:
    _decide(state, record, "accepted", event)
    proposal = state.proposals[event.proposal]
    if proposal.action == "finish":
        state.finished[proposal.task] = proposal.id
    if proposal.action not in ev.STARTS:
        return  # What it leads to stands beside it; there is nothing to launch.
    state.accepted[event.proposal] = None
    state.totals.reserved += event.reserved
    state.totals.estimated += state.proposals[event.proposal].cost


@on(ev.ProposalRejected)
def _rejected(state: State, record: Record, event: ev.ProposalRejected) -> None:
    _decide(state, record, "rejected", event)


@on(ev.ProposalEdited)
def _edited(state: State, record: Record, event: ev.ProposalEdited) -> None:
    _decide(state, record, "edited", event, child=event.child)


@on(ev.ProposalWithdrawn)
def _withdrawn(state: State, record: Record, event: ev.ProposalWithdrawn) -> None:
    _decide(state, record, "withdrawn", event)


@on(ev.DecisionUndone)
def _undone(state: State, record: Record, event: ev.DecisionUndone) -> None:
    old = state.proposals[event.proposal]
    _release(state, old)
    state.accepted.pop(old.id, None)
    state.waiting[old.id] = None
    state.proposals[old.id] = replace(
        old,
        state="waiting",
        decision=None,
        child=None,
        revision=record.position,
        undone=old.undone or record.actor.kind == "human",
    )


def _decide(state: State, record: Record, verdict: str, event: Any, **change: Any) -> None:
    old = state.proposals[event.proposal]
    decision = Decision(
        verdict=verdict,
        by=record.actor,
        time=record.time,
        position=record.position,
        reason=event.reason,
        rule=getattr(event, "rule", None),
        reserved=getattr(event, "reserved", 0.0),
        launch_after=getattr(event, "launch_after", 0.0),
        evidence=getattr(event, "evidence", None),
    )
    _release(state, old)
    state.waiting.pop(old.id, None)
    state.accepted.pop(old.id, None)
    state.proposals[old.id] = replace(
        old, state=verdict, decision=decision, revision=record.position, **change
    )


def _release(state: State, proposal: Proposal) -> None:
    """Give back what an acceptance had reserved."""
    if proposal.decision is not None and proposal.state == "accepted" and proposal.action in ev.STARTS:
        state.totals.reserved -= proposal.decision.reserved
        state.totals.estimated -= proposal.cost
